"""All that reads what others wrote, each with small real files to start from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import seeds
from tests.fuzz.mutate import (
    Mutator,
    mutate_bytes,
    mutate_json,
    mutate_npy,
    mutate_png,
    mutate_tar,
    mutate_text,
    mutate_tiff,
)

MAX_PIXELS = 10_000_000
"""The limit under which images and label maps are read; the default allows more than 1 GiB."""


@dataclass(frozen=True)
class Reader:
    """One reader of files.

    Attributes
    ----------
    suffix
        Of the file that is read.
    seeds
        Makes the files' contents that mutations start from.
    mutate
        Mutates one of them.
    read
        Reads a file; whatever it raises beside documented errors is a finding.
    errors
        Names of the documented errors, exactly: a subclass of ValueError that escapes is none.
    share
        How many inputs it gets in proportion to others.
    """

    suffix: str
    seeds: Callable[[], list[bytes]]
    mutate: Mutator
    read: Callable[[Path], Any]
    errors: tuple[str, ...] = ("DataError",)
    share: int = 4


def _image(path: Path) -> Any:
    from pipeline.datasets.bands import Reading
    from pipeline.datasets.images import ImageFile

    return ImageFile(path, Reading(max_pixels=MAX_PIXELS)).read()


def _labels(path: Path) -> Any:
    from pipeline.datasets.annotations import LabelFile

    return LabelFile(path, MAX_PIXELS).read()


def _bsd(path: Path) -> Any:
    from pipeline.datasets.annotations import BsdAnnotations

    return BsdAnnotations(path).read()


def _sbd(path: Path) -> Any:
    from pipeline.datasets.annotations import SbdLayers

    return SbdLayers(path).read()


def _masks(path: Path) -> Any:
    from pipeline.datasets.masks import MaskFile

    return MaskFile(path).read()


def _mask_folder(path: Path) -> Any:
    from PIL import Image

    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    Image.new("L", (4, 3), 255).save(folder / "0.png")
    path.replace(folder / "metadata.csv")
    return _masks(folder)


def _nyuv2(path: Path) -> Any:
    from pipeline.datasets.nyuv2 import FrameAnnotations, FrameImage

    image = FrameImage(path, 1).read()
    return image, FrameAnnotations(path, 1).read()


def _prompts(path: Path) -> Any:
    from pipeline.datasets.prompts import ItemPrompts, read_prompts

    for image in read_prompts(path, path.read_bytes().hex()[:64]):
        ItemPrompts(path, image).read()


def _factors(path: Path) -> Any:
    from pipeline.datasets.factor_table import ItemFactors, read_factors

    for image in read_factors(path, path.read_bytes().hex()[:64]).factors:
        ItemFactors(path, image).digest()


def _factor_map(path: Path) -> Any:
    from pipeline.datasets.factor_maps import FactorMap

    return FactorMap(path, 4.0, MAX_PIXELS).read()


def _marks(path: Path) -> Any:
    from pipeline.annotate_marks import read_marks

    return read_marks(path)


def _external(path: Path) -> Any:
    from pipeline.datasets.external import ExternalMaps

    folder = path.parent / "SEAL"
    (folder / "100").mkdir(parents=True, exist_ok=True)
    path.replace(folder / "100" / "image.csv")
    return ExternalMaps(folder, "image").read()


def _archive(path: Path) -> Any:
    import shutil

    from pipeline.archives import unpack

    inside = path.parent / "inside"
    target = inside / "target"
    target.mkdir(parents=True)
    try:
        unpack(path, target, 2**20, 1000)
    finally:
        if [each.name for each in inside.iterdir()] != ["target"]:
            raise AssertionError("something was written outside the folder")
        if any(each.is_symlink() for each in target.rglob("*")):
            raise AssertionError("a link was made")
        shutil.rmtree(inside)


def _weights(path: Path) -> Any:
    from stages.networks.weights import load_weights, read_information

    load_weights(path)
    return read_information(path)


def _checkpoint(path: Path) -> Any:
    from stages.networks.public_checkpoint import load_public_checkpoint

    return load_public_checkpoint(path)


def _sam(path: Path) -> Any:
    from stages.propose.sam_model import _read

    return _read(path)


def _dino(path: Path) -> Any:
    from stages.attention.dino import _read

    return _read(path)


def _training(path: Path) -> Any:
    from stages.train.checkpoint import NAME, load_checkpoint

    path.replace(path.with_name(NAME))
    return load_checkpoint(path.parent)


def _stored_masks(path: Path) -> Any:
    import numpy as np

    from stages.propose.run_lengths import RunLengths

    values = np.frombuffer(path.read_bytes()[: 8 * 64], np.int64)
    size, offsets, counts = values[:2], values[2:6], values[6:].astype(np.uint32)
    arrays = {"size": size, "offsets": offsets, "counts": counts, "score": np.ones(3)}
    masks = RunLengths.from_arrays(arrays)
    return masks.paint(range(len(masks)))


def _store(path: Path) -> Any:
    """Put the file in the place of a stored array's metadata, then of its record."""
    from pipeline.folder import LocalFolder
    from pipeline.store import Store

    content = path.read_bytes()
    kind, body = content[:1], content[1:]
    folder = path.parent / "run"
    store, record = seeds.write_store(LocalFolder(folder))
    root = folder / store.name / "item"
    arrays = root / record.attempt
    places = {b"m": arrays / "labels" / "zarr.json", b"c": arrays / "labels/c/0/0"}
    places |= {b"r": root / "zarr.json", b"2": arrays / "labels" / ".zarray"}
    places.get(kind, root / "zarr.json").write_bytes(body)
    if kind == b"2":
        (arrays / "labels" / "zarr.json").unlink()
    return Store(LocalFolder(folder), store.name).read("item", None)


def _mutate_stored(random: Random, content: bytes, other: bytes) -> bytes:
    mutate = mutate_bytes if content[:1] == b"c" else mutate_json
    return content[:1] + mutate(random, content[1:], other[1:])


def _config(path: Path) -> Any:
    from pipeline.chain import build_chain
    from pipeline.config import read_config_file
    from pipeline.folder import LocalFolder
    from pipeline.run import open_run

    run = open_run(LocalFolder(path.parent / "outputs"), None, [read_config_file(path)])
    return build_chain(run.config, run.folder)


def _saved_run(path: Path) -> Any:
    from pipeline.folder import LocalFolder
    from pipeline.run import open_run

    outputs = LocalFolder(path.parent)
    outputs.write("saved/run.toml", path.read_bytes())
    outputs.write(".last-run", b"saved")
    return open_run(outputs, None, [])


def _last_run(path: Path) -> Any:
    from pipeline.folder import LocalFolder
    from pipeline.run import open_run

    outputs = LocalFolder(path.parent)
    outputs.write(".last-run", path.read_bytes())
    return open_run(outputs, None, [])


def _options(path: Path) -> Any:
    """Take the file's lines for a command's options."""
    import os

    from pipeline.commands import config_layers
    from pipeline.folder import LocalFolder
    from pipeline.options import Options
    from pipeline.run import open_run

    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    given: dict[str, Any] = {"assignments": []}
    for line in lines:
        name, _, value = line.partition(" ")
        value = value.replace("\x00", "")  # no argument of a process holds one
        if name == "set":
            given["assignments"].append(value)
        elif name in seeds.OPTIONS:
            given[name] = value
    os.chdir(path.parent)
    run_name = given.pop("run", None)
    options = Options(**given)
    return open_run(LocalFolder(path.parent / "outputs"), run_name, list(config_layers(options)))


def _sweep(path: Path) -> Any:
    from pipeline.sweep_config import read_sweep

    return read_sweep(str(path))


def _recipe(path: Path) -> Any:
    from pipeline.recipe import read_recipe

    return read_recipe(str(path), path.parent, [])


def _failures(path: Path) -> Any:
    from pipeline.failures import Failures
    from pipeline.folder import LocalFolder

    path.replace(path.with_name("failures.csv"))
    return Failures(LocalFolder(path.parent))


def _sweep_record(path: Path) -> Any:
    from pipeline.folder import LocalFolder
    from pipeline.sweep_record import read_record

    path.replace(path.with_name("sweep.json"))
    return read_record(LocalFolder(path.parent))


_CONFIGURED = ("ConfigError", "DataError")
_STAGE = ("ValueError",)

READERS: dict[str, Reader] = {
    "image-png": Reader(".png", seeds.pngs, mutate_png, _image, share=6),
    "image-jpeg": Reader(".jpg", seeds.jpegs, mutate_bytes, _image),
    "image-tiff": Reader(".tif", seeds.tiffs, mutate_tiff, _image, share=6),
    "image-other": Reader(".bmp", seeds.other_images, mutate_bytes, _image),
    "labels-png": Reader(".png", seeds.pngs, mutate_png, _labels),
    "labels-tiff": Reader(".tif", seeds.tiffs, mutate_tiff, _labels),
    "labels-npy": Reader(".npy", seeds.npys, mutate_npy, _labels),
    "labels-mat": Reader(".mat", seeds.mats, mutate_bytes, _labels, share=6),
    "bsd-mat": Reader(".mat", seeds.bsd_mats, mutate_bytes, _bsd, share=6),
    "sbd-layers": Reader(".txt", seeds.layers, mutate_text, _sbd),
    "masks-json": Reader(".json", seeds.coco, mutate_json, _masks, share=6),
    "masks-npy": Reader(".npy", seeds.npys, mutate_npy, _masks),
    "masks-tiff": Reader(".tif", seeds.tiffs, mutate_tiff, _masks),
    "masks-folder": Reader(".csv", seeds.mask_tables, mutate_text, _mask_folder, share=2),
    "nyuv2-hdf5": Reader(".mat", seeds.hdf5, mutate_bytes, _nyuv2),
    "prompts-csv": Reader(".csv", seeds.prompt_tables, mutate_text, _prompts),
    "prompts-json": Reader(".json", seeds.prompts, mutate_json, _prompts),
    "factors-csv": Reader(".csv", seeds.factor_tables, mutate_text, _factors),
    "factors-json": Reader(".json", seeds.factors, mutate_json, _factors),
    "marks-csv": Reader(".csv", seeds.mark_tables, mutate_text, _marks, share=2),
    "marks-json": Reader(".json", seeds.marks, mutate_json, _marks, share=2),
    "factors-npy": Reader(".npy", seeds.npys, mutate_npy, _factor_map),
    "factors-png": Reader(".png", seeds.pngs, mutate_png, _factor_map),
    "external-csv": Reader(".csv", seeds.label_tables, mutate_text, _external, share=2),
    "archive-tar": Reader(".tgz", seeds.tars, mutate_tar, _archive, share=6),
    "archive-zip": Reader(".zip", seeds.zips, mutate_bytes, _archive, share=6),
    "weights": Reader(".safetensors", seeds.weights, mutate_bytes, _weights, _STAGE),
    "checkpoint": Reader(".pth", seeds.checkpoints, mutate_bytes, _checkpoint, _STAGE),
    "checkpoint-sam": Reader(".pth", seeds.checkpoints, mutate_bytes, _sam, _STAGE, 2),
    "checkpoint-dino": Reader(".pth", seeds.checkpoints, mutate_bytes, _dino, _STAGE, 2),
    "training-state": Reader(".pt", seeds.checkpoints, mutate_bytes, _training, _STAGE, 2),
    "stored-masks": Reader(".bin", seeds.stored_masks, mutate_bytes, _stored_masks, _STAGE, 2),
    "store": Reader(".bin", seeds.stores, _mutate_stored, _store),
    "config-toml": Reader(".toml", seeds.configs, mutate_text, _config, _CONFIGURED, 8),
    "run-toml": Reader(".toml", seeds.configs, mutate_text, _saved_run, _CONFIGURED),
    "last-run": Reader(".txt", seeds.run_names, mutate_text, _last_run, _CONFIGURED, 1),
    "options": Reader(".txt", seeds.options, mutate_text, _options, (*_CONFIGURED, "OSError"), 8),
    "sweep-toml": Reader(".toml", seeds.sweeps, mutate_text, _sweep, _CONFIGURED),
    "recipe-toml": Reader(".toml", seeds.recipes, mutate_text, _recipe, _CONFIGURED),
    "failures-csv": Reader(".csv", seeds.failures, mutate_text, _failures, share=1),
    "sweep-record": Reader(".json", seeds.sweep_records, mutate_json, _sweep_record, share=1),
}
"""All readers by name."""


def inputs_of(name: str, n_inputs: int) -> int:
    """Return how many of all inputs a reader gets."""
    total = sum(reader.share for reader in READERS.values())
    return -(-n_inputs * READERS[name].share // total)
