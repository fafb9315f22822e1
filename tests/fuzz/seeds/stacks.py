"""Files of science, medicine and maps: DICOM, OME-Zarr, GeoTIFF."""

import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.seeds.pictures import LABELS, photograph


def dicoms() -> list[bytes]:
    """Return DICOM files: grey, of several frames, coloured, packed by run lengths and deflated."""
    from pydicom.uid import (
        DeflatedExplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        RLELossless,
    )

    deep = LABELS * 7
    window = {"WindowCenter": 500, "WindowWidth": 900, "RescaleSlope": 2, "RescaleIntercept": -9}
    return [
        _dicom(deep, ExplicitVRLittleEndian, **window),
        _dicom(deep, ImplicitVRLittleEndian, PixelPaddingValue=0),
        _dicom(np.stack([deep, deep]), ExplicitVRLittleEndian, NumberOfFrames=2),
        _dicom(photograph(), ExplicitVRLittleEndian),
        _dicom(deep, RLELossless),
        _dicom(deep, DeflatedExplicitVRLittleEndian),
    ]


def _dicom(values: Any, syntax: Any, **tags: Any) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import RLELossless, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    file = FileDataset("a.dcm", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    coloured = values.shape[-1] == 3
    file.Rows, file.Columns = values.shape[:2] if coloured else values.shape[-2:]
    file.SamplesPerPixel = 3 if coloured else 1
    file.PhotometricInterpretation = "RGB" if coloured else "MONOCHROME2"
    if coloured:
        file.PlanarConfiguration = 0
    file.BitsAllocated = file.BitsStored = 8 * values.itemsize
    file.HighBit, file.PixelRepresentation = file.BitsStored - 1, 0
    for name, value in tags.items():
        setattr(file, name, value)
    if syntax == RLELossless:
        file.compress(syntax, values, generate_instance_uid=False)
    else:
        file.PixelData = values.tobytes()
        file["PixelData"].VR = "OW" if values.itemsize > 1 else "OB"
    content = io.BytesIO()
    file.save_as(content, enforce_file_format=True)
    return content.getvalue()


@cache
def ome_zarrs() -> dict[str, bytes]:
    """Return the files of OME-Zarr images, by path; the first part names the image.

    Of Zarr 3 with each compression that the specification has, in shards, and of Zarr 2.
    """
    import zarr
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    stack = np.stack([LABELS, LABELS[::-1]])
    kinds: dict[str, dict[str, Any]] = {
        "zstd": {"compressors": [ZstdCodec()]},
        "gzip": {"compressors": [GzipCodec()]},
        "blosc": {"compressors": [BloscCodec()]},
        "shards": {"shards": (2, 10, 8)},
        "two": {},
    }
    axes = [{"name": name} for name in "zyx"]
    image = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in kinds.items():
            version: Any = 2 if name == "two" else 3
            group = zarr.open_group(f"{folder}/{name}.zarr", mode="w", zarr_format=version)
            array = group.create_array(
                "0", shape=stack.shape, dtype="u2", chunks=(1, 5, 4), **options
            )
            array[...] = stack
            group.attrs.update(image if version == 2 else {"ome": {"version": "0.5", **image}})
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def ome_zarr_files() -> list[bytes]:
    """Return each of them as its path, a zero and its bytes; of chunks but the first."""
    return [
        path.encode() + b"\x00" + content
        for path, content in ome_zarrs().items()
        if path.endswith(("json", ".zarray", ".zattrs", ".zgroup", "0.0.0", "0/0/0"))
    ]


def geotiffs() -> list[bytes]:
    """Return GeoTIFFs with a grid and two kinds of coordinates."""
    import tifffile

    keys = {
        "projected": (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32631),
        "degrees": (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326),
    }
    contents = []
    for directory in keys.values():
        content = io.BytesIO()
        tags = [
            (33550, "d", 3, (10.0, 10.0, 0.0), True),
            (33922, "d", 6, (0.0, 0.0, 0.0, 5e5, 5e6, 0.0), True),
            (34735, "H", len(directory), directory, True),
            (42113, "s", 0, "0", True),
        ]
        tifffile.imwrite(content, LABELS, metadata=None, extratags=tags)
        contents.append(content.getvalue())
    return contents


def envi_headers() -> list[bytes]:
    """Return headers of cubes of 7 × 9 pixels and two or eight bands."""
    fields = "samples = 7\nlines = 9\nbands = {}\nheader offset = 0\ndata type = {}\n"
    more = "bbl = {1,1,0,1,1,1,1,1}\ndefault bands = {3,2,1}\ndata ignore value = 7\n"
    return [
        f"ENVI\n{fields.format(2, 12)}interleave = bil\nbyte order = 1\n".encode(),
        f"ENVI\ndescription = {{\n  a}}\n{fields.format(8, 4)}interleave = bip\n{more}".encode(),
    ]


def cubes() -> list[bytes]:
    """Return cubes of MATLAB's, packed and not, and of HDF5."""
    import h5py
    import scipy.io

    cube = np.random.default_rng(0).integers(0, 900, (9, 7, 5)).astype(np.int16)
    contents = []
    for packed in (False, True):
        content = io.BytesIO()
        scipy.io.savemat(content, {"cube": cube, "a": "text"}, do_compression=packed)
        contents.append(content.getvalue())
    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=512) as file:
        file.create_dataset("cube", data=cube.T, chunks=(5, 7, 3), compression="gzip")
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
    return [*contents, head + content.getvalue()[128:]]
