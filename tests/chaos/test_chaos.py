"""A short storm; `make chaos` is the long one."""

import re
import subprocess
import sys

from tests.conftest import PATIENCE, PROJECT

KINDS = ("coordinator", "ctrl-c", "late", "hung", "storage", "rot", "full")


def test_a_short_storm_loses_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--items", "6", "--faults", "2", "--only", *KINDS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.search(r"(\d+) faults, 0 lost or wrong", done.stdout)
    assert match is not None, done.stdout
    assert int(match[1]) >= len(KINDS)
