"""`spam-pipe export`: a run's results as files for other programs."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.chain import Link, build_chain
from pipeline.commands import Teller, parse_counts
from pipeline.config import RunConfig
from pipeline.datasets.base import Item
from pipeline.errors import ConfigError, UserError
from pipeline.export import LabelFormat, encode_labels, encode_object_overlay, encode_overlay
from pipeline.folder import LocalFolder, require_writable
from pipeline.inspection import open_existing_run
from pipeline.runner import Selection
from stages.base import Unit

What = Literal["labels", "objects", "overlays", "object-overlays"]


def export_run(
    folder: str,
    what: What,
    form: LabelFormat,
    location: str,
    run_name: str | None,
    counts: str | None,
    limit: int | None,
    *,
    as_json: bool,
) -> int:
    """Write the files; return how many could not be written.

    Layout: ``<folder>/<K>/<item>.<suffix>`` for labels, overlays and, where `counts` are given,
    objects as the segmentation cuts them for K; ``<folder>/<item>.<suffix>`` for the finest
    objects. Results that are not there yet are left out and counted.

    Raises
    ------
    UserError
        When the run has nothing of that kind, or the folder can't be written to.
    """
    teller = Teller(as_json=as_json)
    _, run = open_existing_run(location, run_name)
    chain = build_chain(run.config, run.folder)
    link = chain.get("prior" if what.startswith("object") else "segment")
    if link is None:
        raise ConfigError(f"--what {what}: run {run.name} has no prior; make one with --prior")
    if what.endswith("overlays") and form is not LabelFormat.PNG:
        raise ConfigError(f"--what {what} --format {form}: overlays are pictures; use png")
    units: tuple[Unit, ...] = link.units
    if counts is not None:
        units = tuple(parse_counts(counts))
    target = LocalFolder(Path(folder).expanduser().absolute())
    require_writable(target)
    written = missing = failed = 0
    for item in Selection(run, limit):
        for unit in units:
            if link.store.record(item.id, unit if link.name == "segment" else None) is None:
                missing += 1
                continue
            try:
                target.write(
                    file_name(item.id, unit, form),
                    _encode(item, unit, link, what, form, run.config),
                )
            except (UserError, OSError, ValueError) as error:
                failed += 1
                teller.warn(f"{item.id}: {' '.join(str(error).split())}")
            else:
                written += 1
    line = f"{written} files in {target}"
    if missing:
        line += f"; {missing} results are not there yet: `spam-pipe {link.name}` makes them"
    if not written and not failed:
        raise UserError(f"export: nothing of run {run.name} to write; {line}")
    teller.show(line)
    teller.show_json(
        {"folder": str(target), "written": written, "missing": missing, "failed": failed}
    )
    return failed


def _encode(
    item: Item, unit: Unit, link: Link, what: What, form: LabelFormat, config: RunConfig
) -> bytes:
    array = (
        link.store.read(item.id, unit, ["labels"])[1].arrays["labels"]
        if link.name == "segment"
        else _objects(item, unit, link, config)
    )
    if what == "overlays":
        return encode_overlay(item.image.read(), array)
    if what == "object-overlays":
        return encode_object_overlay(item.image.read(), array)
    return encode_labels(array, form, background=0 if what == "objects" else None)


def _objects(item: Item, count: Unit, link: Link, config: RunConfig) -> NDArray[np.integer]:
    """Return the prior's finest objects, or those for a number of superpixels."""
    from stages.segment.stage import contour_of, objects_for

    prior = link.store.read(item.id, None)[1].arrays
    cut = None
    if count is not None:
        cut = objects_for(prior, contour_of(prior), count, config.segment)
    return prior["objects"] if cut is None else cut


def file_name(item_id: str, unit: Unit, form: LabelFormat) -> str:
    """Keep an id's sub-folders, but never leave the target folder."""
    parts = [part for part in item_id.split("/") if part not in {"", ".", ".."}]
    return "/".join([*([] if unit is None else [str(unit)]), *parts]) + form.suffix
