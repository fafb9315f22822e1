"""The command line. Commands only parse; what they need is imported when they run."""

import os
import sys
from typing import Annotated

import typer

from spam_pipe import __version__
from spam_pipe.pipeline.cli.assets import datasets_app, weights_app
from spam_pipe.pipeline.cli.results import results_app
from spam_pipe.pipeline.session.options import Json, Options, Outputs, accept_options, named_input
from spam_pipe.pipeline.session.other_options import TrainOptions

app = typer.Typer(
    name="spam-pipe",
    help="Image datasets in; accurate, regular superpixels and their metric tables out.\n\n"
    "Try [bold]spam-pipe demo[/bold], which works on embedded pictures, then "
    "[bold]spam-pipe run path/to/photos[/bold], or the classic session: "
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
    "run": (
        "Run all stages on your images or a dataset, and report. Starts from the defaults; "
        "without PATH it goes on with the run used last.",
        (),
    ),
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


_PATHS = Annotated[
    list[str] | None,
    typer.Argument(
        help="images, folders of images, or a dataset's name (bsd, nyuv2, sbd, sample)",
        metavar="[PATH]...",
        show_default=False,
    ),
]


def _add_item_command(name: str, text: str, without: tuple[str, ...]) -> None:
    def command(options: Options, paths: list[str] | None = None) -> None:
        from spam_pipe.pipeline.commands.items import run_items

        if status := run_items(name, named_input(options, paths)):
            raise typer.Exit(status)

    if name != "report":
        without += ("paper",)
    arguments = {"paths": (_PATHS, None)} if name == "run" else {}
    accepting = accept_options(command, without=without, arguments=arguments)
    app.command(name, help=text, rich_help_panel=_PIPELINE)(accepting)


@app.command(rich_help_panel=_PIPELINE)
def demo(outputs: Outputs = "outputs") -> None:
    """Run everything on embedded pictures: the first thing to try."""
    from spam_pipe.pipeline.commands.items import run_items

    if status := run_items("run", Options(dataset="sample", outputs=outputs)):
        raise typer.Exit(status)


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

_NOT_SERVED = (
    "dataset", "workers", "scheduler", "shard", "item_timeout", "overwrite", "skip_failed",
    "dry_run", "verbose",
)  # fmt: skip
"""Options that belong to a batch, or that PATH takes the place of."""


def _add_serve() -> None:
    def command(
        options: Options,
        path: str,
        host: str,
        port: int,
        token: str | None,
        labels: str | None,
        browser: bool,
    ) -> None:
        from spam_pipe.pipeline.commands.serve import Place, serve

        serve(path, options, Place(host, port, token, browser, labels))

    arguments = {
        "path": Annotated[
            str,
            typer.Argument(
                help="an image, a folder of images, a dataset's name, or the folder of a run",
                metavar="PATH",
            ),
        ],
        "host": (
            Annotated[str, typer.Option(help="address to listen at; others than this machine")],
            "127.0.0.1",
        ),
        "port": (Annotated[int, typer.Option(min=0, max=65535, help="0: a free one")], 0),
        "token": (
            Annotated[
                str | None,
                typer.Option(
                    envvar="SPAM_TOKEN",
                    help="what the address ends in (random if nothing is said)",
                    show_default=False,
                ),
            ],
            None,
        ),
        "labels": (
            Annotated[
                str | None,
                typer.Option(
                    help="folder of masks to correct (by default annotations/ of the run)",
                    metavar="FOLDER",
                    show_default=False,
                ),
            ],
            None,
        ),
        "browser": (
            Annotated[bool, typer.Option("--browser/--no-browser", help="open the page")],
            True,
        ),
    }
    accepting = accept_options(command, without=_NOT_SERVED, arguments=arguments)
    text = "Open images in the browser: see, steer and label their superpixels."
    app.command("serve", help=text, rich_help_panel=_PIPELINE)(accepting)


_add_serve()


def _train(given: TrainOptions) -> None:
    """Train a network; the same command goes on where it was stopped, or with more minutes."""
    from spam_pipe.pipeline.commands.train import train_network

    options = Options(
        assignments=given.assignments,
        dataset=given.dataset,
        ground_truth=given.ground_truth,
        device=given.device,
        as_json=given.as_json,
        quiet=given.quiet,
    )
    also = given.also or ()
    if status := train_network(options, given.config, given.folder, given.minutes, also):
        raise typer.Exit(status)


app.command("train", rich_help_panel=_NETWORKS)(accept_options(_train, TrainOptions))


@app.command(rich_help_panel=_AROUND)
def warmup(as_json: Json = False) -> None:
    """Compile the kernels now, once for this installation: the first run then starts at once."""
    from spam_pipe.pipeline.commands.look import warm_up

    warm_up(as_json=as_json)


@app.command(rich_help_panel=_AROUND)
def doctor(outputs: Outputs = "outputs", as_json: Json = False) -> None:
    """Show versions, cores, devices, datasets, weights and free disk."""
    from spam_pipe.pipeline.commands.look import show_doctor

    show_doctor(outputs, as_json=as_json)


if __name__ == "__main__":
    main()
