"""Files made to do harm: refused in one line, and nothing of what they state is allocated."""

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import numcodecs
import numpy as np
import pytest
import scipy.io
import tifffile
import torch

from spam_pipe.pipeline.commands.look import show_status
from spam_pipe.pipeline.commands.teller import Teller, states_table
from spam_pipe.pipeline.configuration.run_config import parse_assignment, read_toml, resolve
from spam_pipe.pipeline.datasets.folder import item_ids
from spam_pipe.pipeline.datasets.guards.mat_content import load_mat
from spam_pipe.pipeline.datasets.guards.tiff_segments import check_segments
from spam_pipe.pipeline.datasets.images.bands import Reading
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.datasets.images.ome_zarr import read_ome_zarr
from spam_pipe.pipeline.datasets.user_files.label_file import LabelFile
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError, one_line, printable
from spam_pipe.pipeline.fetching import archives
from spam_pipe.pipeline.fetching.archives import unpack
from spam_pipe.pipeline.runs.failures import FailedItem, Failures
from spam_pipe.pipeline.store.folder import LocalFolder, require_writable
from spam_pipe.pipeline.store.record import parse_record
from spam_pipe.pipeline.store.sealed_json import sealed_json
from spam_pipe.pipeline.sweeping.sweep_file import read_sweep
from spam_pipe.stages.csv_cells import inert, original
from spam_pipe.stages.networks.pickled_tensors import CodeInsteadOfTensorsError, load_pickled
from tests.fuzz.seeds.received import RUN, write_received
from tests.fuzz.seeds.runs import write_store

MEGABYTE = 2**20


@pytest.fixture
def peak():
    """Give a function that says how many bytes Python has allocated at most since the start."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def mat(values, **options):
    content = io.BytesIO()
    scipy.io.savemat(content, values, **options)
    return bytearray(content.getvalue())


def test_a_mat_file_deeper_than_the_stack():
    inner = struct.pack("<II", 14, 0)
    for _ in range(2000):
        flags = struct.pack("<4I", 6, 8, 1, 0)
        shape = struct.pack("<IIii", 5, 8, 1, 1)
        data = flags + shape + struct.pack("<II", 1, 0) + inner
        inner = struct.pack("<II", 14, len(data)) + data
    header = bytes(mat({"a": np.ones(2)})[:128])
    with pytest.raises(ValueError, match="deep"):
        load_mat(header + inner)


def test_a_mat_file_that_unpacks_to_gigabytes(peak):
    pack = zlib.compressobj(9)
    zeros = b"".join(pack.compress(bytes(MEGABYTE)) for _ in range(400)) + pack.flush()
    content = bytes(mat({"a": np.ones(2)})[:128]) + struct.pack("<II", 15, len(zeros)) + zeros
    assert len(content) < MEGABYTE
    with pytest.raises(ValueError, match="unpacks to more"):
        load_mat(content)
    assert peak() < 600 * MEGABYTE


@pytest.mark.parametrize("kind", [0, 8, 14, 15, 200, 60000])
def test_a_mat_file_with_a_type_that_is_none(kind):
    content = mat({"a": np.ones((3, 5))})
    data = 128 + 8 + 16 + 16 + 8  # header, tag, flags, size, name
    assert content[data] == 9  # doubles
    content[data : data + 4] = struct.pack("<I", kind)
    with pytest.raises(ValueError, match="holds"):
        load_mat(bytes(content))


@pytest.mark.parametrize("sides", [(2**30, 1), (-1, 3), (2**31 - 1, 2**31 - 1)])
def test_a_mat_file_with_more_cells_than_bytes(sides):
    cell = np.empty((1, 2), object)
    cell[0, 0] = cell[0, 1] = np.ones(2)
    content = mat({"a": cell})
    content[128 + 8 + 16 + 8 : 128 + 8 + 16 + 16] = struct.pack("<ii", *sides)
    with pytest.raises(ValueError, match="holds"):
        load_mat(bytes(content))


def test_a_zarr_2_image_whose_filter_unpickles(tmp_path):
    folder = tmp_path / "a.zarr"
    (folder / "0").mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    image = {"multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "0"}]}]}
    (folder / ".zattrs").write_text(json.dumps(image))
    array = {"zarr_format": 2, "shape": [4, 4], "chunks": [4, 4], "dtype": "|u1", "order": "C"}
    array |= {"fill_value": 0, "compressor": None, "filters": [{"id": "pickle"}]}
    (folder / "0" / ".zarray").write_text(json.dumps(array))
    (folder / "0" / "0.0").write_bytes(pickle.dumps(np.zeros((4, 4), np.uint8)))
    with pytest.raises(DataError, match=r"not an OME-Zarr image.*pickle"):
        read_ome_zarr(folder, Reading(), None)


def test_an_npy_header_larger_than_the_file(tmp_path, peak):
    np.save(tmp_path / "a.npy", np.ones((4, 4)))
    content = (tmp_path / "a.npy").read_bytes()
    stated = content.replace(b"(4, 4), }" + b" " * 8, b"(40000, 40000), }")
    assert stated != content
    (tmp_path / "a.npy").write_bytes(stated)
    with pytest.raises(DataError, match="not a plain npy array"):
        LabelFile(tmp_path / "a.npy").read()
    assert peak() < 10 * MEGABYTE


def test_a_tiff_segment_that_unpacks_to_more_than_is_stated(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 40), np.uint8), compression="zlib")
    pack = zlib.compressobj(9)
    zeros = b"".join(pack.compress(bytes(MEGABYTE)) for _ in range(280)) + pack.flush()
    end = path.stat().st_size
    with path.open("ab") as file:
        file.write(zeros)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        check_segments(page, path)
        page.dataoffsets, page.databytecounts = (end,), (len(zeros),)
        with pytest.raises(DataError, match="unpacks to more than it says"):
            check_segments(page, path)


def test_a_program_for_ghostscript_that_is_called_a_png(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    for source in (ImageFile(path), LabelFile(path)):
        with pytest.raises(DataError, match="that can be read"):
            source.read()


def tar_with(**fields):
    member = tarfile.TarInfo("a.txt")
    for name, value in fields.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(10240)


def test_a_tar_of_headers_alone_that_unpacks_to_gigabytes(tmp_path, peak):
    header = tar_with(type=tarfile.XHDTYPE, size=2**31)[:512]
    with gzip.open(tmp_path / "a.tgz", "wb") as file:
        file.write(header + bytes(4 * MEGABYTE))
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="header of"):
        unpack(tmp_path / "a.tgz", tmp_path / "in", MEGABYTE)
    assert peak() < 10 * MEGABYTE


def test_a_tar_that_gives_bytes_back(tmp_path):
    (tmp_path / "a.tar").write_bytes(tar_with(size=-512))
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=r"a\.tar"):
        unpack(tmp_path / "a.tar", tmp_path / "in", MEGABYTE)


def test_a_zip_that_unpacks_with_any_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a", "content")
    with pytest.raises(DataError, match=r"a\.zip: is packed by LZMA; pack it with deflate"):
        unpack(tmp_path / "a.zip", tmp_path / "in", MEGABYTE)


def test_a_zip_with_an_endless_list(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(200):
            file.writestr(f"{number}.txt", "")
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(archives, "_ZIP_ENTRY", 10)
    with pytest.raises(DataError, match="holds more than"):
        unpack(tmp_path / "a.zip", tmp_path / "in", MEGABYTE, 100)


class Surprise:
    def __reduce__(self):
        return print, ("never",)


def test_checkpoints(tmp_path, capsys):
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(3)}, path)
    assert load_pickled(path)["a"].shape == (3,)
    torch.save({"a": Surprise()}, path)
    with pytest.raises(CodeInsteadOfTensorsError, match="never run"):
        load_pickled(path)
    torch.save({"a": torch.zeros(1).expand(10**9)}, path)
    with pytest.raises(ValueError, match="tensors without data"):
        load_pickled(path)
    torch.save({"a": torch.zeros(3000)}, path)
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(tmp_path / "b.pth", "w", 8) as packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    with pytest.raises(ValueError, match="not a whole PyTorch file"):
        load_pickled(tmp_path / "b.pth")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100 + "]" * 100, "a." * 100 + "b = 1", "a = " + "9" * 5000]
)
def test_toml_that_is_too_much(text):
    with pytest.raises(ConfigError, match=r"nested|not valid"):
        read_toml(text, "a.toml")


def test_options():
    with pytest.raises(ConfigError, match="nested"):
        parse_assignment("a." * 100 + "b=1")
    for value in ("inf", "nan", "-inf"):
        with pytest.raises(ConfigError, match=r"segment\.compactness"):
            resolve([parse_assignment(f"segment.compactness={value}")])


def test_a_sweep_of_too_many_points(tmp_path):
    path = tmp_path / "a.toml"
    axis = f'[[axis]]\nkey = "segment.seed"\nvalues = {list(range(1000))}\n'
    path.write_text(axis * 4)
    with pytest.raises(ConfigError, match="a grid of 1000000000000 points"):
        read_sweep(str(path))


def test_what_a_terminal_would_obey():
    assert one_line("a\x1b]0;b\x07 \n c") == r"a\x1b]0;b\x07 c"
    assert printable("a\tb\nc \udcff é") == "a\tb\nc \\udcff é"
    assert len(one_line("x" * 10**6)) < 1100


@pytest.mark.parametrize("text", ["=1+1", "+a", "-rf", "@SUM(A1)", "\tx", "\r=1"])
def test_cells_that_spreadsheets_would_compute(text):
    assert inert(text) == "'" + text
    assert original(inert(text)) == text


@pytest.mark.parametrize("text", ["", "a", "-01", "+1.5", "'quoted'", "a=b", "-1e5"])
def test_cells_that_stay_as_they_are(text):
    assert inert(text) == text
    assert original(text) == text


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="is a pipe or a device"):
        ImageFile(tmp_path / "a.png").signature()


def test_names_that_are_no_utf_8_have_ids_that_are():
    assert item_ids(["\udcff.png", "é/a.png"]) == {"\udcff.png": r"\xff", "é/a.png": "é/a"}


def test_ids_without_what_a_terminal_obeys():
    names = ["\x1b[2J.png", "a\nb.png", "\u202egnp.png", "\x9b1m.png", "a\xa0b.png", "👩‍🚀.png"]
    ids = item_ids(names)
    assert [*ids.values()] == [
        *(r"\x1b[2J", r"a\nb", r"\u202egnp", r"\x9b1m"),
        *("a\xa0b", "👩‍🚀"),
    ]


def test_a_tiff_whose_segment_is_larger_than_the_file(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((40, 40), np.uint8))
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        page.databytecounts = (2**32 - 1,)
        with pytest.raises(DataError, match="parts larger than the file"):
            check_segments(page, path)


def test_an_option_that_is_no_utf_8():
    with pytest.raises(ConfigError, match="not in UTF-8"):
        resolve([{"propose": {"source": "none\udcff"}}])


@pytest.fixture
def linked(tmp_path):
    """Give a run's folder with a store in which an item is a link to somebody's documents."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "x.txt").write_text("precious")
    run = LocalFolder(tmp_path / "run")
    run.write("segment-1.zarr/zarr.json", b"")
    (run.root / "segment-1.zarr" / "a").symlink_to(tmp_path / "documents")
    return run


def test_nothing_behind_a_link_inside_of_a_store_is_deleted(linked, tmp_path):
    with pytest.raises(UserError, match="is a link"):
        linked.delete("segment-1.zarr/a/x.txt")
    linked.delete("segment-1.zarr/a")
    assert not (linked.root / "segment-1.zarr" / "a").exists()
    assert (tmp_path / "documents" / "x.txt").read_text() == "precious"


def test_a_store_may_be_kept_elsewhere(linked):
    linked.root.joinpath("segment-1.zarr").rename(linked.root / "elsewhere")
    linked.root.joinpath("segment-1.zarr").symlink_to(linked.root / "elsewhere")
    linked.delete("segment-1.zarr/zarr.json")
    assert not (linked.root / "elsewhere" / "zarr.json").exists()


def test_nothing_is_appended_through_a_link(linked, tmp_path):
    (linked.root / "events.csv").symlink_to(tmp_path / "documents" / "x.txt")
    with pytest.raises(OSError, match=r"events\.csv"):
        linked.append("events.csv", b"1\n", b"time\n")
    assert (tmp_path / "documents" / "x.txt").read_text() == "precious"


def test_nothing_is_exported_into_a_store(linked):
    with pytest.raises(UserError, match="inside of a Zarr store"):
        require_writable(linked.child("segment-1.zarr/export"))


@pytest.mark.parametrize(
    "changed",
    [
        {"attempt": "../../../documents"},
        {"attempt": "x" * 300},
        {"attempt": 5},
        {"files": {"../../x": 1}},
        {"files": {"labels/c/0/0": "1"}},
        {"files": {"x" * 1000: 1}},
        {"inputs": {"image": "abc"}},
        {"inputs": [1]},
        {"arrays": {"labels": {}}},
        {"arrays": {"../x": {"shape": [1], "dtype": "<u2", "crc32": 0}}},
        {"attributes": [], "fingerprint": "f"},
        {"provenance": None},
    ],
)
def test_a_sealed_record_of_other_things_is_none(tmp_path, changed):
    _, record = write_store(LocalFolder(tmp_path))
    assert parse_record(sealed_json(vars(record))) == record
    assert parse_record(sealed_json(vars(record) | changed)) is None


def tampered(store, record, change):
    """Seal a record and an array's metadata again after they were changed."""
    root = store.run.root / store.name / "item"
    path = root / record.attempt / "labels" / "zarr.json"
    metadata, said = json.loads(path.read_text()), json.loads(json.dumps(vars(record)))
    change(metadata, said)
    path.write_text(json.dumps(metadata))
    (root / "zarr.json").write_bytes(sealed_json(said))
    with pytest.raises(DataError, match="stored data is damaged"):
        store.read("item", None)


def test_a_stored_array_that_states_to_be_huge(tmp_path, peak):
    def change(metadata, said):
        metadata["shape"] = said["arrays"]["labels"]["shape"] = [20_000, 20_000]

    tampered(*write_store(LocalFolder(tmp_path)), change)
    assert peak() < 100 * MEGABYTE


def test_a_stored_array_of_more_chunks_than_there_are(tmp_path):
    def change(metadata, said):
        metadata["shape"] = said["arrays"]["labels"]["shape"] = [18, 7]
        said["files"] = {}

    tampered(*write_store(LocalFolder(tmp_path)), change)


def test_a_stored_array_in_other_codecs(tmp_path):
    def change(metadata, said):
        metadata["codecs"] = [{"name": "bytes", "configuration": {"endian": "little"}}]

    tampered(*write_store(LocalFolder(tmp_path)), change)


def test_a_stored_chunk_that_is_a_bomb(tmp_path):
    store, record = write_store(LocalFolder(tmp_path))
    frame = numcodecs.zstd.compress(bytes(300 * MEGABYTE), 1)
    chunk = store.run.root / store.name / "item" / record.attempt / "labels" / "c" / "0" / "0"
    chunk.write_bytes(bytes(numcodecs.CRC32C(location="end").encode(frame)))
    with pytest.raises(DataError, match="stored data is damaged"):
        store.read("item", None)


def test_status_shows_no_command_to_a_terminal(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    write_received(tmp_path, "images/a.png", b"{}")
    failed = FailedItem("segment", "\x1b[2J", "DataError", "x\x1b[31m\ny", "segment-1.zarr")
    failures = Failures(LocalFolder(tmp_path / "outputs" / RUN))
    failures.record(failed)
    failures.save()
    show_status("outputs", None, None, as_json=False)
    printed, complained = capfd.readouterr()
    assert r"\x1b[2J: segment failed: x\x1b[31m y" in complained
    assert "\x1b" not in printed + complained


def test_a_folder_called_as_markup(tmp_path, capfd):
    teller = Teller()
    teller.show(states_table(f"run ({tmp_path}/[/red])", {}))
    assert "[/red]" in capfd.readouterr().out
