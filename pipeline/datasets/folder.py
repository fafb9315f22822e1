"""Any folder of images, with ground truth beside it or not."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import ClassVar

from spam_pipe.pipeline.datasets.images.bands import Reading
from spam_pipe.pipeline.datasets.images.image_file import IMAGE_SUFFIXES, ImageFile
from spam_pipe.pipeline.datasets.images.ome_zarr import is_ome_zarr
from spam_pipe.pipeline.datasets.images.stacks import Which, stack_planes
from spam_pipe.pipeline.datasets.split_lists import check_split
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Dataset, Item

_OBEYED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control characters, ends of lines, and what turns the direction of writing."""

OME_SUFFIXES = (".tif", ".tiff", ".zarr")


@dataclass(frozen=True)
class Folder(Dataset):
    """The images below a folder, at any depth; what is hidden (``.name``) is left out.

    An item's id is its relative path without suffix; images that differ in the suffix alone
    (``a.jpg`` beside ``a.png``) keep theirs.

    Attributes
    ----------
    images
        The folder.
    pattern
        Which files are images, beside having an image's suffix: a shell pattern for the name or,
        where it has a slash, for the relative path.
    ground_truth
        Folder of label maps with the images' ids (or relative paths) for names.
    planes
        Which planes of stacks are items: all, named ``<id>#z3``, or the first; None for all of
        OME-TIFF and OME-Zarr, the first of other files.
    reading
        How images are read.
    """

    images: Path
    pattern: str = "*"
    ground_truth: Path | None = None
    planes: Which = None
    reading: Reading = field(default_factory=Reading)

    name: ClassVar[str] = "folder"
    splits: ClassVar[tuple[str, ...]] = ("all",)

    def items(self, split: str = "all") -> Iterator[Item]:
        """Yield the images, sorted by id."""
        check_split(self.name, self.splits, split)
        root = self.images.expanduser()
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of images")
        files = [name for name in _list_files(root) if self._is_image(root, name)]
        if not files:
            kinds = " ".join(sorted(IMAGE_SUFFIXES))
            wanted = "" if self.pattern == "*" else f" that matches {self.pattern}"
            raise DataError(f"{root}: holds no image{wanted}; images end in {kinds}")
        ids = item_ids(files)
        images: dict[str, ImageFile] = {}
        for name in files:
            for plane in stack_planes(root / name, self.planes):
                item_id = f"{ids[name]}#{plane}" if plane else ids[name]
                if item_id in images:
                    raise DataError(
                        f"{root}: {images[item_id].path.name} and {name} would both be called "
                        f"{item_id}; rename one"
                    )
                images[item_id] = ImageFile(root / name, self.reading, plane)
        truth = self._find_ground_truth(root, images)
        found = [
            Item(item_id, split, images[item_id], truth.get(item_id)) for item_id in sorted(images)
        ]
        return iter(found)

    def expected(self, split: str) -> None:
        """Return None: a folder has the images that it has."""

    def location(self) -> str:
        """Return the folder."""
        return str(self.images)

    def _is_image(self, root: Path, name: str) -> bool:
        subject = name if "/" in self.pattern else name.rpartition("/")[2]
        if _suffix(name).lower() not in IMAGE_SUFFIXES or not fnmatch(subject, self.pattern):
            return False
        # Ground truth kept in a folder among the images is no image.
        inside = self.ground_truth is not None and self.ground_truth.expanduser() != root
        return not (inside and (root / name).is_relative_to(self._truth_folder()))

    def _truth_folder(self) -> Path:
        assert self.ground_truth is not None
        return self.ground_truth.expanduser()

    def _find_ground_truth(
        self, root: Path, images: Mapping[str, ImageFile]
    ) -> Mapping[str, LabelFile]:
        """Return the label map of each item that has one; a plane's is named as the item is."""
        if self.ground_truth is None:
            return {}
        folder = self._truth_folder()
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder of ground truth")
        files = {key: image.path.relative_to(root).as_posix() for key, image in images.items()}
        taken = set(files.values()) if folder == root else set()
        by_key: dict[str, list[str]] = {}
        for name in _list_files(folder):
            if _suffix(name).lower() in LABEL_SUFFIXES and name not in taken:
                by_key.setdefault(_without_suffix(name), []).append(name)
        found = {}
        for item_id, file in files.items():
            keys = (item_id,) if images[item_id].plane else (file, _stem(file))
            names = next((by_key[key] for key in keys if key in by_key), [])
            if len(names) > 1:
                raise DataError(
                    f"{folder}: {' and '.join(sorted(names))} are both ground truth of {file}; "
                    "keep one"
                )
            if names:
                found[item_id] = LabelFile(folder / names[0], self.reading.max_pixels)
        if not found:
            item_id = min(files)
            expected = item_id if images[item_id].plane else _stem(files[item_id])
            raise DataError(
                f"{folder}: no ground truth is named as an image of {root} is; "
                f"{files[item_id]} needs {expected}.png, .tif, .npy or .mat"
            )
        return found


def item_ids(files: list[str]) -> dict[str, str]:
    """Map relative paths to unique ids: without suffix, unless that would be ambiguous.

    Bytes of a path that are no UTF-8, and characters that a terminal obeys, are written as
    escapes: ids go into tables, stores and messages.
    """
    written = {name: _written(name) for name in files}
    stems = {name: _stem(written[name]) for name in files}
    uses = Counter(stems.values())
    # `a.jpg.png` may not become `a.jpg`, where that is the name of a file.
    names = set(written.values())
    return {
        name: stem if uses[stem] == 1 and stem not in names else written[name]
        for name, stem in stems.items()
    }


def _written(name: str) -> str:
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix


def _without_suffix(name: str) -> str:
    return name.removesuffix(_suffix(name))


def _stem(name: str) -> str:
    """Return a name without suffix; ``.ome.tif`` and ``.ome.zarr`` are one."""
    stem = _without_suffix(name)
    ome = _suffix(stem).lower() == ".ome" and _suffix(name).lower() in OME_SUFFIXES
    return _without_suffix(stem) if ome else stem


def _list_files(root: Path) -> list[str]:
    """Return the relative paths, with slashes, of all files that are not hidden, sorted.

    A folder that is an OME-Zarr image counts as a file.
    """
    found = []
    for folder, subfolders, names in os.walk(root):
        shown = sorted(name for name in subfolders if not name.startswith("."))
        images = {name for name in shown if is_ome_zarr(Path(folder, name))}
        subfolders[:] = [name for name in shown if name not in images]
        place = Path(folder).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        found += [prefix + name for name in (*names, *images) if not name.startswith(".")]
    return sorted(found)
