"""What the commands that run items do: resolve, plan, execute, tell."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.attention import parse_attention, require_attention, require_known_images
from pipeline.chain import Chain, build_chain, prior_of
from pipeline.checkpoints import require_generator
from pipeline.config import Layer, parse_assignment, read_config_file
from pipeline.datasets import DATASETS, open_dataset
from pipeline.device import resolve_device
from pipeline.errors import ConfigError, printable
from pipeline.executors import make_executor
from pipeline.folder import open_folder, require_writable
from pipeline.methods import require_method, require_weights
from pipeline.options import Options
from pipeline.plan import State
from pipeline.progress import make_progress
from pipeline.reporting import Report, write_report
from pipeline.run import Run, open_run
from pipeline.runner import Choices, Selection, Summary, count_states, execute
from pipeline.shard import parse_shard
from pipeline.shard_completion import completing, held
from pipeline.sizes import say_size

SUCCESS, SOME_FAILED, INTERRUPTED = 0, 1, 130


class Teller:
    """Prints for people: progress and warnings to standard error, results to standard output."""

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self.results = Console(width=_width(), markup=False, highlight=False)
        self.messages = Console(stderr=True, width=_width(), markup=False, highlight=False)

    def say(self, text: str) -> None:
        """Print a line about what is going on."""
        if not (self.quiet or self.as_json):
            self.messages.print(printable(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a line that matters even to those who want quiet."""
        self.messages.print(printable(text), soft_wrap=True)

    def show(self, what: Table | str) -> None:
        """Print a result."""
        if not (self.quiet or self.as_json):
            self.results.print(printable(what) if isinstance(what, str) else what)

    def show_json(self, value: Mapping[str, Any]) -> None:
        """Print a result for programs."""
        if self.as_json:
            print(json.dumps(value, indent=2, allow_nan=False, default=str))


def run_items(target: str, options: Options) -> int:
    """Bring all items up to the target stage, report where that was asked; return exit status."""
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    outputs = open_folder(options.outputs)
    layers = list(config_layers(options))
    default = "sample" if target == "run" and not layers else None
    starts = target == "run" or options.run is None
    run = open_run(outputs, options.run, layers, default=default, starts=starts)
    shard = None if options.shard is None else parse_shard(options.shard, run.folder)
    stage_target = "evaluate" if target in {"run", "report"} else target
    chain = build_chain(run.config, run.folder, stage_target)
    _introduce(run, chain, teller)
    if stage_target not in chain:
        teller.say(f"--prior none: there is nothing to compute for `{target}`")
        return SUCCESS
    if options.dry_run:
        return _tell_plan(run, stage_target, Selection(run, options.limit, shard), teller)
    choices = Choices(
        overwrite=_overwritten(target, options.overwrite, tuple(chain)),
        skip_failed=options.skip_failed,
        device=options.device if options.scheduler else resolve_device(options.device),
        item_timeout=options.item_timeout,
    )
    if options.scheduler is not None and options.workers:
        raise ConfigError("--workers and --scheduler: give one of them")
    selection = Selection(run, options.limit, shard)  # a dataset that is not there leaves no trace
    if "propose" in chain and options.scheduler is None:
        everywhere = selection.dataset.items("all")
        require_generator(run.config.propose, (item.id for item in everywhere))
    if "segment" in chain:
        require_attention(run.config)
        everything = selection.dataset.items(selection.split)
        require_known_images(run.config.segment.attention, (item.id for item in everything))
    require_writable(outputs)
    if options.scheduler is None:
        if "segment" in chain:
            require_method(run.config)
        require_weights(run.config, chain)
    if not kernels_compiled():
        teller.say("first run here: compiling kernels, which takes about a minute, once")
    for remark in selection.dataset.remarks(selection.split):
        teller.say(remark)
    with held(run, shard, teller.warn):
        run.save(outputs)
        executor = make_executor(
            options.workers, options.scheduler, choices.device, warn=teller.warn
        )
        try:
            progress = make_progress(
                target, teller.messages, quiet=options.quiet or options.as_json
            )
            summary = execute(
                run, selection, stage_target, choices, executor, progress, warn=teller.warn
            )
        finally:
            executor.close()
        reports = target in {"run", "report"}
        report = None
        if not summary.interrupted:
            whole = selection if shard is None else Selection(run, options.limit)
            turn = completing(run, whole, shard, stage_target, say=teller.warn)
            with turn as summary.completes_run:
                if summary.completes_run and reports:
                    report = write_report(run, whole, teller.results.width)
    _tell_summary(run, target, summary, report, options, teller)
    if summary.interrupted:
        return INTERRUPTED
    return SOME_FAILED if summary.failed or summary.skipped else SUCCESS


def config_layers(options: Options) -> Iterator[Layer]:
    """Yield what the command says of the configuration, weakest first."""
    if options.config is not None:
        yield read_config_file(Path(options.config))
    for text in options.assignments or []:
        yield parse_assignment(text)
    yield from _dataset_layers(options)
    flags: list[tuple[str, str, Any]] = [
        ("propose", "source", options.prior),
        ("segment", "prior_mode", options.prior_mode),
        ("segment", "method", options.method),
        ("segment", "seed", options.seed),
    ]
    if options.masks is not None:
        if options.prior not in {None, "masks", "masks+contour"}:
            raise ConfigError(
                f"--masks goes with --prior masks or masks+contour, not with {options.prior}"
            )
        folder = Path(options.masks).expanduser().absolute()
        if not folder.is_dir():
            raise ConfigError(f"--masks {options.masks}: there is no such folder")
        source = options.prior or "masks"
        flags += [("propose", "masks", str(folder)), ("propose", "source", source)]
    for table, key, value in flags:
        if value is not None:
            yield {table: {key: value}}
    if options.attention is not None:
        yield {"segment": {"attention": parse_attention(options.attention)}}
    if options.n_superpixels is not None and options.superpixel_size is not None:
        raise ConfigError("--n-superpixels and --superpixel-size: give one of them")
    if options.n_superpixels is not None:
        yield {"n_superpixels": parse_counts(options.n_superpixels), "superpixel_size": None}
    if options.superpixel_size is not None:
        yield {"superpixel_size": options.superpixel_size.split(",")}


def _dataset_layers(options: Options) -> Iterator[Layer]:
    name = options.dataset
    if name is not None:
        open_dataset(name)  # an unknown name is an error before anything is written
        if name in DATASETS:
            yield {"dataset": {"name": name}}
        else:
            images = str(Path(name).expanduser().absolute())
            yield {"dataset": {"name": "folder", "images": images}}
    given: dict[str, Any] = {
        "split": options.split,
        "pattern": options.pattern,
        "max_megapixels": options.max_megapixels,
        "ignore": _numbers("--ignore", options.ignore, int, "255"),
        "bands": _numbers("--bands", options.bands, int, "4,3,2"),
        "stretch": _numbers("--stretch", options.stretch, float, "2,98"),
    }
    if options.ground_truth is not None:
        given["ground_truth"] = str(Path(options.ground_truth).expanduser().absolute())
    if options.valid is not None:
        place = Path(options.valid).expanduser().absolute()
        if not place.exists():
            raise ConfigError(f"--valid {options.valid}: there is no such mask or folder of masks")
        given["valid"] = str(place)
    chosen = {key: value for key, value in given.items() if value is not None}
    if chosen:
        yield {"dataset": chosen}


def _numbers(
    option: str, text: str | None, kind: type[int] | type[float], example: str
) -> list[float] | None:
    if text is None:
        return None
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"{option} {text}: write numbers such as {example}") from error


def parse_counts(text: str) -> list[int]:
    """Parse `--n-superpixels`.

    Raises
    ------
    ConfigError
        When it is not whole numbers separated by commas.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(
            f"--n-superpixels {text}: write whole numbers separated by commas, such as 100,400"
        ) from error


def _overwritten(target: str, overwrite: bool, stages: tuple[str, ...]) -> tuple[str, ...]:
    if not overwrite:
        return ()
    if target == "run":
        return stages
    return ("evaluate",) if target == "report" else (target,)


def _introduce(run: Run, chain: Chain, teller: Teller) -> None:
    dataset, config = run.config.dataset, run.config
    which = f"continuing run {run.name}" if run.continued else f"run {run.name}"
    sizes = ", ".join(map(say_size, config.superpixel_size))
    wanted = f"size {sizes}" if sizes else f"K = {','.join(map(str, config.n_superpixels))}"
    mode = config.segment.attention.mode if "segment" in chain else "none"
    attention = "" if mode == "none" else f"attention {mode}, "
    teller.say(
        f"{which}: {dataset.images or dataset.name}, method {config.segment.method}, "
        f"prior {prior_of(chain)}, {attention}{wanted}"
    )


def _tell_plan(run: Run, target: str, selection: Selection, teller: Teller) -> int:
    counts = count_states(run, selection, target)
    teller.show_json({"run": run.name, "stages": state_counts(counts)})
    teller.show(states_table(f"what `{target}` would do", counts))
    return SUCCESS


def state_counts(counts: Mapping[str, Mapping[State, int]]) -> dict[str, dict[str, int]]:
    """Return the counts as plain values."""
    return {
        name: {state.value: states.get(state, 0) for state in State}
        for name, states in counts.items()
    }


def states_table(title: str, counts: Mapping[str, Mapping[State, int]]) -> Table:
    """Return a table of how many units of each stage are in which state."""
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    for state in State:
        table.add_column(state.value.replace("todo", "to do"), justify="right")
    for name, states in counts.items():
        table.add_row(name, *(str(states.get(state, 0)) for state in State))
    return table


def _tell_summary(
    run: Run,
    target: str,
    summary: Summary,
    report: Report | None,
    options: Options,
    teller: Teller,
) -> None:
    if options.verbose:
        for note, count in sorted(summary.notes.items()):
            teller.say(f"note: {note}" + (f" ({count} items)" if count > 1 else ""))
    for name, count in sorted(summary.stale.items()):
        if count:
            teller.say(f"{name}: {count} items were out of date and computed again")
    for failed in summary.failures[:5]:
        teller.warn(f"{failed.item}: {failed.stage} failed: {failed.reason}")
    if len(summary.failures) > 5:
        teller.warn(
            f"… and {len(summary.failures) - 5} more; all in {run.folder}/{summary.failures_file}"
        )
    if report is not None and report.table is not None:
        teller.show(report.table)
    teller.say(_closing_line(run, target, summary))
    if report is not None:
        for line in report.places:
            teller.say(line)
    if line := shard_line(summary, "report" if target == "run" else target):
        teller.say(line)
    teller.show_json(
        {
            "run": run.name,
            "folder": str(run.folder),
            **summary.plain(),
            "summary": [] if report is None else report.summary,
            "left_out": [] if report is None else report.left_out,
        }
    )


def _closing_line(run: Run, target: str, summary: Summary) -> str:
    items = f"{summary.n_items} item{'s' * (summary.n_items != 1)}"
    if summary.n_expected and summary.n_items != summary.n_expected:
        items += f" (of {summary.n_expected} in the split)"
    parts = [f"{summary.computed} computed", f"{summary.complete} up to date"]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped, failed before")
    part = "" if summary.shard is None else f", shard {summary.shard}"
    line = f"{target}{part}: {items}, {', '.join(parts)}, {summary.seconds:.1f} s"
    if summary.interrupted:
        return f"stopped: {line}; the same command goes on from here"
    if summary.failed:
        line += (
            f"; reasons in {run.folder}/{summary.failures_file}, the same command tries them again"
        )
    return line


def shard_line(summary: Summary, whole_command: str) -> str:
    """Say whether a shard completed its run, and what else does; nothing without shards."""
    if summary.shard is None or summary.interrupted:
        return ""
    if summary.completes_run:
        return f"shard {summary.shard} was the last: the run is complete"
    return (
        f"shard {summary.shard} is done, the run is not: the last shard to end completes it, or "
        f"`spam-pipe {whole_command}`"
    )


def _width() -> int | None:
    """Return the width for output that goes to no terminal; a terminal knows its own."""
    return None if os.isatty(1) else 100


def kernels_compiled() -> bool:
    """Say whether numba's cache beside the kernels' files holds any."""
    import stages.segment

    folder = Path(stages.segment.__path__[0])
    return "NUMBA_CACHE_DIR" in os.environ or any(folder.glob("__pycache__/*.nbi"))
