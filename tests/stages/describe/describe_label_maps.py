"""Small label maps of any kind: regions in pieces, with holes, touching at corners, outside."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def label_maps(*, lowest: int = -1) -> st.SearchStrategy[np.ndarray]:
    """(H, W) integers of which one at least is no less than 0."""
    shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
    kinds = st.sampled_from([np.int32, np.int64, np.int16])
    elements = st.integers(lowest, 3)
    made = kinds.flatmap(lambda kind: arrays(kind, shapes, elements=elements))
    return made.filter(lambda labels: labels.max() >= 0)


def present(labels: np.ndarray) -> list[int]:
    """Return the labels that are superpixels."""
    return np.unique(labels[labels >= 0]).tolist()
