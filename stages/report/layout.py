"""Rows of pictures of any shape, justified as in a photo album."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

MIN_HEIGHT, MAX_HEIGHT = 200, 420
MIN_WIDTH, MAX_WIDTH = 1200, 3600
MAX_STRETCH = 1.35


@dataclass(frozen=True)
class Slot:
    """Where a picture goes, in pixels from the top left corner of all."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Arrangement:
    """Places of all parts of a figure."""

    slots: list[list[Slot]]  # for each card one slot per picture, all of one size, side by side
    # of all, in pixels, captions included
    width: int
    height: int


def arrange(
    aspects: Sequence[float],
    heights: Sequence[int],
    counts: Sequence[int],
    *,
    gap: int,
    card_gap: int,
    caption_height: int,
) -> Arrangement:
    """Arrange cards, each a few pictures of one shape side by side, in rows of one width.

    Parameters
    ----------
    aspects
        Width over height of each card's pictures.
    heights
        Of each card's pictures as they are, in pixels: the widest card keeps its size where it
        can.
    counts
        Pictures on each card, at least 1.
    gap, card_gap
        Pixels between pictures of a card, and between cards.
    caption_height
        Pixels kept free below each picture.

    Returns
    -------
    Cards keep their order; a row that would have to be stretched too far to be full stays
    short.
    """
    spans = [aspect * count for aspect, count in zip(aspects, counts, strict=True)]
    gaps = [gap * (count - 1) for count in counts]
    natural = [
        round(span * min(height, MAX_HEIGHT)) + extra
        for span, height, extra in zip(spans, heights, gaps, strict=True)
    ]
    width = min(max(max(natural), MIN_WIDTH), MAX_WIDTH)

    def height_of(row: Sequence[int]) -> float:
        free = width - card_gap * (len(row) - 1) - sum(gaps[card] for card in row)
        return free / sum(spans[card] for card in row)

    widest = natural.index(max(natural))
    usual = min(max(round(height_of([widest])), MIN_HEIGHT), MAX_HEIGHT)
    slots: list[list[Slot]] = []
    top = 0
    right = 0
    for row in _rows(len(aspects), height_of, usual):
        height = height_of(row)
        height = round(height if height <= MAX_STRETCH * usual else usual)
        left = 0
        for card in row:
            size = max(1, round(aspects[card] * height))
            slots.append(
                [Slot(left + i * (size + gap), top, size, height) for i in range(counts[card])]
            )
            left += counts[card] * (size + gap) - gap + card_gap
        right = max(right, left - card_gap)
        top += height + caption_height + card_gap
    return Arrangement(slots, right, top - card_gap)


def _rows(count: int, height_of: Callable[[Sequence[int]], float], usual: int) -> list[list[int]]:
    """Break cards into rows whose full height comes close to the usual one."""
    rows: list[list[int]] = [[0]]
    for card in range(1, count):
        longer = [*rows[-1], card]
        if abs(log(height_of(longer) / usual)) <= abs(log(height_of(rows[-1]) / usual)):
            rows[-1] = longer
        else:
            rows.append([card])
    return rows
