"""Small label maps, masks and HDF5."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.seeds.pictures import LABELS


def npys() -> list[bytes]:
    """Return label maps, a stack of masks and a map of factors."""
    stack = np.stack([LABELS == 7, LABELS == 300])
    contents = []
    for array in (
        LABELS,
        LABELS.astype(np.float64),
        stack,
        1 + np.linspace(0, 3, 63).reshape(9, 7),
    ):
        content = io.BytesIO()
        np.save(content, array)
        contents.append(content.getvalue())
    return contents


def _mat(values: dict[str, Any], **options: Any) -> bytes:
    import scipy.io

    content = io.BytesIO()
    scipy.io.savemat(content, values, **options)
    return content.getvalue()


def _ground_truth() -> dict[str, Any]:
    cell = np.empty((1, 2), object)
    for index in range(2):
        structure = np.zeros((1, 1), [("Segmentation", object), ("Boundaries", object)])
        structure["Segmentation"][0, 0] = LABELS
        structure["Boundaries"][0, 0] = (LABELS == 7).astype(np.uint8)
        cell[0, index] = structure
    return {"groundTruth": cell}


def bsd_mats() -> list[bytes]:
    """Return BSD's ground truth, packed and not."""
    return [_mat(_ground_truth()), _mat(_ground_truth(), do_compression=True)]


def mats() -> list[bytes]:
    """Return matrices, sparse ones and text among them, and MATLAB 4."""
    import scipy.sparse

    return [
        *bsd_mats(),
        _mat({"labels": LABELS}),
        _mat({"labels": LABELS}, do_compression=True),
        _mat({"labels": LABELS.astype(float)}, format="4"),
        _mat({"labels": scipy.sparse.csc_array(LABELS.astype(float)), "text": "hello"}),
    ]


def layers() -> list[bytes]:
    """Return SBD's layers."""
    content = io.BytesIO()
    np.savetxt(content, LABELS.astype(int) - 1, fmt="%d")
    return [content.getvalue()]


def label_tables() -> list[bytes]:
    """Return a label map as CSV."""
    content = io.BytesIO()
    np.savetxt(content, LABELS, fmt="%d", delimiter=",")
    return [content.getvalue()]


def coco() -> list[bytes]:
    """Return run lengths, plain and compressed, as a list and within COCO's annotations."""
    plain = {"size": [4, 3], "counts": [2, 3, 7]}
    packed = {"size": [4, 3], "counts": "237"}
    entries = [{"segmentation": each, "predicted_iou": 0.9, "area": 3} for each in (plain, packed)]
    return [
        json.dumps(entries[:1]).encode(),
        json.dumps(entries).encode(),
        json.dumps({"annotations": entries[:1] * 3}).encode(),
        json.dumps([plain]).encode(),
    ]


def mask_tables() -> list[bytes]:
    """Return amg.py's metadata.csv."""
    return [b"id,area,predicted_iou,stability_score\n0,3,0.98,0.9\n1,4,0.5,0.9\n"]


def hdf5() -> list[bytes]:
    """Return a small file of NYUv2's layout, packed in chunks and not."""
    import h5py

    contents = []
    for options in ({"compression": "gzip"}, {}):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.mat"
            with h5py.File(path, "w") as file:
                file.create_dataset("images", data=np.zeros((2, 3, 40, 36), np.uint8), **options)
                file.create_dataset("labels", data=np.ones((2, 40, 36), np.uint16), **options)
                file.create_dataset("instances", data=np.ones((2, 40, 36), np.uint8), **options)
            contents.append(path.read_bytes())
    return contents
