"""Runs with a page, made by the real commands on small pictures."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.reporting.gathering import gather
from spam_pipe.pipeline.reporting.page import make_page
from spam_pipe.pipeline.reporting.tables import Tables
from spam_pipe.pipeline.runs.run import open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.stages.report.tables import metrics_table, summary_table
from tests.conftest import draw_images

HOSTILE = ('"><img src=x onerror=alert(1)>', "</script><script>alert(2)<", "{{ 7*7 }} & co")
"""Names of files that a careless page would run or swallow."""

QUICK = "report.bootstrap_samples=100"
COUNTS = "4,9,16"


def draw(folder: Path, names: tuple[str, ...] = (), count: int = 6) -> Path:
    """Draw pictures with ground truth, and give the first of them other names."""
    root = draw_images(folder, count)
    for number, name in enumerate(names):
        for kind in ("images", "truth"):
            target = root / kind / f"{name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            (root / kind / f"{number:03d}.png").rename(target)
    return root


def photograph(path: Path, seed: int = 0) -> None:
    """Draw a picture that compression hardly changes: soft blobs of colour."""
    rows, columns = np.indices((160, 240)) / 40
    phases = np.random.default_rng(seed).uniform(0, 6, (3, 2))
    waves = [np.sin(rows * 1.3 + a) + np.cos(columns + b) for a, b in phases]
    Image.fromarray((127 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)).save(path)


def bring(target: str, folder: Path, images: Path, **options: Any) -> int:
    """Run a command in this process on a folder with `images` and `truth`; return its status.

    There is no prior, and unless `options` say otherwise no network: that is said to `spam` alone,
    which is also the method of a new run, since no other method here knows of networks.
    """
    of_spam = options.get("method", "spam") == "spam"
    given: dict[str, Any] = {
        "outputs": str(folder),
        "run": "small",
        "dataset": str(images / "images"),
        "ground_truth": str(images / "truth"),
        "n_superpixels": COUNTS,
        "device": "cpu",
        "quiet": True,
        "prior": "none",
        "assignments": [QUICK, *(["segment.network=none"] if of_spam else [])],
        **options,
    }
    return run_items(target, Options(**given))


def page_of(folder: Path) -> str:
    """Return the page that a report would write of what is there."""
    run = open_run(open_folder(str(folder)), "small", [])
    selection = Selection(run, None)
    gathered = gather(run, selection)
    metrics = metrics_table(gathered.rows)
    summary = summary_table(metrics, gathered.failed)
    report = run.folder.child("report")
    return make_page(Tables(run, selection, gathered, metrics, summary, report))


def data_of(html: str) -> dict[str, Any]:
    """Return what the page's scripts read."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data
