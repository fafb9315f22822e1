"""Readers of configurations and of what lies in a run's folder; each takes one file."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.errors import UserError
from tests.fuzz.seeds.runs import OPTIONS, write_store


def read_stored_masks(path: Path) -> Any:
    import numpy as np

    from spam_pipe.stages.propose.run_lengths import RunLengths

    values = np.frombuffer(path.read_bytes()[: 8 * 64], np.int64)
    size, offsets, counts = values[:2], values[2:6], values[6:].astype(np.uint32)
    arrays = {"size": size, "offsets": offsets, "counts": counts, "score": np.ones(3)}
    masks = RunLengths.from_arrays(arrays)
    return masks.paint(range(len(masks)))


def read_store(path: Path) -> Any:
    """Put the file in the place of a stored array's metadata, then of its record."""
    from spam_pipe.pipeline.store.folder import LocalFolder
    from spam_pipe.pipeline.store.store import Store

    content = path.read_bytes()
    kind, body = content[:1], content[1:]
    folder = path.parent / "run"
    store, record = write_store(LocalFolder(folder))
    root = folder / store.name / "item"
    arrays = root / record.attempt
    places = {b"m": arrays / "labels" / "zarr.json", b"c": arrays / "labels/c/0/0"}
    places |= {b"r": root / "zarr.json", b"2": arrays / "labels" / ".zarray"}
    places.get(kind, root / "zarr.json").write_bytes(body)
    if kind == b"2":
        (arrays / "labels" / "zarr.json").unlink()
    return Store(LocalFolder(folder), store.name).read("item", None)


def read_config(path: Path) -> Any:
    from spam_pipe.pipeline.configuration.run_config import read_config_file
    from spam_pipe.pipeline.runs.chain import build_chain
    from spam_pipe.pipeline.runs.run import open_run
    from spam_pipe.pipeline.store.folder import LocalFolder

    run = open_run(LocalFolder(path.parent / "outputs"), None, [read_config_file(path)])
    return build_chain(run.config, run.folder)


def read_saved_run(path: Path) -> Any:
    from spam_pipe.pipeline.runs.run import open_run
    from spam_pipe.pipeline.store.folder import LocalFolder

    outputs = LocalFolder(path.parent)
    outputs.write("saved/run.toml", path.read_bytes())
    outputs.write(".last-run", b"saved")
    return open_run(outputs, None, [])


def read_last_run(path: Path) -> Any:
    from spam_pipe.pipeline.runs.run import open_run
    from spam_pipe.pipeline.store.folder import LocalFolder

    outputs = LocalFolder(path.parent)
    outputs.write(".last-run", path.read_bytes())
    return open_run(outputs, None, [])


def read_options(path: Path) -> Any:
    """Take the file's lines for a command's options."""
    import os

    from spam_pipe.pipeline.runs.run import open_run
    from spam_pipe.pipeline.session.layers import config_layers
    from spam_pipe.pipeline.session.options import Options
    from spam_pipe.pipeline.store.folder import LocalFolder

    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    given: dict[str, Any] = {"assignments": []}
    for line in lines:
        name, _, value = line.partition(" ")
        value = value.replace("\x00", "")  # no argument of a process holds one
        if name == "set":
            given["assignments"].append(value)
        elif name in OPTIONS:
            given[name] = value
    os.chdir(path.parent)
    run_name = given.pop("run", None)
    options = Options(**given)
    return open_run(LocalFolder(path.parent / "outputs"), run_name, list(config_layers(options)))


def read_sweep(path: Path) -> Any:
    from spam_pipe.pipeline.sweeping.sweep_file import read_sweep

    return read_sweep(str(path))


def read_recipe(path: Path) -> Any:
    from spam_pipe.pipeline.configuration.training_recipe import read_recipe

    return read_recipe(str(path), path.parent, [])


def read_failures(path: Path) -> Any:
    from spam_pipe.pipeline.runs.failures import Failures
    from spam_pipe.pipeline.store.folder import LocalFolder

    path.replace(path.with_name("failures.csv"))
    return Failures(LocalFolder(path.parent))


def read_sweep_record(path: Path) -> Any:
    from spam_pipe.pipeline.runs.sweep_record import read_record
    from spam_pipe.pipeline.store.folder import LocalFolder

    path.replace(path.with_name("sweep.json"))
    return read_record(LocalFolder(path.parent))


def read_received_run(path: Path) -> Any:
    """Put the file's content into a run's folder, then do with it what commands do."""
    import os

    from spam_pipe.pipeline.commands.export import export_run
    from spam_pipe.pipeline.commands.items import run_items
    from spam_pipe.pipeline.commands.look import show_status
    from spam_pipe.pipeline.commands.verify import verify_run
    from spam_pipe.pipeline.reporting.gathering import gather
    from spam_pipe.pipeline.runs.run import open_existing_run
    from spam_pipe.pipeline.runs.selection import Selection
    from spam_pipe.pipeline.session.options import Options
    from spam_pipe.pipeline.session.other_options import ExportOptions, VerifyOptions
    from spam_pipe.stages.report.tables import metrics_table, summary_table
    from tests.fuzz.seeds.received import RUN, received_run, write_received

    place, _, said = path.read_bytes().partition(b"\x00")
    changed = place.decode("utf-8", "replace")
    if changed not in received_run():
        return
    inside = path.parent / "inside"
    write_received(inside, changed, said)
    os.chdir(inside)
    show_status("outputs", RUN, None, as_json=True)
    _, run = open_existing_run("outputs", RUN)
    gathered = gather(run, Selection(run, None))
    metrics = metrics_table(gathered.rows)
    summary_table(metrics, gathered.failed, run.config.report)
    verify_run(VerifyOptions(outputs="outputs", run=RUN, device="cpu", as_json=True, quiet=True))
    with suppress(UserError):  # where nothing is left to export
        export_run(ExportOptions("labels", outputs="outputs", run=RUN, as_json=True))
    run_items("evaluate", Options(run=RUN, quiet=True))
    if sorted(each.name for each in path.parent.iterdir()) != ["input.bin", "inside"]:
        raise AssertionError("something was written or deleted outside the folder")
