import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from spam_pipe.stages.networks.config import SsnConfig, TrunkConfig
from spam_pipe.stages.networks.engines import load
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.networks.registry import NETWORKS, build, parse_config
from spam_pipe.stages.networks.weights import load_weights, read_information, save_weights

CONFIG = TrunkConfig(widths=(4, 4, 6, 6, 8), up_widths=(4, 4, 6, 6), channels=3)


@pytest.fixture(params=["onnxruntime", "torch"])
def engine(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "w.safetensors"
    save_weights(path, CONFIG, build(CONFIG).state_dict(), information={"step": 7})
    return path


def rewrite(path, change, metadata=None):
    """Change a weights file's tensors, keeping or replacing its metadata."""
    tensors = load_file(path)
    change(tensors)
    with safe_open(path, "np") as file:
        kept = file.metadata() if metadata is None else metadata
    save_file(tensors, path, metadata=kept)


def test_what_is_saved_comes_back(path):
    torch.manual_seed(0)
    expected = build(CONFIG).state_dict()
    loaded = load_weights(path)
    assert not loaded.training
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, expected[name])
    assert read_information(path) == {"step": 7}


def test_half_precision_halves_the_file_and_keeps_the_result(path, tmp_path):
    network = load_weights(path)
    small = tmp_path / "half.safetensors"
    save_weights(small, CONFIG, network.state_dict(), half=True)
    x = torch.randn(1, 3, 16, 16) * 20
    with torch.no_grad():
        torch.testing.assert_close(
            load_weights(small)(x).deep, network(x).deep, rtol=0.02, atol=0.1
        )
    assert load_file(small)["down.0.0.0.weight"].dtype == torch.float16
    assert load_file(small)["down.0.0.1.running_var"].dtype == torch.float32


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_travels_with_its_config(name, tmp_path):
    config = parse_config(f'{{"name": "{name}", "channels": 2}}')
    path = tmp_path / f"{name}.safetensors"
    save_weights(path, config, build(config).state_dict())
    assert load_weights(path).state_dict().keys() == build(config).state_dict().keys()


def test_missing_file_names_the_shipped_ones(tmp_path):
    with pytest.raises(ValueError, match=r"nothing.*no such file; shipped weights"):
        find_weights("nothing")
    with pytest.raises(ValueError, match="no such weights file"):
        load_weights(tmp_path / "absent.safetensors")


def test_a_path_is_no_way_out_of_the_shipped_folder():
    with pytest.raises(ValueError, match="no such file"):
        find_weights("../networks/trunk")


def test_truncated_file(path, engine):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"w\.safetensors: not a whole safetensors file"):
        load(path, engine=engine)


def test_pickled_code_is_not_run(tmp_path, engine):
    path = tmp_path / "w.safetensors"

    class Code:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save(Code(), path)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        load(path, engine=engine)
    assert not (tmp_path / "ran").exists()


def test_missing_keys_are_named(path, engine):
    def change(tensors):
        tensors["stranger"] = tensors.pop("head.weight")

    rewrite(path, change)
    with pytest.raises(ValueError, match=r"weights of another network: missing head\.weight"):
        load(path, engine=engine)
    with pytest.raises(ValueError, match=r"missing head\.weight; unexpected stranger"):
        load(path, engine="torch")


def test_weights_of_another_dimension(path, engine):
    rewrite(path, lambda tensors: tensors.update({"head.bias": torch.zeros(9)}))
    with pytest.raises(ValueError, match=r"head\.bias has shape \(9,\), the network needs \(4,\)"):
        load(path, engine=engine)


def test_nan(path, engine):
    rewrite(path, lambda tensors: tensors["head.bias"].fill_(float("nan")))
    with pytest.raises(ValueError, match=r"head\.bias holds NaN"):
        load(path, engine=engine)


def test_file_of_another_program(path, engine):
    rewrite(path, lambda tensors: None, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="does not say which network"):
        load(path, engine=engine)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "resnet"}', "known networks: trunk, efficientunet, ssn"),
        ('{"name": "ssn", "widht": 3}', "widht"),
        ("nonsense", "JSON"),
    ],
)
def test_impossible_configs(text, message):
    with pytest.raises(ValueError, match=message):
        parse_config(text)


def test_weights_of_another_network(path, engine):
    rewrite(path, lambda tensors: None, metadata={"network": SsnConfig(width=4).model_dump_json()})
    with pytest.raises(ValueError, match="weights of another network"):
        load(path, engine=engine)


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(path, CONFIG, build(CONFIG).state_dict())
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_shipped_trunk_loads():
    encoder = load("trunk")
    assert not encoder.takes_positions
    assert find_weights("trunk").stat().st_size <= 8e6
