"""Exported OME-Zarr, read back as napari reads it: the image, superpixels and objects over it."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from PIL import Image

from tests.conftest import draw_images
from tests.pipeline.exporting.test_figures import Exported


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Two photos, at K = 6 and 12."""
    folder = tmp_path_factory.mktemp("photos")
    draw_images(folder / "drawn", 2)
    return Exported(folder, dataset=str(folder / "drawn/images"), n_superpixels="6,12")


def test_napari_finds_an_image_and_labels_from_one(photos: Exported) -> None:
    path = photos("napari", "napari") / "12/001.ome.zarr"
    photos("napari", "napari")  # again, over what is there
    root = zarr.open_group(path, mode="r")
    image = root.attrs["ome"]["multiscales"][0]
    assert [axis["name"] for axis in image["axes"]] == ["c", "y", "x"]
    pixels = np.asarray(Image.open(photos.folder / "drawn/images/001.png"))
    np.testing.assert_array_equal(
        np.moveaxis(root[image["datasets"][0]["path"]][...], 0, 2), pixels
    )
    assert root["labels"].attrs["ome"]["labels"] == ["superpixels", "objects"]
    layers = {name: root[f"labels/{name}"] for name in root["labels"].attrs["ome"]["labels"]}
    for name, layer in layers.items():
        assert layer.attrs["ome"]["image-label"]["source"] == {"image": "../../"}
        (scales,) = layer.attrs["ome"]["multiscales"]
        assert (scales["name"], [axis["name"] for axis in scales["axes"]]) == (name, ["y", "x"])
    labels, objects = (layers[name]["0"][...] for name in ("superpixels", "objects"))
    np.testing.assert_array_equal(labels, photos.labels("001", 12))
    photos("objects", "objects", "npy", counts="12")
    np.testing.assert_array_equal(objects, np.load(photos.folder / "objects/objects/12/001.npy"))
    for superpixel in np.unique(labels):
        assert len(set(objects[labels == superpixel]) - {0}) <= 1


def test_napari_finds_nothing_where_there_is_no_data(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "drawn", 1) / "images"
    valid = np.zeros((40, 60), np.uint8)
    valid[5:, 10:] = 255
    Image.fromarray(valid).save(tmp_path / "valid.png")
    mask = str(tmp_path / "valid.png")
    masked = Exported(tmp_path, dataset=str(images), superpixel_size="10", valid=mask)
    root = zarr.open_group(masked("napari", "napari") / "10px/000.ome.zarr", mode="r")
    np.testing.assert_array_equal(root["labels/superpixels/0"][...] > 0, valid > 0)
    assert not root["labels/objects/0"][...][valid == 0].any()


def test_napari_finds_no_objects_without_a_prior(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "drawn", 1) / "images"
    bare = Exported(tmp_path, dataset=str(images), n_superpixels="6", prior="none")
    root = zarr.open_group(bare("napari", "napari") / "6/000.ome.zarr", mode="r")
    assert root["labels"].attrs["ome"]["labels"] == ["superpixels"]


def test_the_reader_of_napari_gives_these_layers(photos: Exported) -> None:
    reader = pytest.importorskip("napari_ome_zarr._reader", reason="needs napari-ome-zarr")
    path = str(photos("napari", "napari") / "6/000.ome.zarr")
    kinds = {kind: data[0].shape for data, _, kind in reader.napari_get_reader(path)(path)}
    assert kinds == {"image": (3, 40, 60), "labels": (40, 60)}
