"""A slice of the fuzz of sizes, in a process that may die."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.fuzz.sizes import METHODS_TRIED

pytest.importorskip("cv2", reason="needs the extra opencv")


def test_no_size_ends_a_process() -> None:
    # The network of spam-ssn alone takes torch, and half of the time.
    chosen = [part for name in METHODS_TRIED if name != "spam-ssn" for part in ("--method", name)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.sizes", "--n", "80", "--seed", "7", *chosen],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
