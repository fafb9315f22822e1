"""The options of commands on what a run holds, as Typer reads them."""

from dataclasses import dataclass
from typing import Annotated

import typer

from spam_pipe.pipeline.exporting.formats import Form, What
from spam_pipe.pipeline.session.options import Json, Limit, NSuperpixels, Outputs, RunName


@dataclass(frozen=True)
class VerifyOptions:
    """What `spam-pipe verify` was given."""

    recompute: Annotated[
        int,
        typer.Option(
            min=0, help="also compute so many items again and compare the results", metavar="N"
        ),
    ] = 0
    seed: Annotated[int, typer.Option(min=0, help="decides which items these are")] = 0
    device: Annotated[str, typer.Option(help="where they are computed: auto, cpu or cuda[:i]")] = (
        "auto"
    )
    repair: Annotated[
        bool,
        typer.Option("--repair", help="remove what is bad: the next run makes just that again"),
    ] = False
    run: RunName = None
    outputs: Outputs = "outputs"
    as_json: Json = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False


@dataclass(frozen=True)
class ExportOptions:
    """What `spam-pipe export` was given."""

    folder: Annotated[str, typer.Argument(help="where the files go", metavar="FOLDER")]
    what: Annotated[
        What,
        typer.Option(
            help="label maps; the prior's objects (the finest, or with -k those for K); either "
            "drawn on the image; mean colours; polygons with their figures; table: a row per "
            "superpixel; graph: nodes and edges; napari: image and labels; hierarchy: trees of "
            "spam-nested; saliency: their borders, as high as they stay; attention: the "
            "objects numbered, with a table of factors to fill in"
        ),
    ] = "labels"
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="of labels and objects: png (16 bits), tiff (GeoTIFF where the image is one), "
            "npy, coco (run lengths as JSON); of polygons: gpkg, geojson; of tables and graphs: "
            "csv, parquet; of hierarchies: zarr, npz",
            show_default="the first that fits",
        ),
    ] = None
    one_file: Annotated[
        bool,
        typer.Option(
            "--one-file", help="polygons, table, graph: of all images in one, instead of one each"
        ),
    ] = False
    simplify: Annotated[
        float,
        typer.Option(
            help="polygons: leave out detail below so many pixels; neighbours stay in touch",
            metavar="PIXELS",
            show_default=False,
        ),
    ] = 0.0
    deep_features: Annotated[
        bool,
        typer.Option(
            "--deep-features", help="polygons, table, graph: means of the network's features, too"
        ),
    ] = False
    n_superpixels: NSuperpixels = None
    run: RunName = None
    outputs: Outputs = "outputs"
    limit: Limit = None
    as_json: Json = False


@dataclass(frozen=True)
class AnnotateOptions:
    """What `spam-pipe annotate` was given."""

    file: Annotated[
        str | None,
        typer.Argument(
            help="clicks: CSV or JSON of image, x, y, class (or image, object, class); or "
            "scribbles: a label picture named like its image, or a folder of them",
            metavar="FILE",
            show_default=False,
        ),
    ] = None
    to: Annotated[
        str | None,
        typer.Option(help="folder for the masks (by default annotations/ of the run)"),
    ] = None
    fill: Annotated[
        bool,
        typer.Option("--fill", help="superpixels without clicks get the class of what is alike"),
    ] = False
    objects: Annotated[
        bool,
        typer.Option("--objects", help="a click speaks for its whole object of the prior"),
    ] = False
    simulate: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="instead of a FILE: N clicks at the largest errors, with each method of the run",
            metavar="N",
            show_default=False,
        ),
    ] = None
    n_superpixels: Annotated[
        str | None,
        typer.Option(
            "--n-superpixels",
            "-k",
            help="by the superpixels of which of the run's numbers (the largest)",
            metavar="K",
            show_default=False,
        ),
    ] = None
    run: RunName = None
    outputs: Outputs = "outputs"
    limit: Limit = None
    as_json: Json = False


@dataclass(frozen=True)
class TrainOptions:
    """What `spam-pipe train` was given."""

    config: Annotated[
        str | None,
        typer.Option(
            help="TOML file of a recipe, or a shipped one by name (by default the one that "
            "--folder was begun with, else train-efficientunet)",
            metavar="FILE",
        ),
    ] = None
    folder: Annotated[
        str | None,
        typer.Option(help="where checkpoint, weights, log and curve go (training/NAME)"),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="time limit that replaces the recipe's number of steps"),
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="any option of the recipe, such as learning_rate=1e-3; repeatable",
            metavar="KEY=VALUE",
        ),
    ] = None
    dataset: Annotated[
        str | None, typer.Option(help="annotated images: bsd by default, or a folder of images")
    ] = None
    ground_truth: Annotated[
        str | None, typer.Option(help="folder of ground truth for a folder of images")
    ] = None
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="a further folder of annotated images, and the share of the samples that comes "
            "from it; repeatable",
            metavar="FOLDER:GROUND_TRUTH:SHARE",
        ),
    ] = None
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:i]")] = "auto"
    as_json: Json = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors")] = False
