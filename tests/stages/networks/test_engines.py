"""Who computes a forward: ONNX Runtime and torch give the same, each where it is asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from spam_pipe.stages.networks import forward, onnx_encoder
from spam_pipe.stages.networks.agreement import require_agreement
from spam_pipe.stages.networks.config import SsnConfig, TrunkConfig
from spam_pipe.stages.networks.engines import choose_engine, load
from spam_pipe.stages.networks.onnx_encoder import OnnxEncoder, encoder_of
from spam_pipe.stages.networks.onnx_graph import export, packed_graph
from spam_pipe.stages.networks.registry import NETWORKS, build, parse_config
from spam_pipe.stages.networks.torch_encoder import TorchEncoder
from spam_pipe.stages.networks.weights import save_weights
from spam_pipe.stages.sharing import given_threads

SMALL = TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3)
SSN = SsnConfig(width=4, channels=3)


def trained(config: Any) -> Any:
    """A network whose norms are not what they are at first."""
    torch.manual_seed(0)
    network = build(config).eval()
    for name, value in network.state_dict().items():
        if "running_mean" in name:
            value.normal_(0, 0.3)
        elif "running_var" in name:
            value.uniform_(0.5, 2)
    return network


def written(path: Path, config: Any, **options: Any) -> Path:
    save_weights(path, config, trained(config).state_dict(), **options)
    return path


def noise(shape: tuple[int, int], channels: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 20, (*shape, channels)).astype(np.float32)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    path.write_bytes(export(trained(SMALL), {"weights": "small"}))
    return path


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize("half", [False, True])
def test_every_network_is_the_same_in_both_engines(name: str, half: bool, tmp_path: Path) -> None:
    config = parse_config(f'{{"name": "{name}", "channels": 4}}')
    path = written(tmp_path / "w.safetensors", config, half=half)
    ours, theirs = load(path), load(path, engine="torch")
    assert isinstance(ours, OnnxEncoder)
    assert isinstance(theirs, TorchEncoder)
    assert ours.takes_positions == theirs.takes_positions
    assert ours.reach == theirs.network.reach
    for shape in [(1, 1), (1, 9), (7, 2), (31, 33), (64, 48)]:
        features = noise(shape)
        mine = ours.forward(features[..., :3], features)
        other = theirs.forward(features[..., :3], features)
        scale = max(1.0, float(np.abs(other.deep).max()))
        np.testing.assert_allclose(mine.deep, other.deep, rtol=0, atol=1e-4 * scale)
        if other.contour is None:
            assert mine.contour is None
        else:
            assert mine.contour is not None
            np.testing.assert_allclose(mine.contour, other.contour, rtol=0, atol=1e-4)


@pytest.mark.parametrize("config", [SMALL, SSN], ids=["trunk", "ssn"])
def test_tiles_give_what_the_whole_image_gives(
    config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(written(tmp_path / "w.safetensors", config))
    assert isinstance(encoder, OnnxEncoder)
    classical = noise((455, 501))
    whole = encoder.forward(classical[..., :3], classical)
    monkeypatch.setattr(forward, "LARGEST_WHOLE", 1000)
    monkeypatch.setattr(forward, "_SIDE", 2 * encoder.reach + 48)
    tiled = encoder.forward(classical[..., :3], classical)
    np.testing.assert_allclose(tiled.deep, whole.deep, rtol=0, atol=1e-4)
    if whole.contour is not None:
        np.testing.assert_allclose(tiled.contour, whole.contour, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (4, 7), (40, 60)])
def test_no_contour_runs_along_the_frame(shape: tuple[int, int], exported: Path) -> None:
    contour = load(exported).forward(noise(shape, 3)).contour
    assert contour is not None
    margin = min(5, (min(shape) - 1) // 2)
    for turned in (contour, contour.T, contour[::-1], contour.T[::-1]):
        assert (turned[:margin] == turned[margin]).all()


@pytest.mark.parametrize("name", ["trunk", "ssn"])
def test_bits_do_not_depend_on_the_number_of_threads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in ("1", "2", "3", "8"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        encoder = load(name)
        seen = [encoder.forward(noise(shape)[..., :3], noise(shape)) for shape in SHAPES]
        found.append(
            [
                (each.deep.tobytes(), b"" if each.contour is None else each.contour.tobytes())
                for each in seen
            ]
        )
    assert found[1:] == found[:1] * 3


SHAPES = [(1, 1), (5, 3), (37, 120), (130, 41), (160, 240)]


def test_threads_are_those_that_the_process_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    for stated, threads in [("3", 3), ("2,1", 2), (" 1 ", 1)]:
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
        assert given_threads() == threads
    for nothing in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert given_threads() == len(os.sched_getaffinity(0))


def test_what_computes_is_chosen_once_and_never_falls_back() -> None:
    chosen = {
        (engine, device): choose_engine(engine, device)  # type: ignore[arg-type]
        for engine in ("auto", "torch")
        for device in ("cpu", "cuda", "cuda:1", "mps")
    }
    assert chosen.pop(("auto", "cpu")) == choose_engine("onnxruntime", "cpu") == "onnxruntime"
    assert {*chosen.values()} == {"torch"}
    with pytest.raises(ValueError, match=r"onnxruntime computes on the CPU, not on cuda:1: use"):
        choose_engine("onnxruntime", "cuda:1")


def test_a_file_without_a_graph_is_computed_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", SMALL)
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    del metadata["onnx"]
    old = tmp_path / "old.safetensors"
    save_file(tensors, old, metadata=metadata)
    before = load(old)
    assert isinstance(before, OnnxEncoder)
    require_agreement(before, load(path), "old")


def test_a_graph_says_nothing_of_the_weights_and_draws_nothing() -> None:
    torch.manual_seed(5)
    packed_graph.cache_clear()
    first = packed_graph(SMALL)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    packed_graph.cache_clear()
    assert packed_graph(SMALL) == first
    assert len(first) < 20_000
    graph = json.loads(first)
    assert graph["shapes"]["head.weight"] == [4, 4, 1, 1]
    assert not any("num_batches" in name for name in graph["shapes"])


def change(path: Path, **facts: str | None) -> None:
    """Change what an ONNX file says of itself; None takes a fact away."""
    model = onnx.load(str(path))
    said = {entry.key: entry.value for entry in model.metadata_props} | facts
    del model.metadata_props[:]
    kept = {key: value for key, value in said.items() if value is not None}
    onnx.helper.set_model_props(model, kept)
    onnx.save(model, str(path))


def test_an_exported_file_is_used_as_weights(exported: Path, tmp_path: Path) -> None:
    theirs = load(written(tmp_path / "w.safetensors", SMALL), engine="torch")
    require_agreement(load(exported), theirs, "exported")
    with pytest.raises(ValueError, match=r"small\.onnx: torch reads no ONNX: give the \.safet"):
        load(exported, engine="torch")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"spam_pipe": None}, r"an ONNX model of another program; `spam-pipe weights export`"),
        ({"spam_pipe": "7"}, r"an ONNX model of format 7, this spam-pipe reads 1: export it again"),
        ({"reach": "far"}, r"damaged: .*; export it again"),
        ({"takes_positions": "true"}, r"damaged: .*; export it again"),
    ],
)
def test_onnx_files_of_others_are_refused(
    exported: Path, facts: dict[str, str | None], message: str
) -> None:
    change(exported, **facts)
    with pytest.raises(ValueError, match=rf"small\.onnx: {message}") as caught:
        load(exported)
    assert "\n" not in str(caught.value)


def test_onnx_files_that_are_none_are_refused(exported: Path) -> None:
    whole = exported.read_bytes()
    for content in (b"", b"no graph", whole[: len(whole) // 2]):
        exported.write_bytes(content)
        with pytest.raises(ValueError, match=r"small\.onnx: no ONNX model that can be comput") as e:
            load(exported)
        assert "\n" not in str(e.value)


def test_weights_that_are_not_finite_are_refused(exported: Path) -> None:
    model = onnx.load(str(exported))
    (bias,) = (each for each in model.graph.initializer if each.name.endswith("head.bias"))
    bias.raw_data = np.full(bias.dims, np.nan, np.float32).tobytes()
    onnx.save(model, str(exported))
    with pytest.raises(ValueError, match=r"features are not finite"):
        load(exported)


@pytest.mark.parametrize(
    "graph",
    ["{", "[]", "{}", '{"version": "1"}', '{"version": "1", "model": "AAAA", "shapes": {}}'],
)
def test_a_damaged_graph_is_one_line(graph: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"network": "{}", "onnx": graph})
    with pytest.raises(ValueError, match=r"w\.safetensors: its ONNX graph is damaged; fetch") as e:
        load(path)
    assert "\n" not in str(e.value)


def test_a_graph_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "w.safetensors", SMALL)
    monkeypatch.setattr(onnx_encoder, "_LARGEST_GRAPH", 1000)
    with pytest.raises(ValueError, match="its ONNX graph is damaged"):
        load(path)


@pytest.mark.parametrize(
    ("lab", "message"),
    [
        (np.full((4, 4, 3), np.nan, np.float32), "NaN"),
        (np.full((4, 4, 3), np.inf, np.float32), "infinite"),
        (np.zeros((4, 4), np.float32), r"\(4, 4\)"),
        (np.zeros((0, 4, 3), np.float32), r"\(0, 4, 3\)"),
    ],
)
def test_bad_images(exported: Path, lab: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(exported).forward(lab)


def test_positions_that_are_missing_are_named(tmp_path: Path) -> None:
    encoder = load(written(tmp_path / "w.safetensors", SSN))
    with pytest.raises(ValueError, match="scaled colours and positions"):
        encoder.forward(noise((4, 4), 3))


def test_another_networks_graph_is_found() -> None:
    one = encoder_of(export(trained(SMALL)), {}, "one")
    other = encoder_of(export(trained(SMALL.model_copy(update={"channels": 2}))), {}, "other")
    with pytest.raises(ValueError, match="that of another network"):
        require_agreement(one, other, "w")
    changed = trained(SMALL)
    with torch.no_grad():
        changed.head.bias += 1
    with pytest.raises(ValueError, match=r"more than rounding: use engine=torch"):
        require_agreement(one, encoder_of(export(changed), {}, "changed"), "w")


WITHOUT_TORCH = """
import sys
import numpy as np
import spam_pipe

photo = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
grey = np.linspace(0, 65535, 40 * 50).reshape(40, 50).astype(np.uint16)
assert spam_pipe.segment(photo, 20).max() == 19
assert spam_pipe.segment(grey, 12, channel_axis=None).max() == 11
assert spam_pipe.segment(photo[:1, :1], 1).shape == (1, 1)
assert spam_pipe.segment(photo[:3, :5], 2).max() == 1
assert spam_pipe.features(photo).dtype == np.float32
print(*sorted(sys.modules))
"""


def test_segmenting_on_the_cpu_imports_no_torch() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )
    imported = set(ran.stdout.split())
    assert "onnxruntime" in imported
    assert imported.isdisjoint({"torch", "onnx", "dask", "zarr"})
