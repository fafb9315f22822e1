"""Fetching files and datasets: from where, with which hash, and never half."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.fetching.archives import unpack
from spam_pipe.pipeline.fetching.download import OnBytes, download, parse_hash
from spam_pipe.stages.suggestion import did_you_mean

MARKER = ".spam-pipe.json"
"""In a fetched folder: where its content is from. Without it the folder was not fetched whole."""


_GIB = 2**30


@dataclass(frozen=True)
class Asset:
    """Something that can be downloaded."""

    url: str  # its public source
    sha256: str | None  # of the downloaded file; None where no trustworthy figure is known
    contains: str  # A path that must be there once it is unpacked
    # bytes above which it cannot be the stated file
    max_download: int
    max_unpacked: int
    # false for a single file, which is then kept under the name of `contains`
    is_archive: bool = True


DATASET_ASSETS: dict[str, Asset] = {
    "bsd": Asset(
        "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",
        sha256=None,
        contains="BSR/BSDS500/data/images",
        max_download=_GIB // 4,
        max_unpacked=_GIB,
    ),
    "nyuv2": Asset(
        "http://horatio.cs.nyu.edu/mit/silberman/nyu_depth_v2/nyu_depth_v2_labeled.mat",
        sha256=None,
        contains="nyu_depth_v2_labeled.mat",
        max_download=4 * _GIB,
        max_unpacked=4 * _GIB,
        is_archive=False,
    ),
    "sbd": Asset(
        "http://dags.stanford.edu/data/iccv09Data.tar.gz",
        sha256=None,
        contains="iccv09Data/images",
        max_download=_GIB // 4,
        max_unpacked=_GIB,
    ),
}
"""The datasets that are not embedded; `contains` is where `pipeline.datasets` looks for them."""


def fetch_dataset(
    name: str,
    target: Path,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: OnBytes | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Path:
    """Download and unpack a dataset into ``target/<name>``.

    All work is done in a temporary folder beside it, which becomes ``target/<name>`` by one
    rename at the very end: an interruption leaves a whole dataset or none.

    Parameters
    ----------
    name
        A key of `DATASET_ASSETS`.
    target
        The folder of datasets; made where it is missing.
    url
        Another place to get it from.
    sha256
        The expected hash of the download, where the user knows one.
    progress
        Told how far the download is.
    say
        Told, in one line, of the result, and that the hash was not checked where none is known.

    Returns
    -------
    The folder ``target/<name>``.

    Raises
    ------
    ConfigError
        For a name or hash that cannot be.
    DataError
        When the download fails, breaks off, has another hash or another content than expected.
    """
    asset = _asset(name)
    address = url or asset.url
    expected = parse_hash(sha256) if sha256 else asset.sha256
    folder = target / name
    if (folder / MARKER).is_file():
        say(f"{name}: already in {folder}; remove that folder to fetch it again")
        return folder
    if folder.exists():
        raise DataError(f"{folder}: is there, but was not fetched by spam-pipe; move it away")
    try:
        target.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".fetching-{name}-", dir=target))
    except OSError as error:
        raise DataError(f"{target}: cannot be written to: {error.strerror}") from error
    try:
        arrived = work / "arrived"  # a folder of its own: a URL may end in any name
        arrived.mkdir()
        download_path = arrived / (Path(address.partition("?")[0]).name or name)
        digest = download(address, download_path, asset.max_download, expected, progress)
        content = work / "content"
        content.mkdir()
        if asset.is_archive:
            unpack(download_path, content, asset.max_unpacked)
        else:
            download_path.rename(content / asset.contains)
        _check_content(name, asset, content)
        record = {"url": address, "sha256": digest, "checked": expected is not None}
        (content / MARKER).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        content.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if expected is None:
        say(
            f"{name}: fetched, but NOT verified, for no hash of it is known; this download has "
            f"SHA-256 {digest} (pass it as --sha256 to make sure that another one is the same)"
        )
    say(f"{name}: in {folder}")
    return folder


def _asset(name: str) -> Asset:
    if name in ("sample", "folder"):
        raise ConfigError(f"{name}: needs no download")
    if name not in DATASET_ASSETS:
        cure = did_you_mean(name, DATASET_ASSETS)
        raise ConfigError(f"{name}: no dataset of that name can be fetched; {cure}")
    return DATASET_ASSETS[name]


def _check_content(name: str, asset: Asset, content: Path) -> None:
    if not (content / asset.contains).exists():
        raise DataError(f"{name}: the download has no {asset.contains} in it; check the URL")
    if asset.contains.endswith(".mat"):
        from h5py import is_hdf5

        if not is_hdf5(content / asset.contains):
            raise DataError(f"{name}: the download is not a MATLAB 7.3 file; check the URL")
