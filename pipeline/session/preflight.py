"""Checks before any item is tried: what a command asks for must be possible here."""

from collections.abc import Collection, Iterable
from importlib.util import find_spec

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.datasets.user_files import factor_maps, factor_table
from spam_pipe.pipeline.datasets.user_files.external import require_maps
from spam_pipe.pipeline.datasets.user_files.prompts import require_known
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.parts import (
    PARTS,
    engine_choices,
    factors_file,
    find_checkpoint,
    find_saliency_weights,
    is_table,
)
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.session.session import Session
from spam_pipe.pipeline.store.folder import require_writable
from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.methods.names import NESTED, require_extra
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.source_names import require_source_package
from spam_pipe.stages.registry import STAGES
from spam_pipe.stages.suggestion import meant_image


def preflight(session: Session) -> None:
    """Refuse, before any item is tried, what cannot be done as it was asked.

    Raises
    ------
    UserError
        In one line: what is missing or wrong, and the cure.
    """
    here = session.choices.scheduler is None  # what workers elsewhere have is not known here
    if here:
        resolve_device(session.choices.device)
    dataset = session.selection.dataset
    for config, chain in zip(session.configs, session.chains, strict=True):
        if here and "propose" in chain:
            require_generator(config.propose, (item.id for item in dataset.items("all")))
        if "segment" in chain:
            require_attention(config)
            everything = dataset.items(session.selection.split)
            require_known_images(config.segment.attention, (item.id for item in everything))
            if here:
                require_method(config)
        if here:
            require_weights(config, chain)
            require_engines(config, chain, resolve_device(session.choices.device))
    require_writable(session.outputs)


def require_method(config: RunConfig) -> None:
    """Fail once, before any item does, when the method's package or label maps are missing.

    Raises
    ------
    UserError
        In one line: what is missing, and how to get it.
    """
    try:
        require_extra(config.segment.method)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    finest = config.segment.spam_nested.finest
    beyond = [count for count in config.n_superpixels if count > finest]
    if config.segment.method in NESTED and beyond and not config.superpixel_size:
        raise ConfigError(
            f"-k {beyond[0]}: beyond the finest level of {finest}; "
            f"--set segment.spam_nested.finest={max(beyond)} makes that many"
        )
    if (folder := config.segment.external_folder) is not None:
        if config.superpixel_size:
            raise ConfigError(
                f"--method {config.segment.method}: its label maps are kept by number of "
                "superpixels; ask for numbers with -k, not for --superpixel-size"
            )
        require_maps(folder, config.n_superpixels)


def require_weights(config: RunConfig, stages: Collection[str]) -> None:
    """Fail once, before any item does, when a network's weights are not there.

    Parameters
    ----------
    config
        The run's.
    stages
        Names of those that will run.

    Raises
    ------
    ConfigError
        Naming the option and the weights that there are.
    """
    for part in (PARTS[name] for stage in stages for name in STAGES[stage].reads):
        weights = None if part.weights is None else part.weights(config)
        try:
            if weights is not None:
                find_weights(weights)
        except ValueError as error:
            raise ConfigError(f"{part.option}: {error}") from error


def require_engines(config: RunConfig, stages: Collection[str], device: str) -> None:
    """Fail once, before any item does, when an engine that is needed cannot compute on the device.

    Raises
    ------
    ConfigError
        Naming the option and the cure.
    """
    choices = engine_choices(config)
    for name in (name for stage in stages for name in STAGES[stage].reads if name in choices):
        try:
            choices[name].digest(device)
        except ValueError as error:
            raise ConfigError(f"{PARTS[name].option}: {error}") from error


def require_generator(config: ProposeConfig, item_ids: Iterable[str]) -> None:
    """Find out before any work is done whether masks can be generated as asked.

    Parameters
    ----------
    config
        The proposals' options.
    item_ids
        All images of the dataset, for which prompts may be given.

    Raises
    ------
    ConfigError
        When the source's package is not here.
    DataError
        When its weights are not here, or the prompts are wrong or of images that are not there.
    """
    try:
        require_source_package(config.sources[0])
    except ValueError as error:
        raise ConfigError(str(error)) from error
    find_checkpoint(config)
    if config.uses_prompts:
        require_known(expand_home(str(config.prompts)), item_ids)


def require_attention(config: RunConfig) -> None:
    """Find out before any work is done whether the attention that was asked for can be paid.

    Raises
    ------
    ConfigError
        When there is no prior, the method takes no density, or a package is missing.
    DataError
        When weights or the user's file are not here.
    """
    attention = config.segment.attention
    if attention.mode == "none":
        return
    cure = "; --attention none spreads superpixels evenly"
    if not config.segment.uses_prior:
        raise ConfigError(
            f"--method {config.segment.method}: attention is paid to a prior's objects, which it "
            f"makes nothing of; spam does{cure}"
        )
    if config.propose.source == "none":
        raise ConfigError(
            f"--prior none: attention is paid to objects: choose a prior, such as contour{cure}"
        )
    find_saliency_weights(attention)
    if attention.mode == "visual" and attention.saliency == "dino" and find_spec("timm") is None:
        raise ConfigError(
            "segment.attention.saliency=dino needs timm: pip install 'spam-pipe[dino]'; "
            "saliency=background needs nothing"
        )
    if attention.mode == "file":
        factors_file(attention)


def require_known_images(config: AttentionConfig, item_ids: Iterable[str]) -> None:
    """Refuse a file of factors that names an image which is not there: most likely misspelt.

    Parameters
    ----------
    config
        Of any mode; the images are looked at only where a file is given.
    item_ids
        All images of the dataset's split.

    Raises
    ------
    DataError
        When the file cannot be read, says nothing, or is about another image.
    """
    if config.mode != "file":
        return
    path, known = factors_file(config), set(item_ids)
    if is_table(path):
        names = [*factor_table.ItemFactors(path, "").table().names]
    else:
        names = factor_maps.mapped_names(path)
    if not names:
        kinds = " and ".join(factor_maps.SUFFIXES)
        raise DataError(f"{path}: says nothing of any image; maps are {kinds} named like images")
    for name in names:
        if known.isdisjoint(factor_table.names_of(name)):
            cure = meant_image(name, known)
            raise DataError(f"{path}: the dataset's split has no image '{name}'; {cure}")


_OF_THE_ITEM = frozenset({"image", "annotations", "masks"})
"""Parts that one item may lack without the point being hopeless."""


def why_not(chain: Chain, config: RunConfig, item: Item) -> str | None:
    """Say in one line why a configuration cannot run here: weights or a package are missing."""
    try:
        require_method(config)
        require_attention(config)
        if "propose" in chain:
            for source in config.propose.sources:
                require_source_package(source)
        for name in chain:
            for part in STAGES[name].reads:
                if part not in _OF_THE_ITEM:
                    PARTS[part].find(item, config)
    except (UserError, ValueError) as error:
        return " ".join(str(error).split())
    return None
