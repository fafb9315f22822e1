"""The weights that come with the package, and their cards."""

import tomllib
from pathlib import Path
from typing import Any

import spam_pipe.stages.weights
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.fetching.public_weights import hash_file


def shipped_weights() -> dict[str, Path]:
    """Return the weights that come with the project, by name."""
    folder = Path(spam_pipe.stages.weights.__path__[0])
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of shipped weights: the TOML file beside them.

    Raises
    ------
    DataError
        When it is missing or not valid.
    """
    card = path.with_suffix(".toml")
    try:
        return tomllib.loads(card.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{card}: the card of {path.name} cannot be read; install again") from error
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{card}: not valid TOML: {error}") from error


def check_shipped(name: str, path: Path) -> str | None:
    """Name the fault of weights that come with the project; None where they are right.

    Raises
    ------
    ValueError, DataError
        When the weights don't load, or the card doesn't.
    """
    from spam_pipe.stages.networks.weights import load_weights

    load_weights(path)
    card = read_card(path)
    if card.get("name") != name:
        return f"{path.with_suffix('.toml')}: is the card of {card.get('name')}, not of {name}"
    if "sha256" in card and card["sha256"] != (found := hash_file(path)):
        return f"{path}: has SHA-256 {found}, its card says {card['sha256']}; install again"
    return None
