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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, UserError
from pipeline.folder import Folder
from pipeline.units import Unit
from stages.base import Arrays, Output

FORMAT = 1
"""Version of the layout; a store with a larger one is refused."""

_ATTRIBUTE = "spam_pipe"
_SEAL = "checksum"
_PACKED = "packed"
_LARGEST_CHUNK = 64 * 2**20
"""Bytes up to which an array is one chunk."""

_CHUNK_ELEMENTS = 2**20
"""What a chunk of a larger array holds: 1024 × 1024 labels are four megabytes at most."""


@dataclass(frozen=True)
class Record:
    """What is known of a complete unit without reading its arrays.

    Attributes
    ----------
    attempt
        Name of the sub-group that holds the arrays.
    fingerprint
        Hash of stage, version, config, inputs and upstream: what the result depends on.
    inputs
        Signature and digest of each part of the item that was read.
    arrays
        Shape, dtype and CRC-32 of every array, and where it lies if it is packed.
    attributes
        What the stage said of the unit.
    provenance
        Versions, device, seconds.
    files
        CRC-32 of every file of the attempt, by its key below it.
    """

    attempt: str
    fingerprint: str
    inputs: Mapping[str, Sequence[str]]
    arrays: Mapping[str, Mapping[str, Any]]
    attributes: Mapping[str, Any]
    provenance: Mapping[str, Any]
    files: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Store:
    """The store of one stage under one configuration.

    Attributes
    ----------
    run
        The run's folder.
    name
        ``<stage>-<hash>.zarr``.
    """

    run: Folder
    name: str

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
            When another program or a newer version made what is there.
        """
        content = self.run.read(self.root_key)
        if content is None or self._described(content) is None:
            self.run.write(self.root_key, root_json(description))

    @property
    def root_key(self) -> str:
        """The key, below the run's folder, of the root's metadata."""
        return f"{self.name}/zarr.json"

    def describe(self) -> dict[str, Any] | None:
        """Return what the root says of the store's stage and config; None when it is not there.

        Raises
        ------
        UserError
            When it is damaged, or another program or a newer version made what is there.
        """
        content = self.run.read(self.root_key)
        if content is None:
            return None
        found = self._described(content)
        if found is None:
            raise UserError(f"{self}: its zarr.json is damaged; run `spam-pipe verify --repair`")
        return found

    def _described(self, content: bytes) -> dict[str, Any] | None:
        """Return what a root's metadata say; None when they are damaged."""
        try:
            node = json.loads(content)
        except (ValueError, RecursionError):
            return None
        try:
            found = dict(node["attributes"][_ATTRIBUTE])
            version = int(found["format"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self}: not a store of spam-pipe; move it away or choose another --run"
            ) from error
        said = _unsealed(found)
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
        self.run.write(f"{self.name}/{path}/zarr.json", group_json(sealed(vars(record))))
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
            When the unit is not complete or what is stored does not match its record.
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
        from pipeline.stored_arrays import read_array

        store = self.run.zarr_store(self.name, read_only=True)
        path = f"{_unit_path(item_id, unit)}/{record.attempt}"
        chunks = Counter(key.split("/")[0] for key in record.files if "/c" in key)
        arrays: dict[str, NDArray[Any]] = {}
        packed: NDArray[Any] | None = None
        try:
            for name in names:
                if (entry := record.arrays.get(name)) is None:
                    raise ValueError(f"there is no {name} in it")
                dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
                if "offset" not in entry:
                    array = read_array(store, f"{path}/{name}", chunks[name], (dtype, shape))
                else:
                    length = int(np.prod(shape)) * dtype.itemsize
                    if length and packed is None:
                        packed = read_array(store, f"{path}/{_PACKED}", chunks[_PACKED], None)
                    start = entry["offset"]
                    content = b"" if packed is None else packed[start : start + length].tobytes()
                    array = np.frombuffer(content, dtype).reshape(shape)
                _check(array, dtype, shape, entry["crc32"])
                arrays[name] = array
        except Exception as error:
            raise DataError(
                f"{self}: {item_id}: stored data is damaged ({error}); "
                f"run `spam-pipe {self.stage} --overwrite`"
            ) from error
        return arrays


def root_json(description: Mapping[str, Any]) -> bytes:
    """Return the metadata of a store's root."""
    return group_json(sealed({"format": FORMAT, **description}))


def parse_record(content: bytes | None) -> Record | None:
    """Parse the bytes of a unit's `zarr.json`; None unless they are a complete record."""
    if content is None:
        return None
    try:
        found = json.loads(content)["attributes"][_ATTRIBUTE]
        if _is_as_sealed(content):
            del found[_SEAL]
        elif (found := _unsealed(found)) is None:
            return None
        record = Record(**found)
        return record if _is_plausible(record) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_plausible(record: Record) -> bool:
    """Say whether a record's parts are of the kinds that they should be: a store may be anybody's.

    What it names is read, and deleted once there is something newer, so no name leads elsewhere.
    """
    files = "/".join(record.files)
    return (
        len(record.attempt) < 40
        and record.attempt.isalnum()
        and isinstance(record.fingerprint, str)
        and isinstance(record.attributes, dict)
        and isinstance(record.provenance, dict)
        and ".." not in files
        and len(files) < 200 * (1 + len(record.files))
        and all(type(crc) is int for crc in record.files.values())
        and all(
            type(signature) is str and type(digest) is str
            for signature, digest in record.inputs.values()
        )
        and all(
            {"shape", "dtype", "crc32"} <= entry.keys() and "/" not in name
            for name, entry in record.arrays.items()
        )
    )


def digest_of(value: Any) -> str:
    """Return 16 hex digits that identify a JSON-serialisable value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]


def _pack(arrays: Arrays) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
    """Return what a record says of arrays, and the files of an attempt that hold them."""
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
            files |= _array_files(name, content)
    if offset:
        files |= _array_files(_PACKED, np.frombuffer(b"".join(packed), np.uint8))
    if files:
        files["zarr.json"] = group_json({})
    return entries, files


def _array_files(name: str, content: NDArray[Any]) -> dict[str, bytes]:
    """Return the files of a Zarr array.

    They are made in memory and then put as they are: zarr itself asks an object store several
    times whether something is there already.
    """
    import zarr
    from zarr.abc.buffer import Buffer
    from zarr.codecs import Crc32cCodec, ZstdCodec
    from zarr.storage import MemoryStore

    whole = content.nbytes <= _LARGEST_CHUNK
    edge = round(_CHUNK_ELEMENTS ** (1 / max(1, content.ndim)))
    chunks = tuple(max(1, length if whole else min(length, edge)) for length in content.shape)
    files: dict[str, Buffer] = {}
    zarr.create_array(
        MemoryStore(files),
        data=content,
        chunks=chunks,
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        config={"write_empty_chunks": True},
    )
    return {f"{name}/{key}": file.to_bytes() for key, file in files.items()}


def _check(array: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int, ...], crc: int) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{array.dtype} {array.shape} instead of {dtype} {shape}")
    content = np.ascontiguousarray(array)
    if (zlib.crc32(content.view(np.uint8).data) if content.size else 0) != crc:
        raise ValueError("checksum differs")


def sealed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's attributes: what is said, and its checksum."""
    return {_ATTRIBUTE: {**said, _SEAL: _checksum(said)}}


def _unsealed(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return what was said, None when it has changed since; early versions gave no checksum."""
    said = {key: value for key, value in found.items() if key != _SEAL}
    return said if found.get(_SEAL, 0) in {0, _checksum(said)} else None


def _is_as_sealed(content: bytes) -> bool:
    """Say whether the bytes are as they were put; planning asks this of millions of records."""
    said, _, seal = content.rpartition(_BEFORE_SEAL)
    if not said.startswith(_BEFORE_SAID):
        return False
    return seal == b"%d}}}" % zlib.crc32(said[len(_BEFORE_SAID) :] + b"}")


def _checksum(said: Mapping[str, Any]) -> int:
    """Return the CRC-32 of a value's JSON, which stays the same when it is read and written."""
    return zlib.crc32(json.dumps(said, allow_nan=False).encode())


def is_group_json(content: bytes) -> bool:
    """Say whether bytes are a group's metadata, to the last one as they were put."""
    try:
        node = json.loads(content)
        return isinstance(node, dict) and content == group_json(node["attributes"])
    except (ValueError, KeyError, RecursionError):
        return False


def group_json(attributes: Mapping[str, Any]) -> bytes:
    """Return the metadata of a Zarr group."""
    node = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return json.dumps(node, allow_nan=False).encode()


def _unit_path(item_id: str, unit: Unit) -> str:
    encoded = group_name(item_id)
    return encoded if unit is None else f"{encoded}/{unit}"


def group_name(item_id: str) -> str:
    """Percent-encode an id into one group name that no file system or Zarr takes amiss."""
    name = quote(item_id, safe=" ()+,=@")
    if name[:1] in {".", "_", " "} or name == "zarr.json":
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > 200:
        name = f"{name[:160]}~{sha256(item_id.encode()).hexdigest()[:16]}"
    return name


_BEFORE_SAID = group_json({_ATTRIBUTE: {}}).removesuffix(b"{}}}")
_BEFORE_SEAL = b', "%s": ' % _SEAL.encode()
