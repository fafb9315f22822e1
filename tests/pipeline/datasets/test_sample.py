"""The embedded sample: photographs that are installed, scenes that are the same everywhere."""

from hashlib import sha256

import numpy as np
import pytest

from spam_pipe.pipeline.datasets.drawn.dead_leaves import SceneAnnotations, SceneImage, draw_scene
from spam_pipe.pipeline.datasets.drawn.textures import PATTERNS, Stream, turbulence, value_noise
from spam_pipe.pipeline.datasets.sample import PHOTOGRAPHS, Sample


def test_items() -> None:
    items = list(Sample().items())
    scenes = [item for item in items if item.annotations is not None]
    photographs = [item for item in items if item.annotations is None]
    assert len(items) == Sample().expected("all") == 18
    assert [item.id for item in scenes] == [f"dead-leaves-{n:02d}" for n in range(1, 13)]
    assert len(photographs) == len(PHOTOGRAPHS)
    for item in photographs:
        image = item.image.read()
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert min(image.shape[:2]) >= 300


def test_scenes_are_the_same_on_every_machine() -> None:
    """The hashes were made on x86-64 with NumPy 2.4; no other machine may differ."""
    image, regions = draw_scene(1)
    assert (
        sha256(image.tobytes()).hexdigest()
        == "1e6f25df7b32da52929a22145cb8b5142aed1e5500b7564df0382013a6038eaf"
    )
    assert (
        sha256(regions.tobytes()).hexdigest()
        == "acb000ef96abcba6fbbbd17edd6b527b3fe18e6833ff3dfac2709e41dc27054e"
    )


@pytest.mark.parametrize("seed", [1, 4])
def test_scene_and_its_ground_truth(seed: int) -> None:
    image = SceneImage(seed).read()
    (regions,) = SceneAnnotations(seed).read()
    assert image.shape == ((481, 321, 3) if seed % 4 == 0 else (321, 481, 3))
    assert (image.dtype, regions.dtype) == (np.uint8, np.uint32)
    assert regions.shape == image.shape[:2]
    areas = np.bincount(regions.ravel())
    assert areas[0] == 0
    assert (areas[1:] > 0).all()
    assert areas.size > 20
    assert 0.05 < image.std() / 255 < 0.35


def test_borders_show_in_the_picture() -> None:
    """Colours must change more where the ground truth does than elsewhere."""
    image, regions = draw_scene(2)
    steps = np.abs(np.diff(image.astype(float), axis=1)).sum(axis=2)
    border = regions[:, 1:] != regions[:, :-1]
    assert steps[border].mean() > 3 * steps[~border].mean()


def test_what_is_read_is_the_readers_own() -> None:
    first = SceneImage(3).read()
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(SceneImage(3).read(), expected)


def test_identity_follows_the_seed() -> None:
    assert SceneImage(1).signature() != SceneImage(2).signature()
    assert len({SceneImage(1).digest(), SceneImage(2).digest(), SceneAnnotations(1).digest()}) == 3


def test_textures_stay_in_their_range() -> None:
    stream = Stream(5)
    assert [stream.below(3) in range(3) for _ in range(20)] == [True] * 20
    cosine, sine = stream.direction()
    assert cosine**2 + sine**2 == pytest.approx(1)
    noise = turbulence(stream, (40, 60), 16)
    assert noise.shape == (40, 60)
    v, u = np.indices((40, 60)) - 20.0
    for values in (
        noise,
        value_noise(stream, (40, 60), 7),
        *(p(u, v, noise, 6.0) for p in PATTERNS),
    ):
        assert values.min() >= 0
        assert values.max() <= 1
        assert values.std() > 0.02
