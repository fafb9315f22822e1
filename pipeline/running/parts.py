"""The parts of an item, and how each is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.datasets.user_files import factor_maps, factor_table
from spam_pipe.pipeline.datasets.user_files.external import ExternalMaps
from spam_pipe.pipeline.datasets.user_files.prompts import ItemPrompts
from spam_pipe.pipeline.datasets.user_files.valid import find_valid
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.fetching.public_weights import (
    find_public_weights,
    format_size,
    public_weights,
)
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import FileSource, Item, Source, digest_of_file
from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.networks.engines import EngineOption, choose_engine
from spam_pipe.stages.propose.config import ProposeConfig


@dataclass(frozen=True)
class Checkpoint(FileSource):
    """A file or folder of weights: its bytes decide results.

    Reads as its path, because a stage loads it itself, once per process.
    """

    def signature(self) -> str:
        """Return size and modification time; of every file where it is a folder."""
        if not self.path.is_dir():
            return super().signature()
        return " ".join(f"{file.name}:{Checkpoint(file).signature()}" for file in self._files())

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the bytes; of every file's name and hash where a folder."""
        if not self.path.is_dir():
            return _digest_once(self.path, self.signature())
        lines = [f"{file.name} {Checkpoint(file).digest()}" for file in self._files()]
        return sha256("\n".join(lines).encode()).hexdigest()

    def read(self) -> Path:
        """Return the path."""
        return self.path

    def _files(self) -> list[Path]:
        return sorted(file for file in self.path.iterdir() if file.is_file())


def find_checkpoint(config: ProposeConfig) -> Checkpoint | None:
    """Return the weights that the source of proposals needs; None where it needs none.

    Raises
    ------
    DataError
        When they are not here; the message says how to get them.
    """
    name = config.sources[0]
    if name not in {"sam", "mobile-sam", "fast-sam", "hf-sam"}:
        return None
    if config.checkpoint is not None:
        given = expand_home(config.checkpoint)
        if not (given.is_dir() if name == "hf-sam" else given.is_file()):
            kind = "folder" if name == "hf-sam" else "file"
            raise DataError(f"propose.checkpoint: there is no {kind} {config.checkpoint}")
        return Checkpoint(given)
    published = name if name == "mobile-sam" else f"sam-{config.model.replace('_', '-')}"
    place = find_public_weights(published)
    if place is None:
        size = format_size(public_weights(published).size)
        raise DataError(
            f"--prior {config.source}: its weights ({size}) are not here; "
            f"`spam-pipe weights fetch {published}` gets them, --set propose.checkpoint=FILE "
            "takes a file of yours, and --prior contour needs none"
        )
    return Checkpoint(place)


@lru_cache(maxsize=16)
def _digest_once(path: Path, signature: str) -> str:
    return digest_of_file(path)


if TYPE_CHECKING:
    from spam_pipe.pipeline.datasets.user_files.masks import MaskFolder

_DINO = "dino-vit-s8"


def find_factors(config: AttentionConfig, item_id: str) -> Source | None:
    """Return what the user's file says of an item; None where it says nothing.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    if config.mode != "file":
        return None
    path = factors_file(config)
    if is_table(path):
        source = factor_table.ItemFactors(path, item_id)
        return source if item_id in source.table().factors else None
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
        given = expand_home(config.checkpoint)
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


def factors_file(config: AttentionConfig) -> Path:
    """Return the user's file or folder of factors; DataError when it is missing or of no kind."""
    path = expand_home(str(config.file))
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


def is_table(path: Path) -> bool:
    """Say whether factors are in a table, and not in maps."""
    return path.suffix.lower() in factor_table.SUFFIXES


NO_DATA = ("", "")
"""Signature and digest of a part that the item does not have."""


@lru_cache(maxsize=4)
def _mask_folder(path: str) -> MaskFolder:
    from spam_pipe.pipeline.datasets.user_files.masks import MaskFolder

    return MaskFolder(Path(path))


@lru_cache(maxsize=16)
def _weights(name: str) -> Checkpoint:
    from spam_pipe.stages.networks.files import find_weights

    try:
        return Checkpoint(find_weights(name))
    except ValueError as error:
        raise DataError(str(error)) from error


@dataclass(frozen=True)
class Part:
    """One part of what a stage reads of an item."""

    # returns where the part comes from, for an item and a configuration; None where the item has no
    # such part. It raises a DataError where the user named a file that is not there.
    find: Callable[[Item, RunConfig], Source | None]
    # the attribute of `stages.base.Inputs` that holds its content; None where the stage loads the
    # file itself, once per process
    field: str | None = None
    # returns the name or the file of our network's weights that the part is; None for other parts
    weights: Callable[[RunConfig], str | None] | None = None
    option: str = ""  # the option that names these weights, or the engine that computes them


def _weights_part(name_of: Callable[[RunConfig], str | None], option: str) -> Part:
    def find(item: Item, config: RunConfig) -> Source | None:
        name = name_of(config)
        return None if name is None else _weights(name)

    return Part(find, weights=name_of, option=option)


def _contour_weights(config: RunConfig) -> str | None:
    return config.propose.contour.weights if "contour" in config.propose.sources else None


def _find_valid(item: Item, config: RunConfig) -> Source | None:
    chosen = config.dataset
    return find_valid(item.image, item.id, chosen.valid, chosen.max_pixels)


def _find_masks(item: Item, config: RunConfig) -> Source | None:
    if "masks" not in config.propose.sources:
        return None
    return _mask_folder(str(config.propose.masks)).find(item.id)


def _find_prompts(item: Item, config: RunConfig) -> Source | None:
    if not config.propose.uses_prompts:
        return None
    return ItemPrompts(expand_home(str(config.propose.prompts)), item.id)


def _find_segment_annotations(item: Item, config: RunConfig) -> Source | None:
    return item.annotations if config.segment.method == "ground-truth" else None


def _find_external(item: Item, config: RunConfig) -> Source | None:
    folder = config.segment.external_folder
    return None if folder is None else ExternalMaps(expand_home(folder), item.id)


@dataclass(frozen=True)
class EngineChoice(Source):
    """The engine of a network as an input: engines agree on nearly all labels, not on all.

    Where the choice is left to the device, results stand whichever engine made them.
    """

    option: EngineOption

    def signature(self) -> str:
        """Return the option."""
        return self.option

    def digest(self, device: str = "cpu") -> str:
        """Return the engine that it comes to on a device."""
        return choose_engine(self.option, device)

    def read(self) -> None:
        """Nothing: the stage asks for its engine itself."""


def engine_choices(config: RunConfig) -> dict[str, EngineChoice]:
    """Return by part what is chosen to compute each of the networks that are used."""
    choices = {}
    if _contour_weights(config) is not None:
        choices["contour_engine"] = EngineChoice(config.propose.contour.engine)
    if config.segment.deep_weights is not None:
        choices["segment_engine"] = EngineChoice(config.segment.engine)
    return choices


def _engine_part(name: str, option: str) -> Part:
    return Part(lambda item, config: engine_choices(config).get(name), option=option)


ENGINE_PARTS = frozenset({"contour_engine", "segment_engine"})

LATER_PARTS = frozenset({"valid", *ENGINE_PARTS})
"""Parts that stages did not read at first: results from then stay valid for items without them."""

PARTS: Mapping[str, Part] = {
    "image": Part(lambda item, config: item.image, "image"),
    "valid": Part(_find_valid, "valid"),
    "annotations": Part(lambda item, config: item.annotations, "annotations"),
    "masks": Part(_find_masks, "masks"),
    "contour_weights": _weights_part(_contour_weights, "propose.contour.weights"),
    "contour_engine": _engine_part("contour_engine", "propose.contour.engine"),
    "checkpoint": Part(lambda item, config: find_checkpoint(config.propose), "checkpoint"),
    "prompts": Part(_find_prompts, "prompts"),
    "segment_annotations": Part(_find_segment_annotations, "annotations"),
    "segment_weights": _weights_part(lambda config: config.segment.deep_weights, "segment.weights"),
    "segment_engine": _engine_part("segment_engine", "segment.engine"),
    "external": Part(_find_external, "external"),
    "attention": Part(
        lambda item, config: find_factors(config.segment.attention, item.id), "attention"
    ),
    "attention_checkpoint": Part(
        lambda item, config: find_saliency_weights(config.segment.attention),
        "attention_checkpoint",
    ),
}
"""Every part that a stage may name among its `reads`: its inputs, fingerprints and provenance
derive from this table."""
