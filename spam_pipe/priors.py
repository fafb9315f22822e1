"""What may be said of an image's objects: a source's name, a map of them, or masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.running.parts import find_checkpoint
from spam_pipe.stages.prior.config import PriorConfig
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.source_names import MASK_SOURCES, require_source_package
from spam_pipe.stages.suggestion import did_you_mean

Prior: TypeAlias = "str | NDArray[np.integer[Any]] | Sequence[NDArray[np.bool_]]"
"""The name of a source, ``"none"``; (H, W) integers; or a list of (H, W) masks."""

Factors: TypeAlias = "ArrayLike | Mapping[int, float] | str"
"""(H, W) positive numbers, positive numbers by object, or ``"visual"``."""

GENERATORS = MASK_SOURCES[1:]
"""Sources of masks that need a network's weights: segment-anything and its relatives."""

SOURCES = ("contour", "gradient", "none", *GENERATORS, *(f"{each}+contour" for each in GENERATORS))


def known_prior(prior: Prior) -> Prior:
    """Return a prior; ValueError where it is nothing that objects can be made of."""
    if not isinstance(prior, (str, Sequence, np.ndarray)):
        raise ValueError(f"a prior is a name, an (H, W) array or a list of masks, not {prior!r}")
    if isinstance(prior, str) and prior not in SOURCES:
        everything = (
            f"there are contour, gradient, none, {', '.join(GENERATORS)}, these also with "
            "+contour; or give objects: an (H, W) array of integers, or a list of masks"
        )
        raise ValueError(
            f"no prior is called {prior!r}; {did_you_mean(prior, SOURCES, everything)}"
        )
    return prior


def options_of(
    prior: Prior, checkpoint: str | PathLike[str] | None = None
) -> tuple[ProposeConfig, PriorConfig]:
    """Return the options of the stages that make objects of a prior.

    Raises
    ------
    ValueError
        When a mask generator's package or weights are not here, or weights have no use.
    """
    generates = isinstance(prior, str) and prior.partition("+")[0] in GENERATORS
    if checkpoint is not None and not generates:
        raise ValueError(f"a checkpoint is of {', '.join(GENERATORS)}: name the prior with it")
    if not isinstance(prior, str):
        # The stage takes masks that it is given: the name of a folder is the pipeline's.
        given = ProposeConfig(source="masks", masks="given")
        return given, PriorConfig(as_is=_is_map(prior))
    if not generates:
        return ProposeConfig(source=prior), PriorConfig()
    name = prior.partition("+")[0]
    try:
        require_source_package(name)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("--")) from error
    if checkpoint is None:
        if name in {"fast-sam", "hf-sam"}:
            raise ValueError(f"{name} needs a model: say which with checkpoint=")
        return ProposeConfig(source=prior), PriorConfig()
    options: dict[str, Any] = {"source": prior, "checkpoint": str(checkpoint)}
    proposed = ProposeConfig(**options)
    path = weights_of(proposed)
    if name == "sam" and path is not None:
        from spam_pipe.stages.propose.sam_model import model_of

        options["model"] = model_of(path)
    return ProposeConfig(**options), PriorConfig()


def weights_of(proposed: ProposeConfig) -> Path | None:
    """Return the file, or folder, of a mask generator's weights; None where none are needed.

    Raises
    ------
    ValueError
        When they are not here; the message says how to get them.
    """
    try:
        found = find_checkpoint(proposed)
    except UserError as error:
        message = str(error).replace("--set propose.checkpoint=FILE", "checkpoint=FILE")
        for flag, argument in (("--prior ", "prior "), ("propose.checkpoint", "checkpoint")):
            message = message.replace(flag, argument)
        raise ValueError(message) from error
    return None if found is None else found.read()


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


def numbered(
    cut: NDArray[np.integer[Any]], prior: Prior, valid: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Return objects by the numbers that users know them by.

    Those of a map of the user's keep its numbers, and what was merged has the lowest of its
    parts; others are 1..n. Outside of the mask there are none.
    """
    objects = cut.astype(np.int64) if valid is None else cut.astype(np.int64) * valid
    if not _is_map(prior):
        return objects
    own = np.asarray(prior).astype(np.int64)
    named = (objects > 0) & (own > 0)
    numbers = np.full(int(objects.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(numbers, objects[named], own[named])
    numbers[0] = 0
    return numbers[objects]


def factors_of_pixels(factors: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return (H, W) factors; ValueError where they are not of that shape, or not positive."""
    pixels = np.asarray(factors, np.float64)
    if pixels.shape != shape:
        raise ValueError(f"factors are of shape {pixels.shape} where the image is {shape}")
    return _checked(pixels)


def factors_of_objects(
    factors: Mapping[int, float], objects: NDArray[np.int64], n_superpixels: int
) -> NDArray[np.float64]:
    """Return the (H, W) factors of objects by number, 1 where nothing is said.

    Raises
    ------
    ValueError
        When a factor is not positive, or there is no such object.
    """
    wanted = np.array([*factors], np.int64)
    own = _checked(np.array([*factors.values()], np.float64))
    ids, places = np.unique(objects, return_inverse=True)
    found = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    missing = (ids[found] != wanted) | (wanted == 0)
    if missing.any():
        known = ids[ids > 0]
        raise ValueError(
            f"there is no object {wanted[missing][0]} at {n_superpixels} superpixels: factors name "
            f"the {known.size} that objects(image, {n_superpixels}) shows with the same prior"
        )
    named = np.ones(ids.size)
    named[found] = own
    return named[places].reshape(objects.shape)


def _is_map(prior: Any) -> bool:
    return not isinstance(prior, str) and len(prior) > 0 and np.ndim(prior[0]) == 1


def _checked(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise ValueError(
            "factors are positive numbers: 2 for twice an object's share, 0.5 for half"
        )
    return factors
