"""The weights that come with the package, and their cards."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import spam_pipe.stages.weights
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import digest_of_file


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


@cache
def seen_by_digest() -> dict[str, str]:
    """Return what the networks that come with the project have seen, by their files' SHA-256.

    Figures of networks that have seen other pictures are no fair comparison without it.
    """
    cards = {digest_of_file(path): read_card(path) for path in shipped_weights().values()}
    return {digest: f"{card['name']}, trained on {card['seen']}" for digest, card in cards.items()}


def check_shipped(name: str, path: Path) -> str | None:
    """Name the fault of weights that come with the project; None where they are right.

    Raises
    ------
    ValueError, DataError
        When the weights don't load or engines differ in them, or the card doesn't load.
    """
    from spam_pipe.stages.networks.agreement import require_agreement
    from spam_pipe.stages.networks.engines import load

    require_agreement(load(path, engine="onnxruntime"), load(path, engine="torch"), str(path))
    card = read_card(path)
    if card.get("name") != name:
        return f"{path.with_suffix('.toml')}: is the card of {card.get('name')}, not of {name}"
    if "sha256" in card and card["sha256"] != (found := digest_of_file(path)):
        return f"{path}: has SHA-256 {found}, its card says {card['sha256']}; install again"
    return None
