"""The command lines that make a run's results again."""

import json
import shlex
from collections.abc import Collection, Sequence
from typing import Any

from spam_pipe.pipeline.configuration.effect import decides_nothing
from spam_pipe.pipeline.configuration.run_config import RunConfig, dataset_layer, flatten, resolve
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection

_FLAGS = {
    "dataset.name": "--dataset",
    "dataset.split": "--split",
    "dataset.pattern": "--pattern",
    "dataset.ground_truth": "--ground-truth",
    "dataset.valid": "--valid",
    "dataset.max_megapixels": "--max-megapixels",
    "segment.method": "--method",
    "propose.source": "--prior",
    "propose.masks": "--masks",
}
"""Options that have a flag of their own."""

_DECIDE_NO_RESULT = frozenset({"dataset", "report", "n_superpixels", "superpixel_size"})


def flat_options(config: RunConfig) -> dict[str, Any]:
    """Return all options by dotted key; nested tables are opened."""
    return flatten(config.model_dump(mode="json"))


def deciding_options(config: RunConfig) -> dict[str, Any]:
    """Return the options that decide a method's results, by dotted key."""
    return {
        key: value
        for key, value in flat_options(config).items()
        if key.split(".")[0] not in _DECIDE_NO_RESULT
    }


def differing(configs: Sequence[RunConfig]) -> frozenset[str]:
    """Return the options in which a run's methods differ.

    A run remembers what its last command said, so each of its commands must say all of these.
    """
    options = [deciding_options(config) for config in configs]
    keys = {key for each in options for key in each}
    return frozenset(
        key for key in keys if len({json.dumps(each.get(key)) for each in options}) > 1
    )


def report_command(
    config: RunConfig, run: Run, selection: Selection, stated: Collection[str] = ()
) -> str:
    """Return the `spam-pipe report` that makes one method's results from nothing.

    Parameters
    ----------
    config, run, selection
        The method's options and what it ran on.
    stated
        Options to state even where they have their default.
    """
    name = config.dataset.name
    usual = flat_options(resolve([dataset_layer(name), {"dataset": {"name": name}}]))
    words = ["spam-pipe", "report", "--run", run.name]
    words += ["--dataset", config.dataset.images or name, "--split", selection.split]
    asked = "--superpixel-size" if config.superpixel_size else "--n-superpixels"
    words += [asked, ",".join(map(str, config.units))]
    if selection.limit is not None:
        words += ["--limit", str(selection.limit)]
    skipped = {
        "n_superpixels",
        "superpixel_size",
        "dataset.name",
        "dataset.images",
        "dataset.split",
    }
    if config.propose.masks is not None:
        skipped.add("propose.source")  # --masks implies it
    for key, value in flat_options(config).items():
        if key in skipped or (value == usual.get(key) and key not in stated):
            continue
        if decides_nothing(key, config):  # a command that states it is refused
            continue
        if key in _FLAGS and value is not None:
            words += [_FLAGS[key], str(value)]
        else:
            words += ["--set", f"{key}={_written(value)}"]
    return shlex.join(words)


def sweep_command(name: str, run: Run, selection: Selection) -> str:
    """Return the `spam-pipe sweep` that makes all points again."""
    words = ["spam-pipe", "sweep", name, "--run", run.name]
    if selection.limit is not None:
        words += ["--limit", str(selection.limit)]
    return shlex.join(words)


def _written(value: Any) -> str:
    """Write a value as `--set` reads it."""
    if value is None:
        return "default"
    return value if isinstance(value, str) else json.dumps(value)
