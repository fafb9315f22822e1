"""One Zarr v3 store per stage and configuration: a group per item, complete or absent.

Layout below a store's root (`zarr.json` at every level)::

    <item>/[<K>/]            its attributes are the unit's record, written last
    <item>/[<K>/]<attempt>/  the arrays of one attempt

A unit is complete when its record is there: the record names the attempt and lists its arrays
with shapes, dtypes and checksums, and its files with theirs. A record whose own checksum does not
fit is no record. Whatever else lies there belongs to attempts that did not end.
"""

import json
import uuid
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import prod
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.errors import DataError, UserError
from spam_pipe.pipeline.store.arrays import Shape, array_files, array_json, read_array
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.store.record import Record, parse_record
from spam_pipe.pipeline.store.sealed_json import ATTRIBUTE, group_json, sealed_json, unsealed
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.base import Arrays, Output

FORMAT = 1
"""Version of the layout; a store with a larger one is refused."""

_PACKED = "packed"


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Store:
    """The store of one stage under one configuration."""

    run: Folder  # the run's folder
    name: str  # ``<stage>-<hash>.zarr``

    @property
    def stage(self) -> str:
        """Name of the stage that writes it."""
        return self.name.rsplit("-", 1)[0]

    def __str__(self) -> str:
        return f"{self.run}/{self.name}"

    def prepare(self, description: Mapping[str, Any]) -> None:
        """Write the root's metadata, also over a damaged one, or check that the store is ours.

        Raises
        ------
        UserError
            When another program or a newer version made the store.
        """
        content = self.run.read(self.root_key)
        if content is None or self._described(content) is None:
            self.run.write(self.root_key, root_json(description))

    @property
    def root_key(self) -> str:
        """The key, below the run's folder, of the root's metadata."""
        return f"{self.name}/zarr.json"

    def describe(self) -> dict[str, Any] | None:
        """Return the root's description of stage and config; None without a root.

        Raises
        ------
        UserError
            When it is damaged, or another program or a newer version made it.
        """
        content = self.run.read(self.root_key)
        if content is None:
            return None
        found = self._described(content)
        if found is None:
            raise UserError(f"{self}: its zarr.json is damaged; run `spam-pipe verify --repair`")
        return found

    def _described(self, content: bytes) -> dict[str, Any] | None:
        """Return the statements of a root's metadata; None when they are damaged."""
        try:
            node = json.loads(content)
        except (ValueError, RecursionError):
            return None
        try:
            found = dict(node["attributes"][ATTRIBUTE])
            version = int(found["format"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self}: not a store of spam-pipe; move it away or choose another --run"
            ) from error
        said = unsealed(found)
        if said is not None and version > FORMAT:
            raise UserError(
                f"{self}: written by a newer spam-pipe (store format {version}, this one reads "
                f"{FORMAT}); update spam-pipe or choose another --run"
            )
        return said

    def record_key(self, item_id: str, unit: Unit) -> str:
        """Return the key, below the run's folder, of a unit's record."""
        return f"{self.name}/{_unit_path(item_id, unit)}/zarr.json"

    def record(self, item_id: str, unit: Unit) -> Record | None:
        """Return a unit's record; None unless the unit is complete."""
        return parse_record(self.run.read(self.record_key(item_id, unit)))

    def write(
        self,
        item_id: str,
        unit: Unit,
        output: Output,
        *,
        fingerprint: str,
        inputs: Mapping[str, Sequence[str]],
        provenance: Mapping[str, Any],
    ) -> Record:
        """Store a unit: arrays under a new attempt, then the record in one put."""
        before = self.record(item_id, unit)
        attempt = uuid.uuid4().hex[:12]
        path = _unit_path(item_id, unit)
        entries, files = _pack(output.arrays)
        record = Record(
            attempt=attempt,
            fingerprint=fingerprint,
            inputs=inputs,
            arrays=entries,
            attributes=output.attributes,
            provenance=provenance,
            files={key: zlib.crc32(content) for key, content in files.items()},
        )
        beside = {f"{path}/{attempt}/{key}": content for key, content in files.items()}
        if unit is not None:
            beside[f"{group_name(item_id)}/zarr.json"] = group_json({})
        self.run.write_many({f"{self.name}/{key}": content for key, content in beside.items()})
        self.run.write(f"{self.name}/{path}/zarr.json", sealed_json(vars(record)))
        if before is not None:
            self.run.delete(f"{self.name}/{path}/{before.attempt}")
        return record

    def read(
        self, item_id: str, unit: Unit, names: Sequence[str] | None = None
    ) -> tuple[Record, Output]:
        """Read a complete unit back; `names` limits which arrays.

        Raises
        ------
        DataError
            When the unit is not complete or its files do not match its record.
        """
        record = self.record(item_id, unit)
        if record is None:
            raise DataError(f"{self}: {item_id} is not complete; run `spam-pipe {self.stage}`")
        names = tuple(record.arrays if names is None else names)
        arrays = self._read_arrays(item_id, unit, record, names)
        return record, Output(arrays, record.attributes)

    def _read_arrays(
        self, item_id: str, unit: Unit, record: Record, names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {}
        try:
            if lost := [name for name in names if name not in record.arrays]:
                raise ValueError(f"there is no {lost[0]} in it")
            entries = {name: record.arrays[name] for name in names}
            stored = {
                name: _kind(entry) for name, entry in entries.items() if "offset" not in entry
            }
            if any(_packed_end(entry) for entry in entries.values()):
                whole = max(map(_packed_end, record.arrays.values()))
                stored[_PACKED] = (whole,), np.dtype(np.uint8)
            place = f"{_unit_path(item_id, unit)}/{record.attempt}"
            loaded = self._load(place, stored, record.files)
            for name, entry in entries.items():
                shape, dtype = _kind(entry)
                if "offset" not in entry:
                    array = loaded[name]
                else:
                    content = loaded.get(_PACKED, np.zeros(0, np.uint8))
                    content = content[entry["offset"] : _packed_end(entry)]
                    array = np.frombuffer(content.tobytes(), dtype).reshape(shape)
                _check(array, dtype, shape, entry["crc32"])
                arrays[name] = array
        except Exception as error:
            raise DataError(
                f"{self}: {item_id}: stored data is damaged ({error}); "
                f"run `spam-pipe {self.stage} --overwrite`"
            ) from error
        return arrays

    def _load(
        self, place: str, stored: Mapping[str, tuple[Shape, np.dtype[Any]]], known: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        """Load the Zarr arrays of an attempt; the files that its record lists are read at once."""
        keys = [key for key in known if key.partition("/")[0] in stored]
        contents = self.run.read_many([f"{self.name}/{place}/{key}" for key in keys])
        files: dict[str, dict[str, bytes | None]] = {name: {} for name in stored}
        for key, content in zip(keys, contents, strict=True):
            name, _, below = key.partition("/")
            files[name][below] = content
        for name, (shape, dtype) in stored.items():
            if files[name].get("zarr.json") != array_json(shape, dtype):
                raise ValueError(f"the metadata of {name} are not those of {dtype} {shape}")
        return {
            name: read_array(files[name], shape, dtype) for name, (shape, dtype) in stored.items()
        }


def root_json(description: Mapping[str, Any]) -> bytes:
    """Return the metadata of a store's root."""
    return sealed_json({"format": FORMAT, **description})


def digest_of(value: Any) -> str:
    """Return 16 hex digits that identify a JSON-serialisable value."""
    return sha256(_canonical(value).encode()).hexdigest()[:16]


def _pack(arrays: Arrays) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
    """Return a record's entries for arrays, and the files of an attempt that hold them."""
    entries: dict[str, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    packed: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array)
        entries[name] = {
            "shape": list(content.shape),
            "dtype": content.dtype.str,
            "crc32": zlib.crc32(content.view(np.uint8).data) if content.size else 0,
        }
        if content.ndim <= 1:
            entries[name]["offset"] = offset
            packed.append(content.tobytes())
            offset += content.nbytes
        else:
            files |= _named(name, content)
    if offset:
        files |= _named(_PACKED, np.frombuffer(b"".join(packed), np.uint8))
    if files:
        files["zarr.json"] = group_json({})
    return entries, files


def _named(name: str, array: NDArray[Any]) -> dict[str, bytes]:
    return {f"{name}/{key}": content for key, content in array_files(array).items()}


def _kind(entry: Mapping[str, Any]) -> tuple[Shape, np.dtype[Any]]:
    """Return an array's shape and dtype."""
    return tuple(entry["shape"]), np.dtype(entry["dtype"])


def _packed_end(entry: Mapping[str, Any]) -> int:
    """Return where an array that is packed ends; 0 if it is not."""
    shape, dtype = _kind(entry)
    length = prod(shape) * dtype.itemsize
    return int(entry["offset"]) + length if length and "offset" in entry else 0


def _check(array: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int, ...], crc: int) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{array.dtype} {array.shape} instead of {dtype} {shape}")
    content = np.ascontiguousarray(array)
    if (zlib.crc32(content.view(np.uint8).data) if content.size else 0) != crc:
        raise ValueError("checksum differs")


def _unit_path(item_id: str, unit: Unit) -> str:
    encoded = group_name(item_id)
    return encoded if unit is None else f"{encoded}/{unit}"


@lru_cache(maxsize=256)  # each of an item's units asks
def group_name(item_id: str) -> str:
    """Percent-encode an id into one group name that no file system or Zarr takes amiss."""
    name = quote(item_id, safe=" ()+,=@")
    if name[:1] in {".", "_", " "} or name == "zarr.json":
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > 200:
        name = f"{name[:160]}~{sha256(item_id.encode()).hexdigest()[:16]}"
    return name
