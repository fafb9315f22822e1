"""A plate of pictures for papers: images down, methods across, at one count."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spam_pipe.stages.report.contact_sheet import caption_font, elide, take_nearest
from spam_pipe.stages.report.drawing import Rgb, draw_boundaries, mean_colors
from spam_pipe.stages.report.layout import Slot
from spam_pipe.stages.report.style import INK, PAPER, QUIET

CELL_WIDTH = 480
GAP = 8
ROW_GAP = 20
MARGIN = 28
TITLE_SIZE, LABEL_SIZE, FIGURE_SIZE = 34, 26, 21
HEAD_HEIGHT = 60


@dataclass(frozen=True)
class PlateCell:
    """One method's superpixels of one image."""

    labels: NDArray[np.integer]  # (H, W) integers 0..n-1
    figures: str = ""  # A line that stands below, such as ``n = 100 · ASA .95``


@dataclass(frozen=True)
class PlateRow:
    """One image and a cell per method; None where a method has none."""

    name: str  # the image's id
    image: Rgb  # (H, W, 3) uint8, sRGB
    cells: Sequence[PlateCell | None]  # in the order of the plate's methods


def draw_plate(rows: Sequence[PlateRow], methods: Sequence[str], title: str = "") -> Image.Image:
    """Lay out images and methods, after Figure 7 of the SPAM paper.

    Parameters
    ----------
    rows
        At least one; each with as many cells as there are methods.
    methods
        The columns' headings.
    title
        Stands above.

    Returns
    -------
    An RGB picture. Per image and method the boundaries over the image and, below, the
    superpixels' mean colours.

    Raises
    ------
    ValueError
        When there is no row, or a row has another number of cells.
    """
    if not rows:
        raise ValueError("a plate needs one image at least")
    for row in rows:
        if len(row.cells) != len(methods):
            raise ValueError(f"{row.name}: {len(row.cells)} cells for {len(methods)} methods")
    heights = [round(CELL_WIDTH * row.image.shape[0] / row.image.shape[1]) for row in rows]
    top = MARGIN + (TITLE_SIZE + ROW_GAP if title else 0)
    below = FIGURE_SIZE + 12
    width = 2 * MARGIN + (1 + len(methods)) * (CELL_WIDTH + GAP) - GAP
    height = top + HEAD_HEIGHT + sum(2 * h + GAP + below + ROW_GAP for h in heights) - ROW_GAP
    sheet = Image.new("RGB", (width, height + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        font = caption_font(TITLE_SIZE, bold=True)
        draw.text((MARGIN, MARGIN), elide(title, font, width - 2 * MARGIN), INK, font)
    head = caption_font(LABEL_SIZE, bold=True)
    for column, label in enumerate(["image", *methods]):
        place = (MARGIN + column * (CELL_WIDTH + GAP), top + HEAD_HEIGHT - LABEL_SIZE - 12)
        draw.text(place, elide(label, head, CELL_WIDTH), INK, head)
    top += HEAD_HEIGHT
    small = caption_font(FIGURE_SIZE)
    for row, size in zip(rows, heights, strict=True):
        lower = top + size + GAP
        _paste(sheet, row.image, Slot(MARGIN, top, CELL_WIDTH, size))
        draw.text((MARGIN, top + size + 6), elide(row.name, small, CELL_WIDTH), QUIET, small)
        for column, cell in enumerate(row.cells, start=1):
            if cell is None:
                continue
            slot = Slot(MARGIN + column * (CELL_WIDTH + GAP), top, CELL_WIDTH, size)
            image = _resize(row.image, slot)
            labels = take_nearest(cell.labels, slot)
            _paste(sheet, draw_boundaries(image, labels), slot)
            colors = take_nearest(mean_colors(row.image, cell.labels), slot)
            _paste(sheet, colors, Slot(slot.left, lower, CELL_WIDTH, size))
            text = elide(cell.figures, small, CELL_WIDTH)
            draw.text((slot.left, lower + size + 6), text, QUIET, small)
        top = lower + size + below + ROW_GAP
    return sheet


def _resize(image: Rgb, slot: Slot) -> Rgb:
    size = (slot.width, slot.height)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _paste(sheet: Image.Image, picture: Rgb, slot: Slot) -> None:
    sheet.paste(Image.fromarray(_resize(picture, slot)), (slot.left, slot.top))
