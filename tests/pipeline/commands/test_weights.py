"""`spam-pipe weights`: what ships is whole and described; what is fetched is the published file."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.fetching.public_weights import (
    PUBLIC_WEIGHTS,
    check_public_weights,
    fetch_public_weights,
    find_public_weights,
)
from spam_pipe.pipeline.fetching.shipped_weights import check_shipped, read_card, shipped_weights
from spam_pipe.stages.networks.config import TrunkConfig
from spam_pipe.stages.networks.registry import build
from spam_pipe.stages.networks.weights import save_weights
from tests.conftest import SpamPipe
from tests.pipeline.fetching.test_assets import Server

TINY = TrunkConfig(widths=(4, 4, 4, 4, 4), up_widths=(4, 4, 4, 4))
CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Look for fetched weights below the test's folder alone."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SPAM_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Whole weights of a tiny network, named `tiny`, with their card."""
    path = tmp_path / "tiny.safetensors"
    save_weights(path, TINY, build(TINY).state_dict())
    digest = sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".toml").write_text(f'name = "tiny"\nsha256 = "{digest}"\n')
    return path


def float_name(state: dict[str, torch.Tensor]) -> str:
    return next(name for name, value in state.items() if value.is_floating_point())


def test_what_ships_is_whole_small_and_described() -> None:
    shipped = shipped_weights()
    assert set(shipped) == {"efficientunet", "trunk", "ssn"}
    sizes = {name: path.stat().st_size for name, path in shipped.items()}
    # Half floats and a graph: the default's 2.7 M parameters, and two networks from before it.
    assert max(sizes.values()) == sizes["efficientunet"] <= 6_000_000
    assert sum(sizes.values()) <= 8_250_000
    for name, path in shipped.items():
        assert check_shipped(name, path) is None
        missing = {"network", "data", "recipe", "steps", "seed", "val", "test", "licence"}
        assert missing - read_card(path).keys() == set()


def test_the_list_tells_what_is_here_and_how_to_get_the_rest(spam_pipe: SpamPipe) -> None:
    listed = json.loads(spam_pipe("weights", "--json").stdout)
    assert listed["trunk"]["state"] == "shipped"
    assert {name: listed[name]["state"] for name in PUBLIC_WEIGHTS} == dict.fromkeys(
        PUBLIC_WEIGHTS, "not here"
    )
    assert listed["sam-vit-h"]["bytes"] == 2_564_550_879
    shown = spam_pipe("weights").stdout
    assert "spam-pipe weights fetch NAME" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_a_card_is_shown(spam_pipe: SpamPipe) -> None:
    card = json.loads(spam_pipe("weights", "show", "trunk", "--json").stdout)
    path = shipped_weights()["trunk"]
    assert card["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert card["recipe"] == read_card(path)["recipe"]
    shown = spam_pipe("weights", "show", "sam-vit-b").stdout
    assert str(PUBLIC_WEIGHTS["sam-vit-b"].sha256) in shown
    assert "not here" in shown


def test_verify_on_the_command_line(spam_pipe: SpamPipe) -> None:
    done = spam_pipe("weights", "verify", "trunk", "sam-vit-l", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["trunk"] == {"ok": True, "finding": None}
    assert "spam-pipe weights fetch sam-vit-l" in found["sam-vit-l"]["finding"]


@pytest.mark.parametrize("command", ["show", "verify", "fetch"])
def test_an_unknown_name_is_one_line(spam_pipe: SpamPipe, command: str) -> None:
    done = spam_pipe("weights", command, "sam-vit-bb")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "did you mean sam-vit-b?" in done.stderr


def test_fetched_weights_are_listed_verified_and_not_fetched_twice(
    spam_pipe: SpamPipe, server: Server, places: Path
) -> None:
    url = server.put("mirror/any-name.pt", CONTENT)
    given = ("weights", "fetch", "mobile-sam", "--url", url, "--sha256", DIGEST, "--json")
    fetched = json.loads(spam_pipe(*given).stdout)
    path = places / "mobile_sam.pt"
    assert fetched == {"name": "mobile-sam", "path": str(path), "sha256": DIGEST}
    assert path.read_bytes() == CONTENT
    assert find_public_weights("mobile-sam") == path
    shown = spam_pipe("weights", "show", "mobile-sam").stdout
    assert str(path) in re.sub(r"[│\s]", "", shown)  # a long path is folded
    assert spam_pipe(*given).returncode == 0
    assert server.requests.count("/mirror/any-name.pt") == 1
    done = spam_pipe("weights", "verify", "mobile-sam")
    assert (done.returncode, done.stdout) == (0, "mobile-sam: whole\n")
    path.write_bytes(CONTENT[:-1])
    done = spam_pipe("weights", "verify", "mobile-sam")
    assert done.returncode == 1
    assert "spam-pipe weights fetch mobile-sam" in done.stdout


def test_a_file_of_another_hash_is_not_kept(
    spam_pipe: SpamPipe, server: Server, places: Path
) -> None:
    url = server.put("other.pt", CONTENT)
    done = spam_pipe("weights", "fetch", "mobile-sam", "--url", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"has SHA-256 {DIGEST}, not {PUBLIC_WEIGHTS['mobile-sam'].sha256}" in done.stderr
    assert list(places.iterdir()) == []


def test_an_interrupted_download_is_never_a_whole_one(server: Server, places: Path) -> None:
    url = server.put("cut.pt", CONTENT, cut=True)
    with pytest.raises(DataError, match=r"cut\.pt: (could not be downloaded|broke off)"):
        fetch_public_weights("mobile-sam", places, url=url, sha256=DIGEST)
    assert list(places.iterdir()) == []
    server.put("cut.pt", CONTENT)
    assert fetch_public_weights("mobile-sam", places, url=url, sha256=DIGEST).is_file()


def test_a_file_of_the_users_own_is_not_overwritten(server: Server, places: Path) -> None:
    places.mkdir()
    (places / "sam_vit_b_01ec64.pth").write_bytes(b"half of it")
    with pytest.raises(DataError, match="damaged or another file"):
        fetch_public_weights("sam-vit-b", places, url=server.url("unused.pth"))
    finding = check_public_weights("sam-vit-b", places / "sam_vit_b_01ec64.pth")
    assert finding is not None
    assert PUBLIC_WEIGHTS["sam-vit-b"].sha256 in finding
    assert "/unused.pth" not in server.requests


def test_a_fetch_that_fails_changes_nothing(server: Server, places: Path) -> None:
    url = server.put("own.pt", CONTENT)
    path = fetch_public_weights("mobile-sam", places, url=url, sha256=DIGEST)
    assert check_public_weights("mobile-sam", path) is None
    path.unlink()
    with pytest.raises(DataError, match="has SHA-256"):
        fetch_public_weights("mobile-sam", places, url=url)
    path.write_bytes(CONTENT)
    assert check_public_weights("mobile-sam", path) is None


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="file: cannot be written to"):
        fetch_public_weights("mobile-sam", tmp_path / "file", url=server.url("unused.pt"))


def test_whole_weights_pass(tiny: Path) -> None:
    assert check_shipped("tiny", tiny) is None


def test_a_changed_file_is_found_by_its_cards_hash(tiny: Path) -> None:
    state = build(TINY).state_dict()
    state[float_name(state)].add_(1)
    save_weights(tiny, TINY, state)
    finding = check_shipped("tiny", tiny)
    assert finding is not None
    assert "its card says" in finding


def test_a_card_of_other_weights(tiny: Path) -> None:
    assert "is the card of tiny, not of trunk" in str(check_shipped("trunk", tiny))
    tiny.with_suffix(".toml").write_text("name = ")
    with pytest.raises(DataError, match=r"tiny\.toml: not valid TOML"):
        check_shipped("tiny", tiny)
    tiny.with_suffix(".toml").unlink()
    with pytest.raises(DataError, match=r"tiny\.toml: the card of tiny\.safetensors"):
        check_shipped("tiny", tiny)


def test_damaged_weights_do_not_pass(tiny: Path) -> None:
    whole = tiny.read_bytes()
    tiny.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        check_shipped("tiny", tiny)
    state = build(TINY).state_dict()
    name = float_name(state)
    save_weights(tiny, TINY, state | {name: torch.full_like(state[name], torch.nan)})
    with pytest.raises(ValueError, match="NaN"):
        check_shipped("tiny", tiny)
    wider = TINY.model_copy(update={"widths": (4, 4, 4, 4, 8)})
    save_weights(tiny, wider, state)
    with pytest.raises(ValueError, match="another"):
        check_shipped("tiny", tiny)


def test_what_has_no_published_hash_is_verified_against_the_one_that_was_fetched(
    server: Server, places: Path
) -> None:
    url = server.put("dino.pth", CONTENT)
    path = fetch_public_weights("dino-vit-s8", places, url=url)
    assert check_public_weights("dino-vit-s8", path) is None
    assert fetch_public_weights("dino-vit-s8", places) == path
    path.write_bytes(CONTENT[:-1])
    assert "damaged" in str(check_public_weights("dino-vit-s8", path))
    with pytest.raises(DataError, match="damaged"):
        fetch_public_weights("dino-vit-s8", places)
    path.with_name(f"{path.name}.json").unlink()
    assert "which notes it" in str(check_public_weights("dino-vit-s8", path))


def test_every_public_file_is_pinned_where_its_hash_is_published() -> None:
    for name, asset in PUBLIC_WEIGHTS.items():
        assert (asset.sha256 is None) == (name == "dino-vit-s8")
        assert asset.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", asset.sha256)
        assert asset.url.startswith("https://")
        assert asset.url.endswith(f"/{asset.file}")
        assert 2**20 < asset.size < 2**33


@pytest.mark.parametrize("name", ["trunk", "ssn"])
def test_shipped_weights_are_exported_with_their_card(
    spam_pipe: SpamPipe, name: str, tmp_path: Path
) -> None:
    ran = spam_pipe("weights", "export", name, "--format", "onnx", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["features"] < 1e-2
    model = onnx.load(str(tmp_path / f"{name}.onnx"))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    card = read_card(shipped_weights()[name])
    assert facts["card_licence"] == card["licence"]
    assert facts["weights_sha256"] == sha256(shipped_weights()[name].read_bytes()).hexdigest()
    sides = [axis.dim_param for axis in model.graph.input[0].type.tensor_type.shape.dim][:2]
    assert sides == ["height", "width"]
    session = onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx"))
    channels = 5 if name == "ssn" else 3
    for shape in [(1, 1), (33, 21)]:
        image = np.random.default_rng(0).normal(0, 20, (*shape, channels)).astype(np.float32)
        features, *contour = session.run(None, {session.get_inputs()[0].name: image})
        assert features.shape == (*shape, 15)
        assert [each.shape for each in contour] == [shape] * (name == "trunk")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tronk",), "tronk: no such file; shipped weights: "),
        (("trunk", "--to", "here.pt"), "an ONNX file is called something.onnx"),
        (("trunk", "--to", "/nowhere/at/all.onnx"), "cannot be written: No such file"),
        (("{tmp}/damaged.pth",), "damaged.pth: holds code instead of tensors"),
        (("{tmp}/other.onnx",), "other.onnx: torch reads no ONNX"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    spam_pipe: SpamPipe, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    for name in ("damaged.pth", "other.onnx"):
        (tmp_path / name).write_bytes(b"nothing")
    ran = spam_pipe("weights", "export", *(each.format(tmp=tmp_path) for each in arguments))
    assert ran.returncode != 0
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
