"""Superpixels for NumPy arrays: what spam-pipe's batches compute, one image at a time.

>>> import numpy as np
>>> import spam_pipe
>>> image = np.zeros((60, 80, 3), np.uint8)
>>> image[:, 40:] = 200, 60, 40
>>> labels = spam_pipe.segment(image, n_superpixels=12)
>>> labels.shape, int(labels.max()) + 1
((60, 80), 12)
>>> np.intersect1d(labels[:, :40], labels[:, 40:]).size
0

The names in ``__all__`` are the ones that stay. Arguments are called as in `skimage.segmentation`,
images are what scikit-image takes (uint8, uint16, bool, floats in 0..1; grey with
``channel_axis=None``), and whatever does not fit is a `ValueError`. Nothing is written, nothing
printed but a line in the log when kernels are compiled for the first time. Every function may be
called from several threads at once, and in processes forked later (workers of a `DataLoader`, a
`multiprocessing.Pool`), which use one thread each. Results depend on the arguments alone, not on
what the program has set of torch, which is left as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spam_pipe.functions import evaluate, features, hierarchy, objects, segment
    from spam_pipe.nested import Hierarchy
    from spam_pipe.segmenter import Segmenter
    from spam_pipe.showing import plot
    from spam_pipe.stages.describe.graph import graph
    from spam_pipe.stages.describe.networks import to_networkx, to_torch_geometric
    from spam_pipe.stages.describe.polygons import polygons
    from spam_pipe.stages.describe.table import table

__version__ = "0.1.0"

__all__ = [
    "Hierarchy",
    "Segmenter",
    "evaluate",
    "features",
    "graph",
    "hierarchy",
    "objects",
    "plot",
    "polygons",
    "segment",
    "table",
    "to_networkx",
    "to_torch_geometric",
]

_ELSEWHERE = {
    "Hierarchy": "spam_pipe.nested",
    "Segmenter": "spam_pipe.segmenter",
    "plot": "spam_pipe.showing",
    "graph": "spam_pipe.stages.describe.graph",
    "polygons": "spam_pipe.stages.describe.polygons",
    "table": "spam_pipe.stages.describe.table",
    "to_networkx": "spam_pipe.stages.describe.networks",
    "to_torch_geometric": "spam_pipe.stages.describe.networks",
}
"""The modules of names that `spam_pipe.functions` lacks."""


def __getattr__(name: str) -> Any:
    # Importing what computes takes seconds that `import spam_pipe` should not.
    if name not in __all__:
        raise AttributeError(f"module 'spam_pipe' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ELSEWHERE.get(name, "spam_pipe.functions")), name)


def __dir__() -> list[str]:
    return __all__
