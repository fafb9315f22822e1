"""The user's own segmentations: label images, stacks of masks, COCO run lengths.

One folder holds them all, each named like its item: `<id>.png`, `.tif`, `.tiff`, `.npy`, `.mat`
or `.json`, or a folder `<id>/` of binary PNGs.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.npy_content import map_npy
from spam_pipe.pipeline.datasets.guards.tiff_segments import check_segments
from spam_pipe.pipeline.datasets.user_files.item_files import inside, named_files, refuse_two
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import FileSource
from spam_pipe.stages.propose.run_lengths import RunLengths, checked_size, encode

SUFFIXES = (*LABEL_SUFFIXES, ".json")
"""Suffixes, in lower case, of what `MaskFile` reads."""

_LARGEST_PAGE = 2**29  # bytes


@dataclass(frozen=True)
class MaskFolder:
    """A folder of segmentations.

    Attributes
    ----------
    path
        The folder.
    """

    path: Path

    def find(self, item_id: str) -> "MaskFile":
        """Return the segmentation of an item, without opening it.

        Raises
        ------
        DataError
            When there is none, or more than one.
        """
        relative = inside(self.path, item_id, "masks")
        if not self.path.is_dir():
            raise DataError(f"{self.path}: there is no such folder of masks; see propose.masks")
        base = self.path / relative
        found = named_files(base, SUFFIXES) + [base] * base.is_dir()
        # A folder `a/` beside `a.png` may as well hold the masks of `a/b`, `a/c` …
        if len(found) == 2 and found[-1] == base and not _mask_pictures(base):
            found.pop()
        if not found:
            raise DataError(
                f"{self.path}: no masks for '{item_id}'; expected {item_id} with one of "
                f"{' '.join(SUFFIXES)}, or a folder of PNGs of that name"
            )
        refuse_two(found, self.path, item_id)
        return MaskFile(found[0])


@dataclass(frozen=True)
class MaskFile(FileSource):
    """One image's segmentation; reads as `stages.propose.run_lengths.RunLengths`.

    - PNG, TIFF, npy (H, W), mat: a label image; each label but 0 is one mask. Of BSD's
      ``groundTruth`` the first annotator is taken.
    - npy (n, H, W), TIFF of several pages: binary masks; whatever is not 0 is foreground.
    - JSON: a list of ``{"segmentation": {"size": [H, W], "counts": …}, "predicted_iou": …}``
      with counts as a list or compressed, as segment-anything's ``amg.py`` writes it with
      ``--convert-to-rle``, or COCO's ``{"annotations": [...]}``.
    - a folder: binary PNGs and, optionally, ``metadata.csv`` with ``id`` and ``predicted_iou``,
      as ``amg.py`` writes it.

    Masks without a score get 1. An empty list of proposals reads as no masks of size 1×1.
    """

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
                    return _read_json(self.path)
                case ".npy":
                    return _read_npy(self.path)
                case ".tif" | ".tiff":
                    return _read_tiff(self.path)
                case _:
                    return RunLengths.from_labels(LabelFile(self.path).read()[0])
        except (ValueError, OSError) as error:
            raise DataError(f"{self.path}: {error}; see the README's formats of masks") from error


def _stacked(masks: Iterable[NDArray[Any]], score: list[float] | None = None) -> RunLengths:
    """Encode masks one at a time; none at all have no size of their own."""
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
    try:
        with tifffile.TiffFile(path) as file:
            # Counted first: iterating would follow a circle of pages for ever.
            pages = [file.pages[index] for index in range(len(file.pages))]
            shapes = {page.shape for page in pages}
            if len(pages) > 1:
                if len(shapes) > 1:
                    raise DataError(f"{path}: its pages have different sizes: {sorted(shapes)}")
                checked_size(shapes.pop())
                if max(page.nbytes for page in pages) > _LARGEST_PAGE:
                    raise DataError(f"{path}: its pages are too large; save masks as 8 bits")
                for page in pages:
                    check_segments(page, path)
                return _stacked(page.asarray() for page in pages)
    except DataError:
        raise
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise DataError(f"{path}: is not a TIFF that can be read; save it again") from error
    return RunLengths.from_labels(LabelFile(path).read()[0])


def _read_json(path: Path) -> RunLengths:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    if isinstance(content, dict):
        content = content.get("annotations")
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError("is no list of masks")
    lengths = [entry.get("segmentation", entry) for entry in content]
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
