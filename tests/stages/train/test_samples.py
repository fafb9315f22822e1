import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.train.config import AugmentConfig
from spam_pipe.stages.train.samples import Source, draw_batch, jitter, make_example, paste, renumber

PLAIN = AugmentConfig(
    crop=16, flip=0, paste=0, scale_deviation=0, lightness_jitter=0, color_jitter=0, hue_jitter=0
)


def example(height=40, width=56, annotators=2, seed=0):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    annotations = [
        random.integers(0, 6, (height, width)).astype(np.uint32) * 100_000
        for _ in range(annotators)
    ]
    return make_example(image, annotations)


def batch_of(examples, *how):
    return draw_batch([Source(examples)], *how)


def test_a_seed_gives_one_batch():
    examples = [example(seed=seed) for seed in range(3)]
    config = AugmentConfig(crop=16, annotators=2)
    one, same, other = (batch_of(examples, config, 0.2, 4, (5, i)) for i in (1, 1, 2))
    for name in ("lab", "labels", "contours"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.lab, other.lab)


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4), st.integers(0, 10**6))
def test_shapes_types_and_ranges(height, width, annotators, seed):
    config = AugmentConfig(crop=12, annotators=3, paste=1)
    batch = batch_of([example(height, width, annotators)], config, 0.2, 2, (seed,))
    assert batch.lab.shape == (2, 3, 12, 12)
    assert batch.lab.dtype == np.float32
    assert batch.labels.shape == (2, 3, 12, 12)
    assert batch.labels.dtype == np.int64
    assert set(np.unique(batch.contours)) <= {0, 1, 255}
    assert batch.lab[:, 0].min() >= 0
    assert batch.lab[:, 0].max() <= 100
    for labels in batch.labels.reshape(-1, 12, 12):
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_without_augmentation_a_sample_is_a_crop():
    whole = example(16, 16, annotators=1)
    batch = batch_of([whole], PLAIN, 0.2, 1, (0,))
    np.testing.assert_allclose(batch.lab[0], whole.lab.transpose(2, 0, 1), atol=1e-4)
    np.testing.assert_array_equal(batch.labels[0, 0], renumber(whole.regions[0].astype(np.int32)))


def test_mirroring_moves_image_and_regions_together():
    whole = example(16, 16, annotators=1)
    batch = batch_of([whole], PLAIN.model_copy(update={"flip": 1.0}), 0.2, 1, (0,))
    np.testing.assert_allclose(batch.lab[0], whole.lab[:, ::-1].transpose(2, 0, 1), atol=1e-4)
    mirrored = whole.regions[0, :, ::-1].astype(np.int32)
    np.testing.assert_array_equal(batch.labels[0, 0], renumber(mirrored))


def test_zoomed_regions_keep_to_the_zoomed_colours():
    """A two-coloured image: wherever the colour is pure, the label is the colour's."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 30:] = 255
    regions = (np.arange(64) >= 30).astype(np.uint32)[None].repeat(64, axis=0)
    config = PLAIN.model_copy(update={"scale_deviation": 1.0})
    for seed in range(20):
        batch = batch_of([make_example(image, [regions])], config, 0.2, 1, (seed,))
        lightness, labels = batch.lab[0, 0], batch.labels[0, 0]
        if labels.max() == 1:
            assert (lightness[labels == 1] >= 50).all()
            assert (lightness[labels == 0] <= 50).all()


def test_pasting_keeps_borders_exact():
    random = np.random.default_rng(0)
    below, above = np.zeros((8, 8, 3), np.float32), np.ones((8, 8, 3), np.float32)
    regions = random.integers(0, 3, (2, 8, 8)).astype(np.int32)
    others = random.integers(0, 4, (3, 8, 8)).astype(np.int32)
    lab, pasted = paste(below, regions, above, others, random)
    inside = lab[..., 0] == 1
    assert inside.any()
    assert not inside.all()
    for before, after in zip(regions, pasted, strict=True):
        np.testing.assert_array_equal(after[~inside], before[~inside])
        assert after[inside].min() > regions.max()


def test_jitter_of_nothing_changes_nothing():
    lab = example().lab
    np.testing.assert_allclose(jitter(lab, PLAIN, np.random.default_rng(0)), lab, atol=1e-4)


def test_image_without_ground_truth():
    with pytest.raises(ValueError, match="without ground truth"):
        make_example(np.zeros((4, 4, 3), np.uint8), [])


def test_ground_truth_of_another_shape():
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(4, 4\)"):
        make_example(np.zeros((4, 4, 3), np.uint8), [np.zeros((4, 5), np.uint16)])


def plain(value, size=24):
    """A picture of one grey, which tells where a sample comes from."""
    image = np.full((size, size, 3), value, np.uint8)
    return make_example(image, [np.arange(size * size).reshape(size, size) % 3])


def test_samples_come_from_each_source_by_its_share():
    sources = [
        Source([plain(0)], share=0.6),
        Source([plain(255), plain(255)], share=0.3, contours=0.25),
        Source([plain(128)], share=0.1, contours=0.0),
    ]
    batch = draw_batch(sources, PLAIN, 0.2, 600, (0,))
    lightness = batch.lab[:, 0].mean(axis=(1, 2))
    shares = [(abs(lightness - level) < 10).mean() for level in (0, 100, 54)]
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.05)
    weights = np.select([lightness < 10, lightness > 90], [1.0, 0.25], 0.0)
    np.testing.assert_array_equal(batch.contour_weight, weights.astype(np.float32))


def test_pictures_with_one_annotation_and_with_nine_share_a_batch():
    sources = [Source([example(annotators=1)]), Source([example(annotators=9)])]
    batch = draw_batch(sources, AugmentConfig(crop=16, annotators=3), 0.2, 8, (0,))
    assert batch.labels.shape == (8, 3, 16, 16)


def test_void_stays_void_through_crop_paste_and_numbers():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:16] = 255
    labels = np.where(np.arange(32)[:, None] < 16, 7, np.arange(32) // 8).astype(np.uint32)
    whole = make_example(image, [labels], void=7)
    assert (whole.regions[0, :16] == -1).all()
    assert whole.regions.max() == 3
    config = PLAIN.model_copy(update={"paste": 1.0, "flip": 0.5})
    for seed in range(10):
        batch = batch_of([whole], config, 0.2, 2, (seed,))
        void = batch.labels[:, 0] == -1
        assert void.any() or batch.lab[:, 0].max() < 50
        assert (batch.contours[void] == 255).all()
        for numbers, missing in zip(batch.labels[:, 0], void, strict=True):
            known = np.unique(numbers[~missing])
            assert np.array_equal(known, np.arange(known.size))


def test_a_picture_without_any_known_pixel_gives_samples_of_void():
    blank = make_example(np.zeros((20, 20, 3), np.uint8), [np.zeros((20, 20), np.uint8)], void=0)
    batch = batch_of([blank], PLAIN.model_copy(update={"paste": 1.0}), 0.2, 2, (0,))
    assert (batch.labels == -1).all()
    assert (batch.contours == 255).all()
