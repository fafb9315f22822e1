"""Commands on what a run needs: datasets and the networks' weights."""

from enum import StrEnum
from typing import Annotated

import typer

from spam_pipe.pipeline.cli.examples import examples
from spam_pipe.pipeline.cli.help import Command, Group
from spam_pipe.pipeline.session import complete
from spam_pipe.pipeline.session.options import Json, argument, option

datasets_app = typer.Typer(
    cls=Group,
    help="List the datasets, where they are looked for; fetch one.",
    epilog=examples("datasets"),
)
weights_app = typer.Typer(
    cls=Group,
    help="List the networks' weights; show, verify, export or fetch them.",
    epilog=examples("weights"),
)

_Target = Annotated[
    str | None,
    option("folder", "FOLDER", default="SPAM_DATA or SPAM_WEIGHTS, else the user's cache"),
]
_Address = Annotated[
    str | None, option("another place to get it from", "URL", default="the publisher's")
]
_Digest = Annotated[
    str | None,
    option("SHA-256 of another version, 64 hex digits", "DIGEST", default="the known one"),
]


@datasets_app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets, where they are looked for and what is there; fetch one."""
    from spam_pipe.pipeline.commands.look import show_datasets

    if context.invoked_subcommand is None:
        show_datasets(as_json=as_json)


@datasets_app.command(cls=Command, epilog=examples("datasets fetch"))
def fetch(
    name: Annotated[
        str,
        argument("bsd, nyuv2 or sbd", "NAME", autocompletion=complete.fetched_datasets),
    ],
    to: _Target = None,
    url: _Address = None,
    sha256: _Digest = None,
) -> None:
    """Download a dataset and unpack it; an interrupted download leaves nothing behind."""
    from spam_pipe.pipeline.commands.look import fetch_dataset_to

    fetch_dataset_to(name, to, url, sha256)


@weights_app.callback(invoke_without_command=True)
def weights(context: typer.Context, as_json: Json = False) -> None:
    """List the networks' weights: shipped, fetched, or how to get them; show, verify, export."""
    from spam_pipe.pipeline.commands.weights import show_weights

    if context.invoked_subcommand is None:
        show_weights(as_json=as_json)


_WeightsName = Annotated[
    str,
    argument("as `spam-pipe weights` lists it", "NAME", autocompletion=complete.weights),
]


@weights_app.command("show", cls=Command, epilog=examples("weights show"))
def show_weights_card(name: _WeightsName, as_json: Json = False) -> None:
    """Print the card of weights: data, recipe, steps, figures, licence."""
    from spam_pipe.pipeline.commands.weights import show_card

    show_card(name, as_json=as_json)


@weights_app.command("verify", cls=Command, epilog=examples("weights verify"))
def verify_weights(
    names: Annotated[
        list[str] | None,
        argument(
            "as `spam-pipe weights` lists them",
            "NAME",
            default="all that are here",
            autocompletion=complete.weights,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Load what is shipped, check the hash of what was fetched; status 1 on a finding."""
    from spam_pipe.pipeline.commands import weights as weights_command

    if status := weights_command.verify_weights(names or [], as_json=as_json):
        raise typer.Exit(status)


class ExportFormat(StrEnum):
    """Formats of networks that other programs read."""

    ONNX = "onnx"


@weights_app.command("export", cls=Command, epilog=examples("weights export"))
def export_weights(
    name: Annotated[
        str,
        argument(
            "shipped weights by name, or a .safetensors or .pth file",
            "NAME|FILE",
            autocompletion=complete.weights,
        ),
    ],
    form: Annotated[
        ExportFormat, option("what to write", "onnx", names=("--format",))
    ] = ExportFormat.ONNX,
    to: Annotated[str | None, option("file to write", "FILE", default="NAME.onnx")] = None,
    as_json: Json = False,
) -> None:
    """Write a network for other programs: image in, features and contour out, any size.

    The file takes ``lab``, (height, width, 3) float32 CIELab, and gives ``features``, (height,
    width, C), and ``contour``, (height, width) in 0..1; its card is in its metadata. It is checked
    against torch before it is kept, and can be used here too: --set segment.weights=NAME.onnx.
    """
    from spam_pipe.pipeline.commands import weights as weights_command

    assert form is ExportFormat.ONNX
    weights_command.export_weights(name, to, as_json=as_json)


@weights_app.command("fetch", cls=Command, epilog=examples("weights fetch"))
def fetch_weights(
    name: _WeightsName,
    to: _Target = None,
    url: _Address = None,
    sha256: _Digest = None,
    as_json: Json = False,
) -> None:
    """Download weights; an interrupted or altered download leaves nothing behind."""
    from spam_pipe.pipeline.commands import weights as weights_command

    weights_command.fetch_weights(name, to, url, sha256, as_json=as_json)
