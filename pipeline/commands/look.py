"""Commands that only look: status, datasets, doctor; and the fetching of datasets."""

from pathlib import Path

from rich.table import Table

from spam_pipe.pipeline.commands.machine import count_items, examine
from spam_pipe.pipeline.commands.teller import Teller, state_counts, states_table
from spam_pipe.pipeline.datasets import DATASETS, open_dataset
from spam_pipe.pipeline.datasets.lookup import data_folders
from spam_pipe.pipeline.errors import one_line
from spam_pipe.pipeline.running.account import count_states
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.run import find_runs, open_existing_run
from spam_pipe.pipeline.runs.selection import Selection


def show_status(location: str, name: str | None, limit: int | None, *, as_json: bool) -> None:
    """Print the states of all units of a run."""
    teller = Teller(as_json=as_json)
    outputs, run = open_existing_run(location, name)
    counts = count_states(run, Selection(run, limit), "evaluate")
    failures = Failures(run.folder).items.values()
    others = [each for each in find_runs(outputs) if each != run.name]
    teller.show(states_table(f"run {run.name} ({run.folder})", counts))
    for failed in list(failures)[:5]:
        teller.show(one_line(f"{failed.item}: {failed.stage} failed: {failed.reason}"))
    if others:
        teller.say(f"other runs: {', '.join(others)} (--run NAME)")
    teller.show_json(
        {
            "run": run.name,
            "folder": str(run.folder),
            "stages": state_counts(counts),
            "failures": [vars(failed) for failed in failures],
        }
    )


def show_datasets(*, as_json: bool) -> None:
    """Print every dataset, where it is looked for and what is there."""
    teller = Teller(as_json=as_json)
    table = Table(title="datasets", title_justify="left")
    for column in ("name", "items", "where"):
        table.add_column(column, overflow="fold")
    found: dict[str, object] = {}
    for name in DATASETS:
        if name == "folder":
            table.add_row(name, "", "any folder of images: --dataset path/to/images")
            continue
        where = open_dataset(name).location()
        counted = count_items(name)
        if isinstance(counted, str):
            table.add_row(name, "not here", f"{where} (`spam-pipe datasets fetch {name}`)")
            found[name] = {"location": where, "found": False, "reason": counted}
        else:
            items = [
                f"{split}: {n}" + ("" if expected in {None, n} else f" of {expected}")
                for split, (n, expected) in counted.items()
            ]
            table.add_row(name, "\n".join(items), where)
            splits = {s: {"items": n, "expected": e} for s, (n, e) in counted.items()}
            found[name] = {"location": where, "found": True, "splits": splits}
    teller.show(table)
    teller.show_json(found)


def warm_up(*, as_json: bool) -> None:
    """Compile all kernels that runs need, and say how many were missing."""
    teller = Teller(as_json=as_json)
    compiled = teller.compile_kernels(seldom=True)
    teller.show(f"compiled {compiled} kernels" if compiled else "all kernels were compiled already")
    teller.show_json({"compiled": compiled})


def show_doctor(location: str, *, as_json: bool) -> None:
    """Print what this machine offers."""
    teller = Teller(as_json=as_json)
    found = examine(location)
    table = Table(title="spam-pipe doctor", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in found.items():
        if isinstance(value, dict):
            words = [f"{name} {_word(each)}" for name, each in value.items()]
            text = ("\n" if key == "datasets" else ", ").join(words)
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        table.add_row(key.replace("_", " "), text or "none")
    teller.show(table)
    teller.show_json(found)


def fetch_dataset_to(name: str, to: str | None, url: str | None, sha256: str | None) -> None:
    """Download a dataset into the folder where it will be looked for."""
    from spam_pipe.pipeline.fetching.assets import fetch_dataset
    from spam_pipe.pipeline.fetching.download import download_bar

    teller = Teller()
    target = Path(to).expanduser() if to is not None else data_folders()[0]
    with download_bar(name, teller.messages) as progress:
        place = fetch_dataset(
            name, target, url=url, sha256=sha256, progress=progress, say=teller.say
        )
    teller.show(f"{name}: ready in {place}")


def _word(value: object) -> str:
    return {True: "yes", False: "no", None: "missing"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]
