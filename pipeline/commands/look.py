"""Commands that only look: status, datasets, doctor; and the fetching of datasets."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from spam_pipe.pipeline.commands.machine import count_items, examine
from spam_pipe.pipeline.commands.teller import Teller, state_counts, states_table
from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.datasets import DATASETS, open_dataset
from spam_pipe.pipeline.datasets.lookup import data_folders
from spam_pipe.pipeline.errors import one_line
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.running.account import Made, count_methods, count_states
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.run import find_runs, open_existing_run, options_in_force
from spam_pipe.pipeline.runs.selection import Selection


def show_status(location: str, name: str | None, limit: int | None, *, as_json: bool) -> None:
    """Print the options in force, what is done of every method, and what the stages would do."""
    teller = Teller(as_json=as_json)
    outputs, run = open_existing_run(location, name)
    selection = Selection(run, limit)
    counts = count_states(run, selection, "evaluate")
    made, unknown = count_methods(run, selection)
    options = options_in_force(run.config)
    failures = Failures(run.folder).items.values()
    others = [each for each in find_runs(outputs) if each != run.name]
    teller.show(f"run {run.name} ({run.folder})")
    said = ", ".join(f"{key}={value}" for key, value in options.items())
    teller.show(f"options that are no defaults: {said}" if said else "options: the defaults")
    if made:
        teller.show(_made_table(made))
    if unknown:
        teller.show(f"{unknown} stores hold results of options or a version that are gone")
    teller.show(states_table("with these options, results of each stage", counts))
    for failed in list(failures)[:5]:
        teller.fail(one_line(f"{failed.item}: {failed.stage} failed: {failed.reason}"))
    if others:
        teller.say(f"other runs: {', '.join(others)} (--run NAME)")
    teller.show_json(
        {
            "run": run.name,
            "folder": str(run.folder),
            "options": options,
            "methods": [vars(each) for each in made],
            "stages": state_counts(counts),
            "failures": [vars(failed) for failed in failures],
        }
    )


def _made_table(made: Sequence[Made]) -> Table:
    table = Table(title="images done of each method", title_justify="left")
    table.add_column("method", overflow="fold")
    for column in ("K", "superpixels", "measured", "out of date", "failed"):
        table.add_column(column, justify="right")
    previous = None
    for each in made:
        size = say_size(each.unit) if isinstance(each.unit, str) else str(each.unit)
        name = "" if each.method == previous else each.method
        of = [f"{n} of {each.n_images}" for n in (each.segmented, each.measured)]
        failed = Text(str(each.failed), style="red" if each.failed else "")
        table.add_row(name, size, *of, str(each.stale), failed)
        previous = each.method
    return table


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
    target = expand_home(to, "--to") if to is not None else data_folders()[0]
    with download_bar(name, teller.messages) as progress:
        place = fetch_dataset(
            name, target, url=url, sha256=sha256, progress=progress, say=teller.say
        )
    teller.show(f"{name}: ready in {place}")


def _word(value: object) -> str:
    return {True: "yes", False: "no", None: "missing"}.get(value, str(value))  # type: ignore[call-overload, no-any-return]
