"""Sweeps: real small runs, what they share and skip, and what a bad file says."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from spam_pipe.pipeline.commands.sweep import run_sweep
from spam_pipe.pipeline.configuration.run_config import configs_folder, read_toml, resolve
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.sweep_record import read_record
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.sweeping.sweep_file import read_sweep
from tests.conftest import draw_images

GRID = """
reference = "compactness=7.5, no prior"

[base]
n_superpixels = [6, 12]
segment.network = "none"

[[axis]]
key = "segment.compactness"
values = [2, 7.5, 30]

[[axis]]
name = "prior"
points = [
  { label = "no prior", propose.source = "none" },
  { label = "gradient", propose.source = "gradient" },
]
"""

ONE_AXIS = """
[base]
n_superpixels = [6]
segment.network = "none"
propose.source = "none"
[[axis]]
"""

SMALL = (
    ONE_AXIS
    + """points = [
  { label = "tight", propose.source = "gradient", segment.compactness = 20 },
  { label = "loose", propose.source = "gradient", segment.compactness = 2 },
]"""
)
"""Two points that share their prior."""

Swept = Callable[..., dict[str, Any]]


def sweep(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, **options: Any
) -> dict[str, Any]:
    """Run a sweep on the folder's pictures in this process; return its JSON and status."""
    file = folder / "grid.toml"
    file.write_text(text)
    given = {
        "outputs": str(folder / "outputs"),
        "dataset": str(folder / "pictures" / "images"),
        "ground_truth": str(folder / "pictures" / "truth"),
        "device": "cpu",
        **options,
    }
    capsys.readouterr()
    status = run_sweep(str(file), Options(**given, as_json=True))
    return {"status": status, **json.loads(capsys.readouterr().out)}


@pytest.fixture
def swept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Swept:
    """Two small pictures, and a sweep to run on them."""
    draw_images(tmp_path / "pictures", 2)

    def run(text: str, **options: Any) -> dict[str, Any]:
        return sweep(tmp_path, capsys, text, **options)

    return run


def events(folder: Path) -> Counter[str]:
    with (folder / "events.csv").open() as file:
        return Counter(row["stage"] for row in csv.DictReader(file))


def test_points_share_what_they_can_and_the_report_compares_them(
    swept: Swept, tmp_path: Path
) -> None:
    done = swept(GRID, paper=True)
    folder = tmp_path / "outputs" / "grid-images"
    assert done["status"] == 0
    [run] = done["runs"]
    assert (run["computed"], run["failed"]) == (12, 0)
    # 2 images × 6 points × 2 counts; proposals and prior once an image for three points each.
    assert events(folder) == {"propose": 2, "prior": 2, "segment": 24, "evaluate": 24}
    assert run["stage_runs"] == {"alone": 60, "shared": 52}
    metrics = pd.read_csv(folder / "report" / "metrics.csv")
    assert len(metrics) == 24
    assert set(metrics["config"]) == {
        f"compactness={value}, {prior}" for value in ("2", "7.5", "30") for prior in PRIORS
    }
    written = {path.name for path in (folder / "report" / "figures").iterdir()}
    for figure in ("curves", "over-compactness", "seconds", "scatter"):
        assert {f"{figure}.{form}" for form in ("png", "svg", "pdf")} <= written
    assert {"plate.png", "plate.pdf"} <= written
    compared = pd.read_csv(folder / "report" / "statistics" / "comparisons.csv")
    assert set(compared["config"]) == set(metrics["config"]) - {"compactness=7.5, no prior"}
    assert "booktabs" not in (folder / "report/statistics/summary.tex").read_text()
    with Image.open(folder / "report/figures/plate.png") as plate:
        assert plate.width > 7 * 480  # the image and six methods
    again = swept(GRID)
    assert (again["runs"][0]["computed"], again["runs"][0]["complete"]) == (0, 12)
    assert events(folder)["segment"] == 24


PRIORS = ("no prior", "gradient")


def test_a_half_done_sweep_goes_on_with_what_is_missing(swept: Swept, tmp_path: Path) -> None:
    first = swept(SMALL, limit=1)
    assert first["runs"][0]["computed"] == 2
    left = swept(SMALL, dry_run=True)["runs"][0]["to_do"]
    assert left == {"propose": 1, "prior": 1, "segment": 2, "evaluate": 2}
    second = swept(SMALL)
    assert (second["runs"][0]["computed"], second["runs"][0]["complete"]) == (2, 2)
    assert events(tmp_path / "outputs" / "grid-images")["propose"] == 2


def test_workers_make_the_same(swept: Swept, tmp_path: Path) -> None:
    swept(SMALL, run="here")
    swept(SMALL, run="there", workers=2)
    tables = [
        pd.read_csv(tmp_path / "outputs" / run / "report" / "metrics.csv").drop(columns="seconds")
        for run in ("here", "there")
    ]
    pd.testing.assert_frame_equal(*tables)
    assert events(tmp_path / "outputs" / "there")["prior"] == 2


def test_what_cannot_run_is_skipped_and_recorded(swept: Swept, tmp_path: Path) -> None:
    points = """points = [
      { label = "plain" },
      { label = "unshipped", segment.network = "trunk", segment.weights = "no-such-weights" },
      { label = "own masks", propose.source = "masks", needs = ["propose.masks"] },
    ]"""
    done = swept(ONE_AXIS + points)
    assert done["status"] == 0
    [run] = done["runs"]
    assert [point["label"] for point in run["points"]] == ["plain"]
    reasons = {point["label"]: point["reason"] for point in run["skipped_points"]}
    assert "no-such-weights: no such file" in reasons["unshipped"]
    assert reasons["own masks"] == "needs propose.masks: give it with --set propose.masks=…"
    record = read_record(open_folder(str(tmp_path / "outputs" / "grid-images")))
    assert record is not None
    assert {point.label for point in record.skipped} == {"unshipped", "own masks"}
    page = (tmp_path / "outputs/grid-images/report/index.html").read_text()
    assert "no-such-weights" in page


def test_nothing_that_can_run_is_an_error(swept: Swept) -> None:
    with pytest.raises(UserError, match=r"no point can run here; a: weights x: no such file"):
        swept(
            ONE_AXIS + 'points = [{ label = "a", segment = { network = "trunk", weights = "x" }}]'
        )


def test_a_missing_dataset_is_skipped_beside_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAM_DATA", str(tmp_path / "nothing"))
    text = 'datasets = ["sample", "sbd"]\n' + ONE_AXIS + 'key = "segment.seed"\nvalues = [0, 1]'
    done = sweep(tmp_path, capsys, text, dataset=None, ground_truth=None, limit=1, dry_run=True)
    [run] = done["runs"]
    assert run["run"] == "grid-sample"
    assert [point["label"] for point in run["skipped"]] == ["dataset sbd"]


def test_failures_are_told_and_the_rest_completes(swept: Swept, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "images" / "001.png").write_bytes(b"no picture")
    done = swept(ONE_AXIS + 'key = "segment.compactness"\nvalues = [2, 10]')
    [run] = done["runs"]
    assert done["status"] == 1
    assert (run["computed"], run["failed"]) == (2, 2)
    failures = (tmp_path / "outputs/grid-images/failures.csv").read_text()
    assert failures.count("001") >= 2


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(swept: Swept, tmp_path: Path) -> None:
    done = swept(GRID, dry_run=True)
    [run] = done["runs"]
    assert run["to_do"] == {"propose": 2, "prior": 2, "segment": 24, "evaluate": 24}
    assert run["seconds"] > 0
    assert not (tmp_path / "outputs").exists()


def test_a_dry_run_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    file = tmp_path / "grid.toml"
    file.write_text(GRID)
    options = Options(
        dataset=str(pictures / "images"), outputs=str(tmp_path / "outputs"), dry_run=True, limit=2
    )
    assert run_sweep(str(file), options) == 0
    shown = capsys.readouterr().out
    assert "shared" in shown
    assert "52 stage runs to do, about" in shown
    assert "sharing saves 8 of 60 stage runs" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[base]\nn_superpixels = [6]", "an empty grid"),
        ('[[axis]]\nkey = "segment.rho"\nvalues = []', "give one of them, and not empty"),
        ("[[axis]]\npoints = []", "give one of them, and not empty"),
        ('[[axis]]\nkey = "segment.rho"\nvalues = [1]\npoints = [{label = "a"}]', "one of them"),
        ("[[axis]]\nvalues = [1]", "values need the key"),
        ('[[axis]]\nkey = "segment.compactnes"\nvalues = [1]', "did you mean segment.compactness"),
        ('[[axis]]\nkey = "segmen.rho"\nvalues = [1]', "segmen: no such option; did you mean seg"),
        ('[[axis]]\nkey = "segment.method"\nvalues = ["slik"]', "did you mean slic"),
        ('[[axis]]\nkey = "segment.rho"\nvalues = [0.5, 7]', "point 'rho=7'"),
        ('[[axis]]\nkey = "segment.rho"\nvalues = [0.5, 0.5]', "two points are called 'rho=0.5'"),
        (
            '[[axis]]\npoints = [{label = "a"}, {label = "b", segment.rho = 0.5}]',
            "points 'a' and 'b' are the same; remove one",
        ),
        ('[[axis]]\nkey = "n_superpixels"\nvalues = [1]', "n_superpixels is no axis"),
        ('[[axis]]\nkey = "dataset.name"\nvalues = ["bsd"]', "dataset is no axis"),
        ('[segment]\nrho = 0.1\n[[axis]]\nkey = "segment.tau"\nvalues = [1]', "[base.segment]"),
        ('[[axes]]\nkey = "segment.tau"\nvalues = [1]', "axes: no such entry; did you mean axis"),
        (
            'reference = "rho=1"\n[[axis]]\nkey = "segment.rho"\nvalues = [0.5]',
            "did you mean rho=0.5?",
        ),
        ("[[axis]\n", "not valid TOML"),
    ],
)
def test_a_bad_file_is_one_line(swept: Swept, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        swept(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "outputs").exists()


def test_an_option_that_the_sweep_varies_is_refused(swept: Swept) -> None:
    with pytest.raises(UserError, match=r"segment\.compactness: the sweep grid varies it"):
        swept(GRID, assignments=["segment.compactness=3"])


def test_a_file_that_is_not_there(swept: Swept) -> None:
    with pytest.raises(UserError, match=r"shipped: .*paper-figure6"):
        run_sweep("no-such-sweep", Options())


SHIPPED = sorted(
    path.stem
    for path in configs_folder().glob("*.toml")
    if "axis" in read_toml(path.read_text(encoding="utf-8"), path.name)
)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_sweeps_resolve_to_points_that_differ(name: str, tmp_path: Path) -> None:
    shipped = read_sweep(name)
    folder = open_folder(str(tmp_path))
    stores = set()
    for point in shipped.points:
        needed = {"propose": {"masks": "masks"}} if point.needs else {}
        config = resolve([shipped.base, needed, point.layer])
        stores.add(build_chain(config, folder)["evaluate"].store.name)
    assert len(stores) == len(shipped.points)


def test_the_papers_experiments_are_shipped() -> None:
    assert {
        "paper-figure5a",
        "paper-figure5b",
        "paper-figure6",
        "prior-ablation",
        "attention",
        "sam-grid",
        "refinement",
    } <= set(SHIPPED)
