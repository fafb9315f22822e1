"""Any folder of images, with ground truth beside it or not."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import ClassVar

from pipeline.datasets.annotations import LABEL_SUFFIXES, LabelFile
from pipeline.datasets.base import Dataset, Item
from pipeline.datasets.images import IMAGE_SUFFIXES, ImageFile
from pipeline.datasets.split_lists import check_split
from pipeline.errors import DataError


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
    """

    images: Path
    pattern: str = "*"
    ground_truth: Path | None = None

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
        truth = self._find_ground_truth(root, files)
        ids = item_ids(files)
        found = [
            Item(ids[name], split, ImageFile(root / name), truth.get(name))
            for name in sorted(files, key=ids.__getitem__)
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

    def _find_ground_truth(self, root: Path, files: list[str]) -> Mapping[str, LabelFile]:
        if self.ground_truth is None:
            return {}
        folder = self._truth_folder()
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder of ground truth")
        images = set(files) if folder == root else set()
        by_key: dict[str, list[str]] = {}
        for name in _list_files(folder):
            if _suffix(name).lower() in LABEL_SUFFIXES and name not in images:
                by_key.setdefault(_stem(name), []).append(name)
        found = {}
        for image in files:
            names = by_key.get(image) or by_key.get(_stem(image), [])
            if len(names) > 1:
                raise DataError(
                    f"{folder}: {' and '.join(sorted(names))} are both ground truth of {image}; "
                    "keep one"
                )
            if names:
                found[image] = LabelFile(folder / names[0])
        if not found:
            raise DataError(
                f"{folder}: no ground truth is named as an image of {root} is; "
                f"{files[0]} needs {_stem(files[0])}.png, .tif, .npy or .mat"
            )
        return found


def item_ids(files: list[str]) -> dict[str, str]:
    """Map relative paths to unique ids: without suffix, unless that would be ambiguous."""
    stems = {name: _stem(name) for name in files}
    uses = Counter(stems.values())
    # `a.jpg.png` may not become `a.jpg`, where that is the name of a file.
    names = set(files)
    return {
        name: stem if uses[stem] == 1 and stem not in names else name
        for name, stem in stems.items()
    }


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix


def _stem(name: str) -> str:
    return name.removesuffix(_suffix(name))


def _list_files(root: Path) -> list[str]:
    """Return the relative paths, with slashes, of all files that are not hidden, sorted."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        place = Path(folder).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        found += [prefix + name for name in names if not name.startswith(".")]
    return sorted(found)
