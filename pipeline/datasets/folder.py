"""Any folder of images, with ground truth beside it or not."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import ClassVar

from spam_pipe.pipeline.datasets.images.bands import Reading
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.images.kinds import (
    IMAGE_SUFFIXES,
    MAT_SUFFIX,
    is_envi_header,
    may_be_image,
)
from spam_pipe.pipeline.datasets.images.stacks import Which, part_name, parts_of
from spam_pipe.pipeline.datasets.split_lists import check_split
from spam_pipe.pipeline.datasets.user_files.label_file import LABEL_SUFFIXES, LabelFile
from spam_pipe.pipeline.datasets.user_files.listing import Listing, list_files, say_passed_by
from spam_pipe.pipeline.datasets.user_files.names import composed, written
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import Dataset, Item
from spam_pipe.stages.validity import VOID

OME_SUFFIXES = (".tif", ".tiff", ".zarr")


@dataclass(frozen=True)
class ImageFolder(Dataset):
    """The images below a folder, at any depth; hidden files (``.name``) are skipped.

    Images are files with an image's suffix, and files without any that begin as images do. Links
    are followed. An item's id is its relative path without suffix; images that differ in the
    suffix alone (``a.jpg`` beside ``a.png``) keep theirs.
    """

    images: Path  # the folder
    # which files are images, beside having an image's suffix: a shell pattern for the name or,
    # where it has a slash, for the relative path
    pattern: str = "*"
    # folder of label maps with the images' ids (or relative paths) for names
    ground_truth: Path | None = None
    # which planes of stacks are items: all, named ``<id>#z3``, or the first; None for all of OME-
    # TIFF and OME-Zarr, the first of other files
    planes: Which = None
    reading: Reading = field(default_factory=Reading)  # how images are read
    ignore: tuple[int, ...] = ()  # values of the ground truth that mean no region
    # of the images these alone, by their paths below the folder; all where there are none
    files: tuple[str, ...] = ()

    name: ClassVar[str] = "folder"
    splits: ClassVar[tuple[str, ...]] = ("all",)

    def items(self, split: str = "all") -> Iterator[Item]:
        """Yield the images, sorted by id."""
        images = self._images(split)
        truth = self._find_ground_truth(images)
        found = [
            Item(item_id, split, images[item_id], truth.get(item_id)) for item_id in sorted(images)
        ]
        return iter(found)

    def remarks(self, split: str = "all") -> list[str]:
        """Return remarks on skipped files and on images without ground truth."""
        root = expand_home(self.images)
        listing = list_files(root)
        inside = self._truth_inside(root)
        others = [
            name
            for name in listing.names
            if not self._is_image(root / name) and not self._is_truth(root, name, inside)
        ]
        remarks = []
        if said := say_passed_by(listing.passed_by, others):
            remarks.append(f"{root}: skipped, as no images: {said}")
        if self.ground_truth is not None:
            images = self._images(split)
            without = sorted(set(images) - set(self._find_ground_truth(images)))
            if without:
                remarks.append(
                    f"{self._truth_folder()}: no ground truth for {len(without)} of {len(images)} "
                    f"images, such as {without[0]}"
                )
        return remarks

    def _images(self, split: str) -> dict[str, ImageFile]:
        """Return the images by id."""
        check_split(self.name, self.splits, split)
        root = expand_home(self.images)
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of images")
        files = self._image_files(root, list_files(root))
        if missing := sorted({*self.files} - {*files}):
            path = root / missing[0]
            headers = [path.with_suffix(".hdr"), path.with_name(f"{path.name}.hdr")]
            named = next((each.name for each in headers if is_envi_header(each)), None)
            cure = "" if named is None else f"; of an ENVI cube name its header, {named}"
            raise DataError(f"{path}: there is no such image{cure}")
        if not files:
            kinds = " ".join(sorted(IMAGE_SUFFIXES))
            wanted = "" if self.pattern == "*" else f" that matches {self.pattern}"
            raise DataError(f"{root}: holds no image{wanted}; images end in {kinds}")
        ids = item_ids(files)
        images: dict[str, ImageFile] = {}
        for name in files:
            for part in parts_of(root / name, self.planes):
                item_id = ids[name] + part_name(part)
                if item_id in images:
                    raise DataError(
                        f"{root}: {written(images[item_id].path.name)} and {written(name)} would "
                        f"both be called {item_id}; rename one"
                    )
                series, plane = part
                images[item_id] = ImageFile(root / name, self.reading, plane, series)
        return images

    def expected(self, split: str) -> None:
        """Return None: a folder has no official number of images."""

    def location(self) -> str:
        """Return the folder."""
        return str(self.images)

    def _image_files(self, root: Path, listing: Listing) -> list[str]:
        inside = self._truth_inside(root)
        pattern = composed(self.pattern)
        return [
            name
            for name in listing.names
            if (not self.files or name in self.files)
            and fnmatch(written(name if "/" in pattern else name.rpartition("/")[2]), pattern)
            # Ground truth kept in a folder among the images is no image.
            and not self._is_truth(root, name, inside)
            and self._is_image(root / name)
        ]

    def _is_image(self, path: Path) -> bool:
        """Say whether a file is an image; matrices are where the user names them."""
        if path.suffix.lower() == MAT_SUFFIX:
            return bool(self.files) or self.pattern.lower().endswith(MAT_SUFFIX)
        return may_be_image(path)

    def _truth_inside(self, root: Path) -> bool:
        """Say whether ground truth may lie in a folder among the images."""
        return self.ground_truth is not None and expand_home(self.ground_truth) != root

    def _is_truth(self, root: Path, name: str, inside: bool) -> bool:
        return inside and (root / name).is_relative_to(self._truth_folder())

    def _truth_folder(self) -> Path:
        assert self.ground_truth is not None
        return expand_home(self.ground_truth)

    def _find_ground_truth(self, images: Mapping[str, ImageFile]) -> Mapping[str, LabelFile]:
        """Return the label map of each item that has one; a plane's is named like its item."""
        if self.ground_truth is None:
            return {}
        root, folder = expand_home(self.images), self._truth_folder()
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder of ground truth")
        files = {key: image.path.relative_to(root).as_posix() for key, image in images.items()}
        taken = set(files.values()) if folder == root else set()
        by_key: dict[str, list[str]] = {}
        for name in list_files(folder).names:
            if _suffix(name).lower() in LABEL_SUFFIXES and name not in taken:
                by_key.setdefault(written(_without_suffix(name)), []).append(name)
        found = {}
        for item_id, file in files.items():
            whole = images[item_id].plane is None and images[item_id].series is None
            keys = (written(file), written(_stem(file))) if whole else (item_id,)
            names = next((by_key[key] for key in keys if key in by_key), [])
            if len(names) > 1:
                raise DataError(
                    f"{folder}: {' and '.join(map(written, sorted(names)))} are both ground truth "
                    f"of {written(file)}; keep one"
                )
            if names:
                found[item_id] = LabelFile(
                    folder / names[0], self.reading.max_pixels, self.ignore, VOID
                )
        if not found:
            item_id = min(files)
            raise DataError(
                f"{folder}: no ground truth is named as an image of {root} is; "
                f"{written(files[item_id])} needs {item_id}.png, .tif, .npy or .mat"
            )
        return found


def item_ids(files: list[str]) -> dict[str, str]:
    """Map relative paths to unique ids: without suffix, unless that would be ambiguous.

    Ids are written as `pipeline.datasets.user_files.names.written` says: they go into tables,
    stores and messages.
    """
    called = {name: written(name) for name in files}
    stems = {name: _stem(called[name]) for name in files}
    uses = Counter(stems.values())
    # `a.jpg.png` may not become `a.jpg`, where that is the name of a file.
    names = set(called.values())
    return {
        name: stem if uses[stem] == 1 and stem not in names else called[name]
        for name, stem in stems.items()
    }


def _suffix(name: str) -> str:
    """Return a name's suffix; DICOM's names end in numbers, which are no suffixes."""
    suffix = PurePosixPath(name).suffix
    return "" if suffix[1:].isdecimal() else suffix


def _without_suffix(name: str) -> str:
    return name.removesuffix(_suffix(name))


def _stem(name: str) -> str:
    """Return a name without suffix; ``.ome.tif`` and ``.ome.zarr`` are one."""
    stem = _without_suffix(name)
    ome = _suffix(stem).lower() == ".ome" and _suffix(name).lower() in OME_SUFFIXES
    return _without_suffix(stem) if ome else stem
