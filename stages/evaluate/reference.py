"""An image and its ground truth, made ready once for label maps of any count."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spam_pipe.stages.evaluate.boundary import boundary_map, dilated, tolerance_radius
from spam_pipe.stages.evaluate.explained_variation import total_variation
from spam_pipe.stages.evaluate.regions import painted, regions_of
from spam_pipe.stages.validity import VOID, check_valid


class Annotation(NamedTuple):
    """One annotator's segmentation."""

    regions: NDArray[np.int32]  # (N,) int32, the region of each pixel, 0 to n_regions - 1
    n_regions: int  # number of regions, that of the pixels without one included
    # (H, W) bool, boundary pixels, and those dilated by the tolerance
    boundary: NDArray[np.bool_]
    dilated: NDArray[np.bool_]
    # (H, W) bool, the pixels that metrics of this annotator look at, where these are not all that
    # the reference looks at: those that count and are not void. None where they are.
    counted: NDArray[np.bool_] | None = None


class Reference(NamedTuple):
    """An image and its ground truth, made ready to be compared with any number of label maps."""

    shape: tuple[int, int]  # height and width of the label maps that fit
    radius: int  # tolerance of the boundary metrics in pixels
    # ground truth, one entry per annotator; empty where there is none
    annotations: tuple[Annotation, ...]
    image: NDArray[np.uint8] | None  # (H, W, 3) uint8, or None
    # sum of squares of the image's colours; NaN without an image or for one of one colour
    variation: float
    valid: NDArray[np.bool_] | None = None  # (H, W) bool, the pixels that count; None where all do


def prepare(
    shape: tuple[int, int],
    image: NDArray[np.uint8] | None = None,
    annotations: Sequence[NDArray[np.integer]] = (),
    boundary_tolerance: float = 0.0025,
    valid: NDArray[np.bool_] | None = None,
) -> Reference:
    """Make an image and its ground truth ready for `stages.evaluate.evaluate.evaluate`.

    Parameters
    ----------
    shape
        Height and width of the label maps to come.
    image
        (H, W, 3) uint8, sRGB.
    annotations
        (H, W) non-negative integers per annotator; every value, 0 as well, is a region, but
        `VOID`, which is none.
    boundary_tolerance
        Tolerance of the boundary metrics as a share of the diagonal, which is the image's even
        where some of its pixels hold no data.
    valid
        (H, W) bool, the pixels that count, as they do in the label maps to come; None for all.

    Raises
    ------
    ValueError
        When the image or an annotation has another shape, or a dtype other than stated above.
    """
    if image is not None:
        if image.shape[:2] != shape:
            raise ValueError(
                f"the label map's shape {shape} is not the image's shape {image.shape[:2]}"
            )
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"the image must be H×W×3 uint8, got {image.dtype} of shape {image.shape}"
            )
    if valid is not None:
        check_valid(valid, shape)
    radius = tolerance_radius(shape, boundary_tolerance)
    prepared = []
    for number, given in enumerate(annotations, start=1):
        annotation = np.ascontiguousarray(given)  # MATLAB's files give columns first
        if annotation.shape != shape:
            raise ValueError(
                f"the shape {annotation.shape} of ground truth {number} is not the shape {shape} "
                f"of the {'label map' if image is None else 'image'}"
            )
        try:
            regions = regions_of(annotation)
        except ValueError as error:
            raise ValueError(f"ground truth {number}: {error}") from error
        counted = _counted(annotation, valid)
        boundary = boundary_map(annotation, valid if counted is None else counted)
        near = dilated(boundary, radius)
        prepared.append(Annotation(painted(regions), regions.areas.size, boundary, near, counted))
    variation = float("nan") if image is None else total_variation(image, valid)
    return Reference(shape, radius, tuple(prepared), image, variation, valid)


def _counted(
    annotation: NDArray[np.integer], valid: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """Return the pixels that count and are not void; None where none is void."""
    if annotation.dtype.itemsize < 4:
        return None
    void: NDArray[np.bool_] = annotation == VOID
    if not void.any():
        return None
    return ~void if valid is None else valid & ~void
