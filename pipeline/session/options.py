"""The options of the commands: each is written once and means the same everywhere."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Annotated, Any, get_origin, get_type_hints

import typer

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.stages.methods.names import method_names

_WHAT = "What to work on"
_HOW = "How superpixels are made"
_RUNNING = "How it runs"
_OUTPUT = "What is printed"

RunName = Annotated[
    str | None,
    typer.Option(
        "--run",
        help="name of the run; by default the dataset's, else the run used last",
        rich_help_panel=_WHAT,
        show_default=False,
    ),
]
Outputs = Annotated[
    str,
    typer.Option(
        envvar="SPAM_OUTPUTS",
        help="folder or fsspec URL (s3://bucket/path) that holds the runs",
        rich_help_panel=_WHAT,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="only the first N items",
        metavar="N",
        rich_help_panel=_WHAT,
        show_default=False,
    ),
]
SuperpixelSize = Annotated[
    str | None,
    typer.Option(
        "--superpixel-size",
        help="how large superpixels are, instead of how many: their edge in pixels (20), or on "
        "the ground of georeferenced images (20m); several separated by commas",
        metavar="S,S,…",
        rich_help_panel=_HOW,
        show_default=False,
    ),
]
NSuperpixels = Annotated[
    str | None,
    typer.Option(
        "--n-superpixels",
        "-k",
        help="how many superpixels, separated by commas (100,400 if nothing is said)",
        metavar="K,K,…",
        rich_help_panel=_HOW,
        show_default=False,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="print one JSON object for programs", rich_help_panel=_OUTPUT),
]


@dataclass(frozen=True)
class Options:
    """What a command that runs items was given; options that it lacks keep these defaults."""

    dataset: Annotated[
        str | None,
        typer.Option(
            help="bsd, nyuv2, sbd, sample, or the path of a folder of images",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(
            help="train, val, test or all; by default test where there is one",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    ground_truth: Annotated[
        str | None,
        typer.Option(
            help="folder of ground truth for a folder of images (same names; PNG, npy or mat)",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    pattern: Annotated[
        str | None,
        typer.Option(
            help="which files of a folder of images, such as '*.tif'",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    valid: Annotated[
        str | None,
        typer.Option(
            help="folder of masks named as the images are, or one mask for all: superpixels only "
            "where it is not 0 (beside transparent, nodata and NaN pixels, which never count)",
            metavar="FOLDER|FILE",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    ignore: Annotated[
        str | None,
        typer.Option(
            help="values of the ground truth that mean no region, such as 255 or 0,255 or -1: no "
            "metric looks there",
            metavar="VALUES",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    bands: Annotated[
        str | None,
        typer.Option(
            help="which bands, from 1, are red, green and blue, such as 4,3,2; one that is grey; "
            "all to compare pixels by all bands, seen by their first principal components; "
            "all:4,3,2 to see these",
            metavar="R,G,B|all|all:R,G,B",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    stretch: Annotated[
        str | None,
        typer.Option(
            help="percentiles of each band that become black and white (2,98, but for 8 bits and "
            "photographs of 16)",
            metavar="LOW,HIGH",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    max_megapixels: Annotated[
        float | None,
        typer.Option(
            help="refuse larger images before they are decoded (200 if nothing is said)",
            metavar="N",
            rich_help_panel=_WHAT,
            show_default=False,
        ),
    ] = None
    run: RunName = None
    outputs: Outputs = "outputs"
    limit: Limit = None
    config: Annotated[
        str | None,
        typer.Option(
            help="TOML file of options: a file of yours, a run.toml, or a shipped one by name",
            metavar="FILE",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="any option, such as segment.compactness=5 (or =default); repeatable",
            metavar="KEY=VALUE",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    prior: Annotated[
        str | None,
        typer.Option(
            help="where objects come from: contour (learned, the default), gradient, masks, sam, "
            "none; mobile-sam, fast-sam (AGPL-3.0) and hf-sam need the extra of that name; "
            "sam+contour, masks+contour … divide masks by contours",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    masks: Annotated[
        str | None,
        typer.Option(
            help="folder of your segmentations: label images, mask stacks or COCO RLE; "
            "means --prior masks",
            metavar="FOLDER",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    prior_mode: Annotated[
        str | None,
        typer.Option(
            help="cut (the prior adapts to K) or paper (the K largest objects)",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    attention: Annotated[
        str | None,
        typer.Option(
            help="where superpixels are denser: none, visual (what stands out), or a file of your "
            "factors: CSV or JSON of image, x, y, factor; a map, or a folder of maps",
            metavar="none|visual|FILE",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    method: Annotated[
        str | None,
        typer.Option(
            help=f"superpixel method: {', '.join(method_names())}",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    n_superpixels: NSuperpixels = None
    superpixel_size: SuperpixelSize = None
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="seed of the paper mode's random seeds (0 if nothing is said)",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            help="worker processes of this machine; 0 works in this one, with all cores",
            metavar="N",
            rich_help_panel=_RUNNING,
        ),
    ] = 0
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="address of a Dask scheduler, such as tcp://10.0.0.5:8786",
            metavar="ADDRESS",
            rich_help_panel=_RUNNING,
            show_default=False,
        ),
    ] = None
    shard: Annotated[
        str | None,
        typer.Option(
            help="the I-th of N equal parts of the items, for N commands at once on any machines; "
            "auto: as a SLURM job array says. When all are done, report completes the run",
            metavar="I/N|auto",
            rich_help_panel=_RUNNING,
            show_default=False,
        ),
    ] = None
    device: Annotated[
        str,
        typer.Option(
            help="auto, cpu or cuda[:i]; one that is not there is an error",
            rich_help_panel=_RUNNING,
        ),
    ] = "auto"
    item_timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="give an item up after so many seconds",
            metavar="S",
            rich_help_panel=_RUNNING,
            show_default=False,
        ),
    ] = None
    reset: Annotated[
        bool,
        typer.Option(
            "--reset",
            help="start from the defaults: forget what earlier commands said of this run",
            rich_help_panel=_HOW,
        ),
    ] = False
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="compute again what is done", rich_help_panel=_RUNNING),
    ] = False
    skip_failed: Annotated[
        bool,
        typer.Option(
            "--skip-failed", help="leave items alone that failed before", rich_help_panel=_RUNNING
        ),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="say what would be done, do nothing", rich_help_panel=_RUNNING
        ),
    ] = False
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            help="add what papers need: a plate of pictures, scatter and seconds, a LaTeX table",
            rich_help_panel=_OUTPUT,
        ),
    ] = False
    as_json: Json = False
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="also print notes on items", rich_help_panel=_OUTPUT),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="print nothing but errors", rich_help_panel=_OUTPUT),
    ] = False
    more_paths: tuple[str, ...] = ()
    """Further images beside `dataset`, from the arguments of `run`: no option of its own."""


def accept_options(
    command: Callable[..., None],
    kind: type[Any] = Options,
    *,
    without: Collection[str] = (),
    arguments: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    """Return the command as Typer reads it.

    Parameters
    ----------
    command
        Takes its options as one value, and the arguments by name.
    kind
        The dataclass of its options, each annotated as Typer wants it.
    without
        Options that it does not have.
    arguments
        Annotations of further parameters, which must be given; with a default as a pair.
    """
    arguments = arguments or {}
    hints = get_type_hints(kind, include_extras=True)
    annotated = {name for name, hint in hints.items() if get_origin(hint) is Annotated}
    parameters = []
    for name, said in arguments.items():
        annotation, default = said if isinstance(said, tuple) else (said, inspect.Parameter.empty)
        parameters.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
        )
    parameters += [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
        if field.name not in without and field.name in annotated
    ]

    def accepting(**given: Any) -> None:
        own = {name: given.pop(name) for name in arguments}
        command(kind(**given), **own)

    accepting.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    accepting.__annotations__ = {each.name: each.annotation for each in parameters}
    accepting.__doc__ = command.__doc__
    return accepting


def named_input(options: Options, paths: Sequence[str] | None) -> Options:
    """Return the options with what was named as an argument as their dataset.

    Raises
    ------
    ConfigError
        When a dataset is named twice.
    """
    if not paths:
        return options
    if options.dataset is not None:
        raise ConfigError(f"--dataset {options.dataset}: {paths[0]} names the images already")
    return replace(options, dataset=paths[0], more_paths=tuple(paths[1:]))
