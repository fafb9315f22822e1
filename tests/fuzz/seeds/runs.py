"""Configuration, stores and records of runs."""

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.seeds.pictures import LABELS

OPTIONS = (
    *("run", "config", "dataset", "split", "pattern", "ground_truth", "prior", "prior_mode"),
    *("method", "masks", "attention", "n_superpixels"),
)
"""Options of commands that are fuzzed, by the names of `pipeline.session.options.Options`."""


def stored_masks() -> list[bytes]:
    """Return size, offsets and counts of three masks as int64."""
    return [np.array([4, 3, 0, 2, 4, 5, 5, 7, 6, 6, 12], np.int64).tobytes()]


def write_store(run: Any) -> Any:
    """Write a store with one item; return it and the item's record."""
    from spam_pipe.pipeline.store.store import Store
    from spam_pipe.stages.base import Output

    store = Store(run, "segment-0123.zarr")
    store.prepare({"stage": "segment", "config": {}})
    output = Output({"labels": LABELS, "row": np.arange(5)}, {"note": ""})
    record = store.write("item", None, output, fingerprint="f", inputs={}, provenance={})
    return store, record


def stores() -> list[bytes]:
    """Return parts of a store, each behind a letter that says where it goes."""
    from spam_pipe.pipeline.store.folder import LocalFolder

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
    from spam_pipe.pipeline.configuration.run_config import RunConfig, configs_folder, dump_toml

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
    from spam_pipe.pipeline.configuration.run_config import configs_folder

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
    from spam_pipe.pipeline.configuration.run_config import configs_folder

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
