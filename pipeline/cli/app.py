"""The command line. Commands only parse; what they need is imported when they run."""

import os
import sys
from typing import Annotated

import typer

from spam_pipe import __version__
from spam_pipe.pipeline.cli.assets import datasets_app, weights_app
from spam_pipe.pipeline.cli.results import results_app
from spam_pipe.pipeline.session.options import Json, Options, Outputs, accept_options

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
_PIPELINE = "The pipeline"
_NETWORKS = "The networks"
_AROUND = "Around it"

app.add_typer(weights_app, name="weights", rich_help_panel=_NETWORKS)
app.add_typer(results_app, rich_help_panel=_AROUND)
app.add_typer(datasets_app, name="datasets", rich_help_panel=_AROUND)


def main() -> None:
    """Run the command line; an error that the user can act on is one line and status 2."""
    from spam_pipe.pipeline.errors import UserError, one_line

    # Read by OpenMP when torch first loads it, here and in worker processes. Threads that spin
    # while they wait take the cores from whatever else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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
        from spam_pipe.pipeline.commands.items import run_items

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
        from spam_pipe.pipeline.commands.sweep import run_sweep

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
            "--folder was begun with, else train-efficientunet)",
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
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="a further folder of annotated images, and the share of the samples that comes "
            "from it; repeatable",
            metavar="FOLDER:GROUND_TRUTH:SHARE",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:i]")] = "auto",
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False,
) -> None:
    """Train a network; the same command goes on where it was stopped, or with more minutes."""
    from spam_pipe.pipeline.commands.train import train_network

    options = Options(
        assignments=assignments,
        dataset=dataset,
        ground_truth=ground_truth,
        device=device,
        as_json=as_json,
        quiet=quiet,
    )
    if status := train_network(options, config, folder, minutes, also or ()):
        raise typer.Exit(status)


@app.command(rich_help_panel=_AROUND)
def doctor(outputs: Outputs = "outputs", as_json: Json = False) -> None:
    """Show versions, cores, devices, datasets, weights and free disk."""
    from spam_pipe.pipeline.commands.look import show_doctor

    show_doctor(outputs, as_json=as_json)


if __name__ == "__main__":
    main()
