"""Arrays of large images: stored in chunks, exported in tiles."""

import io
from pathlib import Path

import numpy as np
import tifffile
import zarr

from spam_pipe.pipeline.exporting.label_files import encode_labels
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.pipeline.store.store import Store
from spam_pipe.stages.base import Output


def test_large_arrays_are_stored_in_chunks_of_four_megabytes_at_most(tmp_path: Path) -> None:
    labels = np.zeros((4100, 4200), np.uint32)
    labels[2000:, 3000:] = 7
    counts = np.arange(17_000_000, dtype=np.uint32)
    store = Store(LocalFolder(tmp_path), "segment-0.zarr")
    store.prepare({})
    arrays = {"labels": labels, "counts": counts}
    record = store.write("a", 1, Output(arrays), fingerprint="", inputs={}, provenance={})
    group = zarr.open_group(tmp_path / "segment-0.zarr" / "a" / "1" / record.attempt, mode="r")
    chunks = {name: array.chunks for name, array in group.arrays()}
    assert chunks == {"labels": (1024, 1024), "packed": (2**20,)}
    _, output = store.read("a", 1)
    assert np.array_equal(output.arrays["labels"], labels)
    assert np.array_equal(output.arrays["counts"], counts)


def test_large_label_maps_become_tiled_tiffs() -> None:
    labels = np.arange(2001 * 2001, dtype=np.int32).reshape(2001, 2001) // 50
    content = encode_labels(labels, "tiff")
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        (page,) = file.pages
        assert page.is_tiled
        assert (page.tilelength, page.tilewidth) == (512, 512)
        assert np.array_equal(page.asarray(), labels)
    with tifffile.TiffFile(io.BytesIO(encode_labels(labels[:100], "tiff"))) as file:
        assert not file.pages[0].is_tiled
