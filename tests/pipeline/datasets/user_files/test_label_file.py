"""Ground truth of every format reads as region maps, or fails in one line."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from PIL import Image

from spam_pipe.pipeline.datasets.user_files.label_file import BsdAnnotations, LabelFile, SbdLayers
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.validity import VOID

LABELS = np.array([[0, 1, 1, 7], [0, 2, 2, 7], [3, 3, 2, 200]], dtype=np.uint8)


def save_bsd(path: Path, maps: list[np.ndarray]) -> Path:
    cell = np.empty((1, len(maps)), dtype=object)
    for index, segmentation in enumerate(maps):
        cell[0, index] = {"Segmentation": segmentation, "Boundaries": segmentation > 1}
    scipy.io.savemat(path, {"groundTruth": cell})
    return path


def assert_maps(annotations: tuple[np.ndarray, ...], *expected: np.ndarray) -> None:
    assert len(annotations) == len(expected)
    for regions, wanted in zip(annotations, expected, strict=True):
        assert regions.dtype == np.uint32
        np.testing.assert_array_equal(regions, wanted)


def test_bsd_file(tmp_path: Path) -> None:
    first, second = LABELS.astype(np.uint16) + 1, np.ones((3, 4), dtype=np.uint16)
    path = save_bsd(tmp_path / "1.mat", [first, second])
    assert_maps(BsdAnnotations(path).read(), first, second)
    assert_maps(LabelFile(path).read(), first, second)


def test_real_bsd_file(bsd_root: Path) -> None:
    annotations = BsdAnnotations(bsd_root / "groundTruth" / "test" / "100007.mat").read()
    with Image.open(bsd_root / "images" / "test" / "100007.jpg") as image:
        shape = image.size[::-1]
    assert 4 <= len(annotations) <= 9
    for regions in annotations:
        assert regions.shape == shape
        assert regions.min() == 1


def test_mat_without_ground_truth(tmp_path: Path) -> None:
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, {"something": LABELS})
    with pytest.raises(DataError, match=r"other\.mat: has no `groundTruth`"):
        BsdAnnotations(path).read()


@pytest.mark.parametrize(
    "variables",
    [
        {"groundTruth": LABELS},
        {"groundTruth": np.empty((1, 0), dtype=object)},
        {"groundTruth": {"Boundaries": LABELS}},
    ],
    ids=["matrix", "empty", "no Segmentation"],
)
def test_malformed_ground_truth(tmp_path: Path, variables: dict[str, object]) -> None:
    path = tmp_path / "bad.mat"
    scipy.io.savemat(path, variables)
    with pytest.raises(DataError, match=r"bad\.mat: `groundTruth` is"):
        BsdAnnotations(path).read()


@pytest.mark.parametrize("content", [b"", b"no MATLAB here, but text" * 20])
def test_text_named_mat(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.mat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"text\.mat: "):
        BsdAnnotations(path).read()


def test_damaged_mat(tmp_path: Path, bsd_root: Path) -> None:
    whole = (bsd_root / "groundTruth" / "test" / "100007.mat").read_bytes()
    path = tmp_path / "cut.mat"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.mat: "):
        BsdAnnotations(path).read()


def test_matlab_73_says_how_to_save(tmp_path: Path) -> None:
    path = tmp_path / "new.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["groundTruth"] = LABELS
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as raw:
        raw.write(header)
    with pytest.raises(DataError, match=r"new\.mat: is MATLAB 7\.3; save it in MATLAB with -v7"):
        BsdAnnotations(path).read()


def test_label_pictures(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "8.png")
    Image.fromarray(LABELS.astype(np.uint16) * 300).save(tmp_path / "16.png")
    indexed = Image.fromarray(LABELS).convert("P")
    indexed.putdata(LABELS.ravel().tolist())
    indexed.putpalette(list(range(256)) * 3)
    indexed.save(tmp_path / "palette.png")
    tifffile.imwrite(tmp_path / "32.tif", LABELS.astype(np.uint32) * 100_000)
    assert_maps(LabelFile(tmp_path / "8.png").read(), LABELS)
    assert_maps(LabelFile(tmp_path / "16.png").read(), LABELS.astype(int) * 300)
    assert_maps(LabelFile(tmp_path / "palette.png").read(), LABELS)
    assert_maps(LabelFile(tmp_path / "32.tif").read(), LABELS.astype(int) * 100_000)


def test_compressed_tiff(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    assert_maps(LabelFile(tmp_path / "lzw.tif").read(), LABELS)


def test_each_colour_is_a_region(tmp_path: Path) -> None:
    colors = np.array([[[1, 2, 3], [1, 2, 3]], [[3, 2, 1], [0, 0, 0]]], dtype=np.uint8)
    Image.fromarray(colors).save(tmp_path / "a.png")
    assert_maps(
        LabelFile(tmp_path / "a.png").read(), np.array([[0x010203, 0x010203], [0x030201, 0]])
    )


def test_npy_of_one_and_of_several_annotators(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", LABELS.astype(np.int64))
    np.save(tmp_path / "two.npy", np.stack([LABELS, LABELS[::-1]]))
    np.save(tmp_path / "float.npy", LABELS.astype(float))
    assert_maps(LabelFile(tmp_path / "one.npy").read(), LABELS)
    assert_maps(LabelFile(tmp_path / "two.npy").read(), LABELS, LABELS[::-1])
    assert_maps(LabelFile(tmp_path / "float.npy").read(), LABELS)


def test_mat_with_one_matrix(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "one.mat", {"anything": LABELS})
    assert_maps(LabelFile(tmp_path / "one.mat").read(), LABELS)
    scipy.io.savemat(tmp_path / "two.mat", {"a": LABELS, "b": LABELS})
    with pytest.raises(DataError, match=r"two\.mat: holds a, b; expected"):
        LabelFile(tmp_path / "two.mat").read()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([[0, -1]]), "between 0 and"),
        (np.array([[0.0, np.inf]]), "between 0 and"),
        (np.array([[0.5]]), "whole numbers"),
        (np.zeros((0, 4), np.uint8), r"\(H, W\)"),
        (np.zeros(4, np.uint8), r"\(H, W\)"),
        (np.zeros((2, 2), complex), "holds no numbers"),
    ],
    ids=["negative", "infinite", "half", "empty", "1-D", "complex"],
)
def test_arrays_that_are_no_label_map(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(DataError, match=rf"bad\.npy: .*{reason}"):
        LabelFile(tmp_path / "bad.npy").read()


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "pickle.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"pickle\.npy: is not a plain npy array"):
        LabelFile(tmp_path / "pickle.npy").read()


def test_a_header_that_promises_more_than_the_file_holds(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", LABELS)
    lie = (tmp_path / "a.npy").read_bytes().replace(b"(3, 4), }  ", b"(3, 4000000000), }")
    (tmp_path / "lie.npy").write_bytes(lie)
    with pytest.raises(DataError, match=r"lie\.npy: is not a plain npy array"):
        LabelFile(tmp_path / "lie.npy").read()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".mat"])
def test_missing_and_text_files(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match=rf"gone\{suffix}: there is no such ground truth"):
        LabelFile(tmp_path / f"gone{suffix}").read()
    (tmp_path / f"text{suffix}").write_text("some text\n" * 30)
    with pytest.raises(DataError, match=rf"text\{suffix}: "):
        LabelFile(tmp_path / f"text{suffix}").read()


def test_sbd_regions_are_4_connected_components(tmp_path: Path) -> None:
    path = tmp_path / "1.layers.txt"
    path.write_text("0 0 1 1\n-1 1 1 0\n1 -1 0 0\n")
    (regions,) = SbdLayers(path).read()
    assert regions.dtype == np.uint32
    # Diagonal neighbours of one value are different regions; 0 is a value like any other.
    np.testing.assert_array_equal(regions, [[1, 1, 2, 2], [3, 2, 2, 4], [5, 6, 4, 4]])


@pytest.mark.parametrize("text", ["", "1 2\n3\n", "1 2\n3 x\n", "0.5 1\n"])
def test_malformed_layers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "1.layers.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"1\.layers\.txt: is "):
        SbdLayers(path).read()


def test_nan_is_no_label(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[0.0, np.nan, 7.0]], np.float32))
    assert LabelFile(tmp_path / "a.npy", void=VOID).read()[0].tolist() == [[0, VOID, 7]]
