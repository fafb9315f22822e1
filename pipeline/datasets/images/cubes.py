"""Cubes of many bands: ENVI files (a header beside raw numbers) and MATLAB matrices."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.guards.limits import check_packing, check_size
from spam_pipe.pipeline.datasets.guards.mat_content import load_mat
from spam_pipe.pipeline.datasets.images.bands import Reading, Samples
from spam_pipe.pipeline.errors import DataError

ENVI_DATA = ("", ".img", ".dat", ".raw", ".bin", ".bsq", ".bil", ".bip", ".cube")
"""Suffixes of the files that ENVI's headers describe; in upper case, too."""

_TYPES = {
    **{1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8"},
    **{12: "u2", 13: "u4", 14: "i8", 15: "u8"},
}
"""NumPy's names of ENVI's data types; 6 and 9 are complex."""

_LAYOUTS = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
"""Rows (0), columns (1) and bands (2), slowest first, by the header's word for the interleave."""

_LARGEST_HEADER = 2**22
_FIELD = re.compile(r"^\s*([A-Za-z][^=\n]*?)\s*=\s*(\{[^}]*\}|[^\n]*)", re.MULTILINE)


def envi_data(path: Path) -> Path:
    """Return the file of numbers that an ENVI header describes: ``a.img`` of ``a.hdr``.

    Raises
    ------
    DataError
        When it is not there, or there are several.
    """
    stem = path.with_suffix("")
    places = [
        stem.with_name(stem.name + case)
        for suffix in ENVI_DATA
        for case in dict.fromkeys((suffix, suffix.upper()))
    ]
    found = [place for place in places if place.is_file()]
    if len(found) == 1:
        return found[0]
    named = " and ".join(place.name for place in found) or f"neither {stem.name}.img nor another"
    raise DataError(f"{path}: needs its data file beside it, and there is {named}; keep one")


def read_envi(path: Path, reading: Reading) -> Samples:
    """Read the cube that an ENVI header describes.

    Bands that it calls bad (``bbl``) do not count where all bands do.

    Raises
    ------
    DataError
        When a field is missing or means nothing here, the cube is too large, or its file is
        shorter than the header says.
    """
    with path.open("rb") as file:
        text = file.read(_LARGEST_HEADER).decode("utf-8", "replace")
    fields = {name.lower(): value.strip("{} \t\r\n") for name, value in _FIELD.findall(text)}

    def whole(name: str, default: int | None = None) -> int:
        value = fields.get(name, None if default is None else str(default))
        if value is None or not re.fullmatch(r"\d{1,12}", value):
            raise DataError(f"{path}: its '{name}' is {value or 'missing'}; write the header again")
        return int(value)

    height, width, n_bands = whole("lines"), whole("samples"), whole("bands")
    kind, interleave = _TYPES.get(whole("data type")), fields.get("interleave", "bsq").lower()
    if kind is None or interleave not in _LAYOUTS or whole("file compression", 0):
        raise DataError(
            f"{path}: is of data type {fields['data type']}, interleave {interleave}"
            f"{', compressed' * bool(whole('file compression', 0))}; save it as real numbers, "
            "bsq, bil or bip, uncompressed"
        )
    number = np.dtype(f"{'>' if whole('byte order', 0) else '<'}{kind}")
    check_size(path, height, width, reading.max_pixels, n_bands * number.itemsize)
    order = _LAYOUTS[interleave]
    stored = tuple((height, width, n_bands)[axis] for axis in order)
    data, offset = envi_data(path), whole("header offset", 0)
    needed = offset + height * width * n_bands * number.itemsize
    if data.stat().st_size < needed:
        raise DataError(f"{data}: is shorter than the {needed:,} bytes of its header; get it again")
    cube = np.memmap(data, number, "r", offset, stored).transpose(np.argsort(order))
    numbers = np.arange(1, n_bands + 1)
    facts: dict[str, Any] = {}
    if reading.every and (good := _numbers(fields.get("bbl", ""))).size == n_bands and good.any():
        numbers = numbers[good != 0]
        facts = {"bad_bands": n_bands - numbers.size} if numbers.size < n_bands else {}
    named = _numbers(fields.get("default bands", "")).astype(int)
    usual = tuple(named.tolist()) if {*named.tolist()} <= {*numbers.tolist()} else ()
    nodata = _numbers(fields.get("data ignore value", ""))
    return Samples(
        np.ascontiguousarray(cube[..., numbers - 1]),
        nodata=float(nodata[0]) if nodata.size else None,
        named=usual if len(usual) in (1, 3) else None,
        numbers=tuple(numbers.tolist()),
        facts=facts,
    )


def _numbers(text: str) -> NDArray[np.float64]:
    """Return the numbers of a field; none of one that holds anything else."""
    try:
        return np.array([float(each) for each in text.split(",") if each.strip()])
    except ValueError:
        return np.zeros(0)


def read_mat_image(path: Path, reading: Reading) -> Samples:
    """Read the one matrix (H, W) or (H, W, B) of a MATLAB file (level 5, or 7.3, which is HDF5).

    Raises
    ------
    DataError
        When it holds none or several, or can't be read.
    """
    try:
        named = _matrices(path, reading)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # damaged files fail in any way
        raise DataError(
            f"{path}: is no MATLAB file that can be read ({error}); get it again"
        ) from error
    cubes = {name: value for name, value in named.items() if value.ndim == 3} or named
    if len(cubes) != 1:
        found = ", ".join(f"{name} {value.shape}" for name, value in named.items()) or "none"
        raise DataError(f"{path}: an image is one matrix (H, W, B), here are {found}; keep one")
    (values,) = cubes.values()
    height, width, *rest = values.shape
    check_size(path, height, width, reading.max_pixels, values.dtype.itemsize * (rest or [1])[0])
    return Samples(values if values.ndim == 3 else values[..., np.newaxis])


def _matrices(path: Path, reading: Reading) -> dict[str, NDArray[Any]]:
    """Return the matrices of numbers of two or three dimensions, by name."""
    try:
        variables = load_mat(path.read_bytes())
    except NotImplementedError:
        return _matrices_of_hdf5(path, reading)
    named = {name: np.asarray(value) for name, value in variables.items()}
    return {name: value for name, value in named.items() if _is_matrix(value)}


def _matrices_of_hdf5(path: Path, reading: Reading) -> dict[str, NDArray[Any]]:
    import h5py

    found = {}
    with h5py.File(path) as file:
        for name, value in file.items():
            if isinstance(value, h5py.Dataset) and _is_matrix(value):
                height, width = value.shape[::-1][:2]  # MATLAB stores columns first
                n_bytes = value.dtype.itemsize * (value.shape[0] if value.ndim == 3 else 1)
                check_size(path, height, width, reading.max_pixels, n_bytes)
                check_packing(path, value.nbytes, 2 * value.nbytes)
                found[name] = np.asarray(value[()]).T
    return found


def _is_matrix(value: Any) -> bool:
    sizes = value.ndim in (2, 3) and min(value.shape[:2], default=0) > 1
    return bool(sizes and value.dtype.kind in "buif")
