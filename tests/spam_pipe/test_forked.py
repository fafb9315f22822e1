"""Forked processes, threads and workers of loaders may use the functions after their parent did."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 300
"""Seconds for a script, which takes some 20: a process that waits for threads never ends."""

SCRIPT = """
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
import spam_pipe

def image(k):
    return np.random.default_rng(k).integers(0, 255, (40, 60, 3)).astype(np.uint8)

def labels(k):
    return spam_pipe.segment(image(k), 12)

def ends_well(computes):
    process = os.fork()
    if process == 0:
        # It leaves as scripts do: what the parent made is taken apart in it too.
        assert not computes or np.array_equal(labels(0), expected[0])
        sys.exit()
    return os.waitpid(process, 0)[1] == 0

class Segmented(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, k):
        return labels(k)

if __name__ == "__main__":
    # The parent has used kernels and torch, on as many threads as there are.
    torch.set_num_threads(2)
    torch.nn.functional.conv2d(torch.ones(1, 8, 64, 64), torch.ones(8, 8, 3, 3))
    expected = [labels(k) for k in range(4)]
    {body}
    assert len(found) == 4
    assert all(np.array_equal(a, b) for a, b in zip(found, expected))
    print("same")
"""

BODIES = {
    "DataLoader": "found = [batch[0].numpy() for batch in DataLoader(Segmented(), num_workers=2,"
    " multiprocessing_context='fork')]",
    "Pool": "found = multiprocessing.get_context('fork').Pool(2).map(labels, range(4))",
    "os.fork": "found = expected if ends_well(True) and ends_well(False) else []",
    "ThreadPool": "found = list(ThreadPoolExecutor(3).map(labels, range(4)))",
}


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("DataLoader", "omp"),
        ("Pool", "workqueue"),
        ("os.fork", "workqueue"),
        ("ThreadPool", "workqueue"),
    ],
)
def test_labels_are_the_parent_s(
    name: str, layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("{body}", BODIES[name]))
    monkeypatch.setenv("NUMBA_THREADING_LAYER", layer)
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            printed, errors = running.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)  # its children too: they hold the pipes
            raise
    assert (printed.strip(), running.returncode) == ("same", 0), errors[-2000:]
