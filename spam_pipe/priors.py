"""What may be said of an image's objects: a source's name, a map of them, or masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.stages.attention.user_factors import UserFactors
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.suggestion import did_you_mean

Prior: TypeAlias = "str | NDArray[np.integer[Any]] | Sequence[NDArray[np.bool_]]"
"""``"contour"``, ``"gradient"`` or ``"none"``; (H, W) integers; or a list of (H, W) masks."""

Factors: TypeAlias = "ArrayLike | Mapping[int, float]"
"""(H, W) positive numbers, or positive numbers by object."""

SOURCES = ("contour", "gradient", "none")


def known_prior(prior: Prior) -> Prior:
    """Return a prior; ValueError where it is nothing that objects can be made of."""
    if not isinstance(prior, (str, Sequence, np.ndarray)):
        raise ValueError(f"a prior is a name, an (H, W) array or a list of masks, not {prior!r}")
    if isinstance(prior, str) and prior not in SOURCES:
        everything = (
            f"there are {', '.join(SOURCES)}; or give objects: an (H, W) array of integers, or a "
            "list of masks"
        )
        raise ValueError(
            f"no prior is called {prior!r}; {did_you_mean(prior, SOURCES, everything)}"
        )
    return prior


def options_of(prior: Prior) -> tuple[ProposeConfig, PriorConfig]:
    """Return the options of the stages that make objects of a prior."""
    if isinstance(prior, str):
        return ProposeConfig(source=prior), PriorConfig()
    # The stage takes masks that it is given: the name of a folder is the pipeline's.
    given = ProposeConfig(source="masks", masks="given")
    return given, PriorConfig(as_is=_is_map(prior))


def masks_of(prior: Prior, shape: tuple[int, int]) -> RunLengths | None:
    """Return the masks that a prior consists of; None for one that has a name.

    Raises
    ------
    ValueError
        When the prior is neither a map of objects nor masks of that shape.
    """
    if isinstance(prior, str):
        return None
    if _is_map(prior):
        objects = np.asarray(prior)
        if objects.shape != shape:
            raise ValueError(f"the prior is of shape {objects.shape} where the image is {shape}")
        if objects.dtype.kind not in "iu":
            raise ValueError(
                f"a prior of one (H, W) array holds integers, not {objects.dtype}: give masks as "
                "a list"
            )
        if objects.min() < 0:
            raise ValueError("the prior's objects are numbered from 1; 0 is uncertain")
        return RunLengths.from_labels(objects)
    masks = [np.asarray(mask) for mask in prior]
    for number, mask in enumerate(masks):
        if mask.shape != shape:
            raise ValueError(
                f"mask {number} of the prior is of shape {mask.shape} where the image is {shape}"
            )
    if not masks:
        return RunLengths.empty(shape)
    return RunLengths.from_masks(np.stack(masks))


def as_factors(factors: Factors, prior: Prior, shape: tuple[int, int]) -> UserFactors:
    """Return what factors of pixels or objects mean to the attention stage.

    Raises
    ------
    ValueError
        When a factor is not positive, a map is of another shape, or there is no such object.
    """
    if isinstance(prior, str) and prior == "none":
        raise ValueError("factors speak of objects, and prior='none' has none: choose another")
    if not isinstance(factors, Mapping):
        pixels = np.asarray(factors, np.float64)
        if pixels.shape != shape:
            raise ValueError(f"factors are of shape {pixels.shape} where the image is {shape}")
        _check_positive(pixels)
        return UserFactors(pixels=pixels)
    _check_positive(np.array([*factors.values()], np.float64))
    if isinstance(prior, str):
        return UserFactors(objects=tuple((int(each), float(factors[each])) for each in factors))
    if not _is_map(prior):
        raise ValueError("factors by object need a prior of numbered objects: give an (H, W) map")
    # The stage numbers objects anew: what is said of the user's own numbers is said of pixels.
    ids, places = np.unique(np.asarray(prior), return_inverse=True)
    wanted = np.array([*factors], np.int64)
    found = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    missing = (ids[found] != wanted) | (wanted == 0)
    if missing.any():
        raise ValueError(f"the prior has no object {wanted[missing][0]}: factors name those it has")
    named = np.ones(ids.size)
    named[found] = [*factors.values()]
    return UserFactors(pixels=named[places].reshape(shape))


def _is_map(prior: Any) -> bool:
    return len(prior) > 0 and np.ndim(prior[0]) == 1


def _check_positive(factors: NDArray[np.float64]) -> None:
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise ValueError(
            "factors are positive numbers: 2 for twice an object's share, 0.5 for half"
        )
