"""Reading MATLAB files from unknown sources.

SciPy's reader trusts every size and type that a file states: a few wrong bytes make it allocate
gigabytes or end the process. So a file is walked through first, element by element ("MAT-File
Level 5 File Format", The MathWorks); only what holds together gets to SciPy.
"""

import io
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 2**28
"""Most that a file's variables may take once they are unpacked."""

_HEADER = 128
_DEEPEST = 16
_UINT32, _MATRIX, _COMPRESSED = 6, 14, 15
_INTEGERS = {5, 6}
_NUMBERS = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}
_TEXT = {1, 2, 4, 16, 17, 18}
_NAME = {1, 16}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_COMPLEX = 0x08  # in the byte of flags


def load_mat(content: bytes) -> dict[str, Any]:
    """Return the variables of a MATLAB file by name.

    Functions and objects of MATLAB's own kinds (tables, strings) are left out.

    Parameters
    ----------
    content
        The file's bytes.

    Raises
    ------
    NotImplementedError
        For MATLAB 7.3, which is HDF5.
    ValueError
        When it is damaged, no such file, or unpacks to more than `MAX_BYTES`.
    """
    import scipy.io

    if content[:_HEADER].endswith((b"IM", b"MI")) and 0 not in content[:4]:
        content = unpacked(content)
    try:
        # From memory SciPy reads what exists; from a file it would allocate the stated size.
        file: Any = io.BytesIO(content)
        variables = scipy.io.loadmat(file, appendmat=False)
    except NotImplementedError:
        raise
    except Exception as error:  # a damaged file may fail in any way
        raise ValueError("its parts do not fit together") from error
    return {name: value for name, value in variables.items() if not name.startswith("__")}


def unpacked(content: bytes) -> bytes:
    """Return a MATLAB 5 file without compression, every size and type in it checked.

    Raises
    ------
    ValueError
        When something does not fit, or it would be larger than `MAX_BYTES`.
    """
    order = "<" if content[126:128] == b"IM" else ">"
    version = struct.unpack_from(order + "H", content, 124)[0]
    if version >> 8 != 1:  # 7.3 and the future: SciPy says what they are
        return content
    made = bytearray(content[:_HEADER])
    position = _HEADER
    while position < len(content):
        kind, size = _unpack(order + "II", content, position)
        data = content[position + 8 : position + 8 + size]
        if len(data) < size:
            raise ValueError("is truncated")
        if kind == _COMPRESSED:
            variable = _inflate(data, MAX_BYTES - len(made))
        else:
            variable = content[position : position + 8 + size]
        if len(made) + len(variable) > MAX_BYTES:
            raise ValueError(f"unpacks to more than {MAX_BYTES:,} bytes; save it as TIFF or npy")
        kind, size = _unpack(order + "II", variable, 0)
        if kind != _MATRIX or size > len(variable) - 8:
            raise ValueError("holds something that is no variable")
        walk = _Walk(order, variable)
        if walk.class_of(8) not in {_FUNCTION, _OPAQUE}:
            walk.check(8, 8 + size, 0)
            made += variable[: 8 + size]
        position += 8 + len(data)
    return bytes(made)


@dataclass(frozen=True)
class _Part:
    """One data element: its type and where its data are."""

    kind: int
    start: int
    end: int


@dataclass(frozen=True)
class _Walk:
    """The elements of one variable."""

    order: str
    content: bytes

    def class_of(self, start: int) -> int:
        """Return the class of the matrix whose data begin there, once its flags are right."""
        kind, size, flags, _ = _unpack(self.order + "4I", self.content, start)
        if (kind, size) != (_UINT32, 8):
            raise ValueError("holds a variable without flags")
        return int(flags & 0xFF)

    def check(self, start: int, end: int, depth: int) -> None:
        """Make sure that a matrix's parts are what its class says, and fill it exactly."""
        if start == end:
            return
        if depth > _DEEPEST:
            raise ValueError(f"holds cells or structures more than {_DEEPEST} deep")
        kind = self.class_of(start)
        flags = _unpack(self.order + "I", self.content, start + 8)[0] >> 8
        parts = list(self._parts(start + 16, end))
        if len(parts) < 2:
            raise ValueError("holds a variable without a size or a name")
        shape, name, *data = parts
        length = self._length(shape)
        if name.kind not in _NAME:
            raise ValueError("holds a variable whose name is no text")
        if kind in {_CELL, _STRUCT, _OBJECT}:
            self._check_container(kind, data, length, depth)
        elif kind == _CHAR:
            _require(data, [_TEXT], length)
        elif kind == _SPARSE:
            _require(data, [_INTEGERS, _INTEGERS, *[_NUMBERS] * (1 + bool(flags & _COMPLEX))])
        elif 6 <= kind <= 15:
            _require(data, [_NUMBERS] * (1 + bool(flags & _COMPLEX)), length)
        else:
            raise ValueError(f"holds a variable of class {kind}, which is none")

    def _check_container(self, kind: int, data: list[_Part], length: int, depth: int) -> None:
        values = data
        wanted = length
        if kind == _OBJECT:
            _require(values[:1], [_NAME])
            values = values[1:]
        if kind != _CELL:
            _require(values[:2], [_INTEGERS, _NAME])
            width = _unpack(self.order + "i", self.content, values[0].start)[0]
            names = values[1].end - values[1].start
            if not 1 <= width <= 64 or names % width:
                raise ValueError("holds a structure whose fields have no names")
            wanted *= names // width
            values = values[2:]
        if len(values) != wanted or length > max(len(values), 1):
            raise ValueError(f"holds {len(values)} values where there should be {wanted}")
        for value in values:
            if value.kind != _MATRIX:
                raise ValueError("holds a cell that is no variable")
            self.check(value.start, value.end, depth + 1)

    def _length(self, shape: _Part) -> int:
        """Return the number of elements, which nothing says yet are there."""
        n_sides, rest = divmod(shape.end - shape.start, 4)
        if shape.kind not in _INTEGERS or rest or not 1 <= n_sides <= 32:
            raise ValueError("holds a variable without a size")
        sides = _unpack(f"{self.order}{n_sides}i", self.content, shape.start)
        if min(sides) < 0:
            raise ValueError("holds a variable of negative size")
        return math.prod(sides)

    def _parts(self, position: int, end: int) -> Iterator[_Part]:
        while position < end:
            (tag,) = _unpack(self.order + "I", self.content, position)
            if tag >> 16:  # a small element: size, type and up to four bytes of data
                size = tag >> 16
                part = _Part(tag & 0xFFFF, position + 4, position + 4 + size)
                position += 8
                if size > 4:
                    raise ValueError("holds an element larger than stated")
            else:
                (size,) = _unpack(self.order + "I", self.content, position + 4)
                part = _Part(tag, position + 8, position + 8 + size)
                position += 8 + size + (-size % 8 if tag != _MATRIX else 0)
            if part.end > end:
                raise ValueError("holds an element that ends outside")
            yield part


def _require(parts: list[_Part], kinds: list[set[int]], length: int = 0) -> None:
    """Refuse other parts than these, or fewer bytes than elements."""
    fit = len(parts) == len(kinds) and all(
        part.kind in allowed and part.end - part.start >= length
        for part, allowed in zip(parts, kinds, strict=True)
    )
    if not fit:
        raise ValueError("holds a variable that is not what it says")


def _inflate(data: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        made = stream.decompress(data, max(limit, 1))
    except zlib.error as error:
        raise ValueError("is damaged") from error
    if stream.unconsumed_tail:
        raise ValueError(f"unpacks to more than {MAX_BYTES:,} bytes; save it as TIFF or npy")
    if len(made) < 24:
        raise ValueError("is truncated")
    return made


def _unpack(form: str, content: bytes, position: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(form, content, position)
    except struct.error as error:
        raise ValueError("is truncated") from error
