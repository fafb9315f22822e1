"""Commands on what a run needs: datasets and the networks' weights."""

from enum import StrEnum
from typing import Annotated

import typer

from spam_pipe.pipeline.session.options import Json

datasets_app = typer.Typer(help="List the datasets, where they are looked for; fetch one.")
weights_app = typer.Typer(help="List the networks' weights; show, verify, export or fetch them.")


@datasets_app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets, where they are looked for and what is there; fetch one."""
    from spam_pipe.pipeline.commands.look import show_datasets

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
    from spam_pipe.pipeline.commands.look import fetch_dataset_to

    fetch_dataset_to(name, to, url, sha256)


@weights_app.callback(invoke_without_command=True)
def weights(context: typer.Context, as_json: Json = False) -> None:
    """List the networks' weights: shipped, fetched, or how to get them; show, verify, export."""
    from spam_pipe.pipeline.commands.weights import show_weights

    if context.invoked_subcommand is None:
        show_weights(as_json=as_json)


_WeightsName = Annotated[str, typer.Argument(help="as `spam-pipe weights` lists it")]


@weights_app.command("show")
def show_weights_card(name: _WeightsName, as_json: Json = False) -> None:
    """Print the card of weights: data, recipe, steps, figures, licence."""
    from spam_pipe.pipeline.commands.weights import show_card

    show_card(name, as_json=as_json)


@weights_app.command("verify")
def verify_weights(
    names: Annotated[
        list[str] | None, typer.Argument(help="(by default all that are here)", metavar="NAME")
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


@weights_app.command("export")
def export_weights(
    name: Annotated[
        str, typer.Argument(help="shipped weights by name, or a .safetensors or .pth file")
    ],
    form: Annotated[
        ExportFormat, typer.Option("--format", help="what to write")
    ] = ExportFormat.ONNX,
    to: Annotated[
        str | None, typer.Option(help="file to write (by default NAME.onnx)", metavar="FILE")
    ] = None,
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
    from spam_pipe.pipeline.commands import weights as weights_command

    weights_command.fetch_weights(name, to, url, sha256, as_json=as_json)
