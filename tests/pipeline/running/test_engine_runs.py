"""What computed a network is chosen, recorded and part of what a result depends on."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spam_pipe.pipeline.configuration.run_config import RunConfig, resolve
from spam_pipe.pipeline.datasets import open_dataset
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.running import parts
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.session.preflight import require_engines
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.networks import engines
from spam_pipe.stages.segment.stored import labels_of
from tests.conftest import SpamPipe

Command = Callable[..., dict[str, Any]]
TORCH_LAYER = {"segment": {"engine": "torch"}, "propose": {"contour": {"engine": "torch"}}}
TORCH = ["segment.engine=torch", "propose.contour.engine=torch"]


@pytest.fixture
def run(command: Command, pictures: Path) -> Command:
    def on_pictures(**options: Any) -> dict[str, Any]:
        chosen = {"dataset": str(pictures / "images"), "n_superpixels": "6", "limit": 2}
        return command("segment", **{**chosen, **options})

    return on_pictures


def records(outputs: Path, stage: str) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text())["attributes"]["spam_pipe"]
        for path in sorted(outputs.glob(f"images/{stage}-*.zarr/00?/**/zarr.json"))
        if "fingerprint" in path.read_text()
    ]


def test_what_computed_is_recorded(run: Command, tmp_path: Path) -> None:
    assert run()["status"] == 0
    for stage, part in (("propose", "contour_engine"), ("segment", "segment_engine")):
        made = records(tmp_path / "outputs", stage)
        assert len(made) == 2
        for record in made:
            assert record["inputs"][part] == ["auto", "onnxruntime"]
            _names_versions_of_both_engines(record)
    assert run(assignments=TORCH)["computed"] == 2
    made = records(tmp_path / "outputs", "segment")
    for record in made:
        _names_versions_of_both_engines(record)
    assert {record["inputs"]["segment_engine"][1] for record in made} == {"onnxruntime", "torch"}
    assert len({record["fingerprint"] for record in made}) == len(made) == 4
    back = ["segment.engine=default", "propose.contour.engine=default"]
    assert run(assignments=back)["complete"] == 2


def _names_versions_of_both_engines(record: dict[str, Any]) -> None:
    """A result is stored with what is installed; which engine computed is said by its inputs."""
    for engine in ("onnxruntime", "torch"):
        installed = version(engine).partition("+")[0]
        assert record["provenance"]["versions"][engine] == installed


def test_what_is_left_to_the_device_stands_whatever_computed_it(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (parts, engines):
        monkeypatch.setattr(module, "choose_engine", lambda engine, device: "torch")
    assert run()["computed"] == 2
    monkeypatch.undo()
    again = run(n_superpixels="6,9")
    assert (again["computed"], again["stale"]) == (2, {})
    assert run(n_superpixels="6,9")["complete"] == 2


def test_an_engine_that_cannot_compute_there_is_named_before_any_item(tmp_path: Path) -> None:
    for layer, option in (
        ({"segment": {"engine": "onnxruntime"}}, "segment.engine"),
        ({"propose": {"contour": {"engine": "onnxruntime"}}}, "propose.contour.engine"),
    ):
        config = resolve([layer])
        chain = build_chain(config, open_folder(str(tmp_path)))
        require_engines(config, chain, "cpu")
        with pytest.raises(ConfigError, match=rf"{option}: engine onnxruntime computes on the CPU"):
            require_engines(config, chain, "cuda:0")
    unused = resolve([{"segment": {"engine": "onnxruntime", "network": "none"}}])
    require_engines(unused, build_chain(unused, open_folder(str(tmp_path))), "cuda")


def test_stores_keep_their_names_where_nothing_is_chosen() -> None:
    config = RunConfig()
    assert "engine" not in config.segment.decisive
    assert "engine" not in config.propose.decisive["contour"]
    chosen = resolve(
        [{"segment": {"engine": "torch"}, "propose": {"contour": {"engine": "torch"}}}]
    )
    assert chosen.segment.decisive["engine"] == "torch"
    assert chosen.propose.decisive["contour"]["engine"] == "torch"


def test_both_engines_give_nearly_the_same_labels(command: Command, tmp_path: Path) -> None:
    """On photographs: some of the embedded sample."""
    same = total = 0
    chosen = {"dataset": "sample", "n_superpixels": "100,400", "limit": 6}
    for name, assignments in (("onnx", []), ("torch", TORCH)):
        assert command("segment", run=name, assignments=assignments, **chosen)["status"] == 0
    for item in [*open_dataset("sample").items("all")][:6]:
        for count in (100, 400):
            made = []
            for name, layer in (("onnx", {}), ("torch", TORCH_LAYER)):
                config = resolve([{"dataset": {"name": "sample"}}, layer])
                folder = open_folder(str(tmp_path / "outputs" / name))
                _, output = build_chain(config, folder)["segment"].store.read(item.id, count)
                made.append(labels_of(output))
            same += int(np.count_nonzero(made[0] == made[1]))
            total += made[0].size
    assert same >= 0.999 * total


def test_an_exported_network_segments_as_its_weights_do(
    spam_pipe: SpamPipe, pictures: Path
) -> None:
    assert spam_pipe("weights", "export", "trunk").returncode == 0
    chosen = [
        "--set", "segment.weights=trunk.onnx", "--set", "propose.contour.weights=trunk.onnx",
        "--dataset", str(pictures / "images"), "-k", "6", "--limit", "1",
    ]  # fmt: skip
    done = spam_pipe("segment", *chosen)
    assert done.returncode == 0, done.stderr
    refused = spam_pipe("segment", *chosen, "--set", "segment.engine=torch")
    assert refused.returncode == 1
    assert "torch reads no ONNX: give the .safetensors file" in refused.stdout + refused.stderr
