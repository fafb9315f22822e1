"""What is exported is read back, by the programs that people use, as what it was."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from segment_anything.utils.amg import rle_to_mask
from skimage import io as skimage_io

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.exporting.formats import Form, suffix_of
from spam_pipe.pipeline.exporting.label_files import (
    coco_records,
    encode_labels,
    encode_object_overlay,
    encode_overlay,
)
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.report.drawing import BOUNDARY_COLOR, boundary_lines


@pytest.fixture
def labels() -> np.ndarray:
    """400 labels, some of them above 255."""
    rows, columns = np.mgrid[:60, :80]
    return (rows // 3 * 20 + columns // 4).astype(np.uint16)


def wide(labels: np.ndarray) -> np.ndarray:
    """The same regions with labels beyond 16 bits."""
    return labels.astype(np.uint32) * 1000 + 70_000


def read(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    return tifffile.imread(path) if path.suffix == ".tiff" else np.asarray(Image.open(path))


@pytest.mark.parametrize("form", ["png", "tiff", "npy"])
def test_a_label_image_reads_back_as_it_was(labels: np.ndarray, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix_of(form)}"
    path.write_bytes(encode_labels(labels, form))
    back = read(path)
    assert back.dtype == np.uint16
    np.testing.assert_array_equal(back, labels)
    np.testing.assert_array_equal(
        np.load(path) if form == "npy" else skimage_io.imread(path), labels
    )


@pytest.mark.parametrize("form", ["tiff", "npy"])
def test_more_than_65535_labels_become_32_bits(
    labels: np.ndarray, form: str, tmp_path: Path
) -> None:
    path = tmp_path / f"x.{form}"
    path.write_bytes(encode_labels(wide(labels), form))
    assert read(path).dtype == np.uint32
    np.testing.assert_array_equal(read(path), wide(labels))


def test_a_png_of_too_many_labels_names_the_formats_that_hold_them(labels: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"469000 .*16-bit PNG.*tiff or npy"):
        encode_labels(wide(labels), "png")
    labels[0, 0] = 65_535
    assert np.asarray(Image.open(io.BytesIO(encode_labels(labels, "png"))))[0, 0] == 65_535


def test_the_tiff_is_compressed(labels: np.ndarray) -> None:
    content = encode_labels(labels, "tiff")
    assert len(content) < labels.nbytes / 4
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


@pytest.mark.parametrize("form", ["png", "tiff", "npy", "coco"])
def test_equal_maps_give_equal_bytes(labels: np.ndarray, form: Form) -> None:
    same = np.asfortranarray(labels.astype(np.int64))
    assert encode_labels(labels, form) == encode_labels(same, form)


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.uint16,
        st.tuples(st.integers(1, 7), st.integers(1, 7)),
        elements=st.integers(0, 5),
    )
)
def test_run_lengths_decode_to_the_regions(labels: np.ndarray) -> None:
    records = json.loads(encode_labels(labels, "coco"))
    assert [record["id"] for record in records] == np.unique(labels).tolist()
    for record in records:
        mask = rle_to_mask(record["segmentation"])
        np.testing.assert_array_equal(mask, labels == record["id"])
        assert record["area"] == mask.sum()
        left, top, width, height = record["bbox"]
        assert mask[top : top + height, left : left + width].sum() == mask.sum()
        assert mask[top, :].any()
        assert mask[top + height - 1, :].any()
        assert mask[:, left].any()
        assert mask[:, left + width - 1].any()


def test_uncertain_pixels_are_no_region() -> None:
    objects = np.array([[0, 1, 1], [0, 0, 7]], dtype=np.uint16)
    records = coco_records(objects, background=0)
    assert [record["id"] for record in records] == [1, 7]
    assert records[0] == {
        "id": 1,
        "segmentation": {"size": [2, 3], "counts": [2, 1, 1, 1, 1]},
        "area": 2,
        "bbox": [1, 0, 2, 1],
    }
    assert len(coco_records(objects)) == 3


def test_exported_run_lengths_are_proposals_that_can_be_read(labels: np.ndarray) -> None:
    records = json.loads(encode_labels(labels, "coco"))
    masks = RunLengths.from_counts(
        [record["segmentation"]["counts"] for record in records],
        records[0]["segmentation"]["size"],
    )
    np.testing.assert_array_equal(masks.paint(np.arange(len(masks))) - 1, labels)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.zeros((0, 3), np.uint8), r"\(0, 3\)"),
        (np.zeros((2, 2, 2), np.uint8), r"\(2, 2, 2\)"),
        (np.zeros((2, 2)), "float64"),
        (np.full((2, 2), -1), r"-1\.\.-1"),
    ],
)
def test_what_is_no_label_map_is_refused(bad: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said):
        encode_labels(bad, "npy")


def test_an_overlay_shows_the_boundaries(labels: np.ndarray) -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    drawn = np.asarray(Image.open(io.BytesIO(encode_overlay(image, labels))))
    np.testing.assert_array_equal((drawn == BOUNDARY_COLOR).all(axis=2), boundary_lines(labels))


def test_objects_are_coloured_over_the_image() -> None:
    image = np.full((20, 20, 3), 128, np.uint8)
    objects = np.zeros((20, 20), np.uint16)
    objects[2:18, 2:10], objects[2:18, 10:18] = 1, 2
    drawn = np.asarray(Image.open(io.BytesIO(encode_object_overlay(image, objects))))
    assert drawn.shape == image.shape
    assert not np.array_equal(drawn[9, 4], drawn[9, 14])
