"""Equal names are the same wherever they meet, links are followed, what is left out is said."""

import csv
import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.annotating.marks import match_images, read_marks
from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.user_files.external import ExternalMaps
from spam_pipe.pipeline.datasets.user_files.factor_maps import find_map, mapped_names
from spam_pipe.pipeline.datasets.user_files.factor_table import ItemFactors
from spam_pipe.pipeline.datasets.user_files.masks import MaskFolder
from spam_pipe.pipeline.datasets.user_files.prompts import ItemPrompts, require_known
from spam_pipe.pipeline.datasets.user_files.valid import find_valid
from spam_pipe.pipeline.errors import DataError

FORMS = ("NFC", "NFD")
PIXELS = np.zeros((6, 8), np.uint8)


def called(form: str) -> str:
    return unicodedata.normalize(form, "été/café")


def save(folder: Path, name: str, suffix: str = ".png") -> Path:
    path = folder / (name + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(path, {".jfif": "JPEG"}.get(suffix.lower()))
    return path


@pytest.mark.parametrize("ours", FORMS)
@pytest.mark.parametrize("theirs", FORMS)
def test_a_name_composed_differently_is_the_same(tmp_path: Path, ours: str, theirs: str) -> None:
    save(tmp_path / "images", called(ours))
    for folder in ("truth", "masks", "valid", "factors", "maps/100", "scribbles"):
        save(tmp_path / folder, called(theirs), ".PNG" if folder == "masks" else ".png")
    (item,) = ImageFolder(tmp_path / "images", ground_truth=tmp_path / "truth").items()
    assert item.id == called("NFC")
    assert item.annotations is not None
    assert MaskFolder(tmp_path / "masks").find(item.id).path.is_file()
    assert find_valid(item.image, item.id, str(tmp_path / "valid")) is not None
    assert find_map(tmp_path / "factors", item.id, 2.0) is not None
    assert mapped_names(tmp_path / "factors") == [item.id]
    assert list(ExternalMaps(tmp_path / "maps", item.id).read()) == [100]
    table = tmp_path / "clicks.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "x", "y", "class"), (called(theirs), 1, 2, "sky")])
    assert match_images(read_marks(table).images, [item.id]) == {item.id: item.id}
    factors = tmp_path / "factors.csv"
    factors.write_text(f"image,x,y,factor\n{called(theirs)}.png,1,2,3\n", encoding="utf-8")
    assert len(ItemFactors(factors, item.id).read().clicks) == 1
    prompts = tmp_path / "prompts.json"
    prompts.write_text(json.dumps({called(theirs): [{"points": [[1, 2]]}]}), encoding="utf-8")
    assert len(ItemPrompts(prompts, item.id).read()) == 1
    require_known(prompts, [item.id])


def test_a_pattern_composed_differently(tmp_path: Path) -> None:
    save(tmp_path, called("NFD"))
    pattern = unicodedata.normalize("NFC", "caf*é.png")
    assert len(list(ImageFolder(tmp_path, pattern=pattern).items())) == 1


def test_two_forms_of_a_name_in_one_folder_are_refused(tmp_path: Path) -> None:
    for form in FORMS:
        save(tmp_path, called(form))
    with pytest.raises(DataError, match="would both be called"):
        ImageFolder(tmp_path).items()


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".JPG", ".Png", ".TIFF", ".jpe", ""])
def test_suffixes(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path, "a", suffix or ".png")
    if not suffix:
        path.rename(tmp_path / "a")
    (item,) = ImageFolder(tmp_path).items()
    assert item.id == "a"
    assert item.image.read().shape == (6, 8, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "WEBP"])
def test_a_wrong_suffix_or_none(tmp_path: Path, form: str) -> None:
    for name in ("a.png", "b", "c.tif"):
        Image.fromarray(PIXELS).save(tmp_path / name, form)
    for item in ImageFolder(tmp_path).items():
        assert item.image.read().shape == (6, 8, 3)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere", "deep/a")
    root = tmp_path / "images"
    save(root, "b")
    (root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "c.png").symlink_to(tmp_path / "elsewhere" / "deep" / "a.png")
    (root / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (root / "up").symlink_to(root, target_is_directory=True)
    (tmp_path / "elsewhere" / "back").symlink_to(root, target_is_directory=True)
    folder = ImageFolder(root)
    assert [item.id for item in folder.items()] == ["b", "c", "linked/deep/a"]
    (remark,) = folder.remarks()
    assert "1 broken links" in remark
    assert "links in a circle" in remark


def test_what_is_passed_by_is_counted(tmp_path: Path) -> None:
    save(tmp_path, "a")
    for name in ("b.heic", "c.heic", "notes.txt", ".hidden.png", "README"):
        (tmp_path / name).write_bytes(b"something")
    (remark,) = ImageFolder(tmp_path).remarks()
    assert remark.startswith(f"{tmp_path}: skipped, as no images: 2 .heic")
    for word in ("1 .txt", "1 hidden", "1 files without suffix"):
        assert word in remark
    assert ImageFolder(save(tmp_path / "tidy", "a").parent).remarks() == []


def test_images_without_ground_truth_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save(tmp_path / "images", name)
    save(tmp_path / "truth", "b")
    (remark,) = ImageFolder(tmp_path / "images", ground_truth=tmp_path / "truth").remarks()
    assert remark.endswith("no ground truth for 2 of 3 images, such as a")


def test_a_file_that_appears_later_is_found(tmp_path: Path) -> None:
    save(tmp_path / "masks", "a")
    masks = MaskFolder(tmp_path / "masks")
    masks.find("a")
    with pytest.raises(DataError, match="no masks for 'b'"):
        masks.find("b")
    save(tmp_path / "masks", "b")
    os.utime(tmp_path / "masks", ns=(1, 1))
    assert masks.find("b").path.name == "b.png"


def test_a_name_with_other_bytes_than_utf_8(tmp_path: Path) -> None:
    raw = os.fsdecode(b"caf\xe9.png")
    save(tmp_path / "images", "x").rename(tmp_path / "images" / raw)
    save(tmp_path / "masks", "x").rename(tmp_path / "masks" / raw)
    (item,) = ImageFolder(tmp_path / "images").items()
    assert isinstance(item.image, ImageFile)
    assert item.id == r"caf\xe9"
    assert MaskFolder(tmp_path / "masks").find(item.id).path.is_file()
