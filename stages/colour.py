"""Colour spaces: sRGB to CIELab, and smoothing."""

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.compiled import kernel
from spam_pipe.stages.sharing import share_out

_CODES = np.arange(256) / 255


_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)


_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)


_WHITE_D65 = np.array([0.95047, 1.0, 1.08883])


_LINEAR_TO_WHITE = (_RGB_TO_XYZ / _WHITE_D65[:, None])[:, :, None] * _LINEAR


_STEPS = 16384


_TRISTIMULUS = np.arange(_STEPS + 2) / _STEPS


_LIGHTNESS = np.where(
    _TRISTIMULUS > 0.008856, np.cbrt(_TRISTIMULUS), 7.787 * _TRISTIMULUS + 16 / 116
).astype(np.float32)


_PARTS = np.ascontiguousarray(_LINEAR_TO_WHITE * _STEPS, dtype=np.float32)


def rgb_to_lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert sRGB to CIELab under the D65 white point.

    Parameters
    ----------
    image
        (H, W, 3) uint8, sRGB.

    Returns
    -------
    (H, W, 3) float32: L in 0..100, a and b about -128..127; within 1e-3 of the exact formula
    (IEC 61966-2-1 and CIE 15), as scikit-image's `rgb2lab` computes it.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f"an image is (H, W, 3) uint8, this one is {image.shape} {image.dtype}: "
            "convert it to 8-bit RGB"
        )
    lab = np.empty(image.shape, np.float32)
    # For an array that is read-only, as Pillow's are, numba would compile the kernel anew.
    samples = np.require(image, requirements=("C", "W"))
    share_out(
        len(lab),
        lambda first, last: _convert(first, last, samples, _PARTS, _LIGHTNESS, lab),
    )
    return lab


@kernel("int64, int64, uint8[:, :, ::1], float32[:, :, ::1], float32[::1], float32[:, :, ::1]")
def _convert(
    first: int,
    last: int,
    image: NDArray[np.uint8],
    parts: NDArray[np.float32],
    lightness: NDArray[np.float32],
    lab: NDArray[np.float32],
) -> None:
    most = np.int32(lightness.size - 2)
    for row in range(first, last):
        for column in range(image.shape[1]):
            for axis in range(3):
                tristimulus = (
                    parts[axis, 0, image[row, column, 0]]
                    + parts[axis, 1, image[row, column, 1]]
                    + parts[axis, 2, image[row, column, 2]]
                )
                step = np.int32(tristimulus)
                # Channels whose weights sum to a hair above one would leave the table.
                if step > most:
                    step = most
                share = tristimulus - np.float32(step)
                # Of a lightness each; in a moment L, a and b stand in their place.
                lab[row, column, axis] = lightness[step] + share * (
                    lightness[step + 1] - lightness[step]
                )
            x, y, z = lab[row, column, 0], lab[row, column, 1], lab[row, column, 2]
            lab[row, column, 0] = np.float32(116) * y - np.float32(16)
            lab[row, column, 1] = np.float32(500) * (x - y)
            lab[row, column, 2] = np.float32(200) * (y - z)


def smooth_lab(lab: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Blur with a Gaussian cut at four standard deviations; the frame's pixels repeat outside.

    Parameters
    ----------
    lab
        (H, W, 3) float32.
    deviation
        In pixels; below a tenth the image is returned as it is.

    Returns
    -------
    (H, W, 3) float32.
    """
    if deviation < 0.1:
        return lab
    reach = int(4 * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    height, width, _ = lab.shape
    flat = np.ascontiguousarray(lab).reshape(height, 3 * width)
    smoothed = np.empty((height, 3 * width), np.float32)

    def blur(first: int, last: int) -> None:
        framed = np.empty(3 * (width + 2 * reach), np.float32)
        _blur(first, last, flat, weights, framed, smoothed)

    share_out(height, blur)
    return smoothed.reshape(lab.shape)


@kernel("int64, int64, float32[:, ::1], float32[::1], float32[::1], float32[:, ::1]")
def _blur(
    first: int,
    last: int,
    flat: NDArray[np.float32],
    weights: NDArray[np.float32],
    framed: NDArray[np.float32],
    smoothed: NDArray[np.float32],
) -> None:
    """Blur rows of three values a pixel; `framed` is room for one with its frame."""
    height, length = flat.shape
    reach = weights.size // 2
    frame = 3 * reach
    for row in range(first, last):
        # Blurred down the columns and framed by its own end pixels: then along the row.
        for i in range(length):
            framed[frame + i] = np.float32(0)
            smoothed[row, i] = np.float32(0)
        for step in range(weights.size):
            source = row + step - reach
            if source < 0:
                source = 0
            elif source >= height:
                source = height - 1
            weight = weights[step]
            for i in range(length):
                framed[frame + i] += weight * flat[source, i]
        for i in range(frame):
            framed[i] = framed[frame + i % 3]
            framed[frame + length + i] = framed[length + frame - 3 + i % 3]
        for step in range(weights.size):
            weight = weights[step]
            shift = 3 * step
            for i in range(length):
                smoothed[row, i] += weight * framed[shift + i]
