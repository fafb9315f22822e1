"""Fetching from a real server on this machine: whole, verified and unpacked safely, or nothing."""

import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest

from spam_pipe.pipeline.datasets import open_dataset
from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.fetching import assets
from spam_pipe.pipeline.fetching.archives import unpack
from spam_pipe.pipeline.fetching.assets import MARKER, fetch_dataset
from spam_pipe.pipeline.fetching.download import download

Member = tuple[str, bytes]
BSD_MEMBERS: list[Member] = [
    ("BSR/BSDS500/data/images/test/7.jpg", b"a picture"),
    ("BSR/BSDS500/data/groundTruth/test/7.mat", b"its ground truth"),
]


def make_tar(members: list[Member], *special: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in special:
            tar.addfile(info)
    return buffer.getvalue()


def make_link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def make_zip(members: list[Member]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


class Server:
    """An HTTP server whose files a test puts in; `cut` breaks a body off half-way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                whole = self.path not in outer.cut
                self.wfile.write(content if whole else content[: len(content) // 2])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def put(self, name: str, content: bytes, *, cut: bool = False) -> str:
        """Serve a file and return its URL."""
        self.files[f"/{name}"] = content
        (self.cut.add if cut else self.cut.discard)(f"/{name}")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fetch(tmp_path: Path, said: list[str]) -> Callable[..., Path]:
    """Fetch ``bsd`` into the test's data folder."""

    def call(url: str, **options: object) -> Path:
        name = str(options.pop("name", "bsd"))
        return fetch_dataset(name, tmp_path / "data", url=url, say=said.append, **options)

    return call


def assert_nothing_left(tmp_path: Path) -> None:
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("BSR.tgz", make_tar(BSD_MEMBERS)),
        ("BSR.tar", make_tar(BSD_MEMBERS, mode="w")),
        ("BSR.zip", make_zip(BSD_MEMBERS)),
    ],
)
def test_fetched_dataset_is_found_by_its_loader(
    server: Server,
    fetch: Callable[..., Path],
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: bytes,
) -> None:
    folder = fetch(server.put(name, content), sha256=sha256(content).hexdigest())
    assert folder == tmp_path / "data" / "bsd"
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "data"))
    (item,) = open_dataset("bsd").items("test")
    assert item.image.path.read_bytes() == b"a picture"
    assert item.annotations.path.read_bytes() == b"its ground truth"
    assert json.loads((folder / MARKER).read_text())["checked"] is True
    assert said == [f"bsd: in {folder}"]
    assert [path.name for path in folder.parent.iterdir()] == ["bsd"]


def test_an_unknown_hash_is_never_passed_over_in_silence(
    server: Server, fetch: Callable[..., Path], said: list[str]
) -> None:
    content = make_tar(BSD_MEMBERS)
    folder = fetch(server.put("unknown.tgz", content))
    assert "NOT verified" in said[0]
    assert sha256(content).hexdigest() in said[0]
    assert "\n" not in said[0]
    record = json.loads((folder / MARKER).read_text())
    assert (record["checked"], record["sha256"]) == (False, sha256(content).hexdigest())


def test_wrong_hash(server: Server, fetch: Callable[..., Path], tmp_path: Path) -> None:
    url = server.put("other.tgz", make_tar(BSD_MEMBERS))
    with pytest.raises(DataError, match=f"has SHA-256 .*, not {'0' * 64}; nothing was kept"):
        fetch(url, sha256="0" * 64)
    assert_nothing_left(tmp_path)


def test_interrupted_download_then_a_whole_one(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).bytes(400_000)
    content = make_tar([*BSD_MEMBERS, ("BSR/noise", noise)])
    url = server.put("cut.tgz", content, cut=True)
    with pytest.raises(DataError, match=r"cut\.tgz: (could not be downloaded|broke off)"):
        fetch(url)
    assert_nothing_left(tmp_path)
    server.put("cut.tgz", content)
    assert (fetch(url) / "BSR" / "noise").read_bytes() == noise


def test_interrupted_download_of_a_plain_file(server: Server, tmp_path: Path) -> None:
    url = server.put("cut.bin", bytes(100_000), cut=True)
    with pytest.raises(DataError, match=r"cut\.bin"):
        download(url, tmp_path / "file", max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_was_cut_before_it_was_served(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    content = make_tar([*BSD_MEMBERS, ("BSR/noise", np.random.default_rng(0).bytes(50_000))])
    with pytest.raises(DataError, match=r"half\.tgz: cannot be unpacked .*fetch it again"):
        fetch(server.put("half.tgz", content[: len(content) // 2]))
    assert_nothing_left(tmp_path)


def test_a_whole_folder_is_not_fetched_again(
    server: Server, fetch: Callable[..., Path], said: list[str]
) -> None:
    url = server.put("once.tgz", make_tar(BSD_MEMBERS))
    assert fetch(url) == fetch(url)
    assert server.requests.count("/once.tgz") == 1
    assert "already in" in said[-1]


def test_a_folder_of_the_users_own_is_left_alone(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "data" / "bsd").mkdir(parents=True)
    with pytest.raises(DataError, match="was not fetched by spam-pipe; move it away"):
        fetch(server.put("mine.tgz", make_tar(BSD_MEMBERS)))
    assert "/mine.tgz" not in server.requests


@pytest.mark.parametrize(
    "content",
    [
        make_tar([*BSD_MEMBERS, ("../outside", b"x")]),
        make_tar([("BSR/../../outside", b"x")]),
        make_tar(BSD_MEMBERS, make_link("BSR/link", "../../outside")),
        make_tar(BSD_MEMBERS, make_link("BSR/link", "/etc/passwd")),
        make_tar(BSD_MEMBERS, make_link("BSR/link", "../outside", tarfile.LNKTYPE)),
        make_zip([*BSD_MEMBERS, ("../outside", b"x")]),
        make_zip([("/outside", b"x")]),
        make_zip([("..\\outside", b"x")]),
    ],
    ids=["..", "inner ..", "symlink", "absolute symlink", "hard link", "zip ..", "zip /", "zip \\"],
)
def test_what_leads_outside_is_refused(
    server: Server, fetch: Callable[..., Path], tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(DataError, match=r"evil: is not safe to unpack"):
        fetch(server.put("evil", content))
    assert_nothing_left(tmp_path)
    assert not list(tmp_path.rglob("outside"))


def test_absolute_paths_in_a_tar_stay_inside(tmp_path: Path) -> None:
    archive, folder = tmp_path / "a.tar", tmp_path / "folder"
    folder.mkdir()
    archive.write_bytes(make_tar([(f"{tmp_path}/absolute", b"x")]))
    unpack(archive, folder, 1000)
    assert not (tmp_path / "absolute").exists()
    assert [path.read_bytes() for path in folder.rglob("absolute")] == [b"x"]


def test_links_inside_are_left_out_and_never_written_through(tmp_path: Path) -> None:
    archive, folder = tmp_path / "a.tar", tmp_path / "folder"
    folder.mkdir()
    archive.write_bytes(make_tar([("a/file", b"x")], make_link("b", "a"), make_link("c", "a/file")))
    unpack(archive, folder, 1000)
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "file"]


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_bombs(tmp_path: Path, make: Callable[[list[Member]], bytes]) -> None:
    archive = tmp_path / "bomb"
    archive.write_bytes(make([("a", bytes(600_000)), ("b", bytes(600_000))]))
    assert archive.stat().st_size < 10_000
    with pytest.raises(DataError, match="bomb: holds more than 1,000,000 bytes"):
        unpack(archive, tmp_path / "folder", 1_000_000)


def test_too_many_members(tmp_path: Path) -> None:
    (tmp_path / "many").write_bytes(make_tar([(str(n), b"") for n in range(4)]))
    with pytest.raises(DataError, match="3 members"):
        unpack(tmp_path / "many", tmp_path / "folder", 1000, max_members=3)


def test_a_download_that_is_too_large(server: Server, tmp_path: Path) -> None:
    url = server.put("large.bin", bytes(2_000_000))
    with pytest.raises(DataError, match="is larger than 1,000,000 bytes"):
        download(url, tmp_path / "file", max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_the_dataset(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is neither a tar nor a zip archive"):
        fetch(server.put("page.html", b"<html>moved</html>" * 99))
    with pytest.raises(DataError, match="has no BSR/BSDS500/data/images in it"):
        fetch(server.put("wrong.tgz", make_tar([("readme", b"")])))
    with pytest.raises(DataError, match=r"is not a MATLAB 7\.3 file"):
        fetch(server.put("page.html", b"<html>moved</html>" * 99), name="nyuv2")
    assert_nothing_left(tmp_path)


def test_nyuv2_is_one_file(server: Server, fetch: Callable[..., Path], tmp_path: Path) -> None:
    local = tmp_path / "local.mat"
    with h5py.File(local, "w", userblock_size=512) as file:
        file["images"] = np.zeros((1, 3, 64, 64), np.uint8)
    folder = fetch(server.put("nyu.mat?version=2", local.read_bytes()), name="nyuv2")
    assert open_dataset("nyuv2", data=folder.parent).location() == str(
        folder / "nyu_depth_v2_labeled.mat"
    )


def test_server_errors(server: Server, fetch: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"gone\.tgz: could not be downloaded \(the server answers 404"
    ):
        fetch(server.url("gone.tgz"))
    with pytest.raises(DataError, match=r"could not be downloaded"):
        fetch("http://127.0.0.1:1/refused.tgz")
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bsdd", {}, "did you mean bsd"),
        ("sample", {}, "needs no download"),
        ("bsd", {"sha256": "123"}, "64 hexadecimal digits"),
        ("bsd", {"url": "file:///etc/passwd"}, "only http and https"),
    ],
)
def test_requests_that_cannot_be(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fetch_dataset(name, tmp_path / "data", **options)


def test_progress_counts_bytes(server: Server, tmp_path: Path) -> None:
    content = bytes(1_000_000)
    seen: list[tuple[int, int]] = []
    digest = download(
        server.put("progress.bin", content),
        tmp_path / "file",
        max_bytes=2_000_000,
        progress=lambda received, total: seen.append((received, total)),
    )
    assert digest == sha256(content).hexdigest()
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == (1_000_000, 1_000_000)
    assert (tmp_path / "file").read_bytes() == content


def test_every_asset_is_bounded() -> None:
    for asset in assets.DATASET_ASSETS.values():
        assert asset.url.startswith("http")
        assert 0 < asset.max_download <= asset.max_unpacked
