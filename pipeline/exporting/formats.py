"""The contents that can be exported, and the file formats of each."""

from typing import Literal

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.extras import require
from spam_pipe.pipeline.units import Unit

What = Literal[
    "labels",
    "objects",
    "overlays",
    "object-overlays",
    "mean-colours",
    "polygons",
    "table",
    "graph",
    "napari",
    "hierarchy",
    "saliency",
    "attention",
]
Form = Literal[
    "png", "tiff", "npy", "coco", "csv", "parquet", "gpkg", "geojson", "ome-zarr", "zarr", "npz"
]

_MAPS: tuple[Form, ...] = ("png", "tiff", "npy", "coco")
_FORMATS: dict[What, tuple[Form, ...]] = {
    "labels": _MAPS,
    "objects": _MAPS,
    "overlays": ("png",),
    "object-overlays": ("png",),
    "mean-colours": ("png",),
    "polygons": ("gpkg", "geojson"),
    "table": ("csv", "parquet"),
    "graph": ("csv", "parquet"),
    "napari": ("ome-zarr",),
    "hierarchy": ("zarr", "npz"),
    "saliency": ("png", "tiff", "npy"),
    "attention": ("png",),
}
"""The formats of each content; the first is the default."""

_EXTRAS: dict[Form, tuple[str, str]] = {
    "gpkg": ("geopandas", "geo"),
    "parquet": ("pyarrow", "parquet"),
}
"""The package that a format needs, and the extra that brings it."""

_SUFFIXES: dict[Form, str] = {"coco": ".json", "ome-zarr": ".ome.zarr"}


def choose_format(what: What, form: Form | None) -> Form:
    """Return the format that was asked for, or the default.

    Raises
    ------
    ConfigError
        When the content has no such format, or a package is missing.
    """
    known = _FORMATS[what]
    chosen = known[0] if form is None else form
    if chosen not in known:
        raise ConfigError(f"--what {what} --format {form}: choose {' or '.join(known)}")
    if chosen in _EXTRAS:
        require(*_EXTRAS[chosen], f"--format {chosen}")
    return chosen


def file_name(item_id: str, suffix: str, unit: Unit = None) -> str:
    """Keep an id's sub-folders, but never leave the target folder."""
    parts = [part for part in item_id.split("/") if part not in {"", ".", ".."}]
    return "/".join([*([] if unit is None else [str(unit)]), *parts]) + suffix


def suffix_of(form: Form) -> str:
    """Return the end of the files' names."""
    return _SUFFIXES.get(form, f".{form}")
