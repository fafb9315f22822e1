"""COCO's JSON of several images gives each image its own masks."""

import json
from pathlib import Path

import numpy as np
import pytest

from spam_pipe.pipeline.datasets.user_files.masks import MaskFile, MaskFolder
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.propose.run_lengths import encode

SIZES = {"photos/a.jpg": (6, 8), "photos/b.jpg": (5, 4), "photos/é.jpg": (6, 8)}


def write(path: Path, polygons: bool = False) -> None:
    images, annotations = [], []
    for number, (name, (height, width)) in enumerate(SIZES.items(), start=1):
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for left in range(number):
            mask = np.zeros((height, width), np.bool_)
            mask[1:4, left : left + 2] = True
            corners = [left, 1, left + 2, 1, left + 2, 4, left, 4]
            counts = {"size": [height, width], "counts": encode(mask).tolist()}
            found = [corners] if polygons else counts
            annotations.append({"image_id": number, "segmentation": found})
    content = {"images": images, "annotations": annotations[::-1]}
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("polygons", [False, True])
@pytest.mark.parametrize(("item", "n", "size"), [("a", 1, (6, 8)), ("b", 2, (5, 4))])
def test_each_image_has_its_own(
    tmp_path: Path, polygons: bool, item: str, n: int, size: tuple[int, int]
) -> None:
    write(tmp_path / "all.json", polygons)
    for name in (item, f"photos/{item}"):
        masks = MaskFolder(tmp_path / "all.json").find(name).read()
        assert tuple(masks.size) == size
        assert masks.area.tolist() == [6] * n


def test_names_composed_differently(tmp_path: Path) -> None:
    write(tmp_path / "all.json")
    assert MaskFolder(tmp_path / "all.json").find("\u00e9").read().area.size == 3


def test_a_file_for_one_image_among_others(tmp_path: Path) -> None:
    write(tmp_path / "b.json")
    assert MaskFolder(tmp_path).find("b").read().area.size == 2


def test_an_image_that_the_file_does_not_name(tmp_path: Path) -> None:
    write(tmp_path / "all.json")
    with pytest.raises(DataError, match=r"names no images like 'c' among its 3 \(photos/a\.jpg"):
        MaskFolder(tmp_path / "all.json").find("c").read()


def test_the_same_name_in_two_folders(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{folder}/a.jpg"} for n, folder in enumerate("xy")]
    own = {"size": [2, 2], "counts": [0, 4]}
    content = {"images": images, "annotations": [{"image_id": 1, "segmentation": own}]}
    (tmp_path / "all.json").write_text(json.dumps(content))
    assert MaskFile(tmp_path / "all.json", "y/a").read().area.tolist() == [4]
    assert MaskFile(tmp_path / "all.json", "x/a").read().area.size == 0
    with pytest.raises(DataError, match="names 2 images like 'a'"):
        MaskFile(tmp_path / "all.json", "a").read()
