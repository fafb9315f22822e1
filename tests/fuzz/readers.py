"""All that reads what others wrote, each with small real files to start from."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import read_files as files
from tests.fuzz import read_runs as runs
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
from tests.fuzz.seeds import archives, label_maps, pictures, received, stacks, tables
from tests.fuzz.seeds import runs as saved


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
    needs
        A package that has to be installed.
    """

    suffix: str
    seeds: Callable[[], list[bytes]]
    mutate: Mutator
    read: Callable[[Path], Any]
    errors: tuple[str, ...] = ("DataError",)
    share: int = 4
    needs: str = ""

    @property
    def missing(self) -> bool:
        """Say whether what it needs is not installed."""
        return bool(self.needs) and find_spec(self.needs) is None


def _mutate_stored(random: Random, content: bytes, other: bytes) -> bytes:
    mutate = mutate_bytes if content[:1] == b"c" else mutate_json
    return content[:1] + mutate(random, content[1:], other[1:])


def _mutate_named(random: Random, content: bytes, other: bytes) -> bytes:
    """Mutate what stands behind a path: JSON, or the bytes of a chunk."""
    (place, _, own), (_, _, foreign) = content.partition(b"\x00"), other.partition(b"\x00")
    mutate = mutate_json if own[:1] == b"{" and foreign[:1] == b"{" else mutate_bytes
    return place + b"\x00" + mutate(random, own, foreign)


_CONFIGURED = ("ConfigError", "DataError")
_COMMAND = (*_CONFIGURED, "UserError")
_STAGE = ("ValueError",)

READERS: dict[str, Reader] = {
    "image-png": Reader(".png", pictures.pngs, mutate_png, files.read_image, share=6),
    "image-jpeg": Reader(".jpg", pictures.jpegs, mutate_bytes, files.read_image),
    "image-tiff": Reader(".tif", pictures.tiffs, mutate_tiff, files.read_image, share=6),
    "image-other": Reader(".bmp", pictures.other_images, mutate_bytes, files.read_image),
    "image-dicom": Reader(
        ".dcm", stacks.dicoms, mutate_bytes, files.read_dicom, share=6, needs="pydicom"
    ),
    "image-ome-zarr": Reader(
        ".bin", stacks.ome_zarr_files, _mutate_named, files.read_ome_zarr, share=6
    ),
    "image-envi": Reader(".hdr", stacks.envi_headers, mutate_text, files.read_envi, share=2),
    "image-mat": Reader(".mat", stacks.cubes, mutate_bytes, files.read_cube, share=6),
    "georeference": Reader(
        ".tif", stacks.geotiffs, mutate_tiff, files.read_georeference, needs="rasterio"
    ),
    "valid-png": Reader(".png", pictures.pngs, mutate_png, files.read_valid, share=2),
    "labels-png": Reader(".png", pictures.pngs, mutate_png, files.read_labels),
    "labels-tiff": Reader(".tif", pictures.tiffs, mutate_tiff, files.read_labels),
    "labels-npy": Reader(".npy", label_maps.npys, mutate_npy, files.read_labels),
    "labels-mat": Reader(".mat", label_maps.mats, mutate_bytes, files.read_labels, share=6),
    "bsd-mat": Reader(".mat", label_maps.bsd_mats, mutate_bytes, files.read_bsd, share=6),
    "sbd-layers": Reader(".txt", label_maps.layers, mutate_text, files.read_sbd),
    "masks-json": Reader(".json", label_maps.coco, mutate_json, files.read_masks, share=6),
    "masks-npy": Reader(".npy", label_maps.npys, mutate_npy, files.read_masks),
    "masks-tiff": Reader(".tif", pictures.tiffs, mutate_tiff, files.read_masks),
    "masks-folder": Reader(
        ".csv", label_maps.mask_tables, mutate_text, files.read_mask_folder, share=2
    ),
    "nyuv2-hdf5": Reader(".mat", label_maps.hdf5, mutate_bytes, files.read_nyuv2),
    "prompts-csv": Reader(".csv", tables.prompt_tables, mutate_text, files.read_prompts),
    "prompts-json": Reader(".json", tables.prompts, mutate_json, files.read_prompts),
    "factors-csv": Reader(".csv", tables.factor_tables, mutate_text, files.read_factors),
    "factors-json": Reader(".json", tables.factors, mutate_json, files.read_factors),
    "marks-csv": Reader(".csv", tables.mark_tables, mutate_text, files.read_marks, share=2),
    "marks-json": Reader(".json", tables.marks, mutate_json, files.read_marks, share=2),
    "factors-npy": Reader(".npy", label_maps.npys, mutate_npy, files.read_factor_map),
    "factors-png": Reader(".png", pictures.pngs, mutate_png, files.read_factor_map),
    "external-csv": Reader(
        ".csv", label_maps.label_tables, mutate_text, files.read_external, share=2
    ),
    "archive-tar": Reader(".tgz", archives.tars, mutate_tar, files.read_archive, share=6),
    "archive-zip": Reader(".zip", archives.zips, mutate_bytes, files.read_archive, share=6),
    "weights": Reader(".safetensors", archives.weights, mutate_bytes, files.read_weights, _STAGE),
    "checkpoint": Reader(".pth", archives.checkpoints, mutate_bytes, files.read_checkpoint, _STAGE),
    "checkpoint-sam": Reader(".pth", archives.checkpoints, mutate_bytes, files.read_sam, _STAGE, 2),
    "checkpoint-dino": Reader(
        ".pth", archives.checkpoints, mutate_bytes, files.read_dino, _STAGE, 2
    ),
    "training-state": Reader(
        ".pt", archives.checkpoints, mutate_bytes, files.read_training, _STAGE, 2
    ),
    "stored-masks": Reader(
        ".bin", saved.stored_masks, mutate_bytes, runs.read_stored_masks, _STAGE, 2
    ),
    "store": Reader(".bin", saved.stores, _mutate_stored, runs.read_store),
    "received-run": Reader(
        ".bin",
        received.sealed_files,
        _mutate_named,
        runs.read_received_run,
        (*_CONFIGURED, "UserError"),
    ),
    "config-toml": Reader(".toml", saved.configs, mutate_text, runs.read_config, _CONFIGURED, 8),
    "run-toml": Reader(".toml", saved.configs, mutate_text, runs.read_saved_run, _CONFIGURED),
    "last-run": Reader(".txt", saved.run_names, mutate_text, runs.read_last_run, _CONFIGURED, 1),
    "options": Reader(
        ".txt", saved.options, mutate_text, runs.read_options, (*_CONFIGURED, "OSError"), 8
    ),
    "sweep-toml": Reader(".toml", saved.sweeps, mutate_text, runs.read_sweep, _CONFIGURED),
    "recipe-toml": Reader(".toml", saved.recipes, mutate_text, runs.read_recipe, _CONFIGURED),
    "failures-csv": Reader(".csv", saved.failures, mutate_text, runs.read_failures, share=1),
    "sweep-record": Reader(
        ".json", saved.sweep_records, mutate_json, runs.read_sweep_record, share=1
    ),
}
"""All readers by name."""


def inputs_of(name: str, n_inputs: int) -> int:
    """Return how many of all inputs a reader gets."""
    total = sum(reader.share for reader in READERS.values())
    return -(-n_inputs * READERS[name].share // total)
