"""What the generators of masks need: their weights, their packages, the user's prompts."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pipeline.datasets.base import FileSource
from pipeline.datasets.prompts import require_known
from pipeline.errors import ConfigError, DataError
from pipeline.public_weights import find_public_weights, format_size, hash_file, public_weights
from stages.propose.config import ProposeConfig
from stages.propose.sources import require_extra


@dataclass(frozen=True)
class Checkpoint(FileSource):
    """A file or folder of weights; reads as its path, because a stage loads it once itself."""

    def signature(self) -> str:
        """Return size and modification time; of every file where it is a folder."""
        if not self.path.is_dir():
            return super().signature()
        return " ".join(f"{file.name}:{Checkpoint(file).signature()}" for file in self._files())

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the bytes; of every file's name and hash where a folder."""
        if not self.path.is_dir():
            return _hash_once(self.path, self.signature())
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
        given = Path(config.checkpoint).expanduser()
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
        require_extra(config.sources[0])
    except ValueError as error:
        raise ConfigError(str(error)) from error
    find_checkpoint(config)
    if config.uses_prompts:
        require_known(Path(str(config.prompts)).expanduser(), item_ids)


@lru_cache(maxsize=16)
def _hash_once(path: Path, signature: str) -> str:
    return hash_file(path)
