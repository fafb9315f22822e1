"""The options of commands on what a run holds, as Typer reads them."""

from dataclasses import dataclass
from typing import Annotated

from spam_pipe.pipeline.exporting.formats import Form, What
from spam_pipe.pipeline.session import complete
from spam_pipe.pipeline.session.options import (
    Device,
    Json,
    Limit,
    Outputs,
    Quiet,
    RunName,
    argument,
    option,
    switch,
)


@dataclass(frozen=True)
class VerifyOptions:
    """What `spam-pipe verify` was given."""

    recompute: Annotated[
        int, option("also compute so many images again and compare the results", "N", min=0)
    ] = 0
    seed: Annotated[int, option("decides which images these are", "N", min=0)] = 0
    device: Device = "auto"
    repair: Annotated[
        bool, switch("--repair", "remove what is bad: the next run makes just that again")
    ] = False
    run: RunName = None
    outputs: Outputs = "outputs"
    as_json: Json = False
    quiet: Quiet = False


@dataclass(frozen=True)
class ExportOptions:
    """What `spam-pipe export` was given."""

    folder: Annotated[str, argument("where the files go", "FOLDER")]
    what: Annotated[
        What,
        option(
            "labels: numbered superpixels; objects: the prior's (with -k as they are cut for K); "
            "overlays, object-overlays: either drawn on the image; mean-colours; polygons, with "
            "their figures; table: a row per superpixel; graph: nodes and edges; napari: image "
            "and labels; hierarchy: the trees of spam-nested; saliency: its borders, as high as "
            "they stay; attention: the objects numbered, and a table of factors to fill in",
            "KIND",
        ),
    ] = "labels"
    form: Annotated[
        Form | None,
        option(
            "labels, objects: png (16 bits), tiff (a GeoTIFF where the image is one), npy, coco; "
            "polygons: gpkg, geojson; table, graph: csv, parquet; hierarchy: zarr, npz",
            "FORMAT",
            default="the first of them",
            names=("--format",),
        ),
    ] = None
    one_file: Annotated[
        bool,
        switch(
            "--one-file", "polygons, table, graph: of all images in one file, not one file each"
        ),
    ] = False
    simplify: Annotated[
        float,
        option(
            "polygons: leave out detail below so many pixels; neighbours stay in touch", "PIXELS"
        ),
    ] = 0.0
    deep_features: Annotated[
        bool,
        switch("--deep-features", "polygons, table, graph: means of the network's features, too"),
    ] = False
    replace: Annotated[bool, switch("--replace", "write over files that hold something else")] = (
        False
    )
    n_superpixels: Annotated[
        str | None,
        option(
            "of which of the run's numbers, separated by commas",
            "K,K,…",
            default="all of the run",
            names=("--n-superpixels", "-k"),
        ),
    ] = None
    run: RunName = None
    outputs: Outputs = "outputs"
    limit: Limit = None
    as_json: Json = False


@dataclass(frozen=True)
class AnnotateOptions:
    """What `spam-pipe annotate` was given."""

    file: Annotated[
        str | None,
        argument(
            "clicks: CSV or JSON of image, x, y, class (or image, object, class); or scribbles: a "
            "label picture named like its image, or a folder of them",
            "FILE",
            "none, with --simulate",
            autocompletion=complete.paths,
        ),
    ] = None
    to: Annotated[
        str | None, option("folder for the masks", "FOLDER", default="annotations/ of the run")
    ] = None
    fill: Annotated[
        bool, switch("--fill", "superpixels without clicks get the class of what is alike")
    ] = False
    objects: Annotated[
        bool, switch("--objects", "a click speaks for its whole object of the prior")
    ] = False
    simulate: Annotated[
        int | None,
        option(
            "instead of a FILE: N clicks at the largest errors, with each method of the run",
            "N",
            default="none",
            min=1,
        ),
    ] = None
    n_superpixels: Annotated[
        str | None,
        option(
            "by the superpixels of which of the run's numbers",
            "K",
            default="the largest",
            names=("--n-superpixels", "-k"),
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
        option(
            "TOML file of a recipe, or a shipped one by name",
            "FILE",
            default="the one that --folder was begun with, else train-efficientunet",
            autocompletion=complete.recipes,
        ),
    ] = None
    folder: Annotated[
        str | None,
        option("where checkpoint, weights, log and curve go", "FOLDER", default="training/NAME"),
    ] = None
    minutes: Annotated[
        float | None,
        option(
            "time limit that replaces the recipe's number of steps",
            "MINUTES",
            default="none",
            min=0.01,
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        option(
            "any option of the recipe, such as learning_rate=1e-3; can be repeated",
            "KEY=VALUE",
            default="none",
            names=("--set",),
        ),
    ] = None
    dataset: Annotated[
        str | None,
        option(
            "annotated images: a dataset, or a folder",
            "NAME|FOLDER",
            default="bsd",
            autocompletion=complete.datasets,
        ),
    ] = None
    ground_truth: Annotated[
        str | None,
        option(
            "folder of ground truth for a folder of images",
            "FOLDER",
            default="none",
            autocompletion=complete.folders,
        ),
    ] = None
    also: Annotated[
        list[str] | None,
        option(
            "a further folder of annotated images, and the share of the samples that comes from "
            "it; can be repeated",
            "FOLDER:GROUND_TRUTH:SHARE",
            default="none",
        ),
    ] = None
    device: Device = "auto"
    as_json: Json = False
    quiet: Quiet = False
