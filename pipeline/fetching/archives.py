"""Unpacking archives that are not trusted."""

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from spam_pipe.pipeline.errors import DataError

MAX_MEMBERS = 200_000
"""More files than any archive of a dataset has."""

_LARGEST_READ = 2**20
_ZIP_END = 2**16 + 22 + 20 + 56  # a comment, and the records that end a zip
_ZIP_ENTRY = 1024
"""Bytes of a member in a zip's list, more than a long name needs."""


def unpack(archive: Path, folder: Path, max_bytes: int, max_members: int = MAX_MEMBERS) -> None:
    """Unpack a tar (of any compression) or zip archive into an empty folder.

    Only plain files and folders are made; links that stay inside the archive are left out.

    Parameters
    ----------
    archive
        The file.
    folder
        Where to; nothing outside it is touched. After an error its content is not to be used.
    max_bytes
        Most that all members together may hold.
    max_members
        Most files, folders and links that it may have.

    Raises
    ------
    DataError
        When it is no archive, is damaged, holds more than it may, or a member's path or link leads
        out of the folder.
    """
    budget = _Budget(archive, max_bytes, max_members)
    try:
        # A zip may begin with anything; a file that begins as a tar is taken for a tar.
        if not _unpack_tar(archive, folder, budget):
            if not zipfile.is_zipfile(archive):
                raise DataError(
                    f"{archive.name}: is neither a tar nor a zip archive; check the URL"
                )
            _unpack_zip(archive, folder, budget)
    except DataError:
        raise
    except tarfile.FilterError as error:
        raise DataError(f"{archive.name}: is not safe to unpack: {error}") from error
    except Exception as error:  # a damaged archive may fail in any way
        raise DataError(f"{archive.name}: cannot be unpacked ({error}); fetch it again") from error


class _Budget:
    """The bytes and members that may still be unpacked."""

    def __init__(self, archive: Path, max_bytes: int, max_members: int) -> None:
        self.name, self.limits = archive.name, (max_bytes, max_members)
        self.size, self.members = self.limits

    def spend(self, size: int) -> None:
        """Count a member, before anything of it is unpacked."""
        if size < 0:
            raise DataError(f"{self.name}: states a negative size; fetch it again")
        self.size -= size
        self.members -= 1
        if self.size < 0 or self.members < 0:
            raise self.overspent()

    def overspent(self) -> DataError:
        """Return the error that says so."""
        max_bytes, max_members = self.limits
        return DataError(
            f"{self.name}: holds more than {max_bytes:,} bytes or {max_members:,} members; "
            "this is not the archive that was expected, check the URL"
        )


class _BoundedStream:
    """A tar's bytes, unpacked as they are read, but never more than it may have.

    `_Budget` does not count the members' headers: tarfile keeps their content in
    memory, and packed they may be a thousand times as long as the file.
    """

    def __init__(self, stream: BinaryIO, budget: _Budget) -> None:
        self.stream, self.budget = stream, budget
        max_bytes, max_members = budget.limits
        self.end = max_bytes + max_members * 4 * tarfile.BLOCKSIZE + tarfile.RECORDSIZE

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise DataError(f"{self.budget.name}: has a header of {size:,} bytes; fetch it again")
        if self.stream.tell() + size > self.end:
            raise self.budget.overspent()
        return self.stream.read(size)

    def seek(self, position: int) -> int:
        if position > self.end:
            raise self.budget.overspent()
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()


def _open_stream(archive: Path) -> BinaryIO:
    """Open a file, unpacked if its first bytes say that it is packed."""
    with archive.open("rb") as file:
        begin = file.read(6)
    openers: dict[bytes, Callable[[Path], Any]] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ\x00": lzma.open,
    }
    for magic, opened in openers.items():
        if begin.startswith(magic):
            return cast(BinaryIO, opened(archive))
    return archive.open("rb")


def _unpack_tar(archive: Path, folder: Path, budget: _Budget) -> bool:
    """Unpack a tar archive; return False if it is no tar archive."""
    if not hasattr(tarfile, "data_filter"):
        raise DataError("unpacking archives safely needs Python 3.11.4 or later")
    with _open_stream(archive) as stream:
        bounded = cast(BinaryIO, _BoundedStream(stream, budget))
        try:
            tar = tarfile.open(fileobj=bounded, mode="r:")  # noqa: SIM115 - closed below
        except tarfile.ReadError:
            return False
        with tar:
            for member in tar:
                budget.spend(member.size)
                # Called for links as well: one that leads outside means harm, and ends it.
                checked = tarfile.data_filter(member, str(folder))
                if checked.isfile() or checked.isdir():
                    # When it was changed means nothing here, and may be no time at all.
                    checked.mtime = 0
                    tar.extract(checked, folder, filter="data")
    return True


def _unpack_zip(archive: Path, folder: Path, budget: _Budget) -> None:
    _require_listing(archive, budget)
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            budget.spend(member.file_size)
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or set(member.filename) & set("\\:"):
                raise DataError(
                    f"{archive.name}: is not safe to unpack: {member.filename!r} leads outside"
                )
            if stat.S_ISLNK(member.external_attr >> 16):
                continue
            if member.compress_type == zipfile.ZIP_LZMA:  # it may ask for 4 GiB to unpack a byte
                raise DataError(f"{archive.name}: is packed by LZMA; pack it with deflate")
            place = folder / path
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            # zipfile reads no more than the declared size, and checks the CRC.
            with file.open(member) as source, place.open("xb") as sink:
                shutil.copyfileobj(source, sink)


def _require_listing(archive: Path, budget: _Budget) -> None:
    """Refuse a zip whose list of members is too long, which would all be kept in memory."""
    with archive.open("rb") as file:
        file.seek(max(0, archive.stat().st_size - _ZIP_END))
        end = file.read()
    _, found, record = end.rpartition(b"PK\x05\x06")
    _, _, large = end.rpartition(b"PK\x06\x06")
    size = int.from_bytes(record[8:12], "little") if found else 0
    if size == 0xFFFFFFFF:
        size = int.from_bytes(large[36:44], "little")
    if size > budget.limits[1] * _ZIP_ENTRY:
        raise budget.overspent()
