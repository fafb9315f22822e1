"""Hit small batches with faults and compare what comes out with undisturbed ones.

Run as ``python -m tests.chaos [--seed 0] [--only KIND ...] [--faults N]``; exit status 1 when
anything is lost or different.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"

from tests.chaos import kills, storage
from tests.chaos.scene import Scene

KINDS = {
    "coordinator": (kills.coordinator, 70),
    "worker": (kills.worker, 20),
    "group": (kills.group, 8),
    "scheduler": (kills.scheduler, 3),
    "sigterm": (kills.terminated, 6),
    "ctrl-c": (kills.interrupted, 6),
    "late": (kills.late_writer, 6),
    "clock": (kills.clock, 6),
    "memory": (kills.memory, 1),
    "hung": (kills.hung, 4),
    "full": (storage.full, 4),
    "forbidden": (storage.forbidden, 4),
    "storage": (storage.answers, 60),
    "rot": (storage.rot, 60),
}
"""What can happen, and how often it does by default."""


def main() -> int:
    """Inject the faults and print what they did."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument("--faults", type=int, help="of each kind, instead of the usual number")
    parser.add_argument("--items", type=int, default=40)
    given = parser.parse_args()
    began = time.monotonic()
    injected = wrong = 0
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        scene = Scene(Path(temporary), given.items)
        print(f"undisturbed: {given.items} images in {scene.seconds:.1f} s", flush=True)
        print(f"{'kind':28}{'faults':>8}{'commands':>10}{'lost or wrong':>15}{'seconds':>9}")
        for name in given.only:
            inject, usual = KINDS[name]
            started = time.monotonic()
            tally = inject(scene, random.Random(f"{given.seed} {name}"), given.faults or usual)
            seconds = time.monotonic() - started
            figures = f"{tally.faults:8}{tally.runs:10}{len(tally.wrong):15}{seconds:9.1f}"
            print(f"{tally.kind:28}{figures}", flush=True)
            for line in [*tally.wrong[:10], *dict.fromkeys(tally.notes[-3:])]:
                print(f"    {line}", flush=True)
            injected += tally.faults
            wrong += len(tally.wrong)
    minutes = (time.monotonic() - began) / 60
    print(f"{injected} faults, {wrong} lost or wrong, {minutes:.1f} min")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
