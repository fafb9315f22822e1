"""What an item costs on an object store: requests by stage, each stage as a command of its own.

Run as ``python tests/benchmarks/bench_requests.py [--prior contour]`` (moto imitates S3). Counted
is whatever touches a stage's store: the difference between a run of three items and a run of one,
halved, so that what a command asks for once is left out. Planning, which reads the record of each
unit, stands apart: it is what the same command asks for when all is done.

With ``--threads 1,2,4`` also how long an item takes on one worker of so many threads, of which one
computes at a time, when each answer takes ``--delay`` seconds.
"""

import argparse
import contextlib
import csv
import io
import logging
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import open_folder
from tests.conftest import draw_images
from tests.external_cluster import ExternalCluster
from tests.object_storage import ObjectStorage

STAGES = ("propose", "prior", "segment", "evaluate")
PLAIN = ("segment.network=none",)


def requests_per_item(
    storage: ObjectStorage, pictures: Path, prior: str, assignments: tuple[str, ...] = ()
) -> dict[str, Counter[str]]:
    """Count the requests of a further item.

    Parameters
    ----------
    storage
        Reached through this process's environment.
    pictures
        Folder with at least three `images` and their `truth`.
    prior, assignments
        Options of the commands.

    Returns
    -------
    By stage, and for planning all of them, requests by method.
    """
    counts = {items: _count(storage, pictures, prior, assignments, items) for items in (1, 3)}
    return {
        command: Counter(
            {method: (n - counts[1][command][method]) // 2 for method, n in found.items()}
        )
        for command, found in counts[3].items()
    }


def _count(
    storage: ObjectStorage, pictures: Path, prior: str, assignments: tuple[str, ...], items: int
) -> dict[str, Counter[str]]:
    options = Options(
        dataset=str(pictures / "images"),
        ground_truth=str(pictures / "truth"),
        outputs=f"s3://{storage.bucket}/{items}",
        limit=items,
        prior=prior,
        assignments=list(assignments),
        device="cpu",
        quiet=True,
    )
    found: dict[str, Counter[str]] = {}
    for stage in STAGES:
        made = _during(storage, stage, options)
        found["planning"] = _during(storage, stage, options)
        found[stage] = made - found["planning"]
    return found


def _during(storage: ObjectStorage, command: str, options: Options) -> Counter[str]:
    before = len(storage.requests)
    with contextlib.redirect_stdout(io.StringIO()):
        run_items(command, options)
    return Counter(
        "LIST" if "list-type" in address else method
        for method, address in storage.requests[before:]
        if ".zarr/" in address or ".zarr%2F" in address
    )


def bench_threads(folder: Path, storage: ObjectStorage, counts: list[int], items: int) -> None:
    """Print seconds per item, from the first to the last result, by threads of one worker."""
    pictures = draw_images(folder, items)
    print(f"\none worker, {items} items, {storage.delay:g} s an answer")
    for threads in counts:
        outputs = f"s3://{storage.bucket}/threads-{threads}"
        with ExternalCluster(folder / f"cluster-{threads}", storage.environment) as cluster:
            cluster.start_worker("--nthreads", str(threads))
            command = ["evaluate", "--dataset", str(pictures / "images"), "--outputs", outputs]
            command += ["--prior", "gradient", "--set", PLAIN[0], "--scheduler", cluster.address]
            subprocess.run(
                [sys.executable, "-m", "spam_pipe", *command, "-q"], cwd=folder, check=True
            )
        run = open_folder(f"{outputs}/images")
        rows = [
            row
            for name in run.names()
            if name.startswith("events-")
            for row in csv.DictReader(io.StringIO((run.read(name) or b"").decode()))
        ]
        ended = sorted({row["item"]: float(row["time"]) for row in rows}.values())
        seconds = (ended[-1] - ended[0]) / (len(ended) - 1)
        print(f"{threads} threads: {seconds:.3f} s an item")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prior", default="gradient")
    parser.add_argument("--features", action="store_true", help="with trained features")
    parser.add_argument("--threads", default="", metavar="N,N,…")
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--items", type=int, default=30)
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as temporary, ObjectStorage() as storage:
        os.environ.update(storage.environment)
        pictures = draw_images(Path(temporary), 3)
        found = requests_per_item(storage, pictures, given.prior, () if given.features else PLAIN)
    print(f"\nrequests per item on S3, prior {given.prior}, K = 100, 400 together")
    methods = sorted({method for counts in found.values() for method in counts})
    print(f"{'stage':10}", *(f"{method:>6}" for method in methods), f"{'all':>6}")
    for stage in (*STAGES, "planning"):
        counts = found[stage]
        row = (f"{counts[method]:6d}" for method in methods)
        print(f"{stage:10}", *row, f"{counts.total():6d}")
    if given.threads:
        with tempfile.TemporaryDirectory() as temporary, ObjectStorage(given.delay) as storage:
            os.environ.update(storage.environment)
            counts = [int(each) for each in given.threads.split(",")]
            bench_threads(Path(temporary), storage, counts, given.items)


if __name__ == "__main__":
    main()
