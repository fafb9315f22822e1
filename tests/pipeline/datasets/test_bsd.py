"""BSDS500 is found in its usual layouts and listed split by split."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.datasets import open_dataset
from spam_pipe.pipeline.datasets.bsd import Bsd
from spam_pipe.pipeline.errors import DataError


@pytest.fixture
def tiny_bsd(tmp_path: Path) -> Path:
    """A data folder with two test images and one validation image, of one pixel each."""
    for split, name in [("test", "7"), ("test", "30"), ("val", "5")]:
        for kind in ("images", "groundTruth"):
            (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (1, 1)).save(tmp_path / "images" / split / f"{name}.jpg")
        (tmp_path / "groundTruth" / split / f"{name}.mat").touch()
    (tmp_path / "images" / "test" / "._7.jpg").touch()  # what a Mac leaves behind
    (tmp_path / "images" / "test" / "Thumbs.db").touch()
    return tmp_path


@pytest.mark.parametrize("layout", ["BSDS500/data", "BSR/BSDS500/data", "data", "."])
def test_layouts(tiny_bsd: Path, tmp_path_factory: pytest.TempPathFactory, layout: str) -> None:
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(tiny_bsd, root / layout, dirs_exist_ok=True)
    assert [item.id for item in Bsd(root).items("test")] == ["30", "7"]
    assert Path(Bsd(root).location()) == root / layout


def test_splits(tiny_bsd: Path) -> None:
    dataset = Bsd(tiny_bsd)
    assert [(item.id, item.split) for item in dataset.items("all")] == [
        ("30", "test"),
        ("5", "val"),
        ("7", "test"),
    ]
    assert [dataset.expected(split) for split in ("train", "val", "test", "all")] == [
        200,
        100,
        200,
        500,
    ]
    with pytest.raises(DataError, match="holds no image of bsd train"):
        dataset.items("train")


def test_a_missing_annotation_fails_its_item_alone(tiny_bsd: Path) -> None:
    (tiny_bsd / "groundTruth" / "test" / "7.mat").unlink()
    items = {item.id: item for item in Bsd(tiny_bsd).items("test")}
    assert items["7"].image.read().shape == (1, 1, 3)
    with pytest.raises(DataError, match=r"7\.mat: cannot be read"):
        items["7"].annotations.signature()
    with pytest.raises(DataError, match=r"7\.mat: there is no such ground truth"):
        items["7"].annotations.read()


def test_images_alone_have_no_annotations(tiny_bsd: Path) -> None:
    shutil.rmtree(tiny_bsd / "groundTruth")
    assert [item.annotations for item in Bsd(tiny_bsd).items("test")] == [None, None]


def test_real_data(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAM_DATA", str(data_root))
    dataset = open_dataset("bsd")
    items = list(dataset.items("val"))
    assert len(items) == dataset.expected("val") == 100
    assert [item.id for item in items] == sorted(item.id for item in items)
    shapes = set()
    for item in items[:12]:
        image, annotations = item.image.read(), item.annotations.read()
        shapes.add(image.shape)
        assert image.dtype == np.uint8
        assert 4 <= len(annotations) <= 9
        assert all(regions.shape == image.shape[:2] for regions in annotations)
    assert shapes == {(321, 481, 3), (481, 321, 3)}
