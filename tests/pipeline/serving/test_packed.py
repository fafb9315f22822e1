"""The binary format: what is packed is unpacked, as FORMATS.md says it byte by byte."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from spam_pipe.pipeline.serving.packed import pack, unpack

KINDS = st.sampled_from(["uint8", "uint16", "uint32", "int32", "float32"])


@given(KINDS.flatmap(lambda kind: arrays(kind, array_shapes(max_dims=3, max_side=9))))
def test_arrays_come_back(values: np.ndarray) -> None:
    found, facts = unpack(pack({"a": values, "b": values[..., :1]}, {"n": 3}))
    np.testing.assert_array_equal(found["a"], values)
    np.testing.assert_array_equal(found["b"], values[..., :1])
    assert found["a"].dtype == values.dtype
    assert facts == {"n": 3}


def test_the_bytes_are_those_of_the_document() -> None:
    labels = np.array([[1, 2], [1, 3]], np.uint16)
    content = pack({"labels": labels})
    assert content[:4] == b"SPX1"
    length = int.from_bytes(content[4:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header["facts"] == {}
    (described,) = header["arrays"]
    assert described["filter"] == "up"
    assert described["shape"] == [2, 2]
    body = zlib.decompress(content[8 + length :])
    assert body == bytes([1, 0, 2, 0, 0, 0, 1, 0])


@pytest.mark.parametrize("cut", [0, 3, 7, 20])
def test_what_is_no_message_is_refused(cut: int) -> None:
    content = pack({"a": np.arange(5, dtype=np.int32)})
    with pytest.raises(ValueError, match="packed arrays"):
        unpack(content[:cut])


def test_other_types_do_not_travel() -> None:
    with pytest.raises(ValueError, match="float64"):
        pack({"a": np.zeros(3)})
