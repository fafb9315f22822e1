"""Kernels are compiled ahead, in two processes, and nothing else is compiled afterwards."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spam_pipe
from spam_pipe import stages
from spam_pipe.pipeline.kernels import METRICS, SEGMENTING, SELDOM
from spam_pipe.stages.compiled import KERNELS

TWO_MODULES = "('spam_pipe.stages.regions.queue', 'spam_pipe.stages.regions.connectivity')"

AHEAD = f"""
import json
from spam_pipe.pipeline import kernels
from spam_pipe.stages.compiled import seconds_compiling
modules = {TWO_MODULES}
told = []
missing = kernels.missing_kernels(modules)
kernels.compile_kernels(missing, lambda done, of: told.append((done, of)))
left = kernels.missing_kernels(modules)
print(json.dumps([len(missing), len(left), told, seconds_compiling()]))
"""

ASKED = f"""
from spam_pipe.pipeline.kernels import require_kernels
require_kernels({TWO_MODULES})
require_kernels({TWO_MODULES})
"""


def run(code: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=600
    )


def test_what_is_missing_is_compiled_once_and_for_all_processes(tmp_path: Path) -> None:
    missing, left, told, seconds = json.loads(run(AHEAD, tmp_path).stdout)
    assert missing > 5
    assert left == 0
    assert told[-1] == [missing, missing]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert seconds > 0
    assert json.loads(run(AHEAD, tmp_path).stdout) == [0, 0, [], 0]
    quiet = run(ASKED, tmp_path)
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_the_functions_say_so_in_the_log_and_only_once(tmp_path: Path) -> None:
    said = run(ASKED, tmp_path)
    assert said.stdout == ""
    assert re.fullmatch(
        r"compiling \d+ kernels, once for this installation: .*`spam-pipe warmup`.*\n", said.stderr
    )


def test_every_module_with_kernels_is_compiled_ahead() -> None:
    root = Path(stages.__path__[0])
    with_types = {
        "spam_pipe.stages." + ".".join(path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
        if path.name != "compiled.py" and re.search(r"^@kernel\(\s*[(\"]", path.read_text(), re.M)
    }
    assert with_types == {*SEGMENTING, *METRICS, *SELDOM}


@pytest.mark.parametrize("prior", ["contour", "gradient", "none"])
def test_nothing_is_compiled_but_what_was_asked_for(prior: str) -> None:
    image = np.random.default_rng(5).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    mask = np.ones((50, 70), bool)
    mask[:9] = False
    spam_pipe.segment(image, 20, prior=prior)
    spam_pipe.segment(image, 20, prior=prior, mask=mask)
    labels = spam_pipe.segment(image, 20, prior=prior, mask=mask, method="spam")
    spam_pipe.evaluate(labels, image, [labels + 1, np.ones((50, 70), np.uint8)])
    image.flags.writeable = False  # as Pillow's are
    spam_pipe.segment(image, 20, prior=prior)
    spam_pipe.evaluate(labels, image)
    others = {
        f"{kernel.module}.{kernel.function.py_func.__name__}": list(kernel.function.overloads)
        for kernel in KERNELS
        if kernel.module in {*SEGMENTING, *METRICS}
        and {*kernel.function.overloads} - {kernel.types}
    }
    assert others == {}
