"""Unpacking archives that nobody vouches for."""

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pipeline.errors import DataError

MAX_MEMBERS = 200_000
"""More files than any archive of a dataset has."""


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
    try:
        if tarfile.is_tarfile(archive):
            _unpack_tar(archive, folder, _Budget(archive, max_bytes, max_members))
        elif zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder, _Budget(archive, max_bytes, max_members))
        else:
            raise DataError(f"{archive.name}: is neither a tar nor a zip archive; check the URL")
    except tarfile.FilterError as error:
        raise DataError(f"{archive.name}: is not safe to unpack: {error}") from error
    except (
        EOFError,
        lzma.LZMAError,
        NotImplementedError,  # a compression that Python does not know
        OSError,
        RuntimeError,  # an encrypted zip
        tarfile.TarError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"{archive.name}: cannot be unpacked ({error}); fetch it again") from error


class _Budget:
    """What may still be unpacked."""

    def __init__(self, archive: Path, max_bytes: int, max_members: int) -> None:
        self.name, self.limits = archive.name, (max_bytes, max_members)
        self.size, self.members = self.limits

    def spend(self, size: int) -> None:
        self.size -= size
        self.members -= 1
        if self.size < 0 or self.members < 0:
            max_bytes, max_members = self.limits
            raise DataError(
                f"{self.name}: holds more than {max_bytes:,} bytes or {max_members:,} members; "
                "this is not the archive that was expected, check the URL"
            )


def _unpack_tar(archive: Path, folder: Path, budget: _Budget) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise DataError("unpacking archives safely needs Python 3.11.4 or later")
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            budget.spend(member.size)
            # Called for links as well: one that leads outside means harm, and ends it.
            checked = tarfile.data_filter(member, str(folder))
            if checked.isfile() or checked.isdir():
                tar.extract(checked, folder, filter="data")


def _unpack_zip(archive: Path, folder: Path, budget: _Budget) -> None:
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
            place = folder / path
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            # zipfile reads no more than the declared size, and checks the CRC.
            with file.open(member) as source, place.open("xb") as sink:
                shutil.copyfileobj(source, sink)
