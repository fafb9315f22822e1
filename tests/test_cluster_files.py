"""The cluster files to copy: valid as they are, and nothing of theirs listens to the world."""

import inspect
import os
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.conftest import PROJECT

FILES = PROJECT / "configs" / "clusters"


def test_slurm_jobs_have_a_worker_per_core() -> None:
    pytest.importorskip("dask_jobqueue", reason="pip install dask-jobqueue to check slurm.py")
    made = runpy.run_path(str(FILES / "slurm.py"))
    with made["make_cluster"]() as cluster:
        script = cluster.job_script()
        port = urlsplit(cluster.dashboard_link).port
        assert {
            listening.laddr.ip
            for listening in psutil.Process().net_connections("inet")
            if listening.status == psutil.CONN_LISTEN and listening.laddr.port == port
        } == {"127.0.0.1"}
    assert f"#SBATCH --cpus-per-task={made['WORKERS']}" in script
    assert f"--nthreads 1 --memory-limit 2.79GiB --nworkers {made['WORKERS']} --nanny" in script
    assert "export NUMBA_NUM_THREADS=1" in script


def test_ssh_settings_are_what_dask_takes() -> None:
    from distributed import Nanny, Scheduler, SSHCluster

    settings = runpy.run_path(str(FILES / "ssh.py"))["settings"]()
    assert set(settings) <= set(inspect.signature(SSHCluster).parameters)
    worker = set(settings["worker_options"]) - {"n_workers"}
    assert worker <= set(inspect.signature(Nanny).parameters)
    assert set(settings["scheduler_options"]) <= set(inspect.signature(Scheduler).parameters)
    assert settings["scheduler_options"]["dashboard_address"].startswith("127.0.0.1:")


def test_kubernetes_runs_commands_that_there_are() -> None:
    yaml = pytest.importorskip("yaml")  # Dask depends on it
    cluster, scaler = yaml.safe_load_all((FILES / "kubernetes.yaml").read_text())
    assert cluster["kind"] == "DaskCluster"
    assert scaler["spec"]["cluster"] == cluster["metadata"]["name"]
    spec = cluster["spec"]
    assert spec["scheduler"]["service"]["type"] == "ClusterIP"
    for role in ("worker", "scheduler"):
        (container,) = spec[role]["spec"]["containers"]
        assert container["args"][:2] == ["dask", role]
        _check_options(container["args"][1:])


def test_the_shell_script_parses_and_starts_what_there_is(tmp_path: Path) -> None:
    script = FILES / "processes.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    shown = _shown(tmp_path, "scheduler")
    assert shown == ["scheduler --dashboard-address 127.0.0.1:8787"]
    _check_options(shown[0].split())


def test_the_shell_script_starts_a_worker_per_device(tmp_path: Path) -> None:
    _program(tmp_path / "nvidia-smi", "echo 'GPU 0'; echo 'GPU 1'")
    shown = _shown(tmp_path, "workers", "tcp://10.0.0.5:8786")
    assert sorted(shown) == [
        f"{device} worker tcp://10.0.0.5:8786 --nthreads 2 --no-dashboard" for device in "01"
    ]


def test_the_shell_script_starts_a_worker_per_core_without_devices(tmp_path: Path) -> None:
    _program(tmp_path / "nvidia-smi", "exit 9")
    _program(tmp_path / "nproc", "echo 6")
    shown = _shown(tmp_path, "workers", "tcp://10.0.0.5:8786")
    assert shown == ["worker tcp://10.0.0.5:8786 --nworkers 6 --nthreads 1 --no-dashboard"]
    _check_options(shown[0].split())


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def _shown(folder: Path, *arguments: str) -> list[str]:
    """Run the script with a `dask` that prints its device and arguments; return the lines."""
    _program(folder / "dask", 'echo "${CUDA_VISIBLE_DEVICES:-} $*"')
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run(
        [shell, str(FILES / "processes.sh"), *arguments],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.strip() for line in done.stdout.splitlines()]


def _check_options(command: list[str]) -> None:
    """Check that Dask's command has the options named."""
    from distributed.cli import dask_scheduler, dask_worker

    program: Any = {"scheduler": dask_scheduler, "worker": dask_worker}[command[0]].main
    known = {name for each in program.params for name in (*each.opts, *each.secondary_opts)}
    named = {word for word in command if word.startswith("--")}
    assert named <= known
