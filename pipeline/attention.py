"""What the attention of a run reads: the user's factors, a network's weights."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from pipeline.checkpoints import Checkpoint
from pipeline.config import RunConfig
from pipeline.datasets import factor_maps, factor_table
from pipeline.datasets.base import Source
from pipeline.errors import ConfigError, DataError
from pipeline.public_weights import find_public_weights, format_size, public_weights
from stages.attention.config import AttentionConfig
from stages.suggestion import did_you_mean, meant_image

_DINO = "dino-vit-s8"


def parse_attention(text: str) -> dict[str, str]:
    """Parse `--attention`: the options of `segment.attention` that it stands for.

    Raises
    ------
    ConfigError
        When it is neither a mode nor a file that is there.
    """
    if text in {"none", "visual"}:
        return {"mode": text}
    path = Path(text).expanduser().absolute()
    if not path.exists():
        cure = did_you_mean(text, ["none", "visual"], "write none, visual or a file's path")
        raise ConfigError(
            f"--attention {text}: neither none nor visual nor a file that is there; {cure}"
        )
    return {"mode": "file", "file": str(path)}


def find_factors(config: AttentionConfig, item_id: str) -> Source | None:
    """Return what the user's file says of an item; None where it says nothing.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    if config.mode != "file":
        return None
    path = _file(config)
    if _is_table(path):
        source = factor_table.ItemFactors(path, item_id)
        table = factor_table.read_factors(path, source.signature())
        return source if item_id in table.factors else None
    return factor_maps.find_map(path, item_id, config.ratio)


def find_saliency_weights(config: AttentionConfig) -> Checkpoint | None:
    """Return the weights that the saliency needs; None where it needs none.

    Raises
    ------
    DataError
        When they are not here; the message says how to get them.
    """
    if config.mode != "visual" or config.saliency != "dino":
        return None
    if config.checkpoint is not None:
        given = Path(config.checkpoint).expanduser()
        if not given.is_file():
            raise DataError(f"segment.attention.checkpoint: there is no file {config.checkpoint}")
        return Checkpoint(given)
    place = find_public_weights(_DINO)
    if place is None:
        raise DataError(
            f"segment.attention.saliency=dino: its weights "
            f"({format_size(public_weights(_DINO).size)}) are not here; "
            f"`spam-pipe weights fetch {_DINO}` gets them, --set segment.attention.checkpoint=FILE "
            "takes a file of yours, and saliency=background needs none"
        )
    return Checkpoint(place)


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
        _file(attention)


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
    path, known = _file(config), set(item_ids)
    if _is_table(path):
        signature = factor_table.ItemFactors(path, "").signature()
        names = [*factor_table.read_factors(path, signature).names]
    else:
        names = factor_maps.mapped_names(path)
    if not names:
        kinds = " and ".join(factor_maps.SUFFIXES)
        raise DataError(f"{path}: says nothing of any image; maps are {kinds} named like images")
    for name in names:
        if known.isdisjoint(factor_table.names_of(name)):
            cure = meant_image(name, known)
            raise DataError(f"{path}: the dataset's split has no image '{name}'; {cure}")


def _file(config: AttentionConfig) -> Path:
    path = Path(str(config.file)).expanduser()
    if not path.exists():
        raise DataError(f"segment.attention.file: there is no {path}")
    if path.is_file() and path.suffix.lower() not in {
        *factor_table.SUFFIXES,
        *factor_maps.SUFFIXES,
    }:
        raise DataError(
            f"{path}: factors are a .csv or .json file, an .npy or .png map, or a folder of maps"
        )
    return path


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in factor_table.SUFFIXES
