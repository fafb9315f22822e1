"""`spam-pipe train`: a tiny network on small pictures laid out as BSDS500 is."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image

from spam_pipe.pipeline.commands.train import train_network
from spam_pipe.pipeline.configuration.training_recipe import (
    TrainingConfig,
    default_folder,
    read_recipe,
)
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.networks.weights import load_weights
from tests.conftest import PATIENCE, PROJECT, SpamPipe, draw_images, wait_until

TINY = (
    "network.name=trunk",
    "start=default",
    "nested=default",
    "also=default",
    "network.widths=[4, 4, 4, 4, 4]",
    "network.up_widths=[4, 4, 4, 4]",
    "augment.crop=32",
    "batch=2",
    "grids=[4]",
    "validate_counts=[6]",
    "validate_every=1",
    "least_regularity=[0.1]",
)

Train = Callable[..., dict[str, Any]]


def lay_out_as_bsd(root: Path, **splits: int) -> Path:
    """Write small pictures with two annotators each; return what `SPAM_DATA` is set to."""
    for split, count in splits.items():
        drawn = draw_images(root / "drawn" / split, count, size=(48, 60))
        images = root / "BSDS500" / "data" / "images" / split
        truth = root / "BSDS500" / "data" / "groundTruth" / split
        images.mkdir(parents=True)
        truth.mkdir(parents=True)
        for path in sorted((drawn / "images").iterdir()):
            Image.open(path).save(images / f"{path.stem}.jpg")
            fine = np.asarray(Image.open(drawn / "truth" / path.name)).astype(np.uint16)
            cell = np.empty((1, 2), object)
            for annotator, regions in enumerate((fine, (fine + 1) // 2)):
                entry = {"Segmentation": regions, "Boundaries": np.zeros_like(regions)}
                cell[0, annotator] = entry
            scipy.io.savemat(truth / f"{path.stem}.mat", {"groundTruth": cell})
    return root


@pytest.fixture(scope="module")
def bsd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_as_bsd(tmp_path_factory.mktemp("data"), train=3, val=1)


@pytest.fixture(autouse=True)
def _in_its_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bsd: Path) -> None:
    monkeypatch.setenv("SPAM_DATA", str(bsd))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str]) -> Train:
    """Train in this process; return the command's JSON with the exit status under `status`."""

    def run(*assignments: str, config: str | None = None, **given: Any) -> dict[str, Any]:
        folder = given.pop("folder", "tiny")
        also = given.pop("also", ())
        options = Options(assignments=list(assignments), device="cpu", as_json=True, **given)
        capsys.readouterr()
        status = train_network(options, config, folder, None, also)
        return {"status": status, **json.loads(capsys.readouterr().out)}

    return run


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, bsd: Path) -> Path:
    """The folder of a training of two steps."""
    folder = tmp_path_factory.mktemp("begun") / "tiny"
    assignments = [*TINY, "steps=2", f"dataset.root={bsd}"]
    train_network(
        Options(assignments=assignments, device="cpu", quiet=True), None, str(folder), None
    )
    return folder


@pytest.fixture
def trained(begun: Path, tmp_path: Path) -> Path:
    """A copy of that folder for the test alone, where `train` looks for it."""
    shutil.copytree(begun, tmp_path / "tiny")
    return Path("tiny")


def refusal(train: Train, *assignments: str, **given: Any) -> str:
    """Return the one line with which a training is refused."""
    with pytest.raises(UserError) as refused:
        train(*assignments, **given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_training_from_the_command_line(spam_pipe: SpamPipe, tmp_path: Path) -> None:
    sets = [part for assignment in (*TINY, "steps=3") for part in ("--set", assignment)]
    done = spam_pipe("train", "--config", "train-trunk", *sets)
    assert done.returncode == 0, done.stderr
    assert "bsd train: 3 of 200 images found" in done.stderr
    assert re.search(
        r"step 1, loss [\d.]+ \(labels [\d.]+, contours [\d.]+\), [\d.]+ images/s, "
        r"[\d.]+ min left",
        done.stderr,
    )
    best = "training/trunk/best.safetensors"
    assert re.fullmatch(
        rf"weights of step 3, ASA [\d.]+ at GR [\d.]+ \(K = 6\): {best}\n", done.stdout
    )
    assert sum(each.numel() for each in load_weights(tmp_path / best).parameters()) < 10_000
    written = {path.name for path in (tmp_path / "training/trunk").iterdir() if path.is_file()}
    assert written == {
        "best.safetensors",
        "curve.png",
        "last.safetensors",
        "log.csv",
        "state.pt",
        "train.toml",
    }


def test_the_folder_remembers_its_recipe(trained: Path, train: Train) -> None:
    assert tomllib.loads((trained / "train.toml").read_text())["network"]["widths"] == [4] * 5
    # Neither the recipe nor the small network is named again.
    done = train("steps=5")
    assert (done["status"], done["step"], done["interrupted"]) == (0, 5, False)
    assert done["score"]["counts"] == [6]
    again = read_recipe(str(trained / "train.toml"), Path("elsewhere"), [])
    assert (again.steps, again.network) == (5, read_recipe(None, trained, []).network)


def test_a_training_that_is_over_warms_up_again(trained: Path, train: Train) -> None:
    assert train()["step"] == 4


def test_ctrl_c_stops_after_a_step_and_the_command_goes_on(
    tmp_path: Path, train: Train, spam_pipe: SpamPipe
) -> None:
    assignments = [*TINY, "save_minutes=1e-4", "steps=1000000"]
    sets = [part for assignment in assignments for part in ("--set", assignment)]
    process = subprocess.Popen(
        [sys.executable, "-m", "spam_pipe", "train", "--folder", "tiny", *sets],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(
        (tmp_path / "tiny" / "log.csv").is_file, still_possible=lambda: process.poll() is None
    )
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "stopping after the step at hand; Ctrl-C again stops at once" in said
    found = re.search(r"stopped; the same command goes on from step ([\d,]+)", said)
    assert found is not None, said
    step = int(found.group(1).replace(",", ""))
    assert not list((tmp_path / "tiny" / ".locks").iterdir())
    # Exactly two more steps end a schedule of two steps more.
    assert train(f"steps={step + 2}")["step"] == step + 2


def test_images_without_a_validation_split(
    tmp_path: Path, pictures: Path, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"dataset": str(pictures / "images"), "ground_truth": str(pictures / "truth")}
    done = train(*TINY, "steps=1", **given)
    assert done["score"] is None
    assert Path(done["weights"]).name == "last.safetensors"
    recorded = tomllib.loads((tmp_path / "tiny" / "train.toml").read_text())["dataset"]
    assert recorded["images"] == given["dataset"]
    assert recorded["ground_truth"] == given["ground_truth"]


def test_a_recipe_says_how_its_images_are_read(pictures: Path, train: Train) -> None:
    (pictures / "turned").mkdir()
    for path in (pictures / "images").iterdir():
        pixels = np.asarray(Image.open(path))[:, :, ::-1]
        Image.fromarray(np.ascontiguousarray(pixels)).save(pictures / "turned" / path.name)
    trained = {}
    for name, folder, options in (
        ("plain", "images", ()),
        ("turned", "turned", ("dataset.bands=[3, 2, 1]",)),
        ("stretched", "images", ("dataset.stretch=[10, 90]",)),
    ):
        given = {"dataset": str(pictures / folder), "ground_truth": str(pictures / "truth")}
        done = train(*TINY, "steps=1", *options, folder=name, **given)
        tensors = load_weights(Path(done["weights"])).state_dict()
        trained[name] = {key: tensor.numpy().tobytes() for key, tensor in tensors.items()}
    assert trained["turned"] == trained["plain"]
    assert trained["stretched"] != trained["plain"]


def test_images_without_ground_truth(pictures: Path, train: Train) -> None:
    message = refusal(train, *TINY, dataset=str(pictures / "images"))
    assert "none of its 6 images has ground truth" in message
    assert "--ground-truth" in message


def test_further_folders_are_trained_on_and_partly_kept_for_validation(
    tmp_path: Path, pictures: Path, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    also = (f"{pictures}/images:{pictures}/truth:0.3",)
    done = train(*TINY, "steps=2", "batch=8", also=also)
    assert done["step"] == 2
    weight, figures = done["score"]["others"][0]
    assert weight == 0.3
    assert len(figures["asa"]) == 1
    recipe = tomllib.loads((tmp_path / "tiny" / "train.toml").read_text())
    assert recipe["also"] == [
        {
            "images": f"{pictures}/images",
            "ground_truth": f"{pictures}/truth",
            "share": 0.3,
            "contours": 1.0,
            "hold_out": 25,
        }
    ]
    assert train()["step"] == 4  # by what the folder says alone


def test_folders_of_a_recipe_are_looked_for_among_the_datasets(
    tmp_path: Path, pictures: Path, bsd: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    shutil.copytree(bsd, data)
    shutil.copytree(pictures, data / "others")
    monkeypatch.setenv("SPAM_DATA", str(data))
    recipe = tmp_path / "recipe.toml"
    table = """
        [[also]]
        images = "others/images"
        ground_truth = "others/truth"
        share = 0.5
        void = 1
        contours = 0.5
        hold_out = 0
    """
    recipe.write_text(table)
    sets = [each for each in TINY if each != "also=default"]
    done = train(*sets, "steps=1", config=str(recipe))
    assert done["step"] == 1
    assert done["score"]["others"] == []


@pytest.mark.parametrize(
    ("also", "assignments", "message"),
    [
        ("photos", (), "write FOLDER:GROUND_TRUTH:SHARE"),
        ("a:b:much", (), "write FOLDER:GROUND_TRUTH:SHARE"),
        ("no/photos:no/labels:0.3", (), "no/photos: there is no such folder; looked for no/photos"),
        ("{}/images:{}/truth:1.5", (), "also.0.share: write less than 1"),
        ("{}/images:{}/truth:0.3", ("void=-1",), "void: write at least"),
    ],
)
def test_folders_that_cannot_be_trained_on(
    pictures: Path, train: Train, also: str, assignments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(train, *TINY, *assignments, also=(also.replace("{}", str(pictures)),))


def test_shares_leave_something_for_the_dataset(pictures: Path, train: Train) -> None:
    one = f"{pictures}/images:{pictures}/truth:0.5"
    assert "shares leave nothing for the dataset" in refusal(train, *TINY, also=(one, one))


@pytest.mark.parametrize(
    ("assignments", "given", "message"),
    [
        (["network.name=unet"], {}, "'trunk', 'efficientunet', 'ssn'"),
        (["lerning_rate=1"], {}, "did you mean learning_rate?"),
        (["loss.label=1"], {}, "did you mean loss.labels?"),
        (["network.depth=3"], {}, "network.depth: no such option of a training"),
        (["learning_rate=-1"], {}, "learning_rate: write more than 0 (given: -1)"),
        (["validate_counts=[100]"], {}, "least_regularity"),
        ([], {"config": "train-none"}, "train-trunk"),
        ([], {"dataset": "nyuv2"}, "has no split to train on"),
        ([], {"dataset": "bds"}, "did you mean bsd or sbd"),
        (["dataset.root=nowhere"], {}, "spam-pipe datasets fetch bsd"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, train: Train, assignments: list[str], given: dict[str, Any], message: str
) -> None:
    assert message in refusal(train, *assignments, **given)
    assert not (tmp_path / "tiny").exists()


def test_a_damaged_image_is_named(tmp_path: Path, train: Train) -> None:
    root = lay_out_as_bsd(tmp_path / "data", train=1)
    image = root / "BSDS500/data/images/train/000.jpg"
    image.write_bytes(image.read_bytes()[:300])
    assert str(image) in refusal(train, *TINY, f"dataset.root={root}")
    Image.new("RGB", (7, 5)).save(image)
    assert "000: ground truth of {(48, 60)}, image of (5, 7)" in refusal(
        train, *TINY, f"dataset.root={root}"
    )


def test_the_folder_of_another_network_is_left_alone(trained: Path, train: Train) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir() if path.is_file()}
    assert "training of another network; choose another folder" in refusal(
        train, "network.name=ssn", "network.width=4"
    )
    after = {path.name: path.read_bytes() for path in trained.iterdir() if path.is_file()}
    assert after == before


def test_a_full_disk_leaves_the_checkpoint(trained: Path, train: Train) -> None:
    before = (trained / "state.pt").read_bytes()
    (trained / ".state.pt.part").symlink_to("/dev/full")
    message = refusal(train)
    assert "No space left on device" in message
    assert "make room" in message
    assert (trained / "state.pt").read_bytes() == before
    assert train()["step"] == 4


def test_a_folder_that_cannot_be_written(tmp_path: Path, train: Train) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refusal(train, *TINY, folder="file/tiny")
    assert "choose another --folder" in message


def test_one_training_at_a_time_in_a_folder(trained: Path, train: Train) -> None:
    with locked(LocalFolder(trained)):
        message = refusal(train)
    assert f"process {os.getpid()} on {socket.gethostname()}" in message
    assert "--folder" in message


def test_the_default_folder_is_named_after_the_recipe() -> None:
    assert default_folder(None) == Path("training/efficientunet")
    assert default_folder("train-ssn") == Path("training/ssn")
    assert default_folder("recipes/train-mine.toml") == Path("training/mine")


def test_every_shipped_recipe_is_valid() -> None:
    names = [path.stem for path in (PROJECT / "configs").glob("train-*.toml")]
    assert {"train-efficientunet", "train-trunk", "train-ssn"} <= set(names)
    for name in names:
        recipe = read_recipe(name, Path("nowhere"), [])
        assert isinstance(recipe, TrainingConfig)
        assert recipe.dataset.name == "bsd"
