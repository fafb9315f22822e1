"""Planes of stacks: how they are named and found."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from spam_pipe.pipeline.errors import DataError

Lengths = Mapping[str, int]
"""Axes along which planes are counted, outermost first, and how many there are."""

MOST_PLANES = 100_000


def plane_names(lengths: Lengths) -> Iterator[str]:
    """Yield the names of all planes, such as ``t0z07``; axes with one plane are left out.

    Numbers have as many digits as the largest needs, so that names sort as planes follow.
    """
    counted = {axis: n for axis, n in lengths.items() if n != 1}
    for numbers in product(*map(range, counted.values())):
        yield "".join(
            f"{axis}{number:0{len(str(n - 1))}d}"
            for (axis, n), number in zip(counted.items(), numbers, strict=True)
        )


def plane_index(name: str, axes: Sequence[str], path: Path) -> list[int]:
    """Return the number of a plane along each axis; 0 along those that its name leaves out.

    Raises
    ------
    DataError
        When it is no name of a plane along these axes.
    """
    found = {axis: int(number) for axis, number in re.findall(r"([a-z])(\d+)", name)}
    if not found or set(found) - set(axes):
        raise DataError(f"{path}: has no plane {name}; its planes are counted by {' '.join(axes)}")
    return [found.get(axis, 0) for axis in axes]


def check_plane(name: str | None, lengths: Lengths, path: Path) -> dict[str, int]:
    """Return a plane's number along each axis; the first plane where no name is given.

    Raises
    ------
    DataError
        When there is no such plane.
    """
    numbers = plane_index(name, [*lengths], path) if name is not None else [0] * len(lengths)
    chosen = dict(zip(lengths, numbers, strict=True))
    if any(chosen[axis] >= n for axis, n in lengths.items()):
        counts = ", ".join(f"{n} {axis}" for axis, n in lengths.items())
        raise DataError(f"{path}: has no plane {name}; there are {counts}")
    return chosen
