"""A slice of the fuzz of sizes, in a process that may die."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT

pytest.importorskip("cv2", reason="needs the extra opencv")


def test_no_size_ends_a_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.sizes", "--n", "200", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
