"""The type of label maps."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]
