"""Run spam-pipe on machines that you reach by SSH.

    pip install asyncssh
    python ssh.py run --dataset /data/photos --outputs /data/outputs

Whatever follows `ssh.py` is a spam-pipe command. The first machine also runs the scheduler. You
log in without a password, spam-pipe is installed in the same folder everywhere, and images and
outputs are seen by all at the same path (or outputs lie on s3://).
"""

import subprocess
import sys

from distributed import SSHCluster

MACHINES = ["localhost", "localhost"]  # the scheduler's, then one for each machine that works
WORKERS = 4  # processes on each machine, one thread each
PYTHON = f"env OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 {sys.executable}"  # on those machines


def settings() -> dict[str, object]:
    """Return what `distributed.SSHCluster` takes."""
    return {
        "hosts": MACHINES,
        "connect_options": {},  # asyncssh's: username, client_keys, port …
        "worker_options": {"n_workers": WORKERS, "nthreads": 1},
        "scheduler_options": {"port": 0, "dashboard_address": "127.0.0.1:0"},
        "remote_python": PYTHON,
    }


if __name__ == "__main__":
    with SSHCluster(**settings()) as cluster:
        command = [sys.executable, "-m", "spam_pipe", *sys.argv[1:]]
        sys.exit(subprocess.call([*command, "--scheduler", cluster.scheduler_address]))
