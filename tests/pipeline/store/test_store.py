"""A store's units are complete or absent, and damage is found."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import zarr

from spam_pipe.pipeline.errors import DataError, UserError
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.store.sealed_json import sealed_json
from spam_pipe.pipeline.store.store import FORMAT, Store
from spam_pipe.stages.base import Count, Output

LABELS = np.arange(35, dtype=np.uint16).reshape(5, 7)
OUTPUT = Output(
    {
        "labels": LABELS,
        "parents": np.array([2, 2, 2], np.int32),
        "altitudes": np.array([0, 0, 0.5], np.float32),
        "empty": np.zeros(0, np.int64),
    },
    {"n_superpixels": 35, "note": "a «note»"},
)


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    location = str(tmp_path) if request.param == "local" else f"memory://{tmp_path}"
    made = Store(open_folder(location).child("run"), "segment-0123abcd.zarr")
    made.prepare({"stage": "segment", "configs": {}})
    return made


def put(store: Store, item: str = "a/b", unit: Count = 100, output: Output = OUTPUT) -> None:
    store.write(
        item,
        unit,
        output,
        fingerprint="f00d",
        inputs={"image": ("1:2", "ab")},
        provenance={"seconds": 0.5},
    )


@pytest.mark.parametrize("unit", [100, None])
def test_what_is_written_is_read_back(store: Store, unit: Count) -> None:
    put(store, unit=unit)
    record, output = store.read("a/b", unit)
    assert record.fingerprint == "f00d"
    assert list(record.inputs["image"]) == ["1:2", "ab"]
    assert output.attributes == OUTPUT.attributes
    assert output.arrays.keys() == OUTPUT.arrays.keys()
    for name, array in OUTPUT.arrays.items():
        np.testing.assert_array_equal(output.arrays[name], array)
        assert output.arrays[name].dtype == array.dtype


def test_units_and_items_are_apart(store: Store) -> None:
    put(store, "a", 100)
    assert store.record("a", 400) is None
    assert store.record("b", 100) is None
    with pytest.raises(DataError, match="is not complete"):
        store.read("a", 400)


@pytest.mark.parametrize(
    "item",
    ["../up", "..", ".", "__x", "zarr.json", "a%2Fb", "ü/ß ñ", "x" * 400, "-rf", "a\nb", "c"],
)
def test_any_id_is_one_group_inside_the_store(store: Store, item: str) -> None:
    put(store, item)
    put(store, "other")
    _, output = store.read(item, 100)
    np.testing.assert_array_equal(output.arrays["labels"], LABELS)
    assert len(store.run.names(store.name)) == 3  # zarr.json and two groups


def test_it_is_a_zarr_hierarchy_that_others_can_read(store: Store) -> None:
    put(store)
    root = zarr.open_group(store.run.zarr_store(store.name, read_only=True), mode="r")
    item = root["a%2Fb"]
    assert isinstance(item, zarr.Group)
    unit = item["100"]
    attempt = unit.attrs["spam_pipe"]["attempt"]  # type: ignore[index, call-overload]
    labels = root[f"a%2Fb/100/{attempt}/labels"]
    assert isinstance(labels, zarr.Array)
    np.testing.assert_array_equal(labels[...], LABELS)
    assert labels.chunks == LABELS.shape
    assert "crc32c" in str(labels.metadata.to_dict()["codecs"])


def test_a_second_attempt_replaces_the_first(store: Store) -> None:
    put(store)
    put(store, output=Output({"labels": LABELS + 1}))
    _, output = store.read("a/b", 100)
    np.testing.assert_array_equal(output.arrays["labels"], LABELS + 1)
    assert len(store.run.names(f"{store.name}/a%2Fb/100")) == 2  # zarr.json and one attempt


def test_an_attempt_without_a_record_counts_for_nothing(store: Store) -> None:
    put(store)
    store.run.delete(store.record_key("a/b", 100))
    assert store.record("a/b", 100) is None
    put(store)
    assert store.record("a/b", 100) is not None


def test_a_lost_chunk_is_found(tmp_path: Path) -> None:
    store = Store(open_folder(str(tmp_path)), "segment-0.zarr")
    put(store)
    (chunk,) = tmp_path.glob("**/labels/c/0/0")
    chunk.unlink()
    with pytest.raises(DataError, match=r"a/b: stored data is damaged .*--overwrite"):
        store.read("a/b", 100)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    store = Store(open_folder(str(tmp_path)), "segment-0.zarr")
    put(store)
    (chunk,) = tmp_path.glob("**/labels/c/0/0")
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        store.read("a/b", 100)


def test_a_torn_record_is_no_record(store: Store) -> None:
    put(store)
    key = store.record_key("a/b", 100)
    content = store.run.read(key)
    assert content is not None
    store.run.write(key, content[: len(content) // 2])
    assert store.record("a/b", 100) is None


def test_a_record_that_changed_since_is_no_record(store: Store) -> None:
    put(store)
    key = store.record_key("a/b", 100)
    content = store.run.read(key)
    assert content is not None
    changed = content.replace(b'"n_superpixels": 35', b'"n_superpixels": 37')
    assert changed != content
    store.run.write(key, changed)
    assert store.record("a/b", 100) is None


def test_a_record_without_a_checksum_is_none(store: Store) -> None:
    put(store)
    key = store.record_key("a/b", 100)
    node = json.loads(store.run.read(key) or b"")
    del node["attributes"]["spam_pipe"]["checksum"]
    store.run.write(key, json.dumps(node).encode())
    assert store.record("a/b", 100) is None


def test_a_record_lists_the_checksums_of_its_files(store: Store) -> None:
    put(store)
    record = store.record("a/b", 100)
    assert record is not None
    path = f"{store.name}/a%2Fb/100/{record.attempt}"
    found = {key: zlib.crc32(store.run.read(f"{path}/{key}") or b"") for key in record.files}
    assert found == record.files
    assert set(found) == {
        "zarr.json",
        "labels/zarr.json",
        "labels/c/0/0",
        "packed/zarr.json",
        "packed/c/0",
    }


@pytest.mark.parametrize("change", [b"", b"{", b'"configs": {"segment": {}}'])
def test_a_damaged_root_is_told_and_written_anew(store: Store, change: bytes) -> None:
    key = store.root_key
    content = store.run.read(key)
    assert content is not None
    if len(change) > 1:
        change = content.replace(b'"configs": {}', change)
    assert change != content
    store.run.write(key, change)
    with pytest.raises(UserError, match="damaged; run `spam-pipe verify --repair`"):
        store.describe()
    store.prepare({"stage": "segment", "configs": {}})
    assert store.run.read(key) == content


def test_a_store_of_another_program_is_refused(store: Store) -> None:
    store.run.write(f"{store.name}/zarr.json", b'{"zarr_format": 3, "node_type": "group"}')
    with pytest.raises(UserError, match="not a store of spam-pipe"):
        store.prepare({})


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    store.run.write(f"{store.name}/zarr.json", sealed_json({"format": FORMAT + 1}))
    with pytest.raises(UserError, match="newer spam-pipe"):
        store.prepare({})
