"""Files under an outputs folder, be it a local path or any fsspec URL."""

import os
import shutil
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.home import expand_home

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore


_PAUSES = (0.1, 0.5, 2.0)
"""Seconds before another try at a request that a storage refused."""

_ABSENT = (FileNotFoundError, NotADirectoryError)

_Result = TypeVar("_Result")


class Folder(ABC):
    """A place for small files and Zarr stores, addressed by relative keys with slashes."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __str__(self) -> str:
        return self.url

    @abstractmethod
    def child(self, key: str) -> "Folder":
        """Return the folder below."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return a file's content; None when there is no such file."""

    @abstractmethod
    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Read several files, at once where the storage allows."""

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Put a whole file: readers see the old content or the new one, never a part."""

    @abstractmethod
    def write_many(self, contents: Mapping[str, bytes]) -> None:
        """Put several whole files in any order, at once where the storage allows."""

    @abstractmethod
    def create(self, key: str, content: bytes) -> bool:
        """Put a file unless it exists already; say whether it was put."""

    @abstractmethod
    def append(self, key: str, content: bytes, header: bytes) -> None:
        """Add to a log file's end; `header` begins a new one."""

    @abstractmethod
    def names(self, key: str = "") -> list[str]:
        """List the entries directly below, sorted; empty when there is no such folder."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a file or a folder with all that it holds; nothing happens if it is absent."""

    @abstractmethod
    def zarr_store(self, key: str, *, read_only: bool) -> "ZarrStore":
        """Return a Zarr store rooted at the folder below."""

    def path(self) -> Path | None:
        """Return the local path, or None where there is none."""
        return None


class LocalFolder(Folder):
    """A folder of this machine or of a shared file system."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.root = root

    def child(self, key: str) -> "LocalFolder":
        """Return the folder below."""
        return LocalFolder(self.root / key)

    def path(self) -> Path:
        """Return the local path."""
        return self.root

    def read(self, key: str) -> bytes | None:
        """Return a file's content; None when there is no such file."""
        try:
            with open(f"{self.url}/{key}", "rb", buffering=0) as file:  # noqa: PTH123 - planning opens millions
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Read several files."""
        return [self.read(key) for key in keys]

    def write(self, key: str, content: bytes) -> None:
        """Write beside the file, then move over it."""
        self._place(key, content, os.replace)

    def write_many(self, contents: Mapping[str, bytes]) -> None:
        """Write one after the other, below folders that are made first: a miss costs as much."""
        for folder in sorted({above for key in contents for above in _folders_above(key)}):
            with suppress(OSError):  # it is there, or `write` meets the same
                os.mkdir(f"{self.url}/{folder}")  # noqa: PTH102 - as for `open`
        for key, content in contents.items():
            self.write(key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Write beside the file, then link, which fails if it exists."""
        try:
            self._place(key, content, _move_unless_there)
        except FileExistsError:
            return False
        return True

    def append(self, key: str, content: bytes, header: bytes) -> None:
        """Add to the file's end."""
        self.root.mkdir(parents=True, exist_ok=True)
        # Not through a link: a foreign run may hold one to a file of ours.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(self.root / key, flags, 0o666), "ab") as file:  # noqa: PTH123
            file.write(content if file.tell() else header + content)

    def names(self, key: str = "") -> list[str]:
        """List the entries directly below."""
        try:
            return sorted(os.listdir(self.root / key))  # noqa: PTH208 - names alone, no stat
        except (FileNotFoundError, NotADirectoryError):
            return []

    def delete(self, key: str) -> None:
        """Remove a file or folder."""
        target = self.root / key
        # A store may be kept elsewhere, behind a link; a link inside of a store is never ours.
        for above in PurePosixPath(key).parents:
            if len(above.parts) > 1 and (self.root / above).is_symlink():
                raise UserError(
                    f"{self.root / above}: is a link, and nothing behind it is deleted; remove it"
                )
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    def zarr_store(self, key: str, *, read_only: bool) -> "ZarrStore":
        """Return a Zarr store rooted at the folder below."""
        from zarr.storage import LocalStore

        return LocalStore(self.root / key, read_only=read_only)

    def _place(self, key: str, content: bytes, move: Callable[[str, str], None]) -> None:
        target = f"{self.url}/{key}"
        folder = target.rpartition("/")[0]
        beside = f"{folder}/{uuid.uuid4().hex[:12]}.partial"  # a name may have all of 255 bytes
        try:
            with _created(beside) as file:
                file.write(content)
            move(beside, target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise


def _folders_above(key: str) -> list[str]:
    """Return the folders above a file, from the top."""
    return [key[:end] for end, letter in enumerate(key) if letter == "/"]


def _created(path: str) -> BinaryIO:
    """Open a new file; most folders are there already, so that looking first costs more."""
    try:
        return open(path, "xb")  # noqa: PTH123 - thousands of small files are put
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb")  # noqa: PTH123


def _move_unless_there(beside: str, target: str) -> None:
    os.link(beside, target)
    os.unlink(beside)  # noqa: PTH108 - beside `os.link`


class RemoteFolder(Folder):
    """A folder behind an fsspec URL; object stores put whole objects, so a put is atomic."""

    def __init__(self, url: str) -> None:
        import fsspec

        super().__init__(url.rstrip("/"))
        try:
            self.fs, self.root = fsspec.core.url_to_fs(self.url, **_storage_options(url))
        except (ImportError, ValueError) as error:
            raise UserError(f"--outputs {url}: {error}") from error

    def child(self, key: str) -> "RemoteFolder":
        """Return the folder below."""
        return RemoteFolder(f"{self.url}/{key}")

    def read(self, key: str) -> bytes | None:
        """Return an object's content; None when there is no such object."""
        try:
            return bytes(self._patiently(lambda: self.fs.cat_file(f"{self.root}/{key}")))
        except _ABSENT:
            return None

    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Read several objects concurrently."""
        paths = [f"{self.root}/{key}" for key in keys]
        return self._patiently(lambda: self._read_paths(paths)) if paths else []

    def _read_paths(self, paths: list[str]) -> list[bytes | None]:
        found = self.fs.cat(paths, on_error="return")
        if not isinstance(found, dict):  # fsspec returns bare bytes for a single path
            found = {paths[0]: found}
        by_path = {self.fs._strip_protocol(path): content for path, content in found.items()}
        contents = [by_path.get(self.fs._strip_protocol(path)) for path in paths]
        for content in contents:
            if isinstance(content, Exception) and not isinstance(content, _ABSENT):
                raise content
        return [bytes(each) if isinstance(each, bytes) else None for each in contents]

    def write(self, key: str, content: bytes) -> None:
        """Put the whole object."""
        self._patiently(lambda: self.fs.pipe_file(f"{self.root}/{key}", content))

    def write_many(self, contents: Mapping[str, bytes]) -> None:
        """Put the objects concurrently."""
        paths = {f"{self.root}/{key}": content for key, content in contents.items()}
        self._patiently(lambda: self.fs.pipe(paths))

    def create(self, key: str, content: bytes) -> bool:
        """Put the object unless it exists."""
        path = f"{self.root}/{key}"
        if self._patiently(lambda: self.fs.exists(path)):
            return False
        try:
            self._patiently(lambda: self.fs.pipe_file(path, content, mode="create"))
        except FileExistsError:
            return False
        return True

    def append(self, key: str, content: bytes, header: bytes) -> None:
        """Put a part of its own beside the earlier ones: objects can't grow."""
        stem, _, suffix = key.rpartition(".")
        self.write(f"{stem}-{uuid.uuid4().hex[:12]}.{suffix}", header + content)

    def names(self, key: str = "") -> list[str]:
        """List the entries directly below."""
        self.fs.invalidate_cache()
        try:
            path = f"{self.root}/{key}".rstrip("/")
            listed = self._patiently(lambda: self.fs.ls(path, detail=False))
        except _ABSENT:
            return []
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in listed)

    def delete(self, key: str) -> None:
        """Remove an object or all objects below a prefix."""
        try:
            self._patiently(lambda: self.fs.rm(f"{self.root}/{key}", recursive=True))
        except FileNotFoundError:
            return

    def zarr_store(self, key: str, *, read_only: bool) -> "ZarrStore":
        """Return a Zarr store rooted at the folder below."""
        from zarr.storage import FsspecStore

        options = _storage_options(self.url)
        return FsspecStore.from_url(f"{self.url}/{key}", options, read_only=read_only)

    def _patiently(self, act: Callable[[], _Result]) -> _Result:
        """Do something again, up to three times, when the storage could not: it mostly can soon.

        Raises
        ------
        UserError
            When the storage was not even asked, as without credentials.
        """
        pauses = [*_PAUSES]
        while True:
            try:
                return act()
            except OSError as error:
                # What is absent, there already or forbidden no waiting changes.
                lasting = isinstance(error, (*_ABSENT, FileExistsError, PermissionError))
                if lasting or not pauses:
                    raise
                time.sleep(pauses.pop(0))
            except Exception as error:  # the storage's own kinds
                raise UserError(f"{self.url}: {_refusal(error)}") from error


def _refusal(error: Exception) -> str:
    """Say in our words why a storage was not even asked."""
    if "credentials" in str(error).lower():
        return (
            "the storage needs credentials and there are none: log in, or set its variables "
            "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://)"
        )
    return f"the storage cannot be used: {error}"


def _storage_options(url: str) -> dict[str, Any]:
    """Spare s3fs the question for an object's size before each read: ours are small."""
    return {"max_concurrency": 1} if url.startswith(("s3://", "s3a://")) else {}


def open_folder(location: str) -> Folder:
    """Return the folder at a local path or an fsspec URL."""
    if "://" in location and not location.startswith("file://"):
        return RemoteFolder(location)
    return LocalFolder(expand_home(location.removeprefix("file://"), "--outputs").absolute())


def require_writable(folder: Folder) -> None:
    """Fail early, with the reason, where nothing can be written.

    Raises
    ------
    UserError
        Naming the folder and the cure.
    """
    if any(part.endswith(".zarr") for part in PurePosixPath(str(folder)).parts):
        raise UserError(f"{folder}: lies inside of a Zarr store; choose another place")
    probe = f".probe-{uuid.uuid4().hex[:8]}"
    try:
        path = folder.path()
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                return
        folder.write(probe, b"")
        folder.delete(probe)
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(
            f"{folder}: cannot write there: {reason}; choose another place with --outputs"
        ) from error
