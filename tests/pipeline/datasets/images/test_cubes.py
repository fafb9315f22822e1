"""Cubes of many bands: ENVI in every layout and MATLAB of both versions, or refused in one line."""

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.datasets.config import DatasetConfig
from spam_pipe.pipeline.datasets.folder import ImageFolder
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.errors import DataError
from tests.stages.test_principal import HALVES, hidden_border

CUBE = np.random.default_rng(0).integers(0, 120, (6, 9, 5))
LAYOUTS = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}


def write_envi(
    path: Path,
    cube: NDArray[np.generic],
    layout: str = "bsq",
    order: int = 0,
    kind: int = 4,
    **more: str,
) -> Path:
    """Write a header and, beside it, the numbers; return the header."""
    height, width, n_bands = cube.shape
    fields = {
        **{"samples": width, "lines": height, "bands": n_bands, "header offset": 3},
        **{"data type": kind, "interleave": layout, "byte order": order},
        **{name.replace("_", " "): value for name, value in more.items()},
    }
    lines = [f"{name} = {value}" for name, value in fields.items()]
    path.with_suffix(".hdr").write_text("\n".join(["ENVI", "description = {\n a = b}", *lines]))
    number = np.dtype(f"{'<>'[order]}{TYPES.get(kind, 'f4')}")
    path.write_bytes(b"xyz" + cube.astype(number).transpose(LAYOUTS[layout]).tobytes())
    return path.with_suffix(".hdr")


@pytest.mark.parametrize(("layout", "order"), [*product(LAYOUTS, (0, 1))])
def test_envi_of_every_layout_and_type(tmp_path: Path, layout: str, order: int) -> None:
    for kind, suffix in zip(
        TYPES, ("", ".img", ".DAT", ".raw", ".bin", ".bsq", ".bil", ".bip", ".cube"), strict=True
    ):
        path = write_envi(tmp_path / f"a{kind}{suffix}", CUBE, layout, order, kind)
        read = ImageFile(path).samples().values
        np.testing.assert_array_equal(read, CUBE)
        assert read.dtype == np.dtype(TYPES[kind])


def test_what_an_envi_header_says(tmp_path: Path) -> None:
    said = {"default_bands": "{3, 2, 1}", "data_ignore_value": "7", "bbl": "{1,1,0,1,1}"}
    path = write_envi(tmp_path / "a.img", np.where(CUBE == 7, 8, CUBE), kind=1, **said)
    cube = np.fromfile(tmp_path / "a.img", np.uint8, offset=3).reshape(5, 6, 9)
    cube[:, 2, 4] = 7
    (tmp_path / "a.img").write_bytes(b"xyz" + cube.tobytes())
    seen = ImageFile(path).picture()
    np.testing.assert_array_equal(seen.pixels[0, 0], cube[[2, 1, 0], 0, 0])
    assert seen.valid is not None
    assert np.argwhere(~seen.valid).tolist() == [[2, 4]]
    every = ImageFile(path, Reading(every=True)).picture()
    assert every.bands is not None
    assert said_of(every.facts).startswith("without 1 band that its header calls bad; ")
    assert "of 4 bands" in said_of(every.facts)


def test_a_cube_is_one_item_and_its_numbers_count(tmp_path: Path) -> None:
    path = write_envi(tmp_path / "a.img", CUBE)
    (tmp_path / "b.hdr").write_bytes(b"#?RADIANCE\n")
    (item,) = ImageFolder(tmp_path).items()
    assert item.id == "a"
    with pytest.raises(DataError, match=r"a\.img: there is no such image; .* its header, a\.hdr"):
        list(ImageFolder(tmp_path, files=("a.img",)).items())
    before = item.image.signature(), item.image.digest()
    write_envi(tmp_path / "a.img", CUBE + 1)
    assert item.image.digest() != before[1]
    (tmp_path / "a.dat").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"a\.hdr: needs its data file beside it, and there is a\.img and a\.dat"
    ):
        ImageFile(path).samples()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": 6}, "data type 6"),
        ({"interleave": "tiles"}, "interleave tiles"),
        ({"file_compression": "1"}, "compressed"),
        ({"lines": "70"}, "shorter than the"),
        ({"bands": "many"}, "its 'bands' is many"),
        ({"samples": "999999999"}, "--max-megapixels"),
    ],
)
def test_envi_that_is_not_read_says_so(
    tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    path = write_envi(tmp_path / "a.img", CUBE, **fields)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=said):
        ImageFile(path).samples()


def write_mat_73(path: Path, **arrays: NDArray[np.generic]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file[name] = values.T
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
    path.write_bytes(content)


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("kind", ["u1", "i2", "f4", "f8"])
def test_mat_of_both_versions(tmp_path: Path, version: str, kind: str) -> None:
    path = tmp_path / "a.mat"
    more = {"wavelengths": np.arange(5.0).reshape(1, 5)}
    cube = {"cube": CUBE.astype(kind)}
    if version == "5":
        scipy.io.savemat(path, {**cube, **more}, do_compression=True)
    else:
        write_mat_73(path, **cube, **more)
    read = ImageFile(path).samples().values
    np.testing.assert_array_equal(read, CUBE)
    assert read.dtype == np.dtype(kind)
    with pytest.raises(DataError, match=r"has 5 bands; .* --bands all"):
        ImageFile(path).picture()


def test_mat_is_an_image_where_it_is_named(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": CUBE, "y": CUBE})
    with pytest.raises(DataError, match="holds no image"):
        list(ImageFolder(tmp_path).items())
    for named in ({"pattern": "*.mat"}, {"files": ("a.mat",)}):
        (item,) = ImageFolder(tmp_path, **named).items()  # type: ignore[arg-type]
        assert item.id == "a"
    with pytest.raises(DataError, match=r"one matrix \(H, W, B\), here are x \(6, 9, 5\), y"):
        item.image.read()
    (tmp_path / "a.mat").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.mat: is no MATLAB file"):
        item.image.read()


def test_which_bands_are_seen_and_which_count() -> None:
    def reading(bands: object) -> Reading:
        return DatasetConfig(bands=bands).reading  # type: ignore[arg-type]

    assert reading("all") == Reading(None, every=True)
    assert reading("all:4,3,2") == Reading((4, 3, 2), every=True)
    assert reading((4, 3, 2)) == Reading((4, 3, 2))
    assert len({reading(b).token for b in ("all", "all:4,3,2", (4, 3, 2), None)}) == 4
    for wrong in ("all:4,3", "all:0,1,2", "every", "all:a,b,c"):
        with pytest.raises(ValueError, match=r"4,3,2"):
            reading(wrong)


@pytest.mark.parametrize(("bands", "found"), [("all", True), ("all:1,2,3", True), ("1,2,3", False)])
def test_a_run_compares_pixels_by_the_bands_that_it_is_told(
    tmp_path: Path, command: Callable[..., dict[str, Any]], bands: str, found: bool
) -> None:
    images, truth = tmp_path / "images", tmp_path / "truth"
    images.mkdir()
    truth.mkdir()
    write_envi(images / "a.img", hidden_border())
    Image.fromarray(HALVES.astype(np.uint8)).save(truth / "a.png")
    done = command(
        "run",
        dataset=str(images),
        ground_truth=str(truth),
        bands=bands,
        prior="none",
        n_superpixels="20",
    )
    assert done["status"] == 0
    with (tmp_path / "outputs" / "images" / "report" / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (float(row["asa"]) > 0.92) == found
    assert ("spam compares" in row["note"]) == found
