"""Attention through the real commands: what is recomputed, what is refused, the exported table."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.export import export_run
from spam_pipe.pipeline.commands.export_attention import export_attention
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.session.other_options import ExportOptions
from spam_pipe.stages.prior.cut import contour_of, objects_for

Command = Callable[..., dict[str, Any]]
PLAIN = ["segment.network=none"]


@pytest.fixture
def run(command: Command, pictures: Path) -> Command:
    def on_pictures(target: str = "segment", **options: Any) -> dict[str, Any]:
        chosen = {
            "dataset": str(pictures / "images"),
            "n_superpixels": "24",
            "prior": "gradient",
            "limit": 3,
        }
        assignments = PLAIN + options.pop("assignments", [])
        return command(target, assignments=assignments, **{**chosen, **options})

    return on_pictures


def labels_of(tmp_path: Path, item: str = "000", count: int = 24) -> np.ndarray:
    _, current = open_existing_run(str(tmp_path / "outputs"), None)
    link = build_chain(current.config, current.folder)["segment"]
    return link.store.read(item, count)[1].arrays["labels"]


def objects_of(tmp_path: Path, item: str = "000", count: int = 24) -> np.ndarray:
    _, current = open_existing_run(str(tmp_path / "outputs"), None)
    link = build_chain(current.config, current.folder)["prior"]
    prior = link.store.read(item, None)[1].arrays
    objects = objects_for(prior, contour_of(prior), count, current.config.segment)
    assert objects is not None
    return objects


def table(tmp_path: Path, *rows: str) -> str:
    path = tmp_path / "factors.csv"
    path.write_text("\n".join(["image,x,y,factor", *rows]) + "\n")
    return str(path)


def test_factors_of_one_everywhere_change_nothing(run: Command, tmp_path: Path) -> None:
    run()
    before = labels_of(tmp_path)
    done = run(attention=table(tmp_path, "000,5,5,1", "001,5,5,1"))
    assert (done["status"], done["computed"]) == (0, 3)
    assert np.array_equal(labels_of(tmp_path), before)


def test_a_changed_row_makes_its_own_image_stale_alone(run: Command, tmp_path: Path) -> None:
    run(attention=table(tmp_path, "000,5,5,2", "001,5,5,2"))
    before = labels_of(tmp_path)
    table(tmp_path, "001,5,5,2", "000,5,5,3")
    again = run()
    assert (again["computed"], again["complete"], again["stale"]) == (1, 2, {"segment": 1})
    assert not np.array_equal(labels_of(tmp_path), before)
    table(tmp_path, "001,5,5,2")
    assert run()["computed"] == 1
    assert run(attention="none")["computed"] == 3


def test_a_clicked_object_gets_more_and_the_total_stays(run: Command, tmp_path: Path) -> None:
    run()
    objects = objects_of(tmp_path)
    here = objects == objects[5, 5]
    before = np.unique(labels_of(tmp_path)[here]).size
    run(attention=table(tmp_path, "000,5,5,4"))
    labels = labels_of(tmp_path)
    assert labels.max() == 23
    assert np.unique(labels[here]).size > before


def test_visual_attention_keeps_the_total(run: Command, tmp_path: Path) -> None:
    run()
    even = labels_of(tmp_path)
    assert run(attention="visual")["status"] == 0
    assert labels_of(tmp_path).max() == 23
    assert not np.array_equal(labels_of(tmp_path), even)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("000,60,5,2", "the click x = 60, y = 5 lies outside the image, which is 60 wide"),
        ("000,5,-1,2", "y = -1 lies outside"),
    ],
)
def test_a_click_outside_fails_its_image_alone(
    run: Command, tmp_path: Path, row: str, reason: str
) -> None:
    done = run(attention=table(tmp_path, row))
    assert (done["status"], done["computed"], done["failed"]) == (1, 2, 1)
    assert reason in done["failures"][0]["reason"]


def test_an_unknown_object_and_a_map_of_another_size_fail_their_images(
    run: Command, tmp_path: Path
) -> None:
    path = tmp_path / "objects.csv"
    path.write_text("image,object,factor\n000,9999,2\n")
    assert "no object 9999" in run(attention=str(path))["failures"][0]["reason"]
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "001.npy", np.ones((60, 40)))
    failed = run(attention=str(tmp_path / "maps"))["failures"]
    assert [each["item"] for each in failed] == ["001"]
    assert "60×40 but the image is 40×60" in failed[0]["reason"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"attention": "visual", "prior": "none"}, "attention is paid to objects: choose a prior"),
        (
            {"attention": "visual", "method": "slic"},
            "--prior gradient: slic makes nothing of objects",
        ),
        ({"attention": "nowhere.csv"}, "neither none nor visual nor a file that is there"),
        ({"assignments": ["segment.attention.mode=file"]}, "name it with --attention FILE"),
        (
            {"attention": "visual", "assignments": ["segment.attention.saliency=dino"]},
            "spam-pipe weights fetch dino-vit-s8.*saliency=background needs none",
        ),
        (
            {
                "attention": "visual",
                "assignments": [
                    "segment.attention.saliency=dino",
                    "segment.attention.checkpoint=no.pth",
                ],
            },
            "there is no file no.pth",
        ),
    ],
)
def test_what_cannot_be_paid_is_refused_before_any_work(
    run: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    complaint: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SPAM_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(UserError, match=complaint):
        run(**options)
    assert not (tmp_path / "outputs").exists()


def test_a_method_without_a_prior_pays_no_attention(
    command: Command, pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="--method slic: attention is paid to a prior's objects"):
        command("segment", dataset=str(pictures / "images"), method="slic", attention="visual")
    assert not (tmp_path / "outputs").exists()


def test_an_unknown_image_is_refused_before_any_work(run: Command, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image '0000'; did you mean 000"):
        run(attention=table(tmp_path, "0000,5,5,2"))
    assert not (tmp_path / "outputs").exists()


def test_dino_s_checkpoint_is_an_input(run: Command, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    timm = pytest.importorskip("timm.models.vision_transformer", reason="the extra dino")
    torch.manual_seed(0)
    path = tmp_path / "tiny.pth"
    options = {
        "attention": "visual",
        "assignments": [
            "segment.attention.saliency=dino",
            f"segment.attention.checkpoint={path}",
            "segment.attention.threshold=0.5",
        ],
    }
    tiny = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 1}
    torch.save(timm.VisionTransformer(**tiny, num_classes=0).state_dict(), path)
    assert run(**options)["computed"] == 3
    assert run(**options)["complete"] == 3
    torch.save(timm.VisionTransformer(**tiny, num_classes=0).state_dict(), path)
    assert run(**options)["stale"] == {"segment": 3}


def export(tmp_path: Path, capsys: pytest.CaptureFixture[str], *counts: int) -> dict[str, Any]:
    capsys.readouterr()
    asked = ",".join(map(str, counts)) or None
    export_attention(
        ExportOptions(
            str(tmp_path / "table"),
            "attention",
            n_superpixels=asked,
            outputs=str(tmp_path / "outputs"),
            limit=2,
            as_json=True,
        )
    )
    return dict(json.loads(capsys.readouterr().out))


def test_the_exported_table_is_read_back_and_filled_in(
    run: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(n_superpixels="12,48")
    assert export(tmp_path, capsys) == {
        "folder": str(tmp_path / "table" / "attention"),
        "written": 2,
        "missing": 0,
        "failed": 0,
    }
    path = tmp_path / "table" / "attention" / "attention.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    coarse, fine = (objects_of(tmp_path, "001", count) for count in (12, 48))
    own = [row for row in rows if row["image"] == "001"]
    assert [int(row["number"]) for row in own] == list(range(1, int(coarse.max()) + 1))
    for row in own:
        assert coarse[int(row["y"]), int(row["x"])] == int(row["number"])
        assert (row["k"], row["factor"]) == ("12", "1")
    picture = Image.open(tmp_path / "table" / "attention" / "001.png")
    assert picture.size[0] % 60 == 0

    before = {count: labels_of(tmp_path, "001", count) for count in (12, 48)}
    assert run(n_superpixels="12,48", attention=str(path))["status"] == 0
    for count in (12, 48):
        assert np.array_equal(labels_of(tmp_path, "001", count), before[count])

    # Doubled, an object is denser at both numbers, in all the finer objects that it consists of.
    own[0]["factor"] = "2"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert run(n_superpixels="12,48", attention=str(path))["computed"] == 1
    here = coarse == 1
    assert np.unique(fine[here & (fine > 0)]).size >= 1
    after = labels_of(tmp_path, "001", 48)
    assert after.max() == 47
    assert np.unique(after[here]).size > np.unique(before[48][here]).size


def test_the_objects_for_a_number_of_superpixels_are_exported(run: Command, tmp_path: Path) -> None:
    run()
    for name, counts in (("cut", "12,24"), ("finest", None)):
        asked = ExportOptions(
            str(tmp_path / name),
            "objects",
            "npy",
            n_superpixels=counts,
            outputs=str(tmp_path / "outputs"),
            limit=1,
            as_json=True,
        )
        assert export_run(asked) == 0
    for count in (12, 24):
        assert np.array_equal(
            np.load(tmp_path / f"cut/objects/{count}/000.npy"), objects_of(tmp_path, count=count)
        )
    assert np.load(tmp_path / "finest/objects/000.npy").max() > objects_of(tmp_path).max()


def test_a_table_that_may_be_filled_in_is_not_overwritten(
    run: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("prior")
    export(tmp_path, capsys, 12)
    export(tmp_path, capsys, 12)  # again, the same
    table = tmp_path / "table" / "attention" / "attention.csv"
    table.write_text(table.read_text().replace(",1\n", ",2\n", 1))
    with pytest.raises(UserError, match="is there and holds something else"):
        export(tmp_path, capsys, 12)
    (tmp_path / "table" / "attention" / "attention.csv").unlink()
    with pytest.raises(UserError, match="give one number"):
        export(tmp_path, capsys, 12, 48)
