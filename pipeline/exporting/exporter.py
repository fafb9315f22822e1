"""The files that an item's results become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.datasets.images.georeference import georeference_of, why_not_georeferenced
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.exporting.figures import (
    FIGURES,
    FigureOptions,
    Figures,
    encode_figures,
    figures_of,
)
from spam_pipe.pipeline.exporting.formats import Form, What, file_name, suffix_of
from spam_pipe.pipeline.exporting.label_files import (
    encode_geotiff,
    encode_labels,
    encode_mean_colors,
    encode_object_overlay,
    encode_overlay,
)
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.plan import ItemPlan, State
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.runs.segmented import Objects, read_prior_objects, read_segmented
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.base import Output
from spam_pipe.stages.segment.stored import labels_of, start_label_of


@dataclass
class Exporter:
    """Writes items one by one, and at the end the files that hold all of them."""

    target: Folder  # where files go
    chain: Chain  # the stores that the results are in
    # the content, its format and the options of the export
    what: What
    form: Form
    options: FigureOptions
    # by unit, the parts of one file
    gathered: dict[Unit, list[Figures]] = field(default_factory=dict)
    # items whose coordinates are pixels where others' are the ground's, and the reason if it is
    # known
    unplaced: dict[str, str] = field(default_factory=dict)

    def add(self, planned: ItemPlan, unit: Unit) -> int:
        """Write the files of a unit of an item; return how many.

        Raises
        ------
        UserError, ValueError
            When it can't be read, or not be written in that format.
        """
        item = planned.item
        name = file_name(item.id, "", unit)
        self._note_place(item)
        if self.what in FIGURES:
            seen = read_segmented(item, unit, self.chain)
            figures = figures_of(seen, self.what, self.form, self.options)
            if self.options.one_file:
                self.gathered.setdefault(unit, []).append(figures)
                return 0
            return self._put(name, encode_figures([figures], self.form))
        if self.what == "hierarchy" and self.form == "zarr":
            self._write_hierarchy(name + suffix_of(self.form), item)
            return 1
        if self.what == "napari":
            self._write_for_napari(name, item, unit)
            return 1
        return self._put(name, {suffix_of(self.form): self._encode(planned, unit)})

    def finish(self) -> int:
        """Write the files that hold all items; return how many."""
        units = self.gathered.items()
        return sum(self._put(str(unit), encode_figures(of, self.form)) for unit, of in units)

    def remarks(self) -> list[str]:
        """Say which items are not georeferenced, where what was written tells of places."""
        unplaced = self.unplaced.items()
        lines = [f"{item}: is not georeferenced: {why}" for item, why in unplaced if why]
        silent = [item for item, why in unplaced if not why]
        if silent and self.what == "polygons":
            lines.append(
                f"{len(silent)} images are not georeferenced, such as {silent[0]}: coordinates of "
                "their polygons are pixels, from the upper left corner down"
            )
        return lines

    def _note_place(self, item: Item) -> None:
        spatial = self.form == "tiff" or self.what in {"polygons", "table", "graph"}
        if spatial and item.id not in self.unplaced and georeference_of(item) is None:
            self.unplaced[item.id] = why_not_georeferenced(item)

    def _put(self, name: str, contents: Mapping[str, bytes]) -> int:
        for suffix, content in contents.items():
            self.target.write(name + suffix, content)
        return len(contents)

    def _encode(self, planned: ItemPlan, unit: Unit) -> bytes:
        item = planned.item
        if self.what == "hierarchy":
            return self._pack_hierarchy(item)
        if self.what == "saliency":
            return encode_labels(self._saliency(item), self.form, 0)
        if self.what in {"objects", "object-overlays"}:
            labels = self._objects(planned, unit)
        else:
            labels = read_segmented(item, unit, self.chain).numbered
        match self.what:
            case "overlays":
                return encode_overlay(item.image.read(), labels, 1)
            case "object-overlays":
                return encode_object_overlay(item.image.read(), labels)
            case "mean-colours":
                return encode_mean_colors(item.image.read(), labels, None if labels.all() else 0)
        if self.form == "tiff" and (place := georeference_of(item)) is not None:
            return encode_geotiff(labels, place, nodata=0)
        return encode_labels(labels, self.form, 0)

    def _objects(self, planned: ItemPlan, unit: Unit) -> Objects:
        """Return the prior's finest objects, or those for a number of superpixels."""
        objects: Objects | None = None
        item = planned.item
        if unit is not None and planned.states["segment"].get(unit) is State.DONE:
            objects = read_segmented(item, unit, self.chain).objects
        if objects is None:
            count = None if unit is None else int(unit)
            objects = read_prior_objects(item, count, self.chain)
        if objects is None:  # a large image's are made for each K
            cure = "add -k K" if unit is None else f"`spam-pipe segment -k {unit}` makes them"
            raise UserError(f"objects of a large image are made for each K: {cure}")
        return objects

    def _hierarchy(self, item: Item) -> Output:
        return self.chain["hierarchy"].store.read(item.id, None)[1]

    def _pack_hierarchy(self, item: Item) -> bytes:
        made = self._hierarchy(item)
        start = np.int64(start_label_of(made.attributes))
        packed = BytesIO()
        np.savez_compressed(packed, start_label=start, **made.arrays)  # type: ignore[arg-type]
        return packed.getvalue()

    def _write_hierarchy(self, key: str, item: Item) -> None:
        """Write a Zarr group that `spam_pipe.Hierarchy.load` reads."""
        import zarr

        made = self._hierarchy(item)
        start = start_label_of(made.attributes)
        store = self.target.zarr_store(key, read_only=False)
        group = zarr.create_group(store, attributes={"start_label": start})
        for name, array in made.arrays.items():
            group.create_array(name, data=np.ascontiguousarray(array))

    def _saliency(self, item: Item) -> NDArray[np.uint16]:
        from spam_pipe.stages.hierarchy.saliency import saliency_map

        made = self._hierarchy(item)
        return saliency_map(labels_of(made), made.arrays["parents"], made.arrays["altitudes"])

    def _write_for_napari(self, name: str, item: Item, unit: Unit) -> None:
        from spam_pipe.pipeline.exporting.ome_zarr import write_ome_zarr

        seen = read_segmented(item, unit, self.chain)
        layers = {"superpixels": seen.numbered}
        if seen.objects is not None:
            layers["objects"] = np.where(seen.numbered > 0, seen.objects, 0)
        fitted = {
            key: array.astype(np.min_scalar_type(array.max())) for key, array in layers.items()
        }
        write_ome_zarr(self.target, name + suffix_of(self.form), seen.picture.pixels, fitted)
