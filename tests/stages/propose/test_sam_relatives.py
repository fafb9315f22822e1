"""MobileSAM, FastSAM and transformers' models: their packages' real code, random weights."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from spam_pipe.stages.base import Inputs
from spam_pipe.stages.propose import source_names
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.source_names import require_source_package
from spam_pipe.stages.propose.sources import load_source
from tests.stages.propose.tiny_sam import EVERYTHING

IMAGE = np.kron(
    np.random.default_rng(0).integers(0, 255, (4, 6, 3)), np.ones((12, 12, 1), int)
).astype(np.uint8)


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None, reason=f"the extra with {package} is not here"
    )


def propose(config: ProposeConfig):
    assert config.checkpoint is not None
    source = load_source(config.source)
    inputs = Inputs(image=IMAGE, checkpoint=Path(config.checkpoint))
    return source.propose(inputs, config, source.setup(config, "cpu")).masks


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(source_names.EXTRAS, "fast-sam", "no_such_package")
    with pytest.raises(ValueError, match=r"pip install 'spam-pipe\[fast-sam\]'"):
        require_source_package("fast-sam")
    require_source_package("contour")


@needs("mobile_sam")
def test_mobile_sam(tmp_path: Path) -> None:
    from mobile_sam import sam_model_registry

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(sam_model_registry["vit_t"]().state_dict(), tmp_path / "mobile_sam.pt")
    options = {**EVERYTHING, "points_per_side": 1}
    masks = propose(
        ProposeConfig(source="mobile-sam", checkpoint=str(tmp_path / "mobile_sam.pt"), sam=options)
    )
    assert len(masks) == 3
    assert masks.size == IMAGE.shape[:2]


def save_transformers_sam(folder: Path) -> str:
    from transformers import SamConfig, SamImageProcessor, SamModel

    decoder = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2}
    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "output_channels": 32,
            "num_pos_feats": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "mlp_dim": 64,
            "image_size": 64,
            "global_attn_indexes": [1],
            "window_size": 2,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "mask_input_channels": 4},
        mask_decoder_config={**decoder, "iou_head_hidden_dim": 32, "iou_head_depth": 2},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        SamModel(config).save_pretrained(folder)
    SamImageProcessor(
        size={"longest_edge": 64},
        pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 64},
        mask_pad_size={"height": 64, "width": 64},
    ).save_pretrained(folder)
    return str(folder)


@needs("transformers")
def test_a_model_of_transformers(tmp_path: Path) -> None:
    folder = save_transformers_sam(tmp_path / "sam")
    masks = propose(ProposeConfig(source="hf-sam", checkpoint=folder, sam=EVERYTHING))
    assert len(masks) == 27
    assert masks.size == IMAGE.shape[:2]
    assert len(np.unique(masks.area)) > 9
    none = {**EVERYTHING, "pred_iou_thresh": 1.0}
    assert len(propose(ProposeConfig(source="hf-sam", checkpoint=folder, sam=none))) == 0


@needs("transformers")
def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not a mask-generation model") as caught:
        propose(ProposeConfig(source="hf-sam", checkpoint=str(tmp_path)))
    assert "\n" not in str(caught.value)


@needs("ultralytics")
def test_fast_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    import yaml
    from ultralytics import YOLO
    from ultralytics.utils import ROOT

    layers = yaml.safe_load((ROOT / "cfg/models/v8/yolov8-seg.yaml").read_text())
    one_class = tmp_path / "one-class-seg.yaml"
    one_class.write_text(yaml.safe_dump({**layers, "nc": 1, "scale": "n"}))
    file = tmp_path / "FastSAM-tiny.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        YOLO(one_class, task="segment").save(file)
    seen = {"imgsz": 64, "conf": 0.0}
    masks = propose(ProposeConfig(source="fast-sam", checkpoint=str(file), fast_sam=seen))
    assert len(masks) > 0
    assert masks.size == IMAGE.shape[:2]
    sure = {"imgsz": 64, "conf": 1.0}
    empty = propose(ProposeConfig(source="fast-sam", checkpoint=str(file), fast_sam=sure))
    assert (len(empty), empty.size) == (0, IMAGE.shape[:2])
    broken = tmp_path / "broken.pt"
    broken.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ValueError, match="truncated or no model of ultralytics"):
        propose(ProposeConfig(source="fast-sam", checkpoint=str(broken)))
