"""Random images and priors: smooth, noisy, flat; uncertainty, specks, scattered objects."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage


def lab_image(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    lab = rng.uniform([0, -60, -60], [100, 60, 60], (height, width, 3))
    lab = ndimage.gaussian_filter(lab, (*[rng.choice([0, 1, 4])] * 2, 0))
    return np.float32(lab if rng.random() < 0.9 else np.full_like(lab, 40))


def object_map(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint16]:
    kind = rng.integers(4)
    if kind == 0:  # specks: every pixel for itself, many components each
        objects = rng.integers(0, rng.integers(1, 6) + 1, (height, width))
    elif kind == 1:  # blobs
        noise = ndimage.gaussian_filter(rng.random((height, width)), 2)
        levels = rng.integers(1, 8)
        objects = np.digitize(noise, np.quantile(noise, np.linspace(0, 1, levels + 1)[1:-1])) + 1
    elif kind == 2:  # one-pixel objects, more than most counts
        objects = np.arange(1, height * width + 1).reshape(height, width)
    else:
        objects = np.ones((height, width), int)
    uncertain = rng.random((height, width)) < rng.choice([0, 0.1, 0.5, 1])
    return np.where(uncertain, 0, objects).astype(np.uint16)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.uint16] | None, int]:
    """(Lab image, objects or None, requested number), from 1x1 up."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lab = lab_image(rng, height, width)
    objects = draw(st.sampled_from([None, object_map(rng, height, width)]))
    count = draw(
        st.one_of(st.just(1), st.integers(1, 40), st.just(height * width), st.just(10 * 24 * 24))
    )
    return lab, objects, count
