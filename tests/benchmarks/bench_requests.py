"""What an item costs on an object store: requests by stage, each stage as a command of its own.

Run as ``python tests/benchmarks/bench_requests.py [--prior contour]`` (moto imitates S3). Counted
is whatever touches a stage's store: the difference between a run of three items and a run of one,
halved, so that what a command asks for once is left out. Planning, which reads the record of each
unit, stands apart: it is what the same command asks for when all is done.
"""

import argparse
import contextlib
import io
import logging
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.commands import run_items
from pipeline.options import Options
from tests.conftest import draw_images
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prior", default="gradient")
    parser.add_argument("--features", action="store_true", help="with trained features")
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


if __name__ == "__main__":
    main()
