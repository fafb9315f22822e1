"""NYU Depth V2, on small files written as MATLAB 7.3 writes them."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from spam_pipe.pipeline.datasets.nyuv2 import FrameAnnotations, FrameImage, NyuV2
from spam_pipe.pipeline.datasets.nyuv2_regions import fill_gaps, fillable, near_white, region_map
from spam_pipe.pipeline.errors import DataError

H, W = 480, 640
INSIDE = (slice(7, -7), slice(7, -7))


def write_file(path: Path, images: np.ndarray, labels: np.ndarray, instances: np.ndarray) -> Path:
    """Write MATLAB's (H, W, 3, n) and (H, W, n) arrays; in HDF5 their axes are reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("images", data=images.T, compression="gzip", compression_opts=1)
        file.create_dataset("labels", data=labels.T, compression="gzip", compression_opts=1)
        file.create_dataset("instances", data=instances.T, compression="gzip", compression_opts=1)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return path


@pytest.fixture(scope="module")
def nyu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames with a white frame of 7 pixels; labels differ in the left and right half."""
    images = np.full((H, W, 3, 3), 255, dtype=np.uint8)
    rng = np.random.default_rng(0)
    images[INSIDE] = rng.integers(0, 200, (H - 14, W - 14, 3, 3))
    images[100, 100, :, 0] = 255  # white in one frame alone: not part of the frame
    labels = np.zeros((H, W, 3), dtype=np.uint16)
    instances = np.zeros((H, W, 3), dtype=np.uint8)
    labels[7:-7, 7:318] = 5
    instances[7:-7, 7:318] = 2
    labels[7:-7, 321:-7] = 21  # columns 318..320 are an unlabelled gap
    instances[7:-7, 321:-7] = 1
    labels[200:300, 400:500] = 0  # a large unlabelled area, which must stay
    labels[50:60, 400:410] = 0  # a hole below 500 pixels, which is filled
    return write_file(
        tmp_path_factory.mktemp("nyu") / "nyu_depth_v2_labeled.mat", images, labels, instances
    )


def test_frames_are_numbered_from_1_and_cropped(nyu: Path) -> None:
    with h5py.File(nyu) as file:
        stored = file["images"][1]
    image = FrameImage(nyu, 2).read()
    assert image.shape == (448, 608, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, stored.transpose(2, 1, 0)[16:-16, 16:-16])


def test_ground_truth(nyu: Path) -> None:
    (regions,) = FrameAnnotations(nyu, 1).read()
    assert regions.shape == (448, 608)
    assert regions.dtype == np.uint32
    expected = np.full((H, W), 1021, dtype=np.uint32)
    expected[:, :319] = 2005  # the gap's first column has more of the left region in its window
    expected[200:300, 400:500] = 0
    shown = regions.copy()
    gap = np.s_[:, 318 - 16 : 321 - 16]
    assert set(np.unique(shown[gap])) == {1021, 2005}
    shown[gap] = expected[16:-16, 16:-16][gap]
    # Closing rounds the corners of the area that stays unlabelled; its middle is untouched.
    corner = np.s_[184:284, 384:484]
    assert (shown[corner] == 0).mean() > 0.95
    shown[corner] = 0
    np.testing.assert_array_equal(shown, expected[16:-16, 16:-16])


def test_the_splits(nyu: Path) -> None:
    dataset = NyuV2(nyu.parent)
    items = list(dataset.items("test"))
    assert len(items) == dataset.expected("test") == 400
    assert dataset.expected("val") == 200
    assert dataset.expected("all") == 600
    assert (items[0].id, items[0].image) == ("00000002", FrameImage(nyu, 2))
    assert [item.id for item in items] == sorted(item.id for item in items)
    assert not {item.id for item in items} & {item.id for item in dataset.items("val")}
    assert next(dataset.items("val")).id == "00000007"
    assert dataset.location() == str(nyu)
    assert next(NyuV2(nyu).items("test")).image.path.samefile(nyu)


def test_identity_of_a_frame(nyu: Path) -> None:
    one, two = FrameImage(nyu, 1), FrameImage(nyu, 2)
    assert one.signature() != two.signature()
    assert one.digest() != two.digest()
    assert one.digest() == FrameImage(nyu, 1).digest()
    # The labels of all frames are the same, the images are not.
    assert FrameAnnotations(nyu, 1).digest() == FrameAnnotations(nyu, 2).digest()


def test_a_frame_that_is_not_there(nyu: Path) -> None:
    with pytest.raises(DataError, match="has 3 frames, not frame 1440"):
        FrameImage(nyu, 1440).read()
    with pytest.raises(DataError, match="has 3 frames, not frame 0"):
        FrameAnnotations(nyu, 0).read()


def test_other_files(tmp_path: Path) -> None:
    text = tmp_path / "text.mat"
    text.write_text("not HDF5")
    with pytest.raises(DataError, match=r"text\.mat: cannot be read as MATLAB 7\.3"):
        FrameImage(text, 1).read()
    other = tmp_path / "other.mat"
    with h5py.File(other, "w") as file:
        file["depths"] = np.zeros((2, 2))
    with pytest.raises(DataError, match=r"other\.mat: has no array `images`"):
        FrameImage(other, 1).read()
    with pytest.raises(DataError, match=r"gone\.mat: cannot be read"):
        FrameImage(tmp_path / "gone.mat", 1).read()


def test_labels_of_another_size_than_the_images(tmp_path: Path) -> None:
    labels = np.ones((60, 80, 1), np.uint16)
    path = write_file(tmp_path / "a.mat", np.zeros((60, 64, 3, 1), np.uint8), labels, labels)
    with pytest.raises(DataError, match=r"images of \(60, 64\), labels of \(60, 80\)"):
        FrameAnnotations(path, 1).read()


def brute_force_fill(regions: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Fill gaps by the definition, pixel by pixel."""
    filled = regions.copy()
    for _ in range(100):
        before = filled.copy()
        for i, j in np.argwhere(foreground & (before == 0)):
            window = before[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
            known = sorted(window[window > 0])
            if known:
                filled[i, j] = known[(len(known) - 1) // 2]
    return filled


@pytest.mark.parametrize("seed", range(5))
def test_gaps_are_filled_by_the_median_of_what_is_known(seed: int) -> None:
    rng = np.random.default_rng(seed)
    regions = rng.integers(1, 9, (15, 17)) * (rng.random((15, 17)) < 0.06 * (seed + 1))
    foreground = (rng.random((15, 17)) < 0.8) | (regions > 0)
    np.testing.assert_array_equal(
        fill_gaps(regions, foreground), brute_force_fill(regions, foreground)
    )


def test_at_most_100_rounds() -> None:
    regions = np.zeros((1, 400), dtype=np.int64)
    regions[0, 0] = 3
    filled = fill_gaps(regions, np.ones((1, 400), dtype=bool))
    assert np.count_nonzero(filled) == 1 + 2 * 100  # two pixels a round


@pytest.mark.parametrize(("area", "filled"), [(499, True), (500, False)])
def test_holes_below_500_pixels_are_filled(area: int, filled: bool) -> None:
    # A union of disks, which closing with that disk leaves as it is.
    y, x = np.indices((80, 80)) - 40
    disk = y * y + x * x <= 25
    hole = np.logical_or.reduce([np.roll(disk, shift, axis=1) for shift in range(-19, 20)])
    if area == 500:
        hole |= np.roll(disk, 1, axis=0)
    assert hole.sum() == area
    np.testing.assert_array_equal(fillable(~hole), np.ones_like(hole) if filled else ~hole)


def test_an_unlabelled_image_stays_unlabelled() -> None:
    nothing = np.zeros((50, 60), dtype=np.uint16)
    white = np.zeros((50, 60), dtype=bool)
    assert region_map(nothing, nothing, white).max() == 0


def test_white() -> None:
    grey = np.array([[[252] * 3, [253] * 3, [255, 255, 0], [255, 255, 240]]], dtype=np.uint8)
    np.testing.assert_array_equal(near_white(grey), [[False, True, False, True]])
