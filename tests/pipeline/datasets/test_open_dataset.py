"""Opening a dataset by name or path."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from spam_pipe.pipeline.datasets import DATASETS, default_split, describe, open_dataset
from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.errors import ConfigError, DataError


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "folder"])
def test_every_dataset_opens_by_its_name_without_data(name: str) -> None:
    dataset = open_dataset(name)
    assert dataset.name == name
    assert default_split(dataset) == dataset.splits[0] == ("all" if name == "sample" else "test")


def test_a_path_means_the_folder_dataset(tmp_path: Path) -> None:
    dataset = open_dataset(str(tmp_path), pattern="*.png", ground_truth="truth")
    assert dataset == ImageFolder(tmp_path, "*.png", Path("truth"))
    assert open_dataset("folder", images=tmp_path) == ImageFolder(tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "BSDS500"}, ConfigError, "did you mean bsd"),
        ({"name": "bds"}, ConfigError, "did you mean bsd or sbd"),
        ({"name": "NYU"}, ConfigError, "did you mean nyuv2"),
        ({"name": "qqq"}, ConfigError, "there are bsd, nyuv2, sbd, folder, sample"),
        ({"name": "no/such/folder"}, DataError, "there is no such folder"),
        ({"name": __file__}, DataError, "is a file; name the folder"),
        ({"name": "folder"}, ConfigError, "name the folder"),
        ({"name": "folder", "images": ".", "data": "."}, ConfigError, r"dataset\.root"),
        ({"name": "bsd", "images": "."}, ConfigError, r"dataset\.images: only a folder"),
        ({"name": "bsd", "pattern": "1*"}, ConfigError, r"dataset\.pattern: only a folder"),
        ({"name": "sbd", "ground_truth": "x"}, ConfigError, r"dataset\.ground_truth: only"),
        ({"name": ".", "images": "."}, ConfigError, r"dataset\.images: leave it out"),
    ],
)
def test_what_cannot_be_opened(
    options: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        open_dataset(**options)


@pytest.mark.parametrize("name", ["bsd", "sbd", "sample"])
def test_unknown_split(name: str) -> None:
    with pytest.raises(DataError, match=f"dataset {name} has no split 'tset'; it has "):
        open_dataset(name).items("tset")


@pytest.mark.parametrize("name", ["bsd", "nyuv2", "sbd"])
def test_a_dataset_that_is_not_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(DataError) as caught:
        open_dataset(name).items("test")
    message = str(caught.value)
    assert f"spam-pipe datasets fetch {name}" in message
    assert str(tmp_path / "named") in message
    if sys.platform == "linux":
        assert str(tmp_path / "cache") in message
    assert "\n" not in message


def test_a_named_root_is_the_only_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named" / "BSDS500" / "data" / "images").mkdir(parents=True)
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "named"))
    with pytest.raises(DataError) as caught:
        open_dataset("bsd", data=tmp_path / "other").items("test")
    assert str(tmp_path / "named") not in str(caught.value)


def test_describe_says_found_of_expected(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert describe(open_dataset("sample"), "all", 17).startswith("sample all: 17 of 18 images")
    folder = open_dataset(str(tmp_path))
    assert describe(folder, "all", 1) == f"folder all: 1 images found in {tmp_path}"


def test_config_refuses_unknown_keys_and_is_frozen() -> None:
    assert DatasetConfig().name == "sample"
    with pytest.raises(ValidationError):
        DatasetConfig.model_validate({"nmae": "bsd"})
    with pytest.raises(ValidationError):
        DatasetConfig().name = "bsd"


def test_importing_the_registry_loads_nothing_heavy() -> None:
    code = (
        "import sys, spam_pipe.pipeline.datasets, spam_pipe.pipeline.datasets.config;"
        "print({'numpy', 'PIL', 'scipy', 'skimage', 'h5py', 'pooch'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_items_are_small_and_picklable() -> None:
    for item in open_dataset("sample").items("all"):
        packed = pickle.dumps(item)
        assert len(packed) < 1000
        assert pickle.loads(packed) == item
