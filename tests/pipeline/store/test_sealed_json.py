"""What is said of a group comes back as it was said, or not at all."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spam_pipe.pipeline.store.sealed_json import group_json, is_group_json, said_in, sealed_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
PLAIN = PLAIN.filter(lambda value: value not in {float("inf"), float("-inf")})
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
SAID = st.dictionaries(TEXT.filter(lambda key: key != "checksum"), VALUES, min_size=1, max_size=4)


@given(SAID)
def test_what_is_said_comes_back_to_the_last_bit(said: dict[str, Any]) -> None:
    content = sealed_json(said)
    assert is_group_json(content)
    assert json.dumps(said_in(content)) == json.dumps(said)


@given(SAID, st.data())
def test_of_changed_metadata_nothing_is_believed(said: dict[str, Any], data: st.DataObject) -> None:
    content = sealed_json(said)
    at = data.draw(st.integers(0, content.rindex(b', "checksum"') - 1))
    changed = bytearray(content)
    changed[at] ^= data.draw(st.integers(1, 255))
    assert said_in(bytes(changed)) in (None, said)


def test_another_program_says_nothing() -> None:
    assert said_in(group_json({})) is None
    assert said_in(b"[]") is None
    assert said_in(b"[" * 100_000) is None
