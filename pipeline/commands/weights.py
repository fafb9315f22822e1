"""`spam-pipe weights`: the shipped ones and those that others publish; show, verify, fetch."""

from pathlib import Path
from typing import Any

from rich.table import Table

from spam_pipe.pipeline.commands.teller import SOME_FAILED, SUCCESS, Teller
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError
from spam_pipe.pipeline.fetching.download import download_bar
from spam_pipe.pipeline.fetching.public_weights import (
    PUBLIC_WEIGHTS,
    check_public_weights,
    fetch_public_weights,
    find_public_weights,
    format_size,
    public_weights,
    weights_folders,
)
from spam_pipe.pipeline.fetching.shipped_weights import check_shipped, read_card, shipped_weights
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import digest_of_file
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.suggestion import did_you_mean


def show_weights(*, as_json: bool) -> None:
    """Print all weights: the shipped ones, and where the others are or how to get them."""
    teller = Teller(as_json=as_json)
    table = Table(title="weights", title_justify="left")
    for column in ("name", "size", "what", "state"):
        table.add_column(column, overflow="fold", no_wrap=column in {"name", "size"})
    listed: dict[str, Any] = {}
    for name, path in shipped_weights().items():
        size, about = path.stat().st_size, _about(path)
        table.add_row(name, format_size(size), about, "shipped")
        listed[name] = {"state": "shipped", "path": str(path), "bytes": size, "about": about}
    for name, asset in PUBLIC_WEIGHTS.items():
        place = find_public_weights(name)
        state = f"in {place}" if place else "not here"
        table.add_row(name, format_size(asset.size), asset.about, state)
        listed[name] = {
            "state": "fetched" if place else "not here",
            "path": place and str(place),
            "bytes": asset.size,
            "about": asset.about,
        }
    teller.show(table)
    teller.show(
        "`spam-pipe weights fetch NAME` gets what is not here; the default needs none of it"
    )
    teller.show_json(listed)


def show_card(name: str, *, as_json: bool) -> None:
    """Print what is known of one set of weights.

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    teller = Teller(as_json=as_json)
    card = _card(name)
    table = Table(title=f"weights {name}", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in card.items():
        table.add_row(key.replace("_", " "), str(value))
    teller.show(table)
    teller.show_json(card)


def verify_weights(names: list[str], *, as_json: bool) -> int:
    """Check weights, by default all that are here; return the exit status.

    Shipped ones must load: a whole file, every tensor finite and of the shape that the network
    in the file's own config needs. They must compute the same in every engine, and have a card,
    whose hash, where it has one, is the file's.
    Fetched ones must have the hash under which they are published.

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    teller = Teller(as_json=as_json)
    shipped = shipped_weights()
    for name in names:
        _require_known(name, shipped)
    chosen = names or [*shipped, *(name for name in PUBLIC_WEIGHTS if find_public_weights(name))]
    findings: dict[str, str | None] = {}
    for name in chosen:
        try:
            findings[name] = _check(name, shipped)
        except (ValueError, UserError) as error:
            findings[name] = " ".join(str(error).split())
        teller.show(f"{name}: {findings[name] or 'whole'}")
    teller.show_json(
        {name: {"ok": text is None, "finding": text} for name, text in findings.items()}
    )
    return SOME_FAILED if any(findings.values()) else SUCCESS


def fetch_weights(
    name: str, to: str | None, url: str | None, sha256: str | None, *, as_json: bool
) -> None:
    """Download weights to where they will be looked for, or into a folder of the user's."""
    teller = Teller(as_json=as_json)
    if name in shipped_weights():
        teller.show(f"{name}: comes with spam-pipe, there is nothing to fetch")
        teller.show_json({"name": name, "path": str(shipped_weights()[name])})
        return
    folder = expand_home(to, "--to").absolute() if to is not None else weights_folders()[0]
    with download_bar(name, teller.messages) as progress:
        path = fetch_public_weights(
            name, folder, url=url, sha256=sha256, progress=progress, say=teller.say
        )
    teller.show(f"{name}: ready in {path}")
    teller.show_json({"name": name, "path": str(path), "sha256": digest_of_file(path)})


def export_weights(name: str, to: str | None, *, as_json: bool) -> None:
    """Write weights as an ONNX file, checked against torch.

    Parameters
    ----------
    name
        Shipped weights, or a file of weights (.safetensors, or a .pth of the public SSN kind).
    to
        The file to write; by default the weights' name with .onnx, in the current folder.

    Raises
    ------
    UserError
        When there are no such weights, the file cannot be written, or ONNX Runtime computes
        something else than torch.
    """
    teller = Teller(as_json=as_json)
    try:
        path = find_weights(name)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    target = expand_home(to, "--to") if to is not None else Path(f"{path.stem}.onnx")
    if target.suffix != ".onnx":
        raise ConfigError(f"--to {to}: an ONNX file is called something.onnx")
    facts: dict[str, object] = {"weights": path.stem, "weights_sha256": digest_of_file(path)}
    shipped = shipped_weights().get(name)
    if shipped is not None and path.samefile(shipped):
        facts |= {f"card_{key}": value for key, value in read_card(path).items()}

    from spam_pipe.stages.networks.agreement import require_agreement
    from spam_pipe.stages.networks.engines import load
    from spam_pipe.stages.networks.onnx_encoder import encoder_of
    from spam_pipe.stages.networks.onnx_graph import export
    from spam_pipe.stages.networks.torch_encoder import load_network
    from spam_pipe.stages.networks.weights import replace_file

    try:
        model = export(load_network(path), facts)
        exported = encoder_of(model, {}, str(target))
        off = require_agreement(exported, load(path, engine="torch"), str(target))
        replace_file(target, model)
    except ValueError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise UserError(
            f"{target}: cannot be written: {error.strerror}; choose another file with --to"
        ) from error
    size = format_size(target.stat().st_size)
    teller.show(
        f"{target}: {size}, float32, any height and width; from torch it differs by "
        f"{off.features:.1g} in features, by {off.contour:.1g} in contours"
    )
    teller.show_json({"name": name, "path": str(target), **off._asdict()})


def _about(path: Path) -> str:
    try:
        return str(read_card(path).get("network", ""))
    except DataError as error:
        return str(error)


def _check(name: str, shipped: dict[str, Path]) -> str | None:
    if name in shipped:
        return check_shipped(name, shipped[name])
    place = find_public_weights(name)
    if place is None:
        return f"not here; `spam-pipe weights fetch {name}` gets them"
    return check_public_weights(name, place)


def _card(name: str) -> dict[str, Any]:
    shipped = shipped_weights()
    _require_known(name, shipped)
    if name in shipped:
        path = shipped[name]
        size = path.stat().st_size
        facts = {
            "state": "shipped",
            "file": str(path),
            "bytes": size,
            "sha256": digest_of_file(path),
        }
        return read_card(path) | facts
    asset, place = public_weights(name), find_public_weights(name)
    return {
        "name": name,
        "network": asset.about,
        "paper": asset.paper,
        "licence": asset.licence,
        "url": asset.url,
        "bytes": asset.size,
        "sha256": asset.sha256 or "not published",
        "state": "fetched" if place else f"not here: `spam-pipe weights fetch {name}`",
        "file": str(place or weights_folders()[0] / asset.file),
    }


def _require_known(name: str, shipped: dict[str, Path]) -> None:
    known = [*shipped, *PUBLIC_WEIGHTS]
    if name not in known:
        raise ConfigError(f"{name}: no weights of that name; {did_you_mean(name, known)}")
