"""`spam-pipe export`: a run's results as files for other programs."""

from collections import Counter

from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.errors import ConfigError, UserError, one_line
from spam_pipe.pipeline.exporting.exporter import Exporter
from spam_pipe.pipeline.exporting.figures import FIGURES, FigureOptions, require_one_system
from spam_pipe.pipeline.exporting.formats import What, choose_format
from spam_pipe.pipeline.exporting.placing import placed
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.running.plan import State, plan
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.layers import parse_counts
from spam_pipe.pipeline.session.other_options import ExportOptions

_STORES = {
    "objects": "prior",
    "object-overlays": "prior",
    "hierarchy": "hierarchy",
    "saliency": "hierarchy",
}
"""The stage that makes what is exported, where that is not the segmentation."""


def export_run(options: ExportOptions) -> int:
    """Write the files; return how many could not be written.

    Layout: ``<folder>/<what>/<K>/<item>.<suffix>``, or with `one_file`
    ``<folder>/<what>/<K>.<suffix>``; without K for the prior's objects before they are cut for
    one. Superpixels are numbered from 1; 0 is what is in none. Results that are not there yet or
    out of date are left out and counted.

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
    config = run.config
    if options.n_superpixels is not None:
        counts = tuple(parse_counts(options.n_superpixels))
        config = config.model_copy(update={"n_superpixels": counts, "superpixel_size": ()})
    chain = build_chain(config, run.folder, "segment")
    link = chain.get(_STORES.get(what, "segment"))
    if link is None and what in {"hierarchy", "saliency"}:
        raise ConfigError(
            f"--what {what}: run {run.name} has no hierarchies; make them with --method spam-nested"
        )
    if link is None:
        raise ConfigError(f"--what {what}: run {run.name} has no prior; make one with --prior")
    if options.deep_features and config.segment.resolved.deep_weights is None:
        raise ConfigError(f"--deep-features: run {run.name} was made without a network")
    if link.name == "hierarchy" and options.n_superpixels is not None:
        raise ConfigError(
            f"-k {options.n_superpixels}: --what {what} is of all numbers of superpixels"
        )
    items = Selection(run, options.limit)
    if what == "polygons" and options.one_file:
        require_one_system(items, form)
    units = link.units if options.n_superpixels is None else config.units
    target = expand_home(options.folder).absolute() / what
    absent: Counter[State] = Counter()
    written = failed = 0
    with placed(target, replace=options.replace) as folder:
        exporter = Exporter(folder, chain, what, form, figures)
        for planned in plan(items, chain, config, run.folder):
            states = planned.states[link.name]
            for unit in units:
                state = states[unit if link.name == "segment" else None]
                if state is not State.DONE:
                    absent[state] += 1
                    continue
                try:
                    written += exporter.add(planned, unit)
                except Exception as error:  # one image harms no other
                    failed += 1
                    teller.fail(f"{planned.item.id}: {one_line(error)}")
        written += exporter.finish()
        for remark in exporter.remarks():
            teller.say(remark)
        left_out = say_absent(absent, link.name)
        if not written and not failed:
            raise UserError(f"export: nothing of run {run.name} to write{left_out}")
    files = "1 file" if written == 1 else f"{written} files"
    teller.show(f"{files} in {target}{left_out}")
    teller.show_json(
        {
            "folder": str(target),
            "written": written,
            "missing": absent[State.TODO] + absent[State.FAILED],
            "stale": absent[State.STALE],
            "failed": failed,
        }
    )
    return failed


def say_absent(absent: Counter[State], stage: str) -> str:
    """Return how many results are left out and what makes them; nothing where all are in."""
    parts = []
    if stale := absent[State.STALE]:
        parts.append(f"{stale} are out of date")
    if missing := absent[State.TODO] + absent[State.FAILED]:
        parts.append(f"{missing} are not there yet")
    said = " and ".join(parts)
    return f"; results left out: {said}; `spam-pipe {stage}` makes them" if said else ""


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
