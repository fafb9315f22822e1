"""Small real files of every kind that is read."""

import csv
import gzip
import io
import json
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

OPTIONS = (
    *("run", "config", "dataset", "split", "pattern", "ground_truth", "prior", "prior_mode"),
    *("method", "masks", "attention", "n_superpixels"),
)
"""Options of commands that are fuzzed, by the names of `pipeline.options.Options`."""

LABELS = np.zeros((9, 7), np.uint16)
LABELS[1:5, 1:6] = 300
LABELS[5:, 3:] = 7


@cache
def photograph() -> Any:
    """Return (24, 20, 3) uint8: a piece of a photograph."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[100:124, 200:220])


def _pictures(form: str, *modes: str, **options: Any) -> list[bytes]:
    from PIL import Image

    contents = []
    for mode in modes:
        content = io.BytesIO()
        picture = Image.fromarray(photograph())
        picture = Image.fromarray(LABELS) if mode == "I;16" else picture.convert(mode)
        picture.save(content, form, **options)
        contents.append(content.getvalue())
    return contents


def pngs() -> list[bytes]:
    """Return PNGs of all modes."""
    return _pictures("PNG", "RGB", "L", "P", "1", "RGBA", "LA", "I;16", dpi=(72, 72))


def jpegs() -> list[bytes]:
    """Return JPEGs, also with EXIF, progressive and CMYK."""
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    return _pictures("JPEG", "RGB", "L", exif=exif) + _pictures(
        "JPEG", "RGB", "CMYK", progressive=True
    )


def other_images() -> list[bytes]:
    """Return BMP, GIF, WebP, PPM and PGM."""
    return [
        *_pictures("BMP", "RGB", "P", "1"),
        *_pictures("GIF", "P", "L"),
        *_pictures("WEBP", "RGB", "RGBA"),
        *_pictures("PPM", "RGB", "L", "1"),
    ]


def tiffs() -> list[bytes]:
    """Return TIFFs of several layouts."""
    import tifffile

    stack = np.stack([LABELS == 7, LABELS == 300]).astype(np.uint8)
    deep = photograph().astype(np.uint16) << 7
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (photograph(), {"photometric": "rgb"}),
        (photograph(), {"photometric": "rgb", "compression": "zlib"}),
        (photograph(), {"photometric": "rgb", "tile": (16, 16)}),
        (np.moveaxis(deep, 2, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (photograph() / np.float32(255), {"photometric": "rgb"}),
        (LABELS, {"photometric": "minisblack"}),
        (LABELS.astype(np.uint32), {"photometric": "minisblack", "compression": "zlib"}),
        (stack, {"photometric": "minisblack"}),
        (LABELS, {"photometric": "minisblack", "bigtiff": True}),
    ]
    contents = []
    for array, options in kinds:
        content = io.BytesIO()
        tifffile.imwrite(content, array, metadata=None, **options)
        contents.append(content.getvalue())
    return contents + _pictures("TIFF", "RGB", "P", "1", "CMYK", compression="tiff_lzw")


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


def prompt_tables() -> list[bytes]:
    """Return prompts as CSV."""
    return [
        b"image,x,y\na,1,2\na,3,4.5\nb/c,0,0\n",
        b"image,x,y,label,x0,y0,x1,y1,object\na,1,2,1,0,0,5,5,cat\na,3,2,0,,,,,cat\nb,,,,1,2,3,4,\n",
    ]


def prompts() -> list[bytes]:
    """Return prompts as JSON."""
    entry = {"points": [[1, 2], [3.5, 4]], "labels": [1, 0], "box": [0, 0, 5, 6]}
    return [json.dumps({"a": [entry], "b": [{"box": [1, 2, 3, 4]}]}).encode()]


def factor_tables() -> list[bytes]:
    """Return factors as CSV."""
    return [
        b"image,x,y,factor\na,1,2,3\nb.png,4,5,0.5\n",
        b"image;object;factor\na;1;2\na;2;0.25\n",
        b"image,number,x,y,k,factor\na,1,5,6,100,2\n",
    ]


def factors() -> list[bytes]:
    """Return factors as JSON."""
    rows = [
        {"image": "a", "x": 10, "y": 20, "factor": 2},
        {"image": "b", "object": 3, "factor": 1.5},
    ]
    return [json.dumps(rows).encode()]


def mark_tables() -> list[bytes]:
    """Return clicks of annotators as CSV."""
    return [b"image,x,y,class\na,1,2,sky\nb.png,4,5,grass\n", b"image;object;class\na;1;2\nb;2;1\n"]


def marks() -> list[bytes]:
    """Return clicks of annotators as JSON."""
    return [json.dumps([{"image": "a", "x": 10, "y": 20, "class": "sky"}]).encode()]


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


def tars() -> list[bytes]:
    """Return tar archives, packed and not, with links and long names."""
    contents = []
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=form) as tar:
            for name, kind in (("a/b.txt", tarfile.REGTYPE), ("a", tarfile.DIRTYPE)):
                member = tarfile.TarInfo(name)
                member.type, member.size = kind, 600 * (kind == tarfile.REGTYPE)
                tar.addfile(member, io.BytesIO(b"x" * 600))
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member = tarfile.TarInfo("link")
                member.type, member.linkname = kind, "a/b.txt"
                tar.addfile(member)
            member = tarfile.TarInfo("é" * 70 + "/" + "d" * 70)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"xyz"))
        contents += [content.getvalue(), gzip.compress(content.getvalue())]
    return contents


def zips() -> list[bytes]:
    """Return zip archives of all compressions."""
    contents = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", compression) as file:
            file.writestr("a/b.txt", b"x" * 600)
            file.mkdir("c")
            file.writestr("c/é.txt", b"abc")
        contents.append(content.getvalue())
    return contents


def weights() -> list[bytes]:
    """Return both networks' weights, small."""
    from stages.networks.config import SsnConfig, TrunkConfig
    from stages.networks.registry import build
    from stages.networks.weights import save_weights

    small = TrunkConfig(
        channels=2, widths=(2, 2, 2, 2, 2), blocks=(0, 0, 0, 0, 1), up_widths=(2, 2, 2, 2)
    )
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for config in (SsnConfig(channels=2, width=2), small):
            path = Path(folder) / "w.safetensors"
            save_weights(path, config, build(config).state_dict(), information={"steps": 3})
            contents.append(path.read_bytes())
    return contents


def checkpoints() -> list[bytes]:
    """Return a public encoder's state dict in PyTorch's own formats."""
    import torch

    state: dict[str, Any] = {}
    shapes = [(2, 5), *[(2, 2)] * 5, (3, 11)]
    for index, shape in enumerate(shapes):
        name = "output_conv" if index == 6 else f"scale{index // 2 + 1}.{index % 2}"
        state[f"{name}.0.weight"] = torch.zeros(*shape, 3, 3)
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.1.{key}"] = torch.ones(shape[0])
    contents = []
    for wrapped, modern in (
        (state, True),
        ({"state_dict": state, "epoch": 3}, True),
        (state, False),
    ):
        content = io.BytesIO()
        torch.save(wrapped, content, _use_new_zipfile_serialization=modern)
        contents.append(content.getvalue())
    return contents


def stored_masks() -> list[bytes]:
    """Return size, offsets and counts of three masks as int64."""
    return [np.array([4, 3, 0, 2, 4, 5, 5, 7, 6, 6, 12], np.int64).tobytes()]


def write_store(run: Any) -> Any:
    """Write a store with one item; return it and the item's record."""
    from pipeline.store import Store
    from stages.base import Output

    store = Store(run, "segment-0123.zarr")
    store.prepare({"stage": "segment", "config": {}})
    output = Output({"labels": LABELS, "row": np.arange(5)}, {"note": ""})
    record = store.write("item", None, output, fingerprint="f", inputs={}, provenance={})
    return store, record


def stores() -> list[bytes]:
    """Return parts of a store, each behind a letter that says where it goes."""
    from pipeline.folder import LocalFolder

    with tempfile.TemporaryDirectory() as folder:
        store, record = write_store(LocalFolder(Path(folder)))
        root = Path(folder) / store.name / "item"
        labels = root / record.attempt / "labels"
        old = {"zarr_format": 2, "shape": [9, 7], "chunks": [9, 7], "dtype": "<u2", "order": "C"}
        old |= {"fill_value": 0, "compressor": None, "filters": [{"id": "pickle"}]}
        return [
            b"m" + (labels / "zarr.json").read_bytes(),
            b"c" + (labels / "c/0/0").read_bytes(),
            b"r" + (root / "zarr.json").read_bytes(),
            b"2" + json.dumps(old).encode(),
        ]


def configs() -> list[bytes]:
    """Return the defaults and a shipped file."""
    from pipeline.config import RunConfig, configs_folder, dump_toml

    shipped = [configs_folder() / f"{name}.toml" for name in ("default", "bsd")]
    return [
        dump_toml(RunConfig()).encode(),
        b'n_superpixels = [100]\n[dataset]\nname = "bsd"\n[segment]\ncompactness = 5\n',
        *(path.read_bytes() for path in shipped if path.is_file()),
    ]


def run_names() -> list[bytes]:
    """Return names of runs."""
    return [b"bsd", b"my photos"]


def options() -> list[bytes]:
    """Return options of commands, one a line."""
    return [
        b"dataset bsd\nprior contour\nn_superpixels 100,400\nset segment.compactness=5\nsplit test",
        b"run bsd\nmethod slic\nset n_superpixels=[50]\nset propose.source=none\nattention visual",
        b"dataset sample\nset dataset.root=/tmp\nset segment.attention.ratio=3\nconfig default",
        b"set segment.mode=paper\nset prior.level=default\nset report.resamples=100\npattern *.png",
    ]


def sweeps() -> list[bytes]:
    """Return shipped sweeps and one with all that a file may hold."""
    from pipeline.config import configs_folder

    shipped = sorted(configs_folder().glob("paper-figure*.toml"))
    own = (
        b'reference = "x=1"\ndatasets = ["bsd"]\npoints = [{label = "p", segment.mode = "paper"}]\n'
        b'[base]\nn_superpixels = [100]\n[[axis]]\nkey = "segment.compactness"\nvalues = [1, 5]\n'
        b'[[axis]]\nname = "prior"\npoints = [{label = "none", propose.source = "none", '
        b'value = 2.0, needs = ["propose.masks"]}]\n'
    )
    return [own, *(path.read_bytes() for path in shipped[:2])]


def recipes() -> list[bytes]:
    """Return the shipped recipes of trainings."""
    from pipeline.config import configs_folder

    return [path.read_bytes() for path in sorted(configs_folder().glob("train-*.toml"))]


def failures() -> list[bytes]:
    """Return a table of failures."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["stage", "item", "kind", "reason", "store"])
    rows.writerow(["propose", "a", "DataError", "is damaged, get it again", "propose-1.zarr"])
    return [text.getvalue().encode()]


def sweep_records() -> list[bytes]:
    """Return the record of a sweep."""
    point = {"label": "a", "values": {"x": 1.0}, "store": "evaluate-1.zarr"}
    skipped = [{"label": "b", "reason": "no masks"}]
    record = {"name": "s", "reference": "a", "points": [point], "skipped": skipped}
    return [json.dumps(record).encode()]
