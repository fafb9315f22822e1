"""Clicks and scribbles through the real command: masks, tables, scores, and what is refused."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from spam_pipe.pipeline.annotating.marks import match_images, read_marks
from spam_pipe.pipeline.cli.app import app
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError

Command = Callable[..., dict[str, Any]]
Annotate = Callable[..., dict[str, Any]]

SIX = [(10 + 20 * (n // 3), 10 + 20 * (n % 3)) for n in range(6)]
"""Rows and columns of the middles of the six regions of each picture."""


@pytest.fixture
def made(command: Command, pictures: Path) -> Command:
    """Superpixels that are the six regions of the ground truth, and twelve within them."""

    def make(**options: Any) -> dict[str, Any]:
        chosen = {
            "dataset": str(pictures / "images"),
            "ground_truth": str(pictures / "truth"),
            "n_superpixels": "6,12",
            "method": "ground-truth",
            "prior": "none",
            "limit": 3,
        }
        return command("evaluate", **{**chosen, **options})

    return make


@pytest.fixture
def annotate(tmp_path: Path) -> Annotate:
    """Run the command; return its JSON with the exit status, or raise its error."""

    def run(*arguments: str | Path) -> dict[str, Any]:
        words = ["annotate", *map(str, arguments), "--outputs", str(tmp_path / "outputs"), "--json"]
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return {"status": result.exit_code, "said": result.stderr, **json.loads(result.stdout)}

    return run


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "images" / "annotations"


def clicks(tmp_path: Path, *rows: str, name: str = "clicks.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(["image,x,y,class", *rows]) + "\n")
    return path


def all_six(image: str = "000", names: str = "123456") -> list[str]:
    return [f"{image},{x},{y},{name}" for (y, x), name in zip(SIX, names, strict=True)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_six_clicks_make_the_ground_truth(
    made: Command, annotate: Annotate, masks: Path, tmp_path: Path, pictures: Path
) -> None:
    made()
    done = annotate(clicks(tmp_path, *all_six()), "-k", "6")
    assert (done["status"], done["written"], done["n_clicks"], done["n_conflicts"]) == (0, 1, 6, 0)
    assert (done["pixel_accuracy"], done["mean_iou"], done["labelled"]) == (1.0, 1.0, 1.0)
    mask = Image.open(masks / "000.png")
    assert mask.mode == "L"
    assert np.array_equal(np.asarray(mask), np.asarray(Image.open(pictures / "truth" / "000.png")))
    assert read(masks / "classes.csv")[2] == {
        "class": "3", "name": "3", "n_images": "1", "n_pixels": "400"
    }  # fmt: skip
    assert read(masks / "scores.csv") == [
        {
            "image": "000",
            "n_clicks": "6",
            "n_superpixels": "6",
            "n_clicked": "6",
            "labelled": "1.000000",
            "pixel_accuracy": "1.000000",
            "mean_iou": "1.000000",
            "n_annotators": "1",
        }
    ]


def test_the_largest_count_is_taken_and_filling_does_the_rest(
    made: Command, annotate: Annotate, tmp_path: Path
) -> None:
    made()
    path = clicks(tmp_path, *all_six())
    sparse = annotate(path, "--to", tmp_path / "masks")
    assert (sparse["n_superpixels"], sparse["n_clicked"]) == (12, 6)
    assert sparse["labelled"] == sparse["pixel_accuracy"] < 1
    assert annotate(path, "--fill", "--to", tmp_path / "masks")["labelled"] == 1.0
    assert (tmp_path / "masks" / "000.png").is_file()


def test_names_may_have_commas_and_contradictions_are_told(
    made: Command, annotate: Annotate, masks: Path, tmp_path: Path
) -> None:
    made()
    rows = ['000,10,10,"grass, dry"', "000,11,10,sky", '000,12,10,"grass, dry"', "001,5,5,sky"]
    done = annotate(clicks(tmp_path, *rows), "-k", "6")
    assert (done["status"], done["written"], done["n_conflicts"]) == (0, 2, 1)
    assert [row["name"] for row in read(masks / "classes.csv")] == ["grass, dry", "sky"]
    found = [(row["name"], row["n_clicks"], row["wins"]) for row in read(masks / "conflicts.csv")]
    assert found == [("sky", "1", "0"), ("grass, dry", "2", "1")]
    assert np.asarray(Image.open(masks / "000.png"))[10, 11] == 1
    assert np.asarray(Image.open(masks / "001.png"))[5, 5] == 2


def test_json_numbers_and_deep_masks(
    made: Command, annotate: Annotate, masks: Path, tmp_path: Path
) -> None:
    made()
    path = tmp_path / "clicks.json"
    rows = [{"image": "000.png", "x": 5, "y": 5, "class": 300}]
    path.write_text(json.dumps(rows))
    annotate(path)
    assert np.asarray(Image.open(masks / "000.png")).dtype == np.uint16
    assert [row["class"] for row in read(masks / "classes.csv")] == ["300"]


def test_objects_by_number_and_whole_objects(
    made: Command, annotate: Annotate, masks: Path, tmp_path: Path
) -> None:
    made(method="slic-masked", prior="gradient", n_superpixels="12")
    path = tmp_path / "objects.csv"
    path.write_text("image,object,x,y,class\n000,1,,,a\n000,,55,35,b\n")
    done = annotate(path)
    assert done["n_clicks"] == 2
    assert np.unique(np.asarray(Image.open(masks / "000.png"))).tolist() == [0, 1, 2]
    whole = annotate(path, "--objects")
    assert whole["labelled"] >= done["labelled"]
    path.write_text("image,object,class\n000,999,a\n000,1,b\n")
    with pytest.raises(UserError, match="not one image"):
        annotate(path)
    path.write_text("image,object,x,y,class\n000,999,,,a\n001,,5,5,b\n")
    partly = annotate(path)
    assert (partly["status"], partly["failed"], partly["written"]) == (1, 1, 1)
    assert "000: the prior has no object 999: its finest ones are 1 to" in partly["said"]


def test_objects_need_a_prior(made: Command, annotate: Annotate, tmp_path: Path) -> None:
    made()
    with pytest.raises(ConfigError, match="--objects: run images has no prior"):
        annotate(clicks(tmp_path, "000,5,5,a"), "--objects")
    path = tmp_path / "objects.csv"
    path.write_text("image,object,x,y,class\n000,1,,,a\n001,,5,5,a\n")
    assert "an object is named but the run has no prior" in annotate(path)["said"]


def test_scribbles(made: Command, annotate: Annotate, masks: Path, tmp_path: Path) -> None:
    made()
    folder = tmp_path / "scribbles"
    folder.mkdir()
    gray = np.zeros((40, 60), np.uint8)
    gray[5:15, 5] = 2
    gray[5, 25:35] = 9
    Image.fromarray(gray).save(folder / "000.png")
    done = annotate(folder, "-k", "6")
    assert (done["n_clicks"], done["n_clicked"], done["pixel_accuracy"]) == (20, 2, 1 / 3)
    assert np.unique(np.asarray(Image.open(masks / "000.png"))).tolist() == [0, 2, 9]
    color = np.zeros((40, 60, 3), np.uint8)
    color[5, 5] = 255, 0, 16
    color[5, 25] = 0, 255, 0
    Image.fromarray(color).save(folder / "001.png")
    (folder / "000.png").unlink()
    annotate(folder, "-k", "6")
    assert [row["name"] for row in read(masks / "classes.csv")] == ["#00ff00", "#ff0010"]
    mask = np.asarray(Image.open(masks / "001.png"))
    assert (mask[5, 5], mask[5, 25], mask[30, 30]) == (2, 1, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; its columns are image, x, y, class"),
        ("image,x,y,class\n", "holds no click; write one a line"),
        ("image,x,y,class\n000,5,5,grass, dry\n", 'line 2: has more cells .* "grass, dry"'),
        ("image,x,y\n000,5,5\n", "the column class is missing"),
        ("image,x,class\n000,5,a\n", "the column y is missing"),
        ("image,x,y,class,hue\n", "no such column as 'hue' in clicks"),
        ("image,x,y,class\n,5,5,a\n", "line 2: no image is named"),
        ("image,x,y,class\n000,five,5,a\n", "line 2: x is 'five', not a number of pixels"),
        ("image,x,y,class\n000,5,5,\n", "line 2: no class is named"),
        ("image,x,y,class\n000,5,5,0\n", "line 2: class 0 is no number of a class: they are 1"),
        ("image,x,y,class\n000,5,5,70000\n", "class 70000 is no number of a class"),
        ("image,object,x,y,class\n000,1,5,5,a\n", "either x and y or an object, not both"),
        ("image,object,class\n000,1,a\n000,1,b\n", "object 1 of 000 has a class already"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_marks(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "not JSON"),
        ('{"000": 1}', "not clicks; write"),
        ("[]", "holds no click"),
        ('[{"image": "000", "x": 1, "y": 1}]', "entry 1: the column class is missing"),
        ('[{"image": "000", "x": 1, "y": 1, "class": true}]', "entry 1: no class is named"),
        ('[{"image": "000", "x": null, "y": 1, "class": "a"}]', "entry 1: x is '', not a number"),
    ],
)
def test_json_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "clicks.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_marks(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder of clicks"):
        read_marks(tmp_path / "nothing.csv")
    (tmp_path / "clicks.txt").write_text("x")
    with pytest.raises(DataError, match=r"clicks are a \.csv or \.json file"):
        read_marks(tmp_path / "clicks.txt")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="no picture of scribbles is in there"):
        read_marks(tmp_path / "folder")
    Image.new("L", (4, 4)).save(tmp_path / "folder" / "000.png")
    with pytest.raises(DataError, match="holds no scribble: all of it is 0"):
        read_marks(tmp_path / "folder")


def test_images_that_are_not_there(made: Command, annotate: Annotate, tmp_path: Path) -> None:
    made()
    with pytest.raises(DataError, match=r"the run has no image '00O'; did you mean 00"):
        annotate(clicks(tmp_path, "00O,5,5,a"))
    with pytest.raises(DataError, match=r"no image 'zebra'; there are 000, 001, 002 …"):
        match_images(["zebra"], ["000", "001", "002", "003"])
    with pytest.raises(DataError, match="image 'a' is named in two ways"):
        match_images(["a", "a.jpg"], ["a"])


def test_one_bad_image_does_not_end_the_others(
    made: Command, annotate: Annotate, tmp_path: Path, masks: Path
) -> None:
    made()
    done = annotate(clicks(tmp_path, "000,60,5,a", "001,5,5,a", "005,5,5,a"))
    assert (done["status"], done["written"], done["failed"]) == (1, 1, 2)
    assert "000: the click x = 60, y = 5 lies outside the image, which is 60 wide" in done["said"]
    assert "005 is not complete; run `spam-pipe segment`" in done["said"]
    assert [row["image"] for row in read(masks / "scores.csv")] == ["001"]
    small = tmp_path / "000.png"
    Image.fromarray(np.ones((3, 4), np.uint8)).save(small)
    with pytest.raises(UserError, match="not one image"):
        annotate(small)


def test_options_that_do_not_go_together(made: Command, annotate: Annotate, tmp_path: Path) -> None:
    path = clicks(tmp_path, "000,5,5,a")
    with pytest.raises(UserError, match="no runs there"):
        annotate(path)
    made()
    with pytest.raises(ConfigError, match="give a FILE of clicks or scribbles, or --simulate N"):
        annotate()
    with pytest.raises(ConfigError, match="--to, --objects and --fill go with a FILE of yours"):
        annotate("--simulate", "3", "--fill")
    with pytest.raises(ConfigError, match="--limit goes with --simulate"):
        annotate(path, "--limit", "1")
    with pytest.raises(ConfigError, match="-k 6,12: give one number"):
        annotate(path, "-k", "6,12")
    with pytest.raises(ConfigError, match="-k 7: run images has K = 6, 12; `spam-pipe segment"):
        annotate(path, "-k", "7")


def test_simulated_clicks_on_every_method(
    made: Command, annotate: Annotate, tmp_path: Path
) -> None:
    made()
    made(method="grid")
    done = annotate("--simulate", "10", "-k", "6", "--limit", "4")
    assert done["n_images"] == 3
    assert (
        "1 images lack ground truth or an up-to-date result of a method: left out" in done["said"]
    )
    exact = done["methods"]["ground-truth, no prior"]
    assert set(done["methods"]) == {"ground-truth, no prior", "grid, no prior", "no superpixels"}
    assert (exact["n_superpixels"], exact["n_reached_0.95"], exact["accuracy_after_10"]) == (
        6,
        3,
        1,
    )
    assert exact["clicks_to_0.95"] <= 6
    folder = tmp_path / "outputs" / "images" / "clicks"
    rows = read(folder / "clicks.csv")
    own = [row for row in rows if row["method"].startswith("ground") and row["image"] == "000"]
    assert [row["click"] for row in own] == [str(n) for n in range(1, len(own) + 1)]
    assert float(own[-1]["pixel_accuracy"]) == float(own[-1]["mean_iou"]) == 1.0
    assert [row["method"] for row in read(folder / "summary.csv")] == list(done["methods"])
    with Image.open(folder / "clicks.png") as picture:
        assert picture.width > 300
