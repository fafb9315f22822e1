"""Objects that the user draws: they take their place among those of the prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.attention.user_factors import Drawn
from spam_pipe.stages.base import Arrays
from spam_pipe.stages.prior.restrict import restrict

_CERTAIN = 255


def with_drawn(prior: Arrays, drawn: Sequence[Drawn]) -> Arrays:
    """Put drawn objects into a prior.

    What is drawn is taken out of the prior's objects; of two drawings that overlap, the later one
    has the pixels. In the merge tree drawn objects join last, and their borders are certain
    contours: so every cut of two objects or more for each drawing keeps them.

    Parameters
    ----------
    prior
        ``objects`` (H, W), ``parents`` and ``altitudes``, and ``contour`` where there is one, as
        `stages.prior.stage` makes them.
    drawn
        In the order in which they were drawn.

    Returns
    -------
    Arrays of the same names; the prior itself where nothing is drawn. The drawn objects have the
    highest numbers, in their order; those that later ones cover are left out.

    Raises
    ------
    ValueError
        When a drawing is of another size than the image.
    """
    own = painted(drawn, prior["objects"].shape)
    if not own.any():
        return prior
    n_own = int(own.max())
    free = own == 0
    objects, parents = np.zeros(own.shape, np.int32), np.zeros(0, np.int32)
    altitudes = np.zeros(0, np.float32)
    if free.any():
        tree = np.array(prior["parents"]), np.array(prior["altitudes"])
        objects, parents, altitudes = restrict(np.asarray(prior["objects"]), *tree, free)
    n = (len(parents) + 1) // 2
    top = np.full(n_own - (n == 0), altitudes[-1] if n else 0, np.float32)
    found: dict[str, NDArray[Any]] = {
        "objects": np.where(free, objects, own + n).astype(np.uint32),
        "parents": _joined_last(parents, n_own),
        "altitudes": np.concatenate([np.zeros(n + n_own, np.float32), altitudes[n:], top]),
    }
    if "contour" in prior:
        found["contour"] = np.where(_beside_others(own), _CERTAIN, prior["contour"]).astype(
            prior["contour"].dtype
        )
    return {**prior, **found}


def painted(drawn: Sequence[Drawn], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the (H, W) drawings that are to be seen, numbered from 1 in their order; 0 elsewhere.

    Raises
    ------
    ValueError
        When one is of another shape.
    """
    own = np.zeros(shape, np.int32)
    for number, each in enumerate(drawn, start=1):
        if each.mask.shape != shape:
            sizes = [f"{columns} × {rows}" for rows, columns in (each.mask.shape, shape)]
            raise ValueError(
                f"the mask of a drawn object is {sizes[0]} pixels, the image {sizes[1]}: give one "
                "of the image's size"
            )
        own[each.mask] = number
    seen = np.zeros(len(drawn) + 1, np.int32)
    present = np.unique(own[own > 0])
    seen[present] = np.arange(1, present.size + 1)
    return seen[own]


def _joined_last(parents: NDArray[np.int32], n_own: int) -> NDArray[np.int32]:
    """Return a merge tree with so many more leaves, which join the others one after the other."""
    n = (len(parents) + 1) // 2
    size = 2 * (n + n_own) - 1
    joined = np.empty(size, np.int32)
    moved = np.where(parents < n, parents, parents + n_own).astype(np.int32)
    joined[:n], joined[n + n_own : 2 * n - 1 + n_own] = moved[:n], moved[n:]
    # What joins next: the old tree's root, or the first drawing where there is no old tree.
    merge = max(2 * n - 1, 0) + n_own
    root = merge - 1 if n > 1 else 0
    for leaf in range(n + (n == 0), n + n_own):
        joined[root] = joined[leaf] = merge
        root, merge = merge, merge + 1
    joined[root] = root
    return joined


def _beside_others(own: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Say of each pixel whether a 4-neighbour is of another drawing, or of none."""
    found = np.zeros(own.shape, np.bool_)
    for lower, upper in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs: NDArray[Any] = own[lower] != own[upper]
        found[lower] |= differs
        found[upper] |= differs
    return found
