"""Valid pixels of an image: from the image itself, and from a mask of the user's."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS
from spam_pipe.pipeline.datasets.user_files.item_files import inside, named_files, refuse_two
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import ImageSource, Picture, Source

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ValidPixels(Source):
    """The valid pixels of an image; reads as (H, W) bool, None if all are valid."""

    image: ImageSource  # the image, which may mark pixels itself
    # the user's mask of it, if there is one: not 0 where pixels count
    mask: LabelFile | None = None

    def signature(self) -> str:
        """Return the signatures of image and mask."""
        own = "" if self.mask is None else f" {self.mask.signature()}"
        return self.image.signature() + own

    def digest(self) -> str:
        """Return the SHA-256 of the pixels that count; empty where all do."""
        return digest_of_mask(self.read())

    def read(self) -> Mask | None:
        """Load image and mask."""
        return self.of(self.image.picture())

    def of(self, picture: Picture) -> Mask | None:
        """Return the valid pixels of the image as it was read.

        Raises
        ------
        DataError
            When the mask can't be read, or belongs to an image of another size.
        """
        if self.mask is None:
            return picture.valid
        inside = self.mask.read()[0] != 0
        if inside.shape != picture.pixels.shape[:2]:
            found, wanted = (f"{h}×{w}" for h, w in (inside.shape, picture.pixels.shape[:2]))
            raise DataError(
                f"{self.mask.path}: the mask is {found} but the image is {wanted} (height × "
                "width): give a mask that belongs to this image"
            )
        if picture.valid is not None:
            inside &= picture.valid
        return None if inside.all() else inside


def digest_of_mask(valid: Mask | None) -> str:
    """Return the SHA-256 (hex) of a mask; empty for None, as for an item that has none."""
    if valid is None:
        return ""
    return sha256(f"{valid.shape}".encode() + np.packbits(valid).tobytes()).hexdigest()


def find_valid(
    image: ImageSource, item_id: str, place: str | None, max_pixels: int = MAX_PIXELS
) -> ValidPixels | None:
    """Return the source of an item's valid pixels; None where all pixels count.

    Parameters
    ----------
    image, item_id
        The item.
    place
        Folder of masks, one mask for all items, or None.
    max_pixels
        Larger masks are refused.

    Raises
    ------
    DataError
        When there is a folder of masks, but none for this item, or more than one.
    """
    if place is not None:
        return ValidPixels(image, LabelFile(_find_mask(Path(place), item_id), max_pixels))
    return ValidPixels(image) if image.may_have_gaps else None


def _find_mask(place: Path, item_id: str) -> Path:
    if place.is_file():
        return place
    inside(place, item_id, "masks")
    if not place.is_dir():
        raise DataError(f"{place}: there is no such mask or folder of masks; see dataset.valid")
    found = named_files(place, item_id, "masks", LABEL_SUFFIXES)
    if not found:
        raise DataError(
            f"{place}: no mask of valid pixels for '{item_id}'; expected {item_id} with one of "
            f"{' '.join(LABEL_SUFFIXES)}"
        )
    refuse_two(found, place, item_id)
    return found[0]
