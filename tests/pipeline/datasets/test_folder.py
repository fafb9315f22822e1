"""A folder of images: ids, patterns, ground truth."""

import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spam_pipe.pipeline.datasets.folder import ImageFolder, item_ids
from spam_pipe.pipeline.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def ids(folder: ImageFolder) -> list[str]:
    return [item.id for item in folder.items()]


def test_ids_are_relative_paths_without_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.b.png", "deep/er/c.tif", "deep/notes.txt", "README", "d.npy")
    assert ids(ImageFolder(tmp_path)) == ["a.b", "b", "deep/er/c"]


def test_equal_stems_keep_their_suffixes(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.png", "b.png", "x/a.png")
    assert ids(ImageFolder(tmp_path)) == ["a.jpg", "a.png", "b", "x/a"]


def test_an_id_is_never_another_files_name(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.png", "a.jpg.png")
    assert ids(ImageFolder(tmp_path)) == ["a.jpg", "a.jpg.png", "a.png"]


name_part = st.text(alphabet="ab.", min_size=1, max_size=5).filter(lambda s: s.strip("."))
file_name = st.builds("{}{}".format, name_part, st.sampled_from([".png", ".jpg", ".PNG"]))


@given(st.lists(file_name, unique=True, max_size=12))
def test_ids_are_unique(files: list[str]) -> None:
    found = item_ids(files)
    assert set(found) == set(files)
    assert len(set(found.values())) == len(files)
    assert all(name.startswith(found[name]) for name in files)


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "._a.png", ".cache/b.png")
    assert ids(ImageFolder(tmp_path)) == ["a"]


def test_pattern_for_names_and_for_paths(tmp_path: Path) -> None:
    touch(tmp_path, "a1.png", "b1.png", "x/a2.jpg", "x/b2.jpg")
    assert ids(ImageFolder(tmp_path, "a*")) == ["a1", "x/a2"]
    assert ids(ImageFolder(tmp_path, "*.jpg")) == ["x/a2", "x/b2"]
    assert ids(ImageFolder(tmp_path, "x/a*")) == ["x/a2"]


def test_listing_opens_no_file(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text(string.printable)
    assert ids(ImageFolder(tmp_path)) == ["broken"]


def test_ground_truth_by_id_and_format(tmp_path: Path) -> None:
    images, truth = tmp_path / "images", tmp_path / "truth"
    touch(images, "a.png", "b.jpg", "x/c.jpg", "d.jpg", "d.png", "none.png")
    labels = np.array([[1, 2]], dtype=np.uint8)
    (truth / "x").mkdir(parents=True)
    Image.fromarray(labels).save(truth / "a.png")
    np.save(truth / "b.npy", labels + 1)
    np.save(truth / "x" / "c.npy", labels + 2)
    np.save(truth / "d.png.npy", labels + 3)
    found = {item.id: item.annotations for item in ImageFolder(images, "*", truth).items()}
    assert found["none"] is None
    assert found["d.jpg"] is None
    read = {name: int(source.read()[0][0, 0]) for name, source in found.items() if source}
    assert read == {"a": 1, "b": 2, "x/c": 3, "d.png": 4}


def test_ground_truth_inside_the_images_is_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "truth/a.png")
    (item,) = ImageFolder(tmp_path, "*", tmp_path / "truth").items()
    assert (item.id, item.annotations.path) == ("a", tmp_path / "truth" / "a.png")


def test_ground_truth_beside_the_images(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "a.png")
    (item,) = ImageFolder(tmp_path, "*.jpg", tmp_path).items()
    assert (item.id, item.annotations.path) == ("a", tmp_path / "a.png")


def test_two_ground_truths_for_one_image(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.jpg", "truth/a.png", "truth/a.npy")
    with pytest.raises(DataError, match=r"a\.npy and a\.png are both ground truth of a\.jpg"):
        ImageFolder(tmp_path / "images", "*", tmp_path / "truth").items()


def test_ground_truth_of_other_images(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.jpg", "truth/b.png")
    with pytest.raises(DataError, match=r"no ground truth is named as an image .* a\.jpg needs"):
        ImageFolder(tmp_path / "images", "*", tmp_path / "truth").items()


def test_folders_that_are_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: there is no such folder of images"):
        ImageFolder(tmp_path / "gone").items()
    with pytest.raises(DataError, match="holds no image; images end in"):
        ImageFolder(tmp_path).items()
    touch(tmp_path, "a.png", "notes.txt")
    with pytest.raises(DataError, match=r"holds no image that matches \*\.jpg"):
        ImageFolder(tmp_path, "*.jpg").items()
    with pytest.raises(DataError, match="gone: there is no such folder of ground truth"):
        ImageFolder(tmp_path, "*", tmp_path / "gone").items()
