"""Pixels that don't count: the image's own, the user's mask, and what a run does with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from PIL import Image

from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.user_files.valid import find_valid
from spam_pipe.pipeline.errors import ConfigError, DataError

Command = Callable[..., dict[str, Any]]
CHOSEN = {"prior": "gradient", "n_superpixels": "6", "assignments": ["segment.network=none"]}


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def valid_of(image: Path, place: Path | None = None) -> np.ndarray | None:
    found = find_valid(ImageFile(image), image.stem, None if place is None else str(place))
    return None if found is None else found.read()


def rgba(alpha: np.ndarray) -> np.ndarray:
    return np.dstack([np.full((*alpha.shape, 3), 90, np.uint8), alpha])


def test_only_what_is_wholly_transparent_does_not_count(tmp_path: Path) -> None:
    alpha = np.array([[0, 1, 255]], np.uint8)
    found = valid_of(save(tmp_path / "a.png", rgba(alpha)))
    assert found is not None
    assert found.tolist() == [[False, True, True]]
    assert valid_of(save(tmp_path / "b.png", rgba(np.maximum(alpha, 1)))) is None
    jpeg = save(tmp_path / "c.jpg", np.zeros((2, 2, 3), np.uint8))
    assert find_valid(ImageFile(jpeg), "c", None) is None


def test_the_users_mask_and_the_images_own(tmp_path: Path) -> None:
    image = save(tmp_path / "a.png", rgba(np.array([[0, 255, 255]], np.uint8)))
    save(tmp_path / "masks" / "a.png", np.array([[7, 7, 0]], np.uint8))
    for place in (tmp_path / "masks", tmp_path / "masks" / "a.png"):
        found = valid_of(image, place)
        assert found is not None
        assert found.tolist() == [[False, True, False]]


def test_digest_is_of_the_pixels_that_count(tmp_path: Path) -> None:
    image = save(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    masks = [
        save(tmp_path / f"{name}.png", np.array(values, np.uint8))
        for name, values in {
            "all": [[1, 2], [3, 4]],
            "x": [[0, 1], [1, 1]],
            "y": [[0, 9], [9, 9]],
        }.items()
    ]
    digests = [find_valid(ImageFile(image), "a", str(mask)).digest() for mask in masks]  # type: ignore[union-attr]
    assert digests[0] == ""
    assert digests[1] == digests[2] != ""


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    image = save(tmp_path / "a.png", np.zeros((2, 3, 3), np.uint8))
    masks = tmp_path / "masks"
    with pytest.raises(DataError, match="masks: there is no such mask or folder"):
        valid_of(image, masks)
    save(masks / "b.png", np.ones((2, 3), np.uint8))
    with pytest.raises(DataError, match=r"no mask of valid pixels for 'a'; expected a with one of"):
        valid_of(image, masks)
    with pytest.raises(DataError, match="leads out of the folder of masks"):
        find_valid(ImageFile(image), "../a", str(masks))
    save(masks / "a.png", np.ones((3, 2), np.uint8))
    with pytest.raises(DataError, match=r"a\.png: the mask is 3×2 but the image is 2×3"):
        valid_of(image, masks)
    np.save(masks / "a.npy", np.ones((2, 3), np.uint8))
    with pytest.raises(DataError, match=r"a\.png and a\.npy are both for 'a'; keep one"):
        valid_of(image, masks)


def labels_of(outputs: Path, item: str) -> np.ndarray:
    (store,) = outputs.glob("images/segment-*.zarr")
    (array,) = (path.parent for path in (store / item / "6").rglob("labels/zarr.json"))
    return np.asarray(zarr.open_array(str(array), mode="r")[...])


def test_a_run_keeps_to_the_masks_and_notices_when_they_change(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    given = {**CHOSEN, "dataset": str(pictures / "images")}
    masks = tmp_path / "masks"
    half = np.zeros((40, 60), np.uint8)
    half[:, :30] = 1
    for number in range(6):
        save(masks / f"{number:03d}.png", half if number else np.ones_like(half))
    assert command("segment", **given, limit=2)["computed"] == 2
    whole = labels_of(tmp_path / "outputs", "000")
    masked = command("segment", **given, valid=str(masks), limit=2)
    # A mask that leaves nothing out changes nothing: the first image is up to date.
    assert (masked["computed"], masked["complete"]) == (1, 1)
    np.testing.assert_array_equal(labels_of(tmp_path / "outputs", "000"), whole)
    labels = labels_of(tmp_path / "outputs", "001")
    assert (labels[half == 0] == 0).all()
    assert sorted(np.unique(labels[half != 0])) == [1, 2, 3, 4, 5, 6]
    assert command("segment", **given, valid=str(masks), limit=2)["complete"] == 2
    save(masks / "001.png", 1 - half)
    assert command("segment", **given, valid=str(masks), limit=2)["computed"] == 1
    labels = labels_of(tmp_path / "outputs", "001")
    assert (labels[half != 0] == 0).all()


def test_images_without_a_pixel_that_counts_fail_alone(command: Command, tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.png", rgba(np.zeros((30, 40), np.uint8)))
    save(tmp_path / "images" / "b.png", rgba(np.full((30, 40), 255, np.uint8)))
    done = command("segment", **CHOSEN, dataset=str(tmp_path / "images"))
    assert (done["computed"], done["failed"]) == (1, 1)
    (failure,) = done["failures"]
    assert failure["item"] == "a"
    assert "mask leaves no pixel" in failure["reason"]


def test_a_mask_that_is_not_there(command: Command, pictures: Path) -> None:
    with pytest.raises(ConfigError, match="--valid gone: there is no such mask or folder"):
        command("segment", dataset=str(pictures / "images"), valid="gone")
