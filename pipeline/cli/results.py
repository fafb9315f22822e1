"""Commands on what a run holds: look at it, check it, export it, make use of it."""

import typer

from spam_pipe.pipeline.cli.examples import examples
from spam_pipe.pipeline.cli.help import Command
from spam_pipe.pipeline.session.options import Json, Limit, Outputs, RunName, accept_options
from spam_pipe.pipeline.session.other_options import AnnotateOptions, ExportOptions, VerifyOptions

results_app = typer.Typer()


def status(
    run: RunName = None,
    outputs: Outputs = "outputs",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Show the options in force, what is done of each method, and what is left."""
    from spam_pipe.pipeline.commands.look import show_status

    show_status(outputs, run, limit, as_json=as_json)


def _verify(options: VerifyOptions) -> None:
    """Read everything in a run back and check it; status 1 on a finding."""
    from spam_pipe.pipeline.commands.verify import verify_run

    if status := verify_run(options):
        raise typer.Exit(status)


def _export(options: ExportOptions) -> None:
    """Write results of a run as files for other programs."""
    from spam_pipe.pipeline.commands.export import export_run
    from spam_pipe.pipeline.commands.export_attention import export_attention

    write = export_attention if options.what == "attention" else export_run
    if write(options):
        raise typer.Exit(1)


def _annotate(options: AnnotateOptions) -> None:
    """Turn clicks or scribbles into masks of classes, by the superpixels of a run."""
    from spam_pipe.pipeline.commands.annotate import annotate_run, require_together
    from spam_pipe.pipeline.commands.simulate import simulate_run

    require_together(options)
    if options.simulate is not None:
        simulate_run(options)
    elif annotate_run(options):
        raise typer.Exit(1)


for _name, _accepting in (
    ("status", status),
    ("verify", accept_options(_verify, VerifyOptions)),
    ("export", accept_options(_export, ExportOptions)),
    ("annotate", accept_options(_annotate, AnnotateOptions)),
):
    shown = {"rich_help_panel": "Around it", "epilog": examples(_name)}
    results_app.command(_name, cls=Command, **shown)(_accepting)  # type: ignore[arg-type]
