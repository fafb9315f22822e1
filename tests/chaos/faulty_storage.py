"""A storage that answers with errors, late, or with half of what was put."""

import errno
import random
import time
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

PROTOCOL = "faulty"


class FaultyFileSystem(LocalFileSystem):
    """A local folder behind ``faulty://``, whose operations fail as `schedule` says.

    Attributes
    ----------
    rate
        Share of the operations that go wrong; of the class, so that all instances share it.
    silent
        Whether half of what was put may stay without an error.
    chance
        Decides.
    struck
        How often each kind of fault happened.
    room
        Bytes that can still be put; None for any number.
    fails_next
        How many of the next operations fail, whatever the rate.
    puts_left
        Puts that are still permitted; None for any number.
    """

    protocol = PROTOCOL
    cachable = False
    rate: ClassVar[float] = 0.0
    silent: ClassVar[bool] = False
    chance: ClassVar[random.Random] = random.Random(0)
    struck: ClassVar[dict[str, int]] = {}
    room: ClassVar[int | None] = None
    puts_left: ClassVar[int | None] = None
    fails_next: ClassVar[int] = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return super()._strip_protocol(str(path).removeprefix(f"{PROTOCOL}://"))

    def unstrip_protocol(self, name: str) -> str:
        return f"{PROTOCOL}://{name}"

    def cat_file(self, path: str, *given: Any, **options: Any) -> Any:
        self._strike()
        return super().cat_file(path, *given, **options)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        self._take_room(path, len(value))
        silent = self.silent and ".zarr/" in path
        kind = self._choose(("error", "delay", "half", *(("silent half",) * silent)))
        if kind in {"half", "silent half"}:
            super().pipe_file(path, value[: len(value) // 2], mode=mode, **options)
        else:
            if kind == "error":
                raise OSError(errno.EIO, "Input/output error", path)
            super().pipe_file(path, value, mode=mode, **options)
        if kind == "half":
            raise OSError(errno.EIO, "connection lost while writing", path)

    def ls(self, path: str, *given: Any, **options: Any) -> Any:
        self._strike()
        return super().ls(path, *given, **options)

    def rm(self, path: str, *given: Any, **options: Any) -> None:
        self._strike()
        super().rm(path, *given, **options)

    @classmethod
    def _take_room(cls, path: str, size: int) -> None:
        if cls.puts_left is not None:
            if cls.puts_left == 0:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            cls.puts_left -= 1
        if cls.room is not None:
            cls.room -= size
            if cls.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device", path)

    @classmethod
    def _strike(cls) -> None:
        if cls._choose(("error", "delay")) == "error":
            raise OSError(errno.EIO, "Input/output error")

    @classmethod
    def _choose(cls, kinds: tuple[str, ...]) -> str:
        if cls.fails_next:
            cls.fails_next -= 1
            raise OSError(errno.EIO, "Input/output error")
        if cls.chance.random() >= cls.rate:
            return ""
        kind = cls.chance.choice(kinds)
        cls.struck[kind] = cls.struck.get(kind, 0) + 1
        if kind == "delay":
            time.sleep(0.02)
        return kind


fsspec.register_implementation(PROTOCOL, FaultyFileSystem, clobber=True)
