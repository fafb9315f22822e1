"""Mask proposals as run lengths: a hundred overlapping masks in a few kilobytes.

The format is COCO's: a mask is read column by column (Fortran order) as alternating runs of
background and foreground, background first (a count of 0 where the first pixel is foreground).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.stages.compiled import kernel

MAX_PIXELS = 2**28
"""Pixels of the largest mask that is accepted."""


@dataclass(frozen=True, eq=False)
class RunLengths:
    """Masks of one image; build it with one of the ``from_`` methods, which check everything."""

    counts: NDArray[np.uint32]  # (C,) uint32: the runs of all masks, one mask after the other
    offsets: NDArray[np.int64]  # (n + 1,) int64: mask i owns ``counts[offsets[i]:offsets[i + 1]]``
    size: tuple[int, int]  # height and width in pixels
    area: NDArray[np.uint32]  # (n,) uint32: foreground pixels of each mask
    score: NDArray[np.float32]  # (n,) float32: the proposer's own confidence; 1 where it gave none

    def __len__(self) -> int:
        return len(self.area)

    @classmethod
    def from_counts(
        cls,
        counts: Sequence[ArrayLike | str | bytes],
        size: Sequence[int],
        score: ArrayLike | None = None,
    ) -> RunLengths:
        """Take COCO run lengths, plain or compressed.

        Parameters
        ----------
        counts
            For each mask its runs as integers, or COCO's compressed string.
        size
            Height and width of every mask.
        score
            (n,) confidences; 1 by default.

        Raises
        ------
        ValueError
            When a mask's runs are no whole numbers ≥ 0 or do not sum to height × width.
        """
        size = checked_size(size)
        runs = [_runs_of(mask, index, size) for index, mask in enumerate(counts)]
        offsets = np.cumsum([0] + [len(mask) for mask in runs], dtype=np.int64)
        flat = np.concatenate(runs) if runs else np.zeros(0, np.uint32)
        return _checked(flat, offsets, size, score)

    @classmethod
    def from_labels(cls, labels: ArrayLike) -> RunLengths:
        """Take a label image: each label but 0 is one mask, in ascending order of labels.

        Parameters
        ----------
        labels
            (H, W) integers or booleans ≥ 0.

        Raises
        ------
        ValueError
            When it is not two-dimensional, not of whole numbers, or negative somewhere.
        """
        labels = np.asarray(labels)
        if labels.ndim != 2 or labels.dtype.kind not in "buif":
            raise ValueError(
                f"a label image is height × width of whole numbers, "
                f"not {labels.dtype} of shape {labels.shape}"
            )
        if labels.dtype.kind == "f" and not np.array_equal(labels, np.trunc(labels)):
            raise ValueError("a label image holds whole numbers; this one holds fractions or NaN")
        size = checked_size(labels.shape)
        column_major = labels.ravel(order="F")
        if column_major.min() < 0:
            raise ValueError(f"labels must be ≥ 0, found {column_major.min()}")
        start = _run_starts(column_major)
        run_label = column_major[start]
        length = np.diff(start, append=column_major.size)
        kept = run_label != 0
        _, mask = np.unique(run_label[kept], return_inverse=True)
        order = np.argsort(mask, kind="stable")
        n_masks = int(mask.max(initial=-1)) + 1
        return _from_runs(mask[order], start[kept][order], length[kept][order], n_masks, size)

    @classmethod
    def from_masks(cls, masks: ArrayLike, score: ArrayLike | None = None) -> RunLengths:
        """Take a stack of binary masks; values other than 0 are foreground.

        Parameters
        ----------
        masks
            (n, H, W) booleans or numbers; a memory map is read one mask at a time.
        score
            (n,) confidences; 1 by default.

        Raises
        ------
        ValueError
            When it is not three-dimensional or empty in height or width.
        """
        masks = masks if isinstance(masks, np.ndarray) else np.asarray(masks)
        if masks.ndim != 3:
            raise ValueError(f"a stack of masks is n × height × width, not {masks.shape}")
        size = checked_size(masks.shape[1:])
        runs = [encode(mask) for mask in masks]
        offsets = np.cumsum([0] + [len(mask) for mask in runs], dtype=np.int64)
        flat = np.concatenate(runs) if runs else np.zeros(0, np.uint32)
        return _checked(flat, offsets, size, score)

    @classmethod
    def empty(cls, size: Sequence[int]) -> RunLengths:
        """Return no masks at all, of an image of that height and width."""
        return cls.from_counts([], size)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the stored arrays: ``counts``, ``offsets``, ``size``, ``area``, ``score``."""
        return {
            "counts": self.counts,
            "offsets": self.offsets,
            "size": np.array(self.size, np.int64),
            "area": self.area,
            "score": self.score,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> RunLengths:
        """Rebuild from the arrays of `to_arrays`; ValueError when they do not fit together."""
        size = checked_size(arrays["size"].tolist())
        offsets = np.asarray(arrays["offsets"], np.int64)
        counts = np.asarray(arrays["counts"], np.uint32)
        if (
            offsets.ndim != 1
            or len(offsets) == 0
            or offsets[0] != 0
            or offsets[-1] != len(counts)
            or (np.diff(offsets) < 1).any()
        ):
            raise ValueError("the masks' offsets do not fit their run lengths")
        return _checked(counts, offsets, size, arrays["score"])

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return one mask as (H, W) booleans."""
        runs = self.counts[self.offsets[index] : self.offsets[index + 1]]
        height, width = self.size
        foreground = np.arange(len(runs)) % 2 == 1
        return np.repeat(foreground, runs).reshape(width, height).T

    def select(self, kept: ArrayLike) -> RunLengths:
        """Return the masks at these indices, in this order."""
        indices = np.asarray(kept, np.int64)
        lengths = np.diff(self.offsets)[indices]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        source = np.repeat(self.offsets[indices] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(
            self,
            counts=self.counts[source],
            offsets=offsets,
            area=self.area[indices],
            score=self.score[indices],
        )

    def paint(self, order: ArrayLike) -> NDArray[np.int32]:
        """Paint masks over each other without ever holding them all as pixels.

        Parameters
        ----------
        order
            Indices of the masks in painting order: the last one covers the others.

        Returns
        -------
        (H, W) int32: 1 + the index of the mask on top, 0 where there is none.
        """
        height, width = self.size
        canvas = np.zeros(height * width, np.int32)
        _paint(canvas, self.counts, self.offsets, np.asarray(order, np.int64))
        return np.ascontiguousarray(canvas.reshape(width, height).T)

    def counts_of(self, index: int) -> list[int]:
        """Return one mask's runs as plain integers, as COCO's JSON has them."""
        runs: list[int] = self.counts[self.offsets[index] : self.offsets[index + 1]].tolist()
        return runs


def encode(mask: ArrayLike) -> NDArray[np.uint32]:
    """Return the runs of one (H, W) mask, column-major and background first."""
    column_major = np.asarray(mask).ravel(order="F") != 0
    start = _run_starts(column_major)
    length = np.diff(start, append=column_major.size)
    return np.concatenate([[0] * int(column_major[0]), length]).astype(np.uint32)


def checked_size(size: Sequence[int]) -> tuple[int, int]:
    """Return height and width, or raise ValueError when no mask can have them."""
    whole = len(size) == 2 and all(
        isinstance(side, (int, np.integer)) and not isinstance(side, bool) for side in size
    )
    if not whole or min(size) < 1 or int(size[0]) * int(size[1]) > MAX_PIXELS:
        raise ValueError(
            f"a mask's size is [height, width], each ≥ 1, of at most {MAX_PIXELS} pixels; "
            f"found {str(list(size))[:100]}"
        )
    return int(size[0]), int(size[1])


def _runs_of(
    counts: ArrayLike | str | bytes, index: int, size: tuple[int, int]
) -> NDArray[np.uint32]:
    if isinstance(counts, (str, bytes)):
        runs: NDArray[Any] = decompress(counts)
    else:
        runs = np.asarray(counts)
        if runs.ndim != 1 or runs.dtype.kind not in "iu" or len(runs) == 0:
            raise ValueError(f"mask {index}: run lengths must be a list of whole numbers")
    if (runs < 0).any() or (runs > size[0] * size[1]).any():
        raise ValueError(f"mask {index}: run lengths must lie in 0..{size[0] * size[1]}")
    return runs.astype(np.uint32)


def _checked(
    counts: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    size: tuple[int, int],
    score: ArrayLike | None,
) -> RunLengths:
    """Derive the areas and make sure that every mask covers the image exactly."""
    n_masks = len(offsets) - 1
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[offsets]
    wrong = np.flatnonzero(np.diff(ends) != size[0] * size[1])
    if len(wrong):
        total = int(np.diff(ends)[wrong[0]])
        raise ValueError(
            f"mask {wrong[0]}: run lengths sum to {total}, not to {size[0]}×{size[1]} pixels"
        )
    place = np.arange(len(counts)) - np.repeat(offsets[:-1], np.diff(offsets))
    foreground = np.where(place % 2 == 1, counts, 0)
    area = np.diff(np.concatenate([[0], np.cumsum(foreground, dtype=np.int64)])[offsets])
    scores = np.ones(n_masks) if score is None else np.asarray(score)
    if scores.shape != (n_masks,):
        raise ValueError(f"{n_masks} masks need as many scores, found shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("masks' scores must be finite numbers; found NaN or infinity")
    return RunLengths(counts, offsets, size, area.astype(np.uint32), scores.astype(np.float32))


def _from_runs(
    mask: NDArray[np.integer[Any]],
    start: NDArray[np.integer[Any]],
    length: NDArray[np.integer[Any]],
    n_masks: int,
    size: tuple[int, int],
) -> RunLengths:
    """Build from foreground runs sorted by mask, then start; every mask has one at least."""
    end = start + length
    first = np.flatnonzero(np.diff(mask, prepend=-1))
    last = np.append(first[1:], len(mask)) - 1 if n_masks else first
    gap = start - np.concatenate([[0], end[:-1]]) if n_masks else start
    gap[first] = start[first]
    tail = size[0] * size[1] - end[last]
    pairs = np.stack([gap, length], axis=1).ravel()
    where = 2 * (last + 1)
    counts = np.insert(pairs, where[tail > 0], tail[tail > 0])
    per_mask = 2 * (last - first + 1) + (tail > 0)
    offsets = np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64)
    return _checked(counts.astype(np.uint32), offsets, size, None)


def _run_starts(values: NDArray[Any]) -> NDArray[np.intp]:
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])


@kernel("int32[::1], uint32[::1], int64[::1], int64[::1]")
def _paint(
    canvas: NDArray[np.int32],
    counts: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    order: NDArray[np.int64],
) -> None:
    for index in range(order.size):
        mask = order[index]
        position = np.int64(0)
        for place in range(offsets[mask], offsets[mask + 1]):
            end = position + np.int64(counts[place])
            if (place - offsets[mask]) % 2 == 1:
                for pixel in range(position, end):
                    canvas[pixel] = mask + 1
            position = end


def decompress(text: str | bytes) -> NDArray[np.int64]:
    """Return the runs of COCO's compressed string.

    Characters from '0' on carry five bits each, low ones first, with a bit that says that more
    follow; from the fourth run on, the difference to the run two before is stored (pycocotools,
    ``rleFrString``).

    Raises
    ------
    ValueError
        When a character is none of the alphabet's, or the string ends inside a number.
    """
    raw = text.encode() if isinstance(text, str) else text
    digits = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if len(digits) == 0 or digits.min() < 0 or digits.max() > 63 or digits[-1] & 32:
        raise ValueError("not a compressed COCO run-length string")
    if np.diff(np.flatnonzero(digits < 32), prepend=-1).max() > 12:
        raise ValueError("not a compressed COCO run-length string: a number is too long")
    runs = np.zeros(int((digits < 32).sum()), np.int64)
    _decompress(digits, runs)
    return runs


@kernel("int64[::1], int64[::1]")
def _decompress(digits: NDArray[np.int64], runs: NDArray[np.int64]) -> None:
    run = 0
    value = np.int64(0)
    shift = np.int64(0)
    for index in range(digits.size):
        digit = digits[index]
        value |= (digit & 31) << shift
        shift += np.int64(5)
        if digit < 32:
            if digit & 16:
                value -= np.int64(1) << shift
            runs[run] = value + (runs[run - 2] if run > 2 else np.int64(0))
            run += 1
            value = np.int64(0)
            shift = np.int64(0)
