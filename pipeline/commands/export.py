"""`spam-pipe export`: a run's results as files for other programs."""

from pathlib import Path

from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.errors import ConfigError, UserError, one_line
from spam_pipe.pipeline.exporting.exporter import Exporter
from spam_pipe.pipeline.exporting.figures import FIGURES, FigureOptions, require_one_system
from spam_pipe.pipeline.exporting.formats import What, choose_format
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.layers import parse_counts
from spam_pipe.pipeline.session.other_options import ExportOptions
from spam_pipe.pipeline.store.folder import LocalFolder, require_writable
from spam_pipe.pipeline.units import Unit

_STORES = {
    "objects": "prior",
    "object-overlays": "prior",
    "hierarchy": "hierarchy",
    "saliency": "hierarchy",
}
"""The stage that makes what is exported, where that is not the segmentation."""


def export_run(options: ExportOptions) -> int:
    """Write the files; return how many could not be written.

    Layout: ``<folder>/<K>/<item>.<suffix>``, with `one_file` ``<folder>/<K>.<suffix>``; without
    K for the prior's objects as they are before they are cut for one. Results that are not there
    yet are left out and counted.

    Raises
    ------
    UserError
        When the run has nothing of that kind, options don't go together, or the folder can't be
        written to.
    """
    teller = Teller(as_json=options.as_json)
    what, form = options.what, choose_format(options.what, options.form)
    figures = FigureOptions(options.one_file, options.simplify, options.deep_features)
    _check(what, figures)
    _, run = open_existing_run(options.outputs, options.run)
    chain = build_chain(run.config, run.folder)
    link = chain.get(_STORES.get(what, "segment"))
    if link is None and what in {"hierarchy", "saliency"}:
        raise ConfigError(
            f"--what {what}: run {run.name} has no hierarchies; make them with --method spam-nested"
        )
    if link is None:
        raise ConfigError(f"--what {what}: run {run.name} has no prior; make one with --prior")
    if options.deep_features and run.config.segment.resolved.deep_weights is None:
        raise ConfigError(f"--deep-features: run {run.name} was made without a network")
    counts = options.n_superpixels
    units: tuple[Unit, ...] = link.units if counts is None else tuple(parse_counts(counts))
    if link.name == "hierarchy" and counts is not None:
        raise ConfigError(f"-k {counts}: --what {what} is of all numbers of superpixels")
    items = Selection(run, options.limit)
    if what == "polygons" and options.one_file:
        require_one_system(items, form)
    target = LocalFolder(Path(options.folder).expanduser().absolute())
    require_writable(target)
    exporter = Exporter(target, chain, what, form, figures)
    written = missing = failed = 0
    for item in items:
        for unit in units:
            if link.store.record(item.id, unit if link.name == "segment" else None) is None:
                missing += 1
                continue
            try:
                written += exporter.add(item, unit)
            except Exception as error:  # one image harms no other
                failed += 1
                teller.warn(f"{item.id}: {one_line(error)}")
    written += exporter.finish()
    for remark in exporter.remarks():
        teller.say(remark)
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


def _check(what: What, options: FigureOptions) -> None:
    """Refuse options that mean nothing for what is exported."""
    if options.simplify and what != "polygons":
        raise ConfigError(f"--simplify goes with --what polygons, not with {what}")
    if options.simplify < 0:
        raise ConfigError(f"--simplify {options.simplify:g}: give a length in pixels, at least 0")
    for option, given in (
        ("--one-file", options.one_file),
        ("--deep-features", options.deep_features),
    ):
        if given and what not in FIGURES:
            raise ConfigError(f"{option} goes with --what {', '.join(FIGURES)}, not with {what}")
