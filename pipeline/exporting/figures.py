"""Tables, graphs and polygons of an image's superpixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.georeference import georeference_of, square_metres
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.exporting.formats import Form, What, suffix_of
from spam_pipe.pipeline.exporting.tables import encode_polygons, encode_table, place_on_ground
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.segmented import Segmented
from spam_pipe.stages.describe.graph import graph
from spam_pipe.stages.describe.polygons import Polygons, polygons
from spam_pipe.stages.describe.table import table


@dataclass(frozen=True)
class Figures:
    """The exported figures of an image's superpixels."""

    # by the end of their files' names, before the format's suffix
    tables: Mapping[str, pd.DataFrame]
    outlines: Polygons | None = None  # A polygon per row, where that was asked for
    crs: str | None = None  # their reference system as WKT; None for pixels


FIGURES: tuple[What, ...] = ("table", "graph", "polygons")
"""Contents that are exported as `Figures`."""


@dataclass(frozen=True)
class FigureOptions:
    """What only tables, graphs and polygons can be asked for."""

    one_file: bool = False  # one file for all images instead of one for each
    simplify: float = 0.0  # detail of polygons that is left out, in pixels
    deep_features: bool = False  # add the means of the network's features


def figures_of(seen: Segmented, what: What, form: Form, options: FigureOptions) -> Figures:
    """Return the figures of an item's superpixels.

    Raises
    ------
    DataError
        When something can't be read.
    ValueError
        When arrays don't fit each other.
    """
    features = network_features(seen) if options.deep_features else None
    table = superpixel_table(seen, features)
    if what == "graph":
        return Figures({".nodes": table, ".edges": edge_table(seen)})
    if what == "table":
        return Figures({"": table})
    place = georeference_of(seen.item)
    outlines = polygons(seen.numbered, simplify=options.simplify, start_label=1)
    placed = place_on_ground(outlines, place, form)
    return Figures({"": table}, placed, None if place is None else place.crs or None)


def encode_figures(figures: Sequence[Figures], form: Form) -> dict[str, bytes]:
    """Return the contents of files with the figures of one image or more, by their suffix."""
    contents = {}
    for part in figures[0].tables:
        table = pd.concat([each.tables[part] for each in figures], ignore_index=True)
        outlines = [each.outlines for each in figures if each.outlines is not None]
        contents[part + suffix_of(form)] = (
            encode_polygons(table, np.concatenate(outlines), figures[0].crs, form)
            if outlines
            else encode_table(table, form)
        )
    return contents


def require_one_system(items: Iterable[Item], form: Form) -> None:
    """Refuse to put polygons of different coordinates into one file.

    GeoJSON has longitude and latitude for all images that have a reference system.

    Raises
    ------
    ConfigError
        Naming two images that differ.
    """
    first: tuple[str, str] | None = None
    for item in items:
        place = georeference_of(item)
        crs = "" if place is None else place.crs
        if form == "geojson" and crs:
            crs = "OGC:CRS84"
        if first is None:
            first = item.id, crs
        elif crs != first[1]:
            raise ConfigError(
                f"--one-file: {first[0]} is in {_system(first[1])}, {item.id} in {_system(crs)}; "
                "one file has one system of coordinates: leave --one-file out for a file per image"
            )


def _system(crs: str) -> str:
    """Return the usual name of a reference system."""
    if not crs:
        return "pixels"
    from pyproj import CRS

    found = CRS.from_user_input(crs)
    authority = found.to_authority()
    return found.name if authority is None else ":".join(authority)


def superpixel_table(seen: Segmented, features: NDArray[np.float32] | None = None) -> pd.DataFrame:
    """Return the figures of an image's superpixels, its id in front (`stages.describe.table`).

    Bands are those of the file where they had to be chosen or stretched to be seen, else red,
    green and blue. Of a georeferenced image ``x`` and ``y`` are the centroid in the coordinates
    of its reference system, and ``area_m2`` is the area on the ground, whatever the projection.
    """
    given: dict[str, Any] = {"objects": seen.objects, "features": features}
    described = table(seen.numbered, seen.picture.pixels, start_label=1, **given)
    chosen = {"bands", "limits"} & seen.picture.facts.keys()
    if chosen and isinstance(image := seen.item.image, ImageFile):
        samples = image.samples().values
        of_file = table(seen.numbered, samples, start_label=1, **given)
        lab = described[["lab_l", "lab_a", "lab_b"]]
        described = of_file.drop(columns=lab.columns, errors="ignore").join(lab)
    described.insert(0, "image", seen.item.id)
    if (place := georeference_of(seen.item)) is not None:
        a, b, c, d, e, f = place.transform
        column, row = described["column"] + 0.5, described["row"] + 0.5
        described["x"] = a * column + b * row + c
        described["y"] = d * column + e * row + f
        if place.crs:
            pixel = square_metres(place, column.to_numpy(), row.to_numpy(), seen.item)
            described["area_m2"] = described["area"] * pixel
    return described


def edge_table(seen: Segmented) -> pd.DataFrame:
    """Return the adjacency graph of an image's superpixels, its id in front."""
    edges = graph(seen.numbered, seen.picture.pixels, contour=seen.contour, start_label=1)
    edges.insert(0, "image", seen.item.id)
    return edges


def network_features(seen: Segmented) -> NDArray[np.float32]:
    """Compute (H, W, C) features of the network that the superpixels were made with."""
    from spam_pipe.stages.colour import rgb_to_lab
    from spam_pipe.stages.methods.deep_features import with_deep_features
    from spam_pipe.stages.scene import Scene
    from spam_pipe.stages.validity import fill_outside

    in_memory = seen.config.resolved.model_copy(update={"backend": "numba"})
    valid = seen.labels > 0 if seen.start_label else None
    image = fill_outside(seen.picture.pixels, valid)
    scene = Scene(image, rgb_to_lab(image), valid=valid)
    # All counts of an image share the network's output.
    digest = seen.item.image.digest() if valid is None else ""
    deep = with_deep_features(scene, seen.count, digest, in_memory, "cpu").deep
    return np.asarray(deep, np.float32)
