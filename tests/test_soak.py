"""A short soak; `make soak` is the long one."""

import subprocess
import sys

from tests.conftest import PATIENCE, PROJECT


def test_a_short_soak_holds_its_bounds() -> None:
    done = subprocess.run(
        [sys.executable, "tests/benchmarks/soak.py", "--items", "120"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "soak: 120 items, 0 bounds not held" in done.stdout
    for said in ("coordinator", "CPU", "plan the finished run", "status"):
        assert said in done.stdout
