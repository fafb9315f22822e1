"""The options of the commands: each is written once and means the same everywhere."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Annotated, Any, get_origin, get_type_hints

import typer

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.session import complete
from spam_pipe.stages.methods.names import method_names

WHAT = "What to work on"
HOW = "How superpixels are made"
RUNNING = "How it runs"
READING = "How images are read"
FINER = "More on superpixels"
MACHINES = "Many machines, and faults"
ADDRESS = "Where the page is"
OUTPUT = "What is printed"

SELDOM = (READING, FINER, MACHINES, ADDRESS, OUTPUT)
"""Panels that a long page of help leaves to `--help-all`."""

_PANELS = (None, WHAT, HOW, RUNNING, *SELDOM)
"""All panels in their order on a page."""


def option(
    text: str,
    value: str = "",
    panel: str | None = None,
    default: str | bool = True,
    names: Sequence[str] = (),
    **more: Any,
) -> Any:
    """Return an option as Typer reads it.

    Parameters
    ----------
    text
        What it does.
    value
        What its value is called; nothing for a switch.
    panel
        Where help shows it.
    default
        What holds without it, where the code's default does not say that.
    names
        Its names, where the parameter's own is not it.
    more
        Anything else that `typer.Option` takes.
    """
    shown = _shown(text, value, default)
    return typer.Option(*names, **shown, rich_help_panel=panel, **more)  # type: ignore[misc]


def switch(name: str, text: str, panel: str | None = None, *more: str) -> Any:
    """Return an option without a value as Typer reads it, by its names."""
    return option(text, "", panel, names=(name, *more))


def argument(text: str, value: str, default: str | bool = True, **more: Any) -> Any:
    """Return an argument as Typer reads it; parameters as of `option`."""
    return typer.Argument(**_shown(text, value, default), **more)


def _shown(text: str, value: str, default: str | bool) -> dict[str, Any]:
    """Return how help shows a parameter; Typer would put a default in words into brackets."""
    if isinstance(default, str):
        text += rf" [dim]\[default: {default}][/dim]"
    return {"help": text, "metavar": value, "show_default": default is True}


RunName = Annotated[
    str | None,
    option(
        "name of the run",
        "NAME",
        WHAT,
        "the images' name, else the run used last",
        ("--run",),
        autocompletion=complete.runs,
    ),
]
Outputs = Annotated[
    str,
    option(
        "folder that holds the runs, or an address such as s3://bucket/path",
        "FOLDER",
        WHAT,
        envvar="SPAM_OUTPUTS",
    ),
]
Limit = Annotated[int | None, option("only the first N images", "N", WHAT, "all", min=1)]
SuperpixelSize = Annotated[
    str | None,
    option(
        "instead of how many, how large superpixels are: their edge in pixels (20), or on the "
        "ground of georeferenced images (20m); several separated by commas",
        "SIZE,…",
        FINER,
        "none",
    ),
]
NSuperpixels = Annotated[
    str | None,
    option(
        "how many superpixels; several numbers separated by commas",
        "K,K,…",
        HOW,
        "100,400",
        ("--n-superpixels", "-k"),
    ),
]
Json = Annotated[bool, switch("--json", "print one JSON object for programs, errors too", OUTPUT)]
Quiet = Annotated[bool, switch("--quiet", "print nothing but errors", OUTPUT, "-q")]
Device = Annotated[
    str,
    option(
        "auto, cpu, cuda or cuda:1; one that is not there is an error",
        "DEVICE",
        RUNNING,
        autocompletion=complete.devices,
    ),
]


@dataclass(frozen=True)
class Options:
    """What a command that runs items was given; options that it lacks keep these defaults."""

    dataset: Annotated[
        str | None,
        option(
            "bsd, nyuv2, sbd, sample, or a folder of images",
            "NAME|FOLDER",
            WHAT,
            "the run used last",
            autocompletion=complete.datasets,
        ),
    ] = None
    split: Annotated[
        str | None,
        option(
            "train, val, test or all",
            "SPLIT",
            READING,
            "test where there is one",
            autocompletion=complete.splits,
        ),
    ] = None
    ground_truth: Annotated[
        str | None,
        option(
            "folder of ground truth for your images: PNG, npy or mat of the same names",
            "FOLDER",
            WHAT,
            "none",
            autocompletion=complete.folders,
        ),
    ] = None
    pattern: Annotated[
        str | None,
        option("which files of a folder, such as '*.tif'", "PATTERN", READING, "all images"),
    ] = None
    valid: Annotated[
        str | None,
        option(
            "superpixels only where a mask is not 0: a folder of masks named as the images are, "
            "or one for all. Transparent, nodata and NaN pixels never count",
            "FOLDER|FILE",
            READING,
            "none",
            autocompletion=complete.paths,
        ),
    ] = None
    ignore: Annotated[
        str | None,
        option(
            "values of the ground truth that mean no region, such as 255 or 0,255: no metric "
            "looks there",
            "VALUE,…",
            READING,
            "none",
        ),
    ] = None
    bands: Annotated[
        str | None,
        option(
            "which bands are red, green and blue, counted from 1, such as 4,3,2; one that is "
            "grey; all: compare pixels by all bands; all:4,3,2: show these of all",
            "R,G,B|all|all:R,G,B",
            READING,
            "the first three",
        ),
    ] = None
    stretch: Annotated[
        str | None,
        option(
            "percentiles of each band that become black and white",
            "LOW,HIGH",
            READING,
            "2,98; none for 8 bits and for photographs of 16",
        ),
    ] = None
    max_megapixels: Annotated[
        float | None,
        option("refuse larger images before they are read", "N", READING, "200"),
    ] = None
    run: RunName = None
    outputs: Outputs = "outputs"
    limit: Limit = None
    config: Annotated[
        str | None,
        option(
            "TOML file of options: yours, the run.toml of a run, or a shipped one by name",
            "FILE",
            FINER,
            "none",
            autocompletion=complete.configs,
        ),
    ] = None
    n_superpixels: NSuperpixels = None
    method: Annotated[
        str | None,
        option(
            f"superpixel method: {', '.join(method_names())}",
            "METHOD",
            HOW,
            "spam",
            autocompletion=complete.methods,
        ),
    ] = None
    prior: Annotated[
        str | None,
        option(
            "where the objects come from that superpixels keep to: contour (learned), gradient, "
            "masks, sam, mobile-sam, fast-sam, hf-sam, none; sam+contour, masks+contour, …: masks "
            "divided by contours",
            "SOURCE",
            HOW,
            "contour",
            autocompletion=complete.priors,
        ),
    ] = None
    masks: Annotated[
        str | None,
        option(
            "folder of your segmentations, which become the objects: label images, stacks of "
            "masks, or COCO files",
            "FOLDER",
            HOW,
            "none",
            autocompletion=complete.folders,
        ),
    ] = None
    attention: Annotated[
        str | None,
        option(
            "where superpixels are denser: visual (where something stands out), or a file of "
            "your factors: a table of image, x, y, factor; a map; a folder of maps",
            "none|visual|FILE",
            HOW,
            "none",
            autocompletion=complete.attentions,
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        option(
            "any option, such as segment.compactness=5 (=default takes it back); can be repeated",
            "KEY=VALUE",
            HOW,
            "none",
            ("--set",),
            autocompletion=complete.keys,
        ),
    ] = None
    prior_mode: Annotated[
        str | None,
        option(
            "cut: the objects adapt to K; paper: the K largest",
            "cut|paper",
            FINER,
            "cut",
            autocompletion=complete.prior_modes,
        ),
    ] = None
    superpixel_size: SuperpixelSize = None
    seed: Annotated[
        int | None, option("seed of the paper mode's random seeds", "N", FINER, "0", min=0)
    ] = None
    workers: Annotated[
        int,
        option("processes on this machine; 0: this one, with all cores", "N", RUNNING, min=0),
    ] = 0
    scheduler: Annotated[
        str | None,
        option(
            "address of a Dask scheduler, such as tcp://10.0.0.5:8786", "ADDRESS", MACHINES, "none"
        ),
    ] = None
    shard: Annotated[
        str | None,
        option(
            "the I-th of N equal parts of the images, for N commands at once on any machines; "
            "auto: as a SLURM job array says. `report` completes the run in the end",
            "I/N|auto",
            MACHINES,
            "all images",
        ),
    ] = None
    device: Device = "auto"
    item_timeout: Annotated[
        float | None,
        option("give an image up after so many seconds", "S", MACHINES, "none", min=0.001),
    ] = None
    reset: Annotated[
        bool,
        switch("--reset", "start from the defaults: forget what earlier commands said", FINER),
    ] = False
    overwrite: Annotated[bool, switch("--overwrite", "compute again what is done", MACHINES)] = (
        False
    )
    skip_failed: Annotated[
        bool, switch("--skip-failed", "leave images alone that failed before", MACHINES)
    ] = False
    dry_run: Annotated[
        bool, switch("--dry-run", "say what would be done, and do nothing", OUTPUT)
    ] = False
    paper: Annotated[
        bool,
        switch(
            "--paper",
            "add what papers need: a plate of pictures, scatter and seconds, a LaTeX table",
            OUTPUT,
        ),
    ] = False
    as_json: Json = False
    verbose: Annotated[bool, switch("--verbose", "also print notes on images", OUTPUT, "-v")] = (
        False
    )
    quiet: Quiet = False
    more_paths: tuple[str, ...] = ()
    """Further images beside `dataset`, from the arguments of `run`: no option of its own."""


def show_all_help(context: typer.Context, asked: bool) -> None:
    """Print the page of help with the panels that it leaves out otherwise, and end."""
    if asked:
        context.meta[SHOWN_ALL] = True
        print(context.get_help())
        raise typer.Exit


SHOWN_ALL = "spam_pipe.help_all"
"""Where a command's context says that help shows every option."""

HelpAll = Annotated[
    bool,
    option(
        "show every option, the seldom used ones too",
        names=("--help-all",),
        is_eager=True,
        callback=show_all_help,
    ),
]


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
        given.pop("help_all", None)
        own = {name: given.pop(name) for name in arguments}
        command(kind(**given), **own)

    parameters.sort(key=lambda each: _PANELS.index(_panel(each)))
    if any(_panel(each) in SELDOM for each in parameters):
        parameters.append(
            inspect.Parameter(
                "help_all", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=HelpAll
            )
        )
    accepting.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    accepting.__annotations__ = {each.name: each.annotation for each in parameters}
    accepting.__doc__ = command.__doc__
    return accepting


def _panel(parameter: inspect.Parameter) -> str | None:
    said = getattr(parameter.annotation, "__metadata__", (None,))[0]
    return getattr(said, "rich_help_panel", None)


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
