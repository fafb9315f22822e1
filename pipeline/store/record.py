"""The record of a complete unit: its facts, known without reading its arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spam_pipe.pipeline.store.sealed_json import said_in


@dataclass(frozen=True)
class Record:
    """The facts of a complete unit, known without reading its arrays."""

    attempt: str  # name of the sub-group that holds the arrays
    # hash of stage, version, config, inputs and upstream: all that decides the result
    fingerprint: str
    # signature and digest of each part of the item that was read
    inputs: Mapping[str, Sequence[str]]
    # shape, dtype and CRC-32 of every array, and where it lies if it is packed
    arrays: Mapping[str, Mapping[str, Any]]
    attributes: Mapping[str, Any]  # the stage's attributes of the unit
    provenance: Mapping[str, Any]  # versions, device, seconds
    files: Mapping[str, int]  # CRC-32 of every file of the attempt, by its key below it


def parse_record(content: bytes | None) -> Record | None:
    """Parse the bytes of a unit's `zarr.json`; None unless they are a complete record."""
    if content is None:
        return None
    try:
        said = said_in(content)
        record = None if said is None else Record(**said)
        return record if record is not None and _is_plausible(record) else None
    except (TypeError, AttributeError, ValueError):
        return None


def _is_plausible(record: Record) -> bool:
    """Say whether a record's parts have the right types: a store may come from anywhere.

    Files that it names are read, and deleted when outdated: no name may lead out of the unit.
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
