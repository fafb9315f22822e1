"""The Stanford Background Dataset (Gould, Fulton, Koller, ICCV 2009)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.lookup import candidates, describe_places, locate
from spam_pipe.pipeline.datasets.split_lists import check_split, read_split_list
from spam_pipe.pipeline.datasets.user_files.label_file import SbdLayers
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Dataset, Item

_LAYOUTS = ("iccv09Data", "sbd/iccv09Data", "SBD/iccv09Data", "sbd", "SBD", "")
_LISTS = {"test": "sbd_test.txt", "train": "sbd_train.txt"}


@dataclass(frozen=True)
class Sbd(Dataset):
    """Outdoor scenes of about 240×320, one annotation each."""

    data: Path | None = None  # the folder that holds ``iccv09Data``, or is it

    name: ClassVar[str] = "sbd"
    splits: ClassVar[tuple[str, ...]] = ("test", "train", "all")

    def items(self, split: str) -> Iterator[Item]:
        """Yield the split's images that are there, sorted by id."""
        check_split(self.name, self.splits, split)
        root = locate(self.name, candidates(_LAYOUTS, self.data), "images")
        there = {path.stem for path in (root / "images").glob("*.jpg")}
        found = [
            Item(
                name,
                part,
                ImageFile(root / "images" / f"{name}.jpg"),
                SbdLayers(root / "labels" / f"{name}.layers.txt"),
            )
            for part in _parts(split)
            for name in read_split_list(_LISTS[part])
            if name in there
        ]
        if not found:
            raise DataError(f"{root}: holds no image of sbd {split}; get it again")
        return iter(sorted(found, key=lambda item: item.id))

    def expected(self, split: str) -> int:
        """Return the length of the split's list."""
        return sum(len(read_split_list(_LISTS[part])) for part in _parts(split))

    def location(self) -> str:
        """Return the dataset's folder."""
        return describe_places(self.name, candidates(_LAYOUTS, self.data), "images")


def _parts(split: str) -> tuple[str, ...]:
    return tuple(_LISTS) if split == "all" else (split,)
