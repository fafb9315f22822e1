"""Label maps to test metrics on."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

Labels = NDArray[np.int32]

shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


@st.composite
def label_maps(draw: st.DrawFn, shape: tuple[int, int] | None = None) -> Labels:
    """Draw a map of a few labels: noise, blocks (connected), or one label."""
    height, width = shape or draw(shapes)
    n_labels = draw(st.integers(1, 6))
    side = draw(st.integers(1, 4))
    blocks = draw(
        hnp.arrays(
            np.int32, (-(-height // side), -(-width // side)), elements=st.integers(0, n_labels)
        )
    )
    return np.kron(blocks, np.ones((side, side), np.int32))[:height, :width]


def grid(height: int, width: int, side: int) -> Labels:
    """Return squares of a side, numbered row by row."""
    rows, columns = np.indices((height, width)) // side
    return (rows * -(-width // side) + columns).astype(np.int32)
