"""The types of label maps and of what is counted in them."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]

Index = int | np.integer
"""A label or a pixel's number: Python's or NumPy's."""
