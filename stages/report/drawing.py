"""Label maps made visible: boundaries over a picture, mean colours, coloured objects."""

import numpy as np
from numpy.typing import NDArray
from skimage.color import lab2rgb

Rgb = NDArray[np.uint8]
Color = tuple[int, int, int]

BOUNDARY_COLOR: Color = (255, 222, 40)
CHROMA = 38.0
GOLDEN_ANGLE = 137.50776405

_BAND = 1024


def boundary_lines(labels: NDArray[np.integer], start_label: int = 0) -> NDArray[np.bool_]:
    """Mark the pixels whose right or lower neighbour has another label.

    Parameters
    ----------
    labels
        (H, W) integers.
    start_label
        Smaller labels are no superpixels and have no boundary.

    Returns
    -------
    (H, W); the lines are one pixel thick and the frame makes none.
    """
    lines = np.zeros(labels.shape, dtype=np.bool_)
    inside = labels >= start_label
    lines[:, :-1] = (labels[:, 1:] != labels[:, :-1]) & inside[:, 1:]
    lines[:-1] |= (labels[1:] != labels[:-1]) & inside[1:]
    return lines & inside


def draw_boundaries(
    image: Rgb,
    labels: NDArray[np.integer],
    color: Color = BOUNDARY_COLOR,
    shadow: float = 0.55,
    start_label: int = 0,
) -> Rgb:
    """Draw the superpixels' boundaries over a picture.

    A bright line alone is lost on bright ground, so the pixels beside it are darkened.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    labels
        (H, W) non-negative integers.
    color
        sRGB, 0..255.
    shadow
        Share of their brightness that the line's 4-neighbours lose, 0..1.
    start_label
        Smaller labels are no superpixels and have no boundary.

    Returns
    -------
    (H, W, 3) uint8: exactly `color` on the lines (`boundary_lines`), the picture elsewhere
    but for the shadow.

    Raises
    ------
    ValueError
        When image and labels do not fit each other.
    """
    _check(image, labels)
    lines = boundary_lines(labels, start_label)
    beside = np.zeros_like(lines)
    beside[1:] |= lines[:-1]
    beside[:-1] |= lines[1:]
    beside[:, 1:] |= lines[:, :-1]
    beside[:, :-1] |= lines[:, 1:]
    drawn = image.copy()
    drawn[beside] = np.rint(image[beside] * (1.0 - shadow)).astype(np.uint8)
    drawn[lines] = color
    return drawn


def mean_colors(image: Rgb, labels: NDArray[np.integer]) -> Rgb:
    """Paint every superpixel in its mean colour.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    labels
        (H, W) integers 0..n-1.

    Returns
    -------
    (H, W, 3) uint8: the means of the sRGB values, rounded half to even. Explained variation
    is one minus the share of the variation that this picture leaves out.

    Raises
    ------
    ValueError
        When image and labels do not fit each other.
    """
    _check(image, labels)
    n = int(labels.max()) + 1
    areas, sums = np.zeros(n, np.int64), np.zeros((n, 3))
    # Row by row of bands: a large image in double precision would take gigabytes.
    for top in range(0, len(labels), _BAND):
        flat = labels[top : top + _BAND].ravel().astype(np.intp)
        areas += np.bincount(flat, minlength=n)
        for channel in range(3):
            colors = image[top : top + _BAND, :, channel].ravel()
            sums[:, channel] += np.bincount(flat, colors, n)
    means = np.rint(sums / np.maximum(areas, 1)[:, np.newaxis]).astype(np.uint8)
    painted: Rgb = means[labels]
    return painted


def distinct_colors(count: int) -> Rgb:
    """Return colours that sit well together, each unlike the ones just before it.

    Hues advance by the golden angle at even chroma; lightness takes one of three steps.

    Parameters
    ----------
    count
        How many, at least 0.

    Returns
    -------
    (count, 3) uint8, sRGB; the first ones do not depend on `count`.
    """
    index = np.arange(count)
    hue = np.deg2rad((265.0 + GOLDEN_ANGLE * index) % 360.0)
    lightness = np.choose(index % 3, [68.0, 60.0, 78.0])
    lab = np.stack([lightness, CHROMA * np.cos(hue), CHROMA * np.sin(hue)], axis=1)
    rgb: NDArray[np.float64] = lab2rgb(lab[np.newaxis])[0] if count else lab
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def color_objects(
    image: Rgb, objects: NDArray[np.integer], opacity: float = 0.62, stripe: int = 3
) -> Rgb:
    """Lay the prior's objects as colours over the grey picture; uncertain pixels are hatched.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.
    objects
        (H, W) integers: objects 1..n, 0 = uncertain.
    opacity
        Of the colours, 0..1.
    stripe
        Width of the hatching's stripes in pixels.

    Returns
    -------
    (H, W, 3) uint8; objects are outlined in white where they meet one another.

    Raises
    ------
    ValueError
        When image and objects do not fit each other.
    """
    _check(image, objects)
    grey = image @ np.array([0.299, 0.587, 0.114])
    colors = distinct_colors(int(objects.max()))
    palette = np.vstack([np.zeros((1, 3)), colors])
    drawn: NDArray[np.float64] = (1 - opacity) * grey[..., np.newaxis] + opacity * palette[objects]
    drawn[_meeting(objects)] = 255.0
    uncertain = objects == 0
    rows, columns = np.nonzero(uncertain)
    dark = np.where((rows + columns) // stripe % 2, 0.18, 0.62)
    drawn[uncertain] = (grey[uncertain] * dark)[:, np.newaxis]
    return np.rint(drawn).astype(np.uint8)


def _meeting(objects: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the pixels whose right or lower neighbour is of another object, none uncertain."""
    lines = np.zeros(objects.shape, dtype=np.bool_)
    lines[:, :-1] = (objects[:, 1:] != objects[:, :-1]) & (objects[:, 1:] > 0)
    lines[:-1] |= (objects[1:] != objects[:-1]) & (objects[1:] > 0)
    return lines & (objects > 0)


def _check(image: Rgb, labels: NDArray[np.integer]) -> None:
    """Raise ValueError unless the picture and the label map describe the same pixels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"the picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}: convert it"
        )
    if labels.shape != image.shape[:2]:
        raise ValueError(
            f"the label map is {labels.shape} and the picture {image.shape[:2]}: "
            "they must be of one size"
        )
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    if labels.size == 0:
        raise ValueError(f"the label map is empty: {labels.shape}")
    if labels.dtype.kind == "i" and labels.min() < 0:
        raise ValueError(f"labels must not be negative: the smallest is {labels.min()}")
