"""The metadata of Zarr groups, with our statements under a checksum of their own."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

ATTRIBUTE = "spam_pipe"
"""Name of the attribute that holds our statements on a group."""

_SEAL = "checksum"


def group_json(attributes: Mapping[str, Any]) -> bytes:
    """Return the metadata of a Zarr group."""
    node = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return json.dumps(node, allow_nan=False).encode()


def is_group_json(content: bytes) -> bool:
    """Say whether bytes are a group's metadata, to the last one as they were put."""
    try:
        node = json.loads(content)
        return isinstance(node, dict) and content == group_json(node["attributes"])
    except (ValueError, KeyError, RecursionError):
        return False


def sealed_json(said: Mapping[str, Any]) -> bytes:
    """Return the metadata of a group with statements and their checksum."""
    text = json.dumps(said, allow_nan=False).encode()
    return _BEFORE_SAID + text[:-1] + _BEFORE_SEAL + b"%d}}}" % zlib.crc32(text)


def said_in(content: bytes) -> dict[str, Any] | None:
    """Return the statements in a group's metadata; None without any, or if they have changed."""
    try:
        found = from_json(content)["attributes"][ATTRIBUTE]  # half the time of `json.loads`
        if not _is_as_sealed(content):
            return unsealed(found)
        del found[_SEAL]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return dict(found)


def unsealed(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the statements; None if they have changed since, or have no checksum."""
    said = {key: value for key, value in found.items() if key != _SEAL}
    checksum = zlib.crc32(json.dumps(said, allow_nan=False).encode())
    return said if found.get(_SEAL) == checksum else None


def _is_as_sealed(content: bytes) -> bool:
    """Say whether the bytes are as they were put; planning asks this of millions of records."""
    said, _, seal = content.rpartition(_BEFORE_SEAL)
    if not said.startswith(_BEFORE_SAID):
        return False
    return seal == b"%d}}}" % zlib.crc32(said[len(_BEFORE_SAID) :] + b"}")


_BEFORE_SAID = group_json({ATTRIBUTE: {}}).removesuffix(b"{}}}")
_BEFORE_SEAL = b', "%s": ' % _SEAL.encode()
