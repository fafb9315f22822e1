"""Colour spaces: sRGB to CIELab, and smoothing."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from spam_pipe.stages.compiled import parallel_kernel

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
    _convert(np.ascontiguousarray(image), _PARTS, _LIGHTNESS, lab)
    return lab


@parallel_kernel
def _convert(
    image: NDArray[np.uint8],
    parts: NDArray[np.float32],
    lightness: NDArray[np.float32],
    lab: NDArray[np.float32],
) -> None:
    height, width, _ = image.shape
    for row in prange(height):
        response = np.empty(3, np.float32)
        for column in range(width):
            red, green, blue = image[row, column]
            for axis in range(3):
                tristimulus = parts[axis, 0, red] + parts[axis, 1, green] + parts[axis, 2, blue]
                # Channels whose weights sum to a hair above one would leave the table.
                step = min(np.int32(tristimulus), np.int32(lightness.size - 2))
                share = tristimulus - np.float32(step)
                response[axis] = lightness[step] + share * (lightness[step + 1] - lightness[step])
            lab[row, column, 0] = np.float32(116) * response[1] - np.float32(16)
            lab[row, column, 1] = np.float32(500) * (response[0] - response[1])
            lab[row, column, 2] = np.float32(200) * (response[1] - response[2])


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
    smoothed = np.empty_like(lab)
    _blur(np.ascontiguousarray(lab), (weights / weights.sum()).astype(np.float32), smoothed)
    return smoothed


@parallel_kernel
def _blur(
    lab: NDArray[np.float32], weights: NDArray[np.float32], smoothed: NDArray[np.float32]
) -> None:
    height, width, _ = lab.shape
    reach = weights.size // 2
    flat = lab.reshape(height, width * 3)
    for row in prange(height):
        # Blurred down the columns and framed by its own end pixels: then along the row.
        framed = np.zeros((width + 2 * reach) * 3, np.float32)
        inner = framed[3 * reach : 3 * (reach + width)]
        for step in range(weights.size):
            source = flat[min(max(row + step - reach, 0), height - 1)]
            weight = weights[step]
            for i in range(3 * width):
                inner[i] += weight * source[i]
        for i in range(3 * reach):
            framed[i] = inner[i % 3]
            framed[3 * (reach + width) + i] = inner[3 * (width - 1) + i % 3]
        target = smoothed[row].reshape(3 * width)
        target[:] = np.float32(0)
        for step in range(weights.size):
            source = framed[3 * step : 3 * (step + width)]
            weight = weights[step]
            for i in range(3 * width):
                target[i] += weight * source[i]
