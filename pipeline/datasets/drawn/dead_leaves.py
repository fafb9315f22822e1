"""Dead-leaves scenes: shapes thrown over one another, with exact ground truth.

The model is that of Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 2001:
sizes follow a power law and later shapes hide earlier ones, which gives the statistics of natural
images. The shapes here are textured, shaded and cast shadows, so that colour alone does not
tell the regions apart.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.drawn.textures import (
    PATTERNS,
    Array,
    Stream,
    turbulence,
    value_noise,
)
from spam_pipe.pipeline.datasets.user_files.label_file import Annotations
from spam_pipe.pipeline.items import ImageSource, Source

VERSION = 1
"""Bumped whenever a scene comes out differently."""

N_LEAVES = 60
SMALLEST, LARGEST = 20.0, 150.0
"""Radii in pixels between which shapes are drawn."""

_SHADOW = 7
"""Pixels by which a shadow lies down and right of its shape."""

_PALETTES = (
    "3b5323 6b8e23 a2b86c 8b6b43 5a4632 c9b27c 87a5b4 2f3b2a",  # forest
    "1f4e6b 3e7fa3 8fc1d9 e6dcc3 c8a97e 7d6a55 f1efe7 2b3a42",  # coast
    "7a2e1d b5532a d98e3f e8c170 5b4a36 8a8f5a 3d3a33 c4b8a5",  # autumn
    "4a4e57 7d838c b3b7bb a65e4e 6e4b41 d8cfc0 39485a 8c7b6a",  # town
    "5f7f3a 93b056 d7d88a c46a86 8a5a9c e9e3cf 4d6b7c 7a5a3c",  # meadow
    "6a5f57 9a8c7f c7b9a6 4b4742 87765f 5e6b6e b08d6a e0d7c9",  # rock
)


@dataclass(frozen=True)
class Leaves(Source):
    """A scene of 321×481 or 481×321 pixels, drawn when it is read."""

    seed: int  # any integer from 0; every fourth scene is in portrait format

    def signature(self) -> str:
        """Return the drawing's version and seed."""
        return f"dead-leaves:{VERSION}:{self.seed}"

    def digest(self) -> str:
        """Return the SHA-256 of the signature, which decides every pixel."""
        return sha256(f"{type(self).__name__}:{self.signature()}".encode()).hexdigest()


class SceneImage(Leaves, ImageSource):
    """The picture; reads as (H, W, 3) uint8."""

    def read(self) -> NDArray[np.uint8]:
        """Draw the scene."""
        return draw_scene(self.seed)[0].copy()


class SceneAnnotations(Leaves):
    """The visible part of each shape; reads as one (H, W) uint32 map of regions from 1."""

    def read(self) -> Annotations:
        """Draw the scene."""
        return (draw_scene(self.seed)[1].copy(),)


@lru_cache(maxsize=2)
def draw_scene(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Draw a scene; the result is the same on every machine.

    Returns
    -------
    image
        (H, W, 3) uint8.
    regions
        (H, W) uint32, 1..n without gaps, from back to front.
    """
    stream = Stream(seed)
    shape = (481, 321) if seed % 4 == 0 else (321, 481)
    palette = _palette(_PALETTES[seed % len(_PALETTES)])
    noises = tuple(turbulence(stream, shape, scale) for scale in (6, 16, 40, 90))
    bends = value_noise(stream, shape, 45)
    canvas = _ground(stream, shape, palette, noises[3])
    leaves = np.zeros(shape, dtype=np.int64)
    for number in range(1, N_LEAVES + 1):
        _throw_leaf(canvas, leaves, number, stream, palette, noises, bends)
    image = _photograph(stream, canvas)
    _, regions = np.unique(leaves, return_inverse=True)
    return image, regions.reshape(shape).astype(np.uint32) + np.uint32(1)


def _palette(text: str) -> Array:
    return np.array([tuple(bytes.fromhex(color)) for color in text.split()]) / 255


def _ground(stream: Stream, shape: tuple[int, int], palette: Array, noise: Array) -> Array:
    top, bottom = palette[stream.below(len(palette))], palette[stream.below(len(palette))]
    height = np.arange(shape[0])[:, None] / shape[0]
    share = np.clip(height + 0.8 * (noise - 0.5), 0, 1)[..., None]
    return np.asarray((top + share * (bottom - top)) * (0.8 + 0.4 * noise[..., None]))


def _throw_leaf(
    canvas: Array,
    leaves: NDArray[np.int64],
    number: int,
    stream: Stream,
    palette: Array,
    noises: tuple[Array, ...],
    bends: Array,
) -> None:
    """Draw one shape over what is there, in place."""
    H, W = leaves.shape
    radius = _radius(stream)
    row, column = stream.uniform(0, H), stream.uniform(0, W)
    # The shape and its shadow lie within this window at any elongation and warp.
    reach = int(1.6 * radius) + 2
    top, left = max(int(row) - reach, 0), max(int(column) - reach, 0)
    bottom = min(int(row) + reach + _SHADOW, H)
    right = min(int(column) + reach + _SHADOW, W)
    size = (bottom - top, right - left)
    window = (slice(top, bottom), slice(left, right))

    y = np.arange(top, bottom)[:, None] - row
    x = np.arange(left, right)[None, :] - column
    cosine, sine = stream.direction()
    warp = stream.uniform(0.1, 0.9) * radius
    u = cosine * x + sine * y + warp * (_piece(stream, bends, size) - 0.5)
    v = cosine * y - sine * x + warp * (_piece(stream, bends, size) - 0.5)
    level = _outline(stream, u / radius, v / radius)
    inside = level < 1

    _cast_shadow(canvas[window], level, stream.uniform(0.25, 0.5))
    colors = _leaf_colors(stream, palette, noises, u, v, size)
    # Light from the upper left on a slightly domed surface.
    slope = (x + y) / (2 * radius)
    light = 0.78 + 0.3 * np.sqrt(np.maximum(1 - level * level, 0)) - 0.16 * slope
    np.copyto(canvas[window], colors * light[..., None], where=inside[..., None])
    np.copyto(leaves[window], number, where=inside)


def _radius(stream: Stream) -> float:
    """Draw from a density proportional to radius^-3 between the smallest and the largest."""
    most, least = 1 / (SMALLEST * SMALLEST), 1 / (LARGEST * LARGEST)
    return float(1 / np.sqrt(least + stream.uniform(0, 1) * (most - least)))


def _piece(stream: Stream, noise: Array, size: tuple[int, int]) -> Array:
    top = stream.below(noise.shape[0] - size[0] + 1)
    left = stream.below(noise.shape[1] - size[1] + 1)
    return noise[top : top + size[0], left : left + size[1]]


def _outline(stream: Stream, u: Array, v: Array) -> Array:
    """Return a function that is below 1 inside a random shape of about unit radius."""
    thin = stream.uniform(0.45, 1)
    match stream.below(3):
        case 0:
            return np.sqrt(u * u + (v / thin) * (v / thin))
        case 1:
            a, b = u * u / 0.81, (v / thin) * (v / thin) / 0.81
            return np.sqrt(np.sqrt(a * a + b * b))
        case _:
            level = np.full(np.broadcast(u, v).shape, -np.inf)
            for _ in range(3 + stream.below(5)):
                cosine, sine = stream.direction()
                level = np.maximum(level, (cosine * u + sine * v) / stream.uniform(0.5, 0.9))
            # Few sides may leave the shape open: a circle closes it.
            return np.asarray(np.maximum(level, np.sqrt(u * u + v * v) / 1.1))


def _cast_shadow(canvas: Array, level: Array, depth: float) -> None:
    shade = np.clip((1.15 - level[:-_SHADOW, :-_SHADOW]) * 4, 0, 1)
    canvas[_SHADOW:, _SHADOW:] *= 1 - depth * shade[..., None]


def _leaf_colors(
    stream: Stream,
    palette: Array,
    noises: tuple[Array, ...],
    u: Array,
    v: Array,
    size: tuple[int, int],
) -> Array:
    tint = 0.94 + 0.12 * stream.array(3)
    color = palette[stream.below(len(palette))] * tint * stream.uniform(0.75, 1.1)
    other = palette[stream.below(len(palette))]
    partner = color + stream.uniform(0.15, 0.6) * (other - color)
    noise = _piece(stream, noises[stream.below(len(noises))], size)
    pattern = PATTERNS[stream.below(len(PATTERNS))](u, v, noise, stream.uniform(5, 16))
    fine = _piece(stream, noises[0], size)
    mixed = color + pattern[..., None] * (partner - color)
    return np.asarray(mixed * (0.88 + 0.24 * fine[..., None]))


def _photograph(stream: Stream, canvas: Array) -> NDArray[np.uint8]:
    """Blur the borders a little, as a lens does, and add a sensor's noise."""
    soft = canvas
    for axis in (0, 1):
        padded = np.concatenate([soft.take([0], axis), soft, soft.take([-1], axis)], axis=axis)
        before, after = (
            padded.take(range(start, start + soft.shape[axis]), axis) for start in (0, 2)
        )
        soft = (before + 4 * soft + after) / 6
    noise = stream.array(*canvas.shape) + stream.array(*canvas.shape) - 1
    exposure = 0.94 + 0.12 * value_noise(stream, canvas.shape[:2], 200)
    values = soft * exposure[..., None] + 0.025 * noise
    return np.clip(np.floor(values * 255 + 0.5), 0, 255).astype(np.uint8)
