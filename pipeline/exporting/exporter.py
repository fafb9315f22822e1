"""The files that an item's results become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.datasets.images.georeference import georeference_of
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.exporting.figures import FIGURES, Figures, encode_figures, read_figures
from spam_pipe.pipeline.exporting.formats import Form, What, file_name, suffix_of
from spam_pipe.pipeline.exporting.label_files import (
    encode_labels,
    encode_mean_colors,
    encode_object_overlay,
    encode_overlay,
)
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.units import Unit

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class FigureOptions:
    """What only tables, graphs and polygons can be asked for.

    Attributes
    ----------
    one_file
        One file for all images instead of one for each.
    simplify
        Detail of polygons that is left out, in pixels.
    deep_features
        Add the means of the network's features.
    """

    one_file: bool = False
    simplify: float = 0.0
    deep_features: bool = False


@dataclass
class Exporter:
    """Writes items one by one, and at the end what is gathered of all.

    Attributes
    ----------
    target
        Where files go.
    chain, config
        The run that the results are of.
    what, form, options
        What was asked for.
    gathered
        By unit, what goes into one file.
    """

    target: Folder
    chain: Chain
    config: RunConfig
    what: What
    form: Form
    options: FigureOptions
    gathered: dict[Unit, list[Figures]] = field(default_factory=dict)

    def add(self, item: Item, unit: Unit) -> int:
        """Write the files of a unit of an item; return how many.

        Raises
        ------
        UserError, ValueError
            When it can't be read, or not be written in that format.
        """
        name = file_name(item.id, "", unit)
        if self.what in FIGURES:
            figures = read_figures(
                item,
                unit,
                self.chain,
                self.config,
                self.what,
                self.form,
                simplify=self.options.simplify,
                deep_features=self.options.deep_features,
            )
            if self.options.one_file:
                self.gathered.setdefault(unit, []).append(figures)
                return 0
            return self._put(name, encode_figures([figures], self.form))
        if self.what == "napari":
            self._write_for_napari(name, item, unit)
            return 1
        return self._put(name, {suffix_of(self.form): self._encode(item, unit)})

    def finish(self) -> int:
        """Write what was gathered; return how many files."""
        units = self.gathered.items()
        return sum(self._put(str(unit), encode_figures(of, self.form)) for unit, of in units)

    def _put(self, name: str, contents: Mapping[str, bytes]) -> int:
        for suffix, content in contents.items():
            self.target.write(name + suffix, content)
        return len(contents)

    def _encode(self, item: Item, unit: Unit) -> bytes:
        labels: Labels
        start_label = 1
        if self.what in {"objects", "object-overlays"}:
            labels = self._objects(item, unit)
        else:
            labels, start_label = self._labels(item, unit)
        background = 0 if start_label else None
        match self.what:
            case "overlays":
                return encode_overlay(item.image.read(), labels, start_label)
            case "object-overlays":
                return encode_object_overlay(item.image.read(), labels)
            case "mean-colours":
                return encode_mean_colors(item.image.read(), labels, background)
        if self.form == "tiff" and (place := georeference_of(item)) is not None:
            from spam_pipe.pipeline.exporting.label_files import encode_geotiff

            return encode_geotiff(labels, place, nodata=background)
        return encode_labels(labels, self.form, background)

    def _labels(self, item: Item, unit: Unit) -> tuple[Labels, int]:
        _, made = self.chain["segment"].store.read(item.id, unit, ["labels"])
        return made.arrays["labels"], int(made.attributes.get("start_label", 0))

    def _objects(self, item: Item, unit: Unit) -> Labels:
        """Return the prior's finest objects, or those for a number of superpixels."""
        from spam_pipe.stages.prior.cut import contour_of, objects_for

        prior = self.chain["prior"].store.read(item.id, None)[1].arrays
        if "objects" not in prior:  # a large image's are made for each K
            if unit is None:
                raise UserError("objects of a large image are made for each K: add -k K")
            _, made = self.chain["segment"].store.read(item.id, unit, ["objects"])
            return made.arrays["objects"]
        cut = None
        if unit is not None:
            cut = objects_for(prior, contour_of(prior), int(unit), self.config.segment)
        return prior["objects"] if cut is None else cut

    def _write_for_napari(self, name: str, item: Item, unit: Unit) -> None:
        from spam_pipe.pipeline.exporting.ome_zarr import write_ome_zarr

        seen = read_segmented(item, unit, self.chain, self.config)
        inside = seen.labels >= seen.start_label
        layers = {"superpixels": np.where(inside, seen.labels + np.uint32(1 - seen.start_label), 0)}
        if seen.objects is not None:
            layers["objects"] = np.where(inside, seen.objects, 0)
        fitted = {
            key: array.astype(np.min_scalar_type(array.max())) for key, array in layers.items()
        }
        write_ome_zarr(self.target, name + suffix_of(self.form), seen.picture.pixels, fitted)
