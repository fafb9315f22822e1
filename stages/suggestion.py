"""Suggestions for unknown names."""

from collections.abc import Iterable
from difflib import SequenceMatcher

_NEAR = 0.5
_SHOWN = 3


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return the end of a message about an unknown name: the nearest known one, or all of them.

    Parameters
    ----------
    name
        The unknown name; upper and lower case count as the same.
    known
        The known names.
    otherwise
        The end where no name is near; by default it lists all known names.

    Returns
    -------
    ``did you mean slic?``, with ``a or b`` where two are as near, or `otherwise`.
    """
    names = list(known)
    matcher = SequenceMatcher()
    matcher.set_seq2(name.lower())
    nearness = {}
    for each in names:
        matcher.set_seq1(each.lower())
        if matcher.real_quick_ratio() >= _NEAR and (ratio := matcher.ratio()) >= _NEAR:
            nearness[each] = ratio
    if not nearness:
        return f"there are {', '.join(names)}" if otherwise is None else otherwise
    best = max(nearness.values())
    nearest = [each for each, ratio in nearness.items() if ratio == best]
    return f"did you mean {' or '.join(nearest if len(nearest) == 2 else nearest[:1])}?"


def meant_image(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown image; of those that there are, three."""
    names = sorted(known)
    more = " …" if len(names) > _SHOWN else ""
    return did_you_mean(name, names, f"there are {', '.join(names[:_SHOWN])}{more}")
