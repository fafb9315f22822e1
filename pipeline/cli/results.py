"""Commands on what a run holds: look at it, check it, export it, make use of it."""

from typing import Annotated

import typer

from spam_pipe.pipeline.exporting.formats import Form, What
from spam_pipe.pipeline.session.options import Json, Limit, NSuperpixels, Outputs, RunName

results_app = typer.Typer()


@results_app.command(rich_help_panel="Around it")
def status(
    run: RunName = None,
    outputs: Outputs = "outputs",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Show what is done, stale, failed and to do, stage by stage."""
    from spam_pipe.pipeline.commands.look import show_status

    show_status(outputs, run, limit, as_json=as_json)


@results_app.command(rich_help_panel="Around it")
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
    from spam_pipe.pipeline.commands.verify import verify_run

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


@results_app.command(rich_help_panel="Around it")
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
    from spam_pipe.pipeline.commands.export import export_run
    from spam_pipe.pipeline.commands.export_attention import export_attention
    from spam_pipe.pipeline.exporting.figures import FigureOptions
    from spam_pipe.pipeline.exporting.formats import choose_format
    from spam_pipe.pipeline.exporting.label_files import LabelFormat
    from spam_pipe.pipeline.session.layers import parse_counts

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


@results_app.command(rich_help_panel="Around it")
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
    from spam_pipe.pipeline.commands.annotate import Wishes, annotate_run, require_together

    wishes = Wishes(to, objects=objects, fill=fill)
    require_together(file, wishes, simulate, limit)
    if simulate is not None:
        from spam_pipe.pipeline.commands.simulate import simulate_run

        simulate_run(simulate, outputs, run, n_superpixels, limit, as_json=as_json)
    elif annotate_run(str(file), wishes, outputs, run, n_superpixels, as_json=as_json):
        raise typer.Exit(1)
