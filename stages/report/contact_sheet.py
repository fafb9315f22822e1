"""A few images side by side with their prior, their superpixels and the superpixels' colours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spam_pipe.stages.report.drawing import Rgb, color_objects, draw_boundaries, mean_colors
from spam_pipe.stages.report.layout import Slot, arrange
from spam_pipe.stages.report.style import INK, PAPER, QUIET, font_file

Pixel = TypeVar("Pixel", bound=np.generic)
Value = TypeVar("Value")

GAP = 10
CARD_GAP = 26
MARGIN = 32
TITLE_SIZE = 36
CAPTION_SIZE = 19
LINE_HEIGHT = 25
CAPTION_HEIGHT = 2 * LINE_HEIGHT + 10


@dataclass(frozen=True)
class Superpixels:
    """One superpixel segmentation of an example."""

    n_requested: int  # K, the number asked for
    labels: NDArray[np.integer]  # (H, W) integers, superpixels from `start_label` on
    # figures by the names of the metric table; missing ones and None are not shown
    metrics: Mapping[str, float | None]
    start_label: int = 0  # 1 where label 0 means a pixel without data, which is left white; else 0
    size: str | None = None  # the requested size, such as ``20 px``, where a size was requested


@dataclass(frozen=True)
class Example:
    """One image of the sheet and all that is shown of it."""

    name: str  # the image's id
    image: Rgb  # (H, W, 3) uint8, sRGB
    superpixels: Sequence[Superpixels]  # segmentations, in the order in which they are shown
    # (H, W) integers, the prior's objects 1..n, 0 = uncertain; None without a prior
    objects: NDArray[np.integer] | None = None


@dataclass(frozen=True)
class _Panel:
    """One picture of an example and the two lines below it."""

    picture: Rgb
    heading: str
    figures: str


def contact_sheet(examples: Sequence[Example], title: str = "") -> Image.Image:
    """Lay examples out on one sheet.

    Parameters
    ----------
    examples
        At least one; wide ones are shown first, so that portraits can share a row.
    title
        Stands above them.

    Returns
    -------
    An RGB picture. Label maps are brought to their panel's size before anything is drawn, so
    that boundaries are one pixel thick and sharp at any size.

    Raises
    ------
    ValueError
        When there is no example, or an example's arrays do not fit each other.
    """
    if not examples:
        raise ValueError("a contact sheet needs one example at least")
    ordered = sorted(examples, key=_aspect, reverse=True)
    arranged = arrange(
        [_aspect(example) for example in ordered],
        [example.image.shape[0] for example in ordered],
        [_panel_count(example) for example in ordered],
        gap=GAP,
        card_gap=CARD_GAP,
        caption_height=CAPTION_HEIGHT,
    )
    top = MARGIN + (TITLE_SIZE + CARD_GAP if title else 0)
    size = (arranged.width + 2 * MARGIN, top + arranged.height + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        font = caption_font(TITLE_SIZE, bold=True)
        draw.text((MARGIN, MARGIN), elide(title, font, arranged.width), INK, font)
    for example, slots in zip(ordered, arranged.slots, strict=True):
        for panel, slot in zip(_panels(example, slots[0]), slots, strict=True):
            _place(sheet, draw, panel, slot, (MARGIN, top))
    return sheet


def spread(values: Sequence[Value], count: int) -> list[Value]:
    """Choose up to `count` values evenly from a sequence, always the same ones."""
    picks = np.linspace(0, len(values) - 1, min(count, len(values)))
    return [values[round(float(pick))] for pick in picks]


def _aspect(example: Example) -> float:
    height, width = example.image.shape[:2]
    return int(width) / int(height)


def _panel_count(example: Example) -> int:
    return 1 + (example.objects is not None) + 2 * len(example.superpixels)


def _panels(example: Example, slot: Slot) -> Iterator[_Panel]:
    """Draw an example's pictures at the size of its slots."""
    image = _resize_image(example.image, slot)
    height, width = example.image.shape[:2]
    yield _Panel(image, example.name, f"{width} × {height}")
    if example.objects is not None:
        objects = take_nearest(example.objects, slot)
        yield _Panel(color_objects(image, objects), "prior", _about_objects(example))
    for made in example.superpixels:
        labels = take_nearest(made.labels, slot)
        n_made = np.count_nonzero(np.unique(made.labels) >= made.start_label)
        colors = take_nearest(mean_colors(example.image, made.labels), slot)
        colors[labels < made.start_label] = 255
        yield _Panel(
            draw_boundaries(image, labels, start_label=made.start_label),
            f"{made.size or f'K = {made.n_requested}'}, n = {n_made}",
            _figures(made.metrics, {"asa": "ASA", "gr": "GR"}),
        )
        yield _Panel(
            colors,
            "mean colours",
            _figures(made.metrics, {"explained_variation": "EV", "compactness": "CO"}),
        )


def _resize_image(image: Rgb, slot: Slot) -> Rgb:
    if image.shape[:2] == (slot.height, slot.width):
        return image
    size = (slot.width, slot.height)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def take_nearest(pixels: NDArray[Pixel], slot: Slot) -> NDArray[Pixel]:
    """Take for each pixel of the slot the one that covers its centre."""
    height, width = pixels.shape[:2]
    rows = (2 * np.arange(slot.height) + 1) * height // (2 * slot.height)
    columns = (2 * np.arange(slot.width) + 1) * width // (2 * slot.width)
    taken: NDArray[Pixel] = pixels[rows[:, np.newaxis], columns]
    return taken


def _about_objects(example: Example) -> str:
    assert example.objects is not None
    objects = example.objects.ravel()
    if example.superpixels:
        made = example.superpixels[0]
        objects = objects[made.labels.ravel() >= made.start_label]
    n_objects = np.count_nonzero(np.unique(objects))
    uncertain = float(np.mean(objects == 0))
    said = f"{n_objects} object{'' if n_objects == 1 else 's'}"
    return f"{said} · {_percent(uncertain)} uncertain" if uncertain else said


def _percent(share: float) -> str:
    return "< 1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")


def _figures(metrics: Mapping[str, float | None], shown: Mapping[str, str]) -> str:
    values = {short: metrics.get(name) for name, short in shown.items()}
    return " · ".join(
        f"{short} {value:.3f}"
        for short, value in values.items()
        if value is not None and not np.isnan(value)
    )


def _place(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    panel: _Panel,
    slot: Slot,
    origin: tuple[int, int],
) -> None:
    """Put a panel's picture and its two lines on the sheet."""
    left, top = origin[0] + slot.left, origin[1] + slot.top
    sheet.paste(Image.fromarray(np.ascontiguousarray(panel.picture)), (left, top))
    below = top + slot.height + 6
    for line, (text, color) in enumerate(((panel.heading, INK), (panel.figures, QUIET))):
        font = caption_font(CAPTION_SIZE, bold=line == 0)
        text = elide(text, font, slot.width)
        draw.text((left, below + line * LINE_HEIGHT), text, color, font)


def caption_font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the report's font at a size in pixels."""
    return ImageFont.truetype(str(font_file(bold)), size, layout_engine=ImageFont.Layout.BASIC)


def elide(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Shorten a text in its middle until it fits."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    kept = len(text) - 1
    while kept > 0 and font.getlength(_shorten(text, kept)) > width:
        kept -= 1
    return _shorten(text, kept)


def _shorten(text: str, kept: int) -> str:
    head = kept // 2
    return f"{text[:head]}…{text[len(text) - (kept - head) :]}"
