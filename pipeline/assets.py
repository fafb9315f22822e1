"""Fetching files and datasets: from where, with which hash, and never half."""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256 as new_sha256
from pathlib import Path

from pipeline.archives import unpack
from pipeline.errors import ConfigError, DataError
from stages.suggestion import did_you_mean

MARKER = ".spam-pipe.json"
"""In a fetched folder: where its content is from. Without it the folder was not fetched whole."""

Progress = Callable[[int, int], None]
"""Called with the bytes received so far and in all (0 where the server does not say)."""

_GIB = 2**30


@dataclass(frozen=True)
class Asset:
    """Something that can be downloaded.

    Attributes
    ----------
    url
        Its public source.
    sha256
        Of the downloaded file; None where no trustworthy figure is known.
    contains
        A path that must be there once it is unpacked.
    max_download, max_unpacked
        Bytes above which it cannot be what it says it is.
    is_archive
        False for a single file, which is then kept under the name of `contains`.
    """

    url: str
    sha256: str | None
    contains: str
    max_download: int
    max_unpacked: int
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
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Path:
    """Download and unpack a dataset into ``target/<name>``.

    All work is done in a temporary folder beside it, which becomes ``target/<name>`` by one
    rename at the very end: whatever interrupts it, what is there is whole.

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
        Told, in one line, what was done, and that the hash was not checked where none is known.

    Returns
    -------
    The folder ``target/<name>``.

    Raises
    ------
    ConfigError
        For a name or hash that cannot be.
    DataError
        When the download fails, breaks off, has another hash or is not what was expected.
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


def download(
    url: str,
    path: Path,
    max_bytes: int,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> str:
    """Download a file; `path` exists afterwards only if it is whole and has the hash.

    Returns
    -------
    The SHA-256 (hex) of the file.

    Raises
    ------
    DataError
        When the server cannot be reached, the body breaks off or is larger than `max_bytes`, or
        the hash is another one.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url {url}: only http and https are supported")
    from pooch import HTTPDownloader

    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            body = _Body(file.write, url, max_bytes, progress or (lambda received, total: None))
            HTTPDownloader(progressbar=body, chunk_size=2**18, timeout=60)(url, body, None)
        if body.received < body.total:
            raise DataError(
                f"{url}: broke off after {body.received:,} of {body.total:,} bytes; try again"
            )
        digest = body.digest()
        if sha256 is not None and digest != sha256:
            raise DataError(
                f"{url}: has SHA-256 {digest}, not {sha256}; nothing was kept; check the URL, or "
                "fetch it again"
            )
        partial.replace(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{url}: could not be downloaded ({_reason(error)}); try again, or give another --url"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return digest


class _Body:
    """The file that pooch writes to, and the progress bar that it tells the length to."""

    def __init__(
        self, write: Callable[[bytes], int], url: str, max_bytes: int, progress: Progress
    ) -> None:
        self._write, self._url, self._max_bytes, self._progress = write, url, max_bytes, progress
        self._hash = new_sha256()
        self.total = self.received = 0

    def write(self, chunk: bytes) -> int:
        """Keep a chunk."""
        self.received += len(chunk)
        if max(self.received, self.total) > self._max_bytes:
            raise DataError(
                f"{self._url}: is larger than {self._max_bytes:,} bytes; this is not the file that "
                "was expected, check the URL"
            )
        self._hash.update(chunk)
        self._progress(self.received, self.total)
        return self._write(chunk)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of what was written."""
        return self._hash.hexdigest()

    def flush(self) -> None:
        """Do nothing: the file is read only after it is closed."""

    def update(self, size: int) -> None:
        """Do nothing: pooch counts chunks as full ones, `write` counts bytes."""

    def reset(self) -> None:
        """Do nothing, see `update`."""

    def close(self) -> None:
        """Do nothing, see `update`."""


def _asset(name: str) -> Asset:
    if name in ("sample", "folder"):
        raise ConfigError(f"{name}: needs no download")
    if name not in DATASET_ASSETS:
        cure = did_you_mean(name, DATASET_ASSETS)
        raise ConfigError(f"{name}: no dataset of that name can be fetched; {cure}")
    return DATASET_ASSETS[name]


def parse_hash(text: str) -> str:
    """Return a SHA-256 as the user wrote it in its usual form.

    Raises
    ------
    ConfigError
        When it is not 64 hexadecimal digits.
    """
    digest = text.strip().lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ConfigError(f"--sha256 {text}: write 64 hexadecimal digits")
    return digest


def _check_content(name: str, asset: Asset, content: Path) -> None:
    if not (content / asset.contains).exists():
        raise DataError(f"{name}: the download has no {asset.contains} in it; check the URL")
    if asset.contains.endswith(".mat"):
        from h5py import is_hdf5

        if not is_hdf5(content / asset.contains):
            raise DataError(f"{name}: the download is not a MATLAB 7.3 file; check the URL")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
