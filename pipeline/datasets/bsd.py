"""The Berkeley Segmentation Data Set 500 (Arbelaez et al., TPAMI 2011)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.lookup import candidates, describe_places, locate
from spam_pipe.pipeline.datasets.split_lists import check_split
from spam_pipe.pipeline.datasets.user_files.label_file import BsdAnnotations
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Dataset, Item

_LAYOUTS = ("BSDS500/data", "BSR/BSDS500/data", "bsd/BSR/BSDS500/data", "data", "")
_SIZES = {"train": 200, "val": 100, "test": 200}


@dataclass(frozen=True)
class Bsd(Dataset):
    """BSDS500: natural images, each segmented by 4 to 9 people."""

    # the folder that holds ``BSDS500/data`` or ``BSR/BSDS500/data``, or is one of them
    data: Path | None = None

    name: ClassVar[str] = "bsd"
    splits: ClassVar[tuple[str, ...]] = ("test", "train", "val", "all")

    def items(self, split: str) -> Iterator[Item]:
        """Yield the split's images that are there, sorted by id."""
        check_split(self.name, self.splits, split)
        root = locate(self.name, candidates(_LAYOUTS, self.data), "images")
        found = [item for each in _parts(split) for item in _list_split(root, each)]
        if not found:
            raise DataError(f"{root}: holds no image of bsd {split}; get it again")
        return iter(sorted(found, key=lambda item: item.id))

    def expected(self, split: str) -> int:
        """Return the split's official size."""
        return sum(_SIZES[each] for each in _parts(split))

    def location(self) -> str:
        """Return the data folder."""
        return describe_places(self.name, candidates(_LAYOUTS, self.data), "images")


def _parts(split: str) -> tuple[str, ...]:
    return tuple(_SIZES) if split == "all" else (split,)


def _list_split(root: Path, split: str) -> Iterator[Item]:
    truth = root / "groundTruth" / split
    annotated = truth.is_dir()
    for path in (root / "images" / split).glob("*.jpg"):
        if not path.name.startswith("."):
            # A ground truth file that is missing among others is that item's failure, not silence.
            annotations = BsdAnnotations(truth / f"{path.stem}.mat") if annotated else None
            yield Item(path.stem, split, ImageFile(path), annotations)
