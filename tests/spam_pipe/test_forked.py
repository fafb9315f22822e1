"""Forked processes, threads and workers of loaders may use the functions after their parent did."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
import spam_pipe

def image(k):
    return np.random.default_rng(k).integers(0, 255, (40, 60, 3)).astype(np.uint8)

def labels(k):
    return spam_pipe.segment(image(k), 12)

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
    "ThreadPool": "found = list(ThreadPoolExecutor(3).map(labels, range(4)))",
}


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.parametrize(
    ("name", "layer"), [("DataLoader", "omp"), ("Pool", "workqueue"), ("ThreadPool", "workqueue")]
)
def test_labels_are_the_parent_s(
    name: str, layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("{body}", BODIES[name]))
    monkeypatch.setenv("NUMBA_THREADING_LAYER", layer)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert (done.stdout.strip(), done.returncode) == ("same", 0), done.stderr[-2000:]
