"""`--prior sam` as a user runs it, with a tiny model in place of the published ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator, sam_model_registry

from spam_pipe.pipeline.configuration.run_config import parse_assignment, resolve
from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.store.store import Store
from spam_pipe.stages.propose.run_lengths import RunLengths
from spam_pipe.stages.propose.sam_model import load_sam
from tests.stages.propose.tiny_sam import EVERYTHING, build_tiny_sam, save_tiny_sam

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkpoint of the model that stands for ViT-B."""
    monkeypatch.setitem(sam_model_registry, "vit_b", build_tiny_sam)
    return save_tiny_sam(tmp_path / "tiny.pth")


def assignments(checkpoint: Path, *more: str) -> list[str]:
    options = [f"propose.sam.{name}={value}" for name, value in EVERYTHING.items()]
    return ["propose.model=vit_b", f"propose.checkpoint={checkpoint}", *options, *more]


def computed(result: dict[str, Any]) -> int:
    return int(result["computed"])


def store_of(tmp_path: Path, name: str) -> Store:
    (folder,) = (tmp_path / "outputs" / "images").glob(f"{name}-*.zarr")
    return Store(open_folder(str(folder.parent)), folder.name)


def test_sam_from_image_to_superpixels(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    given = {"dataset": str(pictures / "images"), "prior": "sam", "limit": 2, "n_superpixels": "12"}
    done = command("run", assignments=assignments(tiny), **given)
    assert (done["status"], done["failed"]) == (0, 0)
    record, output = store_of(tmp_path, "propose").read("000", None)
    masks = RunLengths.from_arrays(output.arrays)
    model = load_sam(build_tiny_sam, "vit_b", tiny, "cpu", "float32")
    image = np.asarray(Image.open(pictures / "images" / "000.png"))
    expected = SamAutomaticMaskGenerator(model, **EVERYTHING).generate(image)
    assert len(masks) == len(expected) == 27
    assert all(np.array_equal(masks.mask(i), e["segmentation"]) for i, e in enumerate(expected))
    assert record.inputs["checkpoint"][1]
    again = command("run", assignments=assignments(tiny), **given)
    assert computed(again) == 0


def test_another_checkpoint_makes_masks_stale(command: Command, tiny: Path, pictures: Path) -> None:
    given = {"dataset": str(pictures / "images"), "prior": "sam", "limit": 1}
    assert computed(command("prior", assignments=assignments(tiny), **given)) == 1
    save_tiny_sam(tiny, seed=1)
    load_sam.cache_clear()  # a new process would have no model in memory
    again = command("prior", assignments=assignments(tiny), **given)
    assert again["stale"] == {"propose": 1, "prior": 1}


def test_masks_divided_by_contours(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    given = {"dataset": str(pictures / "images"), "limit": 1}
    done = command("prior", prior="sam+contour", assignments=assignments(tiny), **given)
    assert done["failures"] == []
    record, output = store_of(tmp_path, "propose").read("000", None)
    assert {"counts", "regions", "contour"} <= output.arrays.keys()
    assert all(record.inputs[part][1] for part in ("checkpoint", "contour_weights"))
    _, prior = store_of(tmp_path, "prior").read("000", None)
    assert prior.attributes["n_objects"] == (len(prior.arrays["parents"]) + 1) // 2


def test_the_users_masks_divided_by_contours(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    given = {"dataset": str(pictures / "images"), "limit": 1, "masks": str(pictures / "truth")}
    assert command("prior", prior="masks+contour", **given)["failures"] == []
    _, output = store_of(tmp_path, "propose").read("000", None)
    assert output.attributes["source"] == "masks+contour"
    assert output.attributes["n_masks"] == 6
    assert output.attributes["n_regions"] >= 6
    with pytest.raises(ConfigError, match=r"--masks goes with --prior masks or masks\+contour"):
        command("prior", prior="sam", **given)


def test_without_weights_nothing_is_begun(
    command: Command, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAM_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    message = (
        r"--prior sam: its weights \(375.0 MB\) are not here; `spam-pipe weights fetch sam-vit-b` "
        r"gets them.*--prior contour needs none"
    )
    given = {"dataset": str(pictures / "images"), "assignments": ["propose.model=vit_b"]}
    with pytest.raises(DataError, match=message) as caught:
        command("prior", prior="sam", **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "outputs").exists()
    with pytest.raises(DataError, match=r"there is no file nowhere\.pth"):
        command(
            "prior",
            prior="sam",
            dataset=str(pictures / "images"),
            assignments=["propose.checkpoint=nowhere.pth"],
        )


def test_fetched_weights_are_found(
    command: Command,
    tiny: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "weights").mkdir()
    shutil.copy(tiny, tmp_path / "weights" / "sam_vit_b_01ec64.pth")
    monkeypatch.setenv("SPAM_WEIGHTS", str(tmp_path / "weights"))
    options = [each for each in assignments(tiny) if "checkpoint" not in each]
    given = {"dataset": str(pictures / "images"), "limit": 1}
    assert computed(command("prior", prior="sam", assignments=options, **given)) == 1


def test_a_checkpoint_of_another_model_fails_in_one_line(
    command: Command, tiny: Path, pictures: Path
) -> None:
    torch.save(build_tiny_sam(channels=16).state_dict(), tiny)
    given = {"dataset": str(pictures / "images"), "prior": "sam", "limit": 1}
    done = command("prior", assignments=assignments(tiny), **given)
    assert done["status"] == 1
    assert f"{tiny}: not a checkpoint of vit_b" in done["failures"][0]["reason"]


def test_prompts_in_place_of_the_grid(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("image,x,y\n000,10,10\n000,30,30\n001,5,5\n")
    given = {
        "dataset": str(pictures / "images"),
        "prior": "sam",
        "limit": 2,
        "assignments": assignments(tiny, f"propose.prompts={prompts}"),
    }
    assert computed(command("prior", **given)) == 2
    _, output = store_of(tmp_path, "propose").read("000", None)
    assert output.attributes["n_masks"] == 2
    prompts.write_text("image,x,y\n001,5,5\n000,10,10\n000,31,30\n")
    changed = command("prior", **given)
    assert changed["stale"] == {"propose": 1, "prior": 1}  # of 001 the same is said as before
    third = command("prior", **{**given, "limit": 3})
    assert "no prompts for '002'" in third["failures"][0]["reason"]


def test_prompts_outside_an_image_fail_that_image_alone(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("image,x,y\n000,10,10\n001,500,5\n")
    done = command(
        "prior",
        dataset=str(pictures / "images"),
        prior="sam",
        limit=2,
        assignments=assignments(tiny, f"propose.prompts={prompts}"),
    )
    assert (done["status"], done["computed"], done["failed"]) == (1, 1, 1)
    assert "outside the image of 60×40" in done["failures"][0]["reason"]


def test_prompts_of_unknown_images_are_refused(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("image,x,y\n00l,10,10\n")
    with pytest.raises(DataError, match=r"no image '00l'; did you mean 00\d\?"):
        command(
            "prior",
            dataset=str(pictures / "images"),
            prior="sam",
            assignments=assignments(tiny, f"propose.prompts={prompts}"),
        )


def test_amg_output_is_read_as_masks(
    command: Command, tiny: Path, pictures: Path, tmp_path: Path
) -> None:
    """amg.py --convert-to-rle writes what the generator gives, as JSON, a file per image."""
    model = load_sam(build_tiny_sam, "vit_b", tiny, "cpu", "float32")
    generator = SamAutomaticMaskGenerator(model, output_mode="uncompressed_rle", **EVERYTHING)
    folder = tmp_path / "amg"
    folder.mkdir()
    for path in sorted((pictures / "images").glob("*.png"))[:2]:
        found = generator.generate(np.asarray(Image.open(path)))
        (folder / f"{path.stem}.json").write_text(json.dumps(found))
    given = {"dataset": str(pictures / "images"), "limit": 2}
    command("propose", prior="sam", assignments=assignments(tiny), run="sam", **given)
    command("propose", masks=str(folder), run="amg", **given)
    for item in ("000", "001"):
        stores = [
            Store(open_folder(str(path.parent)), path.name).read(item, None)[1].arrays
            for path in sorted((tmp_path / "outputs").glob("*/propose-*.zarr"))
        ]
        assert len(stores) == 2
        for name in ("counts", "offsets", "size", "area", "score"):
            assert np.array_equal(stores[0][name], stores[1][name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["propose.source=fast-sam"], r"fast-sam needs a model: .*propose.checkpoint=FastSAM-s.pt"),
        (["propose.source=hf-sam"], "hf-sam needs a model: .*FOLDER"),
        (
            ["propose.source=hf-sam", "propose.checkpoint=x", "propose.prompts=p.csv"],
            "takes no prompts",
        ),
        (
            ["propose.source=hf-sam", "propose.checkpoint=x", "propose.precision=bf16"],
            "computes in float32",
        ),
        (
            ["propose.source=hf-sam", "propose.checkpoint=x", "propose.sam.crop_nms_thresh=0.5"],
            "hf-sam has no sam.crop_nms_thresh",
        ),
        (["propose.source=sam+gradient"], r"also with \+contour"),
        (["propose.source=masks+contour"], "needs a folder"),
        (["propose.model=vit_x"], "propose.model: .*vit_h"),
    ],
)
def test_requests_that_cannot_be_met(options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolve([parse_assignment(each) for each in options])
    assert "\n" not in str(caught.value)
