"""Weights that others publish: where they come from, where they lie, how they get there."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.fetching.download import OnBytes, download, parse_hash
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import digest_of_file
from spam_pipe.stages.suggestion import did_you_mean

_SAM = "https://dl.fbaipublicfiles.com/segment_anything/"
_DINO = "https://dl.fbaipublicfiles.com/dino/"
_MOBILE_SAM = "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/"
_LARGEST = 2**33


@dataclass(frozen=True)
class PublicWeights:
    """A checkpoint that can be fetched."""

    file: str  # its name, both at its source and here
    url: str  # its public source
    # of the file; None where it is not published: then that of what is fetched is noted beside the
    # file, so that damage is found later
    sha256: str | None
    size: int  # bytes; about so many where there is no hash
    about: str  # A description of the weights
    paper: str = "Kirillov et al., Segment Anything, ICCV 2023, arXiv 2304.02643"  # its source
    licence: str = "Apache-2.0"  # under which its authors publish it


PUBLIC_WEIGHTS: dict[str, PublicWeights] = {
    "sam-vit-h": PublicWeights(
        "sam_vit_h_4b8939.pth",
        f"{_SAM}sam_vit_h_4b8939.pth",
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        2_564_550_879,
        "Segment Anything, ViT-H: the paper's prior",
    ),
    "sam-vit-l": PublicWeights(
        "sam_vit_l_0b3195.pth",
        f"{_SAM}sam_vit_l_0b3195.pth",
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        1_249_524_607,
        "Segment Anything, ViT-L",
    ),
    "sam-vit-b": PublicWeights(
        "sam_vit_b_01ec64.pth",
        f"{_SAM}sam_vit_b_01ec64.pth",
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        375_042_383,
        "Segment Anything, ViT-B",
    ),
    "mobile-sam": PublicWeights(
        "mobile_sam.pt",
        f"{_MOBILE_SAM}mobile_sam.pt",
        "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        40_728_226,
        "MobileSAM: a TinyViT distilled from Segment Anything",
        paper="Zhang et al., Faster Segment Anything, arXiv 2306.14289",
    ),
    "dino-vit-s8": PublicWeights(
        "dino_deitsmall8_pretrain.pth",
        f"{_DINO}dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth",
        None,
        86_700_000,
        "DINO, ViT-S/8: the paper's saliency",
        paper="Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021",
    ),
}
"""The weights that `spam-pipe weights fetch` can get, by name."""


def weights_folders() -> tuple[Path, ...]:
    """Return the folders that may hold fetched weights, in the order in which they are searched.

    `SPAM_WEIGHTS`, where it is set, then the user's cache folder. The first is fetched to.
    """
    cache = user_cache_path("spam-pipe") / "weights"
    named = os.environ.get("SPAM_WEIGHTS")
    return (expand_home(named, "SPAM_WEIGHTS").absolute(), cache) if named else (cache,)


def find_public_weights(name: str) -> Path | None:
    """Return the file of weights that were fetched; None where they are not here.

    Raises
    ------
    ConfigError
        For a name that is not in `PUBLIC_WEIGHTS`.
    """
    file = public_weights(name).file
    places = (folder / file for folder in weights_folders())
    return next((place for place in places if place.is_file()), None)


def public_weights(name: str) -> PublicWeights:
    """Return an entry of `PUBLIC_WEIGHTS`.

    Raises
    ------
    ConfigError
        For a name that it doesn't have; the nearest is suggested.
    """
    if name not in PUBLIC_WEIGHTS:
        cure = did_you_mean(name, PUBLIC_WEIGHTS)
        raise ConfigError(f"{name}: no weights of that name can be fetched; {cure}")
    return PUBLIC_WEIGHTS[name]


def fetch_public_weights(
    name: str,
    target: Path,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: OnBytes | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Download weights into a folder; the file is there only once it is whole and verified.

    Parameters
    ----------
    name
        A key of `PUBLIC_WEIGHTS`.
    target
        The folder; made where it is missing.
    url
        Another place to get it from; the hash stays the same.
    sha256
        Hash of another version of the file; `check_public_weights` then expects that one.
    progress
        Told how far the download is.
    say
        Told, in one line, of the download to come.

    Returns
    -------
    The file.

    Raises
    ------
    ConfigError
        For a name, URL or hash that cannot be.
    DataError
        When the download fails, breaks off or has another hash, or the folder can't be written.
    """
    asset = public_weights(name)
    expected = parse_hash(sha256) if sha256 else asset.sha256
    path = target / asset.file
    if path.is_file():
        if expected is None:
            expected = _chosen_hash(path)
        if expected is not None and digest_of_file(path) != expected:
            raise DataError(
                f"{path}: is there, but is damaged or another file (its SHA-256 is not {expected});"
                " delete it and fetch it again"
            )
        say(f"{name}: already in {path}")
        return path
    address = url or asset.url
    say(f"{name}: fetching {format_size(asset.size)} from {address}")
    try:
        target.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".fetching-{name}-", dir=target))
    except OSError as error:
        raise DataError(f"{target}: cannot be written to: {error.strerror}") from error
    try:
        arrived = work / asset.file
        limit = asset.size if expected is not None and expected == asset.sha256 else _LARGEST
        digest = download(address, arrived, limit, expected, progress)
        record = _record_of(path)
        record.unlink(missing_ok=True)
        if digest != asset.sha256:
            record.write_text(json.dumps({"url": address, "sha256": digest}) + "\n")
        arrived.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path


def check_public_weights(name: str, path: Path) -> str | None:
    """Name the fault of fetched weights; None where they are right.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    expected = _chosen_hash(path) or public_weights(name).sha256
    if expected is None:
        return (
            f"{path}: its SHA-256 is not published, and none was noted; delete it and run "
            f"`spam-pipe weights fetch {name}`, which notes it"
        )
    found = digest_of_file(path)
    if found == expected:
        return None
    return (
        f"{path}: has SHA-256 {found}, not {expected}: damaged or another file; delete it and "
        f"run `spam-pipe weights fetch {name}`"
    )


def format_size(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _record_of(path: Path) -> Path:
    """Return the file that notes a hash chosen by the user."""
    return path.with_name(f"{path.name}.json")


def _chosen_hash(path: Path) -> str | None:
    try:
        return str(json.loads(_record_of(path).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
