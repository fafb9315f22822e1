"""The table's figures beside scikit-image's and plain numpy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.color import rgb2lab
from skimage.measure import regionprops_table

from spam_pipe.stages.describe.table import table
from spam_pipe.stages.evaluate.compactness import compactness, perimeters
from spam_pipe.stages.evaluate.regions import regions_of
from tests.stages.describe.describe_label_maps import label_maps, present

SHAPE = ["id", "area", "row", "column", "top", "left", "bottom", "right", "perimeter"]


@pytest.fixture
def labels() -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.permutation(20).reshape(4, 5)
    return np.kron(coarse, np.ones((9, 7), int)).astype(np.uint16)


@pytest.fixture
def image(labels: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (*labels.shape, 3), dtype=np.uint8)


def test_shapes_are_those_of_regionprops(labels: np.ndarray) -> None:
    figures = table(labels)
    names = ["label", "area", "centroid", "bbox"]
    peers = regionprops_table(labels.astype(int) + 1, properties=names)
    assert [*figures.columns] == [*SHAPE, "compactness"]
    for ours, theirs in (
        ("area", "area"),
        ("row", "centroid-0"),
        ("column", "centroid-1"),
        ("top", "bbox-0"),
        ("left", "bbox-1"),
        ("bottom", "bbox-2"),
        ("right", "bbox-3"),
    ):
        np.testing.assert_allclose(figures[ours], peers[theirs], rtol=1e-12, err_msg=ours)
    assert figures["id"].tolist() == (peers["label"] - 1).tolist()


def test_perimeter_and_compactness_are_those_of_the_metric(labels: np.ndarray) -> None:
    figures = table(labels)
    regions = regions_of(labels)
    assert sorted(figures["perimeter"]) == sorted(perimeters(regions).tolist())
    mean = np.average(figures["compactness"], weights=figures["area"])
    assert mean == pytest.approx(compactness(regions), rel=1e-12)


def test_bands_have_means_and_deviations(labels: np.ndarray, image: np.ndarray) -> None:
    figures = table(labels, image)
    lab = rgb2lab(image)
    for k in range(20):
        inside = image[labels == k]
        row = figures.loc[k]
        for band, name in enumerate(("red", "green", "blue")):
            assert row[f"mean_{name}"] == pytest.approx(inside[:, band].mean(), rel=1e-12)
            assert row[f"std_{name}"] == pytest.approx(inside[:, band].std(), rel=1e-12)
        np.testing.assert_allclose(
            row[["lab_l", "lab_a", "lab_b"]].astype(float), lab[labels == k].mean(0), atol=2e-3
        )


def test_bands_of_any_number_and_kind_are_named(labels: np.ndarray) -> None:
    deep = np.random.default_rng(2).normal(1e6, 1, (*labels.shape, 5))
    figures = table(labels, deep)
    assert figures["mean_band_5"][3] == pytest.approx(deep[labels == 3][:, 4].mean(), rel=1e-12)
    assert figures["std_band_1"][3] == pytest.approx(deep[labels == 3][:, 0].std(), rel=1e-6)
    assert "lab_l" not in figures
    assert "mean_nir" in table(labels, deep[..., :1], bands=["nir"])
    assert "std_gray" in table(labels, deep[..., 0])
    with pytest.raises(ValueError, match="2 names for an image of 5 bands"):
        table(labels, deep, bands=["a", "b"])


def test_nan_stays_in_its_superpixel(labels: np.ndarray) -> None:
    gray = np.ones(labels.shape, np.float32)
    gray[np.argwhere(labels == 7)[0][0], np.argwhere(labels == 7)[0][1]] = np.nan
    assert np.flatnonzero(np.isnan(table(labels, gray)["mean_gray"])).tolist() == [7]


def test_the_object_is_that_of_most_certain_pixels() -> None:
    labels = np.array([[0, 0, 0, 0], [1, 1, 2, 2]])
    objects = np.array([[0, 0, 0, 4], [2, 1, 0, 0]], np.uint16)
    assert table(labels, objects=objects)["object"].tolist() == [4, 1, 0]
    outside = np.array([[0, 0, -1, -1], [1, 1, -1, -1]])
    assert table(outside, objects=objects)["object"].tolist() == [0, 1]


def test_features_have_means(labels: np.ndarray) -> None:
    features = np.random.default_rng(3).random((*labels.shape, 15), np.float32)
    figures = table(labels, features=features)
    expected = features[labels == 11].mean(axis=0, dtype=np.float64)
    found = figures.loc[11, [f"feature_{i}" for i in range(15)]].astype(float)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@settings(max_examples=60)
@given(label_maps())
def test_areas_and_boxes_are_those_of_the_pixels(labels: np.ndarray) -> None:
    figures = table(labels)
    assert figures["id"].tolist() == present(labels)
    assert figures["area"].sum() == np.count_nonzero(labels >= 0)
    for row in figures.itertuples():
        rows, columns = np.nonzero(labels == row.id)
        assert (row.top, row.bottom) == (rows.min(), rows.max() + 1)
        assert (row.left, row.right) == (columns.min(), columns.max() + 1)
        assert (row.row, row.column) == pytest.approx((rows.mean(), columns.mean()))
    assert (figures["compactness"] <= np.pi / 4 + 1e-12).all()


@pytest.mark.parametrize("name", ["image", "objects", "features"])
def test_arrays_of_another_size_are_refused(labels: np.ndarray, name: str) -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\) pixels and labels of \(36, 35\)"):
        table(labels, **{name: np.zeros((3, 3, 3), np.uint8)})
