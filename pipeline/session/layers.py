"""From a command's flags to layers of configuration."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.configuration.effect import cure_of, decides_nothing
from spam_pipe.pipeline.configuration.run_config import (
    Layer,
    RunConfig,
    parse_assignment,
    read_config_file,
)
from spam_pipe.pipeline.datasets import DATASETS, open_dataset
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.runs.chain import PRIOR_STAGES
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.suggestion import did_you_mean


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
    if options.masks == "none":
        yield {"propose": {"masks": None, "source": None}}
    elif options.masks is not None:
        if options.prior not in {None, "masks", "masks+contour"}:
            raise ConfigError(
                f"--masks goes with --prior masks or masks+contour, not with {options.prior}"
            )
        folder = expand_home(options.masks, "--masks").absolute()
        of_all = folder.suffix.lower() == ".json" and folder.is_file()
        if not folder.is_dir() and not of_all:
            raise ConfigError(
                f"--masks {options.masks}: there is no such folder, nor a COCO file (.json)"
            )
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
    if options.superpixel_size == "none":
        yield {"superpixel_size": None}
    elif options.superpixel_size is not None:
        yield {"superpixel_size": options.superpixel_size.split(",")}


def _dataset_layers(options: Options) -> Iterator[Layer]:
    if options.dataset is not None:
        yield {"dataset": _named_dataset(options.dataset, options.more_paths)}
    given: dict[str, str | None] = {
        "split": options.split,
        "pattern": options.pattern,
        "ignore": options.ignore,
        "bands": options.bands,
        "stretch": options.stretch,
        "ground_truth": options.ground_truth,
        "valid": options.valid,
    }
    # "none" takes an option back that the run has.
    chosen: dict[str, Any] = {key: None for key, value in given.items() if value == "none"}
    for key, value in given.items():
        if value not in {None, "none"}:
            chosen[key] = _dataset_option(key, str(value))
    if options.max_megapixels is not None:
        chosen["max_megapixels"] = options.max_megapixels
    if chosen:
        yield {"dataset": chosen}


def _named_dataset(first: str, more: Sequence[str]) -> Layer:
    """Return the dataset that was named: one of ours, a folder, or images of one folder."""
    if first in DATASETS and not more:
        open_dataset(first)  # one that needs more than its name says so before anything is written
        return {"name": first}
    paths = [path for text in (first, *more) for path in _expanded(text)]
    if len(paths) == 1 and not paths[0].is_file():
        open_dataset(first)  # an unknown name is an error before anything is written
        return {"name": "folder", "images": str(paths[0].absolute())}
    for path in paths:
        if not path.is_file():
            kind = "a folder: name it alone" if path.is_dir() else "not there"
            raise ConfigError(f"{path}: {kind}, or name images, as in photos/a.jpg photos/b.jpg")
    found = [path.absolute() for path in paths]
    folder = Path(os.path.commonpath([path.parent for path in found]))
    names = [path.relative_to(folder).as_posix() for path in found]
    return {"name": "folder", "images": str(folder), "files": sorted(set(names))}


def _expanded(text: str) -> list[Path]:
    """Return the path, or those that a pattern stands for where the shell left it as it is."""
    path = expand_home(text, "--dataset").absolute()
    if path.exists() or not {*"*?["} & {*text}:
        return [path]
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) or [path]


def _dataset_option(key: str, text: str) -> Any:
    if key == "ignore":
        return _numbers("--ignore", text, int, "255")
    if key == "bands" and not text.startswith("all"):
        return _numbers("--bands", text, int, "4,3,2")
    if key == "stretch":
        return _numbers("--stretch", text, float, "2,98")
    if key == "ground_truth":
        return str(expand_home(text, "--ground-truth").absolute())
    if key == "valid":
        path = expand_home(text, "--valid").absolute()
        if not path.exists():
            raise ConfigError(f"--valid {text}: there is no such mask or folder of masks")
        return str(path)
    return text


def refuse_without_effect(options: Options, config: RunConfig, target: str) -> None:
    """Refuse options of the command that decide nothing of what is made on the way to a stage.

    Raises
    ------
    ConfigError
        Naming the option, the method, and the option that does what was meant, where there is one.
    """
    segment = config.segment
    of_objects = target in PRIOR_STAGES
    if not segment.uses_prior and not of_objects:
        for option, given in (("--prior", options.prior), ("--masks", options.masks)):
            if given not in {None, "none"}:
                raise ConfigError(
                    f"{option} {given}: {segment.method} makes nothing of objects; spam, "
                    f"slic-masked and maskslic keep to them"
                )
    for text in options.assignments or []:
        key = text.partition("=")[0].strip()
        if of_objects or not decides_nothing(key, config):
            continue
        chosen = f"--method {segment.method}"
        if key.startswith("segment.attention.") and segment.uses_prior:
            chosen = f"--attention {segment.attention.mode}"
        elif not key.startswith("segment.") and segment.uses_prior:
            chosen = f"--prior {config.propose.source}"
        cure = cure_of(key, segment)
        does = f"; {cure} does" if cure else ""
        raise ConfigError(f"--set {key}: decides nothing of {chosen}{does}")


def _numbers(option: str, text: str, kind: type[int] | type[float], example: str) -> list[float]:
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


def parse_attention(text: str) -> dict[str, str]:
    """Parse `--attention`: the options of `segment.attention` that it stands for.

    Raises
    ------
    ConfigError
        When it is neither a mode nor a file that is there.
    """
    if text in {"none", "visual"}:
        return {"mode": text}
    path = expand_home(text, "--attention").absolute()
    if not path.exists():
        cure = did_you_mean(text, ["none", "visual"], "write none, visual or a file's path")
        raise ConfigError(
            f"--attention {text}: neither none nor visual nor a file that is there; {cure}"
        )
    return {"mode": "file", "file": str(path)}


def one_unit(units: Sequence[Unit], counts: str | None, run: Run) -> Unit:
    """Return for which number of superpixels masks are made: the largest, or the one asked for.

    Raises
    ------
    ConfigError
        When several are asked for, or one that the run does not have.
    """
    if counts is None:
        numbers = [unit for unit in units if isinstance(unit, int)]
        return max(numbers) if numbers else units[0]
    asked = parse_counts(counts)
    if len(asked) > 1:
        raise ConfigError(f"-k {counts}: give one number, masks are made of one segmentation")
    if asked[0] not in units:
        has = ", ".join(map(str, units))
        raise ConfigError(
            f"-k {counts}: run {run.name} has K = {has}; `spam-pipe segment --run {run.name} "
            f"-k {counts}` makes others"
        )
    return asked[0]
