"""The user's own segmentations: label images, stacks of masks, COCO run lengths.

One folder holds them all, each named like its item: `<id>.png`, `.tif`, `.tiff`, `.npy`, `.mat`
or `.json`, or a folder `<id>/` of binary PNGs.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import MAX_PIXELS
from spam_pipe.pipeline.datasets.guards.npy_content import map_npy
from spam_pipe.pipeline.datasets.images.tiff import label_pages
from spam_pipe.pipeline.datasets.user_files.item_files import (
    inside,
    named_files,
    named_folder,
    refuse_two,
)
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.datasets.user_files.names import written
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.propose.run_lengths import RunLengths, checked_size, encode

SUFFIXES = (*LABEL_SUFFIXES, ".json")
"""Suffixes, in lower case, of what `MaskFile` reads."""


_LARGEST_PAGE = 2**29  # bytes


@dataclass(frozen=True)
class MaskFolder:
    """A folder of segmentations, or a COCO file of all."""

    path: Path  # the folder or file

    def find(self, item_id: str) -> "MaskFile":
        """Return the segmentation of an item, without opening it.

        Raises
        ------
        DataError
            When there is none, or more than one.
        """
        inside(self.path, item_id, "masks")
        if self.path.suffix.lower() == ".json" and self.path.is_file():
            return MaskFile(self.path, item_id)
        if not self.path.is_dir():
            raise DataError(f"{self.path}: there is no such folder of masks; see propose.masks")
        found = named_files(self.path, item_id, "masks", SUFFIXES)
        folder = named_folder(self.path, item_id, "masks")
        # A folder `a/` beside `a.png` may as well hold the masks of `a/b`, `a/c` …
        if folder is not None and (len(found) != 1 or _mask_pictures(folder)):
            found.append(folder)
        if not found:
            raise DataError(
                f"{self.path}: no masks for '{item_id}'; expected {item_id} with one of "
                f"{' '.join(SUFFIXES)}, or a folder of PNGs of that name"
            )
        refuse_two(found, self.path, item_id)
        return MaskFile(found[0], item_id)


@dataclass(frozen=True)
class MaskFile(FileSource):
    """One image's segmentation; reads as `stages.propose.run_lengths.RunLengths`.

    - PNG, TIFF, npy (H, W), mat: a label image; each label but 0 is one mask. Of BSD's
      ``groundTruth`` the first annotator is taken.
    - npy (n, H, W), TIFF of several pages: binary masks; values other than 0 are foreground.
    - JSON: a list of ``{"segmentation": {"size": [H, W], "counts": …}, "predicted_iou": …}``
      with counts as a list or compressed, as segment-anything's ``amg.py`` writes it with
      ``--convert-to-rle``, or COCO's ``{"annotations": [...]}``, where polygons may stand for
      run lengths, and of several ``images`` the one is meant that is called like the item.
    - a folder: binary PNGs and, optionally, ``metadata.csv`` with ``id`` and ``predicted_iou``,
      as ``amg.py`` writes it.

    Masks without a score get 1. An empty list of proposals reads as no masks of size 1×1.
    """

    item_id: str = ""  # the image, for files that hold masks of several

    def signature(self) -> str:
        """Return size and modification time, of every file where it is a folder."""
        if not self.path.is_dir():
            return super().signature()
        return self._of_all_files(MaskFile.signature)

    def digest(self) -> str:
        """Return the SHA-256 of the content, of every file's name and content where a folder."""
        if not self.path.is_dir():
            return super().digest()
        return self._of_all_files(MaskFile.digest)

    def _of_all_files(self, summary: Callable[["MaskFile"], str]) -> str:
        files = [*_mask_pictures(self.path), *self.path.glob("metadata.csv")]
        lines = [f"{file.name} {summary(MaskFile(file))}" for file in files]
        return sha256("\n".join(lines).encode()).hexdigest()

    def read(self) -> RunLengths:
        """Load the masks."""
        try:
            if self.path.is_dir():
                return _read_folder(self.path)
            match self.path.suffix.lower():
                case ".json":
                    return _read_json(self.path, self.item_id)
                case ".npy":
                    return _read_npy(self.path)
                case ".tif" | ".tiff":
                    return _read_tiff(self.path)
                case _:
                    return RunLengths.from_labels(LabelFile(self.path).read()[0])
        except (ValueError, OSError) as error:
            raise DataError(
                f"{self.path}: {error}; masks are label images, "
                "stacks of binary images, or COCO run lengths"
            ) from error


def _stacked(masks: Iterable[NDArray[Any]], score: list[float] | None = None) -> RunLengths:
    """Encode masks one at a time; an empty stack has size 1×1."""
    size: tuple[int, ...] | None = None
    counts = []
    for index, mask in enumerate(masks):
        size = size or mask.shape
        if mask.shape != size:
            raise ValueError(f"mask {index} has shape {mask.shape}, the ones before have {size}")
        counts.append(encode(mask))
    return RunLengths.from_counts(counts, size or (1, 1), score)


def _read_npy(path: Path) -> RunLengths:
    stack = map_npy(path)
    if stack.ndim == 3:
        checked_size(stack.shape[1:])
        return _stacked(stack)
    return RunLengths.from_labels(LabelFile(path).read()[0])


def _read_tiff(path: Path) -> RunLengths:
    """Read a label image, or binary masks page by page: there may be thousands."""
    pages = label_pages(path, MAX_PIXELS, _LARGEST_PAGE)
    first, second = next(pages, None), next(pages, None)
    if first is None or second is None:
        return RunLengths.from_labels(LabelFile(path).read()[0])
    return _stacked(_filled(page, path) for page in chain((first, second), pages))


def _filled(page: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return a page as a mask; pixels that the page masks are background."""
    if page.ndim != 2:
        raise DataError(f"{path}: its pages are in colour; save masks in black and white")
    checked_size(page.shape)
    return np.ma.filled(page, 0)


def _read_json(path: Path, item_id: str) -> RunLengths:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    image: Mapping[str, Any] = {}
    if isinstance(content, dict):
        content, image = _of_image(content, path, item_id)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError("is no list of masks")
    lengths = [_lengths(entry.get("segmentation", entry), image) for entry in content]
    for index, each in enumerate(lengths):
        if not isinstance(each, dict) or not {"size", "counts"} <= each.keys():
            raise ValueError(f"mask {index} has no run lengths ('size' and 'counts')")
        if not isinstance(each["size"], list) or each["size"] != lengths[0]["size"]:
            raise ValueError(f"mask {index} is {each['size']}, the first {lengths[0]['size']}")
    size = lengths[0]["size"] if lengths else (1, 1)
    return RunLengths.from_counts(
        [each["counts"] for each in lengths],
        size,
        [_score(entry.get("predicted_iou")) for entry in content],
    )


def _of_image(content: dict[str, Any], path: Path, item_id: str) -> tuple[Any, Mapping[str, Any]]:
    """Return one image's annotations and description out of a COCO file."""
    annotations, images = content.get("annotations"), content.get("images")
    if not isinstance(images, list) or not isinstance(annotations, list):
        return annotations, {}
    described = [each for each in images if isinstance(each, dict)]
    paths = [_paths(str(each.get("file_name", ""))) for each in described]
    wanted = _paths(item_id)
    meant = [each for each, own in zip(described, paths, strict=True) if own & wanted]
    if not meant:  # COCO's files name images without their folder
        last = {PurePosixPath(each).name for each in wanted}
        meant = [
            each
            for each, own in zip(described, paths, strict=True)
            if {PurePosixPath(name).name for name in own} & last
        ]
    if not meant and len(described) == 1 and written(path.stem) in wanted:
        meant = described  # the file itself is called like the image
    if len(meant) != 1:
        names = [written(str(each.get("file_name"))) for each in meant or described][:3]
        raise ValueError(
            f"names {len(meant) or 'no'} image{'s' * (len(meant) != 1)} like '{item_id}' among "
            f"its {len(described)} ({', '.join(names)} …)"
        )
    (image,) = meant
    own = [
        each
        for each in annotations
        if isinstance(each, dict) and each.get("image_id") == image.get("id")
    ]
    return own, image


def _paths(name: str) -> set[str]:
    """Return the names an image may have: its path with and without suffix."""
    path = PurePosixPath(written(name))
    return {path.as_posix(), path.with_suffix("").as_posix()} if path.name else set()


def _lengths(segmentation: Any, image: Mapping[str, Any]) -> Any:
    """Return run lengths; polygons become the pixels whose centres lie inside."""
    if not isinstance(segmentation, list):
        return segmentation
    from skimage.draw import polygon

    height, width = image.get("height"), image.get("width")
    if not isinstance(height, int) or not isinstance(width, int):
        raise ValueError("has polygons, but no height and width of their image")
    size = [height, width]
    mask = np.zeros(checked_size(size), np.bool_)
    for corners in segmentation:
        points = np.asarray(corners, np.float64)
        if points.ndim != 1 or points.size < 6 or points.size % 2:
            raise ValueError("has a polygon that is no list of x1, y1, x2, y2, x3, y3 …")
        x, y = points.reshape(-1, 2).T - 0.5
        mask[polygon(y, x, mask.shape)] = True
    return {"size": size, "counts": encode(mask).tolist()}


def _read_folder(path: Path) -> RunLengths:
    pictures = _mask_pictures(path)
    table = path / "metadata.csv"
    if not pictures and not table.is_file():
        raise ValueError("holds no PNG masks")
    scores = {}
    if table.is_file():
        try:
            with table.open(newline="", encoding="utf-8") as file:
                scores = {row.get("id"): row.get("predicted_iou") for row in csv.DictReader(file)}
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError("its metadata.csv is not a table") from error
    return _stacked(
        (LabelFile(picture).read()[0] for picture in pictures),
        [_score(scores.get(picture.stem)) for picture in pictures],
    )


def _score(value: Any) -> float:
    try:
        return 1.0 if value is None else float(value)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"'{value}' is no predicted_iou") from error


def _mask_pictures(path: Path) -> list[Path]:
    """Return the PNGs of a folder, 2 before 10, without amg.py's cut-out pictures."""
    pictures = [
        file
        for file in path.iterdir()
        if file.suffix.lower() == ".png" and not file.stem.endswith("matting")
    ]
    return sorted(
        pictures,
        key=lambda file: ([int(d) for d in re.findall(r"\d+", file.stem)], file.name),
    )
