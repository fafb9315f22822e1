"""The command line. Commands only parse; what they need is imported when they run."""

import sys
from typing import Annotated

import typer

from pipeline import __version__
from pipeline.export_formats import Form, What
from pipeline.options import (
    Json,
    Limit,
    NSuperpixels,
    Options,
    Outputs,
    RunName,
    accept_options,
)

app = typer.Typer(
    name="spam-pipe",
    help="Image datasets in; accurate, regular superpixels and their metric tables out.\n\n"
    "Try [bold]spam-pipe run[/bold], which works on embedded pictures, or the classic session: "
    "[bold]spam-pipe prior --dataset bsd[/bold], [bold]spam-pipe segment[/bold], "
    "[bold]spam-pipe report[/bold]. Everything resumes: run a command again and it does only "
    "what is missing.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
datasets_app = typer.Typer(help="List the datasets, where they are looked for; fetch one.")
app.add_typer(datasets_app, name="datasets")
weights_app = typer.Typer(help="List the networks' weights; show, verify or fetch them.")


_PIPELINE = "The pipeline"
_NETWORKS = "The networks"
_AROUND = "Around it"

app.add_typer(weights_app, name="weights", rich_help_panel=_NETWORKS)


def main() -> None:
    """Run the command line; an error that the user can act on is one line and status 2."""
    from pipeline.errors import UserError, one_line

    try:
        status = app(standalone_mode=False)
    except UserError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped at once; the same command goes on from what is stored", file=sys.stderr)
        sys.exit(130)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except OSError as error:
        print(
            f"error: {one_line(error)}; what is stored stays: mend that, run the command again",
            file=sys.stderr,
        )
        sys.exit(2)
    except Exception as error:
        if (show := getattr(error, "show", None)) is not None:  # a usage error of the parser
            show()
            sys.exit(getattr(error, "exit_code", 2))
        raise
    sys.exit(status or 0)


def _version(asked: bool) -> None:
    if asked:
        print(f"spam-pipe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


_NOT_FOR_PRIORS = ("prior_mode", "attention", "method", "n_superpixels", "superpixel_size", "seed")
_ITEM_COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "run": ("Run all stages on a dataset and report; without a dataset, on embedded pictures.", ()),
    "propose": (
        "Compute proposals: masks, or a finest partition with its merge tree.",
        _NOT_FOR_PRIORS,
    ),
    "prior": (
        "Aggregate proposals into prior objects, which superpixels will never cross.",
        _NOT_FOR_PRIORS,
    ),
    "segment": ("Make superpixels, after bringing proposals and prior up to date.", ()),
    "evaluate": ("Measure the superpixels, after bringing everything upstream up to date.", ()),
    "report": ("Write the metric tables, curves and pictures of a run brought up to date.", ()),
}


def _add_item_command(name: str, text: str, without: tuple[str, ...]) -> None:
    def command(options: Options) -> None:
        from pipeline.commands import run_items

        if status := run_items(name, options):
            raise typer.Exit(status)

    accepting = accept_options(command, without=without)
    app.command(name, help=text, rich_help_panel=_PIPELINE)(accepting)


for _name, (_text, _without) in _ITEM_COMMANDS.items():
    _add_item_command(_name, _text, _without)


_SWEPT = ("config", "prior", "masks", "prior_mode", "method")
"""Options that a sweep's file takes the place of."""


def _add_sweep() -> None:
    def command(options: Options, path: str) -> None:
        from pipeline.sweep_command import run_sweep

        if status := run_sweep(path, options):
            raise typer.Exit(status)

    path = Annotated[
        str, typer.Argument(help="the sweep's TOML file, or a shipped one by name", metavar="FILE")
    ]
    accepting = accept_options(command, without=_SWEPT, arguments={"path": path})
    text = "Run a grid of configurations that share what they can, and compare them."
    app.command("sweep", help=text, rich_help_panel=_PIPELINE)(accepting)


_add_sweep()


@app.command(rich_help_panel=_NETWORKS)
def train(
    config: Annotated[
        str | None,
        typer.Option(
            help="TOML file of a recipe, or a shipped one by name (by default the one that "
            "--folder was begun with, else train-trunk)",
            metavar="FILE",
        ),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Option(help="where checkpoint, weights, log and curve go (training/NAME)"),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="time limit that replaces the recipe's number of steps"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="any option of the recipe, such as learning_rate=1e-3; repeatable",
            metavar="KEY=VALUE",
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="annotated images: bsd by default, or a folder of images")
    ] = None,
    ground_truth: Annotated[
        str | None, typer.Option(help="folder of ground truth for a folder of images")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:i]")] = "auto",
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False,
) -> None:
    """Train a network; the same command goes on where it was stopped, or with more minutes."""
    from pipeline.train_command import train_network

    options = Options(
        assignments=assignments,
        dataset=dataset,
        ground_truth=ground_truth,
        device=device,
        as_json=as_json,
        quiet=quiet,
    )
    if status := train_network(options, config, folder, minutes):
        raise typer.Exit(status)


@app.command(rich_help_panel=_AROUND)
def status(
    run: RunName = None,
    outputs: Outputs = "outputs",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Show what is done, stale, failed and to do, stage by stage."""
    from pipeline.inspection import show_status

    show_status(outputs, run, limit, as_json=as_json)


@app.command(rich_help_panel=_AROUND)
def verify(
    recompute: Annotated[
        int,
        typer.Option(
            min=0, help="also compute so many items again and compare the results", metavar="N"
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="decides which items these are")] = 0,
    device: Annotated[str, typer.Option(help="where they are computed: auto, cpu or cuda[:i]")] = (
        "auto"
    ),
    repair: Annotated[
        bool,
        typer.Option("--repair", help="remove what is bad: the next run makes just that again"),
    ] = False,
    run: RunName = None,
    outputs: Outputs = "outputs",
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False,
) -> None:
    """Read everything in a run back and check it; status 1 on a finding."""
    from pipeline.verify_command import verify_run

    if status := verify_run(
        outputs,
        run,
        recomputed=recompute,
        seed=seed,
        device=device,
        mend=repair,
        as_json=as_json,
        quiet=quiet,
    ):
        raise typer.Exit(status)


@app.command(rich_help_panel=_AROUND)
def export(
    folder: Annotated[str, typer.Argument(help="where the files go", metavar="FOLDER")],
    what: Annotated[
        What,
        typer.Option(
            help="label maps; the prior's objects (the finest, or with -k those for K); either "
            "drawn on the image; mean colours; polygons with their figures; table: a row per "
            "superpixel; graph: nodes and edges; napari: image and labels; attention: the "
            "objects numbered, with a table of factors to fill in"
        ),
    ] = "labels",
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="of labels and objects: png (16 bits), tiff (GeoTIFF where the image is one), "
            "npy, coco (run lengths as JSON); of polygons: gpkg, geojson; of tables and graphs: "
            "csv, parquet",
            show_default="the first that fits",
        ),
    ] = None,
    one_file: Annotated[
        bool,
        typer.Option(
            "--one-file", help="polygons, table, graph: of all images in one, instead of one each"
        ),
    ] = False,
    simplify: Annotated[
        float,
        typer.Option(
            help="polygons: leave out detail below so many pixels; neighbours stay in touch",
            metavar="PIXELS",
            show_default=False,
        ),
    ] = 0.0,
    deep_features: Annotated[
        bool,
        typer.Option(
            "--deep-features", help="polygons, table, graph: means of the network's features, too"
        ),
    ] = False,
    n_superpixels: NSuperpixels = None,
    run: RunName = None,
    outputs: Outputs = "outputs",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Write results of a run as files for other programs."""
    from pipeline.commands import parse_counts
    from pipeline.export import LabelFormat
    from pipeline.export_attention import export_attention
    from pipeline.export_command import export_run
    from pipeline.export_files import FigureOptions
    from pipeline.export_formats import choose_format

    if what == "attention":
        counts = [] if n_superpixels is None else parse_counts(n_superpixels)
        chosen = LabelFormat(choose_format(what, form))
        if export_attention(folder, outputs, run, counts, chosen, limit, as_json=as_json):
            raise typer.Exit(1)
        return
    options = FigureOptions(one_file, simplify, deep_features)
    if export_run(
        folder, what, form, outputs, run, n_superpixels, limit, options=options, as_json=as_json
    ):
        raise typer.Exit(1)


@app.command(rich_help_panel=_AROUND)
def annotate(
    file: Annotated[
        str | None,
        typer.Argument(
            help="clicks: CSV or JSON of image, x, y, class (or image, object, class); or "
            "scribbles: a label picture named like its image, or a folder of them",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="folder for the masks (by default annotations/ of the run)"),
    ] = None,
    fill: Annotated[
        bool,
        typer.Option("--fill", help="superpixels without clicks get the class of what is alike"),
    ] = False,
    objects: Annotated[
        bool,
        typer.Option("--objects", help="a click speaks for its whole object of the prior"),
    ] = False,
    simulate: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="instead of a FILE: N clicks at the largest errors, with each method of the run",
            metavar="N",
            show_default=False,
        ),
    ] = None,
    n_superpixels: Annotated[
        str | None,
        typer.Option(
            "--n-superpixels",
            "-k",
            help="by the superpixels of which of the run's numbers (the largest)",
            metavar="K",
            show_default=False,
        ),
    ] = None,
    run: RunName = None,
    outputs: Outputs = "outputs",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Turn clicks or scribbles into masks of classes, by the superpixels of a run."""
    from pipeline.annotate_command import Wishes, annotate_run, require_together

    wishes = Wishes(to, objects=objects, fill=fill)
    require_together(file, wishes, simulate, limit)
    if simulate is not None:
        from pipeline.annotate_simulation import simulate_run

        simulate_run(simulate, outputs, run, n_superpixels, limit, as_json=as_json)
    elif annotate_run(str(file), wishes, outputs, run, n_superpixels, as_json=as_json):
        raise typer.Exit(1)


@app.command(rich_help_panel=_AROUND)
def doctor(outputs: Outputs = "outputs", as_json: Json = False) -> None:
    """Show versions, cores, devices, datasets, weights and free disk."""
    from pipeline.inspection import show_doctor

    show_doctor(outputs, as_json=as_json)


@datasets_app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets, where they are looked for and what is there; fetch one."""
    from pipeline.inspection import show_datasets

    if context.invoked_subcommand is None:
        show_datasets(as_json=as_json)


@datasets_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="bsd, nyuv2 or sbd")],
    to: Annotated[
        str | None, typer.Option(help="folder (by default SPAM_DATA, else the cache)")
    ] = None,
    url: Annotated[str | None, typer.Option(help="another place to get it from")] = None,
    sha256: Annotated[
        str | None, typer.Option(help="expected SHA-256 of the download, 64 hex digits")
    ] = None,
) -> None:
    """Download a dataset and unpack it; an interrupted download leaves nothing behind."""
    from pipeline.inspection import fetch_dataset_to

    fetch_dataset_to(name, to, url, sha256)


@weights_app.callback(invoke_without_command=True)
def weights(context: typer.Context, as_json: Json = False) -> None:
    """List the networks' weights: shipped, fetched, or how to get them; show, verify, fetch."""
    from pipeline.weights_command import show_weights

    if context.invoked_subcommand is None:
        show_weights(as_json=as_json)


_WeightsName = Annotated[str, typer.Argument(help="as `spam-pipe weights` lists it")]


@weights_app.command("show")
def show_weights_card(name: _WeightsName, as_json: Json = False) -> None:
    """Print the card of weights: data, recipe, steps, figures, licence."""
    from pipeline.weights_command import show_card

    show_card(name, as_json=as_json)


@weights_app.command("verify")
def verify_weights(
    names: Annotated[
        list[str] | None, typer.Argument(help="(by default all that are here)", metavar="NAME")
    ] = None,
    as_json: Json = False,
) -> None:
    """Load what is shipped, check the hash of what was fetched; status 1 on a finding."""
    from pipeline import weights_command

    if status := weights_command.verify_weights(names or [], as_json=as_json):
        raise typer.Exit(status)


@weights_app.command("fetch")
def fetch_weights(
    name: _WeightsName,
    to: Annotated[
        str | None, typer.Option(help="folder (by default SPAM_WEIGHTS, else the cache)")
    ] = None,
    url: Annotated[str | None, typer.Option(help="another place to get it from")] = None,
    sha256: Annotated[
        str | None, typer.Option(help="SHA-256 of another version of the file, 64 hex digits")
    ] = None,
    as_json: Json = False,
) -> None:
    """Download weights; an interrupted or altered download leaves nothing behind."""
    from pipeline import weights_command

    weights_command.fetch_weights(name, to, url, sha256, as_json=as_json)


if __name__ == "__main__":
    main()
