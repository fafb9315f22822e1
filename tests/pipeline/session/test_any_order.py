"""Ten lines that name their images give, in any order, what each gives alone."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spam_pipe.pipeline.cli.app import app
from spam_pipe.pipeline.commands import items
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from tests.conftest import draw_images

LINES = (
    "run images --method grid -k 6",
    "run images --method grid -k 4,9",
    "run images --method slic -k 6",
    "run images --method slic -k 6 --set segment.slic.compactness=30",
    "run images --method grid -k 6 --valid truth",
    "run images --method maskslic -k 6 --masks truth",
    "run images --method maskslic -k 6 --prior none",
    "run images --method grid --superpixel-size 12",
    "run images --method grid --superpixel-size 20m",  # fails: photographs have no ground
    "run images/000.png --method grid -k 6",
    "run --dataset images --method grid -k 6 --limit 1 --max-megapixels 3 --ground-truth truth",
)


def _after(line: str) -> tuple[Any, list[np.ndarray]]:
    """Run a line; return the run's options and the labels that it gives."""
    done = CliRunner().invoke(app, [*line.split(), "-q", "--device", "cpu"])
    if "20m" in line:
        assert done.exit_code != 0
        return None, []
    assert done.exit_code == 0, done.output
    _, run = open_existing_run("outputs", None)
    segment = build_chain(run.config, run.folder)["segment"]
    ids = [item.id for item in Selection(run, 1)]
    labels = [segment.store.read(ids[0], unit)[1].arrays["labels"] for unit in segment.units]
    return run.config, labels


def test_lines_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPAM_OUTPUTS", raising=False)
    monkeypatch.setattr(items, "finish", lambda *given, **more: None)  # the report reads, no more
    draw_images(tmp_path / "drawn", 2)
    monkeypatch.chdir(tmp_path / "drawn")
    alone = {}
    for line in LINES:
        alone[line] = _after(line)
        Path("outputs").rename(f"outputs-{len(alone)}")
    for line in random.Random(1).sample(LINES, len(LINES)):
        config, labels = _after(line)
        assert config == alone[line][0], line
        for found, expected in zip(labels, alone[line][1], strict=True):
            np.testing.assert_array_equal(found, expected, err_msg=line)
