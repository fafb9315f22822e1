"""The command line. Commands only parse; what they need is imported when they run."""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from spam_pipe import __version__
from spam_pipe.pipeline.cli.assets import datasets_app, weights_app
from spam_pipe.pipeline.cli.examples import examples
from spam_pipe.pipeline.cli.help import Command, Group
from spam_pipe.pipeline.cli.results import results_app
from spam_pipe.pipeline.session import complete
from spam_pipe.pipeline.session.options import (
    ADDRESS,
    RUNNING,
    Json,
    Options,
    Outputs,
    accept_options,
    argument,
    named_input,
    option,
)
from spam_pipe.pipeline.session.other_options import TrainOptions

app = typer.Typer(
    name="spam-pipe",
    cls=Group,
    epilog=examples(),
    help="Image datasets in; accurate, regular superpixels and their metric tables out.\n\n"
    "Everything resumes: run a command again and it does only what is missing.",
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


def _add(name: str, command: Callable[..., None], panel: str, text: str | None = None) -> None:
    shown = {"help": text, "rich_help_panel": panel, "epilog": examples(name)}
    app.command(name, cls=Command, **shown)(command)  # type: ignore[arg-type]


def main() -> None:
    """Run the command line; an error that the user can act on is one line and status 2."""
    from spam_pipe.pipeline.cli.streams import print_anything, tell_error, usage_line
    from spam_pipe.pipeline.errors import UserError

    # Read by OpenMP when torch first loads it, here and in worker processes. Threads that spin
    # while they wait take the cores from whatever else runs.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    print_anything()
    as_json = "--json" in sys.argv[1:]
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        status = tell_error(error, 2, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        line = "stopped at once; the same command goes on from what is stored"
        status = tell_error(line, 130, as_json=as_json)
    except typer.Exit as ended:
        status = ended.exit_code
    except BrokenPipeError:  # what reads our lines has seen enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        line = f"{error}; what is stored stays: mend that, run the command again"
        status = tell_error(line, 2, as_json=as_json)
    except Exception as error:
        if not hasattr(error, "format_message"):  # a usage error of the parser has one
            raise
        status = tell_error(usage_line(error), 2, as_json=as_json)
    sys.exit(status or 0)


def _version(asked: bool) -> None:
    if asked:
        print(f"spam-pipe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, option("print the version", names=("--version",), callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


_NOT_FOR_PRIORS = ("prior_mode", "attention", "method", "n_superpixels", "superpixel_size", "seed")
_ITEM_COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "run": (
        "Make superpixels of your images, measure them and report.\n\nStarts from the defaults; "
        "without PATH it goes on with the run used last.",
        (),
    ),
    "propose": (
        "Propose objects: masks, or regions and how they merge.",
        _NOT_FOR_PRIORS,
    ),
    "prior": (
        "Make of proposals the objects that superpixels never cross.",
        _NOT_FOR_PRIORS,
    ),
    "segment": ("Make superpixels, after the objects.", ()),
    "evaluate": ("Measure the superpixels, after making them.", ()),
    "report": ("Write the tables, curves, pictures and page of a run.", ()),
}


_PATHS = Annotated[
    list[str] | None,
    argument(
        "images, folders of images, or a dataset's name (bsd, nyuv2, sbd, sample)",
        "PATH",
        "the run used last",
        autocompletion=complete.datasets,
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
    if name not in {"run", "sweep"}:
        text += "\n\nGoes on with the run used last, and with the options that it was made with."
    _add(name, accepting, _PIPELINE, text)


def demo(outputs: Outputs = "outputs") -> None:
    """Run everything on embedded pictures: the first thing to try."""
    from spam_pipe.pipeline.commands.items import run_items

    if status := run_items("run", Options(dataset="sample", outputs=outputs)):
        raise typer.Exit(status)


_add("demo", demo, _PIPELINE)
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
        str,
        argument(
            "the sweep's TOML file, or a shipped one by name",
            "FILE",
            autocompletion=complete.configs,
        ),
    ]
    accepting = accept_options(command, without=_SWEPT, arguments={"path": path})
    text = "Run a grid of configurations that share what they can, and compare them."
    _add("sweep", accepting, _PIPELINE, text)


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
            argument(
                "an image, a folder of images, a dataset's name, or the folder of a run",
                "PATH",
                autocompletion=complete.datasets,
            ),
        ],
        "host": (
            Annotated[
                str,
                option(
                    "address to listen at, where other machines shall reach it", "HOST", ADDRESS
                ),
            ],
            "127.0.0.1",
        ),
        "port": (Annotated[int, option("0: a free one", "N", ADDRESS, min=0, max=65535)], 0),
        "token": (
            Annotated[
                str | None,
                option(
                    "what the address ends in, so that nobody guesses it",
                    "TEXT",
                    ADDRESS,
                    "a random one",
                    envvar="SPAM_TOKEN",
                ),
            ],
            None,
        ),
        "labels": (
            Annotated[
                str | None,
                option(
                    "folder of masks to correct",
                    "FOLDER",
                    ADDRESS,
                    "annotations/ of the run",
                    autocompletion=complete.folders,
                ),
            ],
            None,
        ),
        "browser": (
            Annotated[
                bool,
                option("open the page", "", RUNNING, names=("--browser/--no-browser",)),
            ],
            True,
        ),
    }
    accepting = accept_options(command, without=_NOT_SERVED, arguments=arguments)
    text = "Open images in the browser: see, steer and label their superpixels."
    _add("serve", accepting, _PIPELINE, text)


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


_add("train", accept_options(_train, TrainOptions), _NETWORKS)


def warmup(as_json: Json = False) -> None:
    """Compile the kernels now, once for this installation: the first run then starts at once."""
    from spam_pipe.pipeline.commands.look import warm_up

    warm_up(as_json=as_json)


def doctor(outputs: Outputs = "outputs", as_json: Json = False) -> None:
    """Show versions, cores, devices, datasets, weights and free disk."""
    from spam_pipe.pipeline.commands.look import show_doctor

    show_doctor(outputs, as_json=as_json)


_add("warmup", warmup, _AROUND)
_add("doctor", doctor, _AROUND)


if __name__ == "__main__":
    main()
