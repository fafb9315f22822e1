"""Files for papers are made when they are asked for, and only then."""

import json
from pathlib import Path

import pytest

from spam_pipe.pipeline.commands.sweep import run_sweep
from spam_pipe.pipeline.session.options import Options

PAPER = {
    *(
        f"figures/{name}.{form}"
        for name in ("seconds", "scatter")
        for form in ("png", "svg", "pdf")
    ),
    "figures/plate.png",
    "figures/plate.pdf",
    "figures/seconds.csv",
    "statistics/summary.tex",
}


def written(report: Path) -> set[str]:
    return {path.relative_to(report).as_posix() for path in report.glob("*/*")}


def test_papers_get_theirs_on_request(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two.toml"
    file.write_text(
        '[base]\nn_superpixels = [6]\npropose.source = "none"\n[[axis]]\n'
        'key = "segment.method"\nvalues = ["grid", "slic"]\n'
    )
    given = {
        "dataset": str(pictures / "images"),
        "ground_truth": str(pictures / "truth"),
        "outputs": str(tmp_path / "outputs"),
        "device": "cpu",
        "as_json": True,
    }
    assert run_sweep(str(file), Options(**given)) == 0
    report = Path(json.loads(capsys.readouterr().out)["runs"][0]["folder"]) / "report"
    usual = written(report)
    assert {"figures/curves.png", "statistics/comparisons.csv"} <= usual
    assert not usual & PAPER
    assert run_sweep(str(file), Options(**given, paper=True)) == 0
    assert written(report) == usual | PAPER
