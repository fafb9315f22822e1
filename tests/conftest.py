"""Fixtures of all tests: reference data, small datasets, the command line as users run it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.session.options import Options

SpamPipe = Callable[..., subprocess.CompletedProcess[str]]

# A test's first example may have to compile kernels.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

PROJECT = Path(__file__).resolve().parents[1]

PATIENCE = 1200.0
"""Seconds after which something counts as hung. No test may depend on how fast a machine is: what
is waited for comes within seconds, or, on a busy machine, in minutes."""


def wait_until(
    happened: Callable[[], object], *, still_possible: Callable[[], bool] = lambda: True
) -> None:
    """Return once something has happened; fail when it no longer can."""
    given_up = time.monotonic() + PATIENCE
    while not happened():
        assert still_possible() or happened(), "what is waited for can no longer happen"
        assert time.monotonic() < given_up, f"nothing happened in {PATIENCE:g} s"
        time.sleep(0.01)


def _shared(*parts: str) -> Path | None:
    folder = PROJECT.parent / "shared"
    path = folder.joinpath(*parts)
    return path if path.exists() else None


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder that holds BSDS500; tests that need it skip when it is not there."""
    named = os.environ.get("SPAM_DATA")
    root = Path(named) if named else _shared("data")
    if root is None or not (root / "BSDS500").is_dir():
        pytest.skip("BSDS500 not found: set SPAM_DATA to the folder that holds BSDS500")
    return root


@pytest.fixture(scope="session")
def bsd_root(data_root: Path) -> Path:
    """BSDS500's data folder, with `images` and `groundTruth`."""
    return data_root / "BSDS500" / "data"


@pytest.fixture(scope="session")
def metric_reference() -> Path:
    """Label maps and the metric figures to match."""
    path = _shared("reference", "metrics")
    if path is None:
        pytest.skip("the metrics' reference figures are not beside this checkout")
    return path


def draw_images(folder: Path, count: int, *, size: tuple[int, int] = (40, 60)) -> Path:
    """Write small pictures of blocks in noise, and their ground truth beside them."""
    images, truth = folder / "images", folder / "truth"
    images.mkdir(parents=True)
    truth.mkdir()
    for number in range(count):
        random = np.random.default_rng(number)
        regions = np.kron(np.arange(1, 7).reshape(2, 3), np.ones((size[0] // 2, size[1] // 3)))
        colors = random.integers(0, 255, (7, 3))
        noise = random.integers(-20, 20, (*size, 3))
        picture = np.clip(colors[regions.astype(int)] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(images / f"{number:03d}.png")
        Image.fromarray(regions.astype(np.uint8)).save(truth / f"{number:03d}.png")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six small images with ground truth: `images/` and `truth/`."""
    return draw_images(tmp_path / "pictures", 6)


@pytest.fixture
def spam_pipe(tmp_path: Path) -> SpamPipe:
    """Run the real command in a process of its own, with outputs below `tmp_path`."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "spam_pipe", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a command in this process; return its JSON with the exit status under `status`."""

    def run(target: str, **options: Any) -> dict[str, Any]:
        given = {"outputs": str(tmp_path / "outputs"), "device": "cpu", **options}
        capsys.readouterr()
        status = run_items(target, Options(**given, as_json=True))
        return {"status": status, **json.loads(capsys.readouterr().out)}

    return run
