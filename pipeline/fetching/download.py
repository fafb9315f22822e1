"""Downloading one file: checked by size and hash, with a bar."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256 as new_sha256
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBars

from spam_pipe.pipeline.errors import ConfigError, DataError, one_line

OnBytes = Callable[[int, int], None]
"""Called with the bytes received so far and in all (0 where the server does not say)."""


def download(
    url: str,
    path: Path,
    max_bytes: int,
    sha256: str | None = None,
    progress: OnBytes | None = None,
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
        self, write: Callable[[bytes], int], url: str, max_bytes: int, progress: OnBytes
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


def _reason(error: Exception) -> str:
    """Say in our words why there is no answer, or not the one that was asked for."""
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.Timeout):
        return "the server does not answer within a minute"
    if isinstance(error, exceptions.ConnectionError):
        return "the server cannot be reached"
    return one_line(error) or type(error).__name__


@contextmanager
def download_bar(name: str, console: Console) -> Iterator[OnBytes]:
    """Show a bar on a terminal, nothing elsewhere; yields what the download tells of itself."""
    bars = RichBars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bars.add_task(name, total=None)
    with bars:
        yield lambda received, total: bars.update(task, completed=received, total=total or None)
