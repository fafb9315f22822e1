"""The embedded sample: it needs no download and has exact ground truth for half of it."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from spam_pipe.pipeline.datasets.drawn.dead_leaves import SceneAnnotations, SceneImage
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.split_lists import check_split
from spam_pipe.pipeline.items import Dataset, Item

PHOTOGRAPHS = (
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
"""Photographs that scikit-image has in its wheel; nothing is downloaded."""

N_SCENES = 12


class Sample(Dataset):
    """Photographs without ground truth, and dead-leaves scenes with it."""

    name: ClassVar[str] = "sample"
    splits: ClassVar[tuple[str, ...]] = ("all",)

    def __init__(self, data: Path | None = None) -> None:
        """Ignore `data`: the sample is part of the installation."""

    def items(self, split: str = "all") -> Iterator[Item]:
        """Yield the photographs that are installed and all scenes, sorted by id."""
        check_split(self.name, self.splits, split)
        photographs = [
            Item(path.stem, split, ImageFile(path))
            for path in (_photograph_folder() / name for name in PHOTOGRAPHS)
            if path.is_file()
        ]
        scenes = [
            Item(f"dead-leaves-{seed:02d}", split, SceneImage(seed), SceneAnnotations(seed))
            for seed in range(1, N_SCENES + 1)
        ]
        return iter(sorted(photographs + scenes, key=lambda item: item.id))

    def expected(self, split: str) -> int:
        """Return the number of photographs and scenes."""
        return len(PHOTOGRAPHS) + N_SCENES

    def location(self) -> str:
        """Say what the sample consists of."""
        return "this installation (scikit-image's photographs and drawn scenes)"


def _photograph_folder() -> Path:
    # Found without importing scikit-image, which would take longer than listing the items.
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"
