"""A real scheduler and real workers: who may work, on what, and what is said when they go."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed.comm import CommClosedError

from spam_pipe.pipeline.device import name_devices
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.running.dask.agreement import require_agreement
from spam_pipe.pipeline.running.dask.executor import Dask
from spam_pipe.pipeline.versions import decisive_versions, differences, own_versions
from tests.conftest import PATIENCE, wait_until
from tests.external_cluster import ExternalCluster
from tests.pipeline.running.dask.test_executor import plain_items, run_jobs


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExternalCluster]:
    """A scheduler; tests in this file add workers, and the last one ends it."""
    with ExternalCluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def other_versions(tmp_path: Path) -> dict[str, str]:
    """An environment in which numpy and spam-pipe say that they are older."""
    folder = tmp_path / "older"
    for name in ("numpy", "spam_pipe"):
        described = folder / f"{name}-0.0.9.dist-info"
        described.mkdir(parents=True)
        title = name.replace("_", "-")
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: 0.0.9")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def wait_for_workers(executor: Dask, count: int) -> None:
    executor.client.wait_for_workers(count, timeout=PATIENCE)


def test_a_run_waits_for_its_first_worker(cluster: ExternalCluster, tmp_path: Path) -> None:
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        cluster.start_worker()

    executor = Dask(0, cluster.address, warn=hear)
    try:
        outcomes = run_jobs(executor, plain_items(5), tmp_path / "run")
    finally:
        executor.close()
    assert lines == [f"--scheduler {cluster.address}: no worker is there yet; waiting for one"]
    assert len(outcomes) == 5
    assert [each.failure for each in outcomes.values() if each.failure] == []


def test_the_device_is_the_workers(cluster: ExternalCluster) -> None:
    import torch

    executor = Dask(0, cluster.address)
    try:
        assert executor.device("cpu") == "cpu"
        if not torch.cuda.device_count():
            assert executor.device("auto") == "cpu"
            with pytest.raises(UserError, match="has 0 CUDA devices"):
                executor.device("cuda")
    finally:
        executor.close()


def test_a_late_worker_of_other_versions_computes_nothing(
    cluster: ExternalCluster, other_versions: dict[str, str], tmp_path: Path
) -> None:
    executor = Dask(0, cluster.address)
    try:
        cluster.start_worker("--no-nanny", **other_versions)
        wait_for_workers(executor, 2)
        outcomes = run_jobs(executor, plain_items(12), tmp_path / "run")
    finally:
        executor.close()
        cluster.processes[-1].terminate()
    failures = [each.failure for each in outcomes.values() if each.failure]
    assert 0 < len(failures) < len(outcomes) == 12
    own = own_versions()
    for failure in failures:
        assert failure.kind == "OtherVersions"
        assert failure.message.startswith("a worker that joined later has spam-pipe 0.0.9")
        assert f"numpy 0.0.9 (here {own['numpy']})" in failure.message


@pytest.mark.parametrize("package", ["torch", "higra", "onnxruntime", "numba"])
def test_what_decides_results_must_be_the_same(package: str) -> None:
    here = own_versions()
    assert here[package] is not None
    assert decisive_versions()[package] == here[package]
    assert f"{package} 0.0.9 (here {here[package]})" in str(
        differences(here, {**here, package: "0.0.9"})
    )


def test_a_cluster_of_other_versions_is_refused(
    cluster: ExternalCluster, other_versions: dict[str, str]
) -> None:
    cluster.start_worker("--no-nanny", **other_versions)
    watcher = Dask(0, cluster.address)
    try:
        wait_for_workers(watcher, 2)
        with pytest.raises(UserError) as refusal:
            Dask(0, cluster.address)
    finally:
        watcher.close()
    own = own_versions()
    assert str(refusal.value).startswith("--scheduler: worker tcp://127.0.0.1:")
    assert str(refusal.value).endswith(
        f" has spam-pipe 0.0.9 (here {own['spam-pipe']}), numpy 0.0.9 (here {own['numpy']}); make "
        f"it the same there: pip install spam-pipe=={own['spam-pipe']} numpy=={own['numpy']}"
    )
    cluster.processes[-1].terminate()


def test_a_lost_scheduler_is_one_line(cluster: ExternalCluster, tmp_path: Path) -> None:
    executor = Dask(0, cluster.address)

    def lose() -> None:
        wait_until(lambda: list(tmp_path.glob("run/segment-*/plain-*")))
        cluster.processes[0].kill()

    threading.Thread(target=lose, daemon=True).start()
    try:
        with pytest.raises(
            UserError, match=f"scheduler at {cluster.address} is gone; what is done"
        ):
            run_jobs(executor, plain_items(3000), tmp_path / "run")
    finally:
        executor.close()


def test_whatever_a_lost_scheduler_is_asked_first_is_the_same_line(tmp_path: Path) -> None:
    class OfABrokenConnection:
        def result(self) -> None:
            raise CommClosedError("in <TCP>: ConnectionRefusedError")

    with ExternalCluster(tmp_path) as own:
        own.start_worker()
        executor = Dask(0, own.address)
        try:
            own.processes[0].kill()
            for question in (
                lambda: executor.device("cpu"),
                lambda: executor._result(OfABrokenConnection()),
                lambda: run_jobs(executor, plain_items(3), tmp_path / "run"),
            ):
                with pytest.raises(UserError, match=f"scheduler at {own.address} is gone"):
                    question()
        finally:
            executor.close()


@pytest.fixture(scope="module")
def two_devices() -> Iterator[Dask]:
    """Two local workers, as on a machine of two CUDA devices."""
    executor = Dask(2, devices=("5", "7"))
    yield executor
    executor.close()


def test_each_worker_has_a_device_of_its_own(two_devices: Dask) -> None:
    seen = two_devices.client.run(lambda: os.environ["CUDA_VISIBLE_DEVICES"])
    assert sorted(seen.values()) == ["5", "7"]


def test_a_worker_that_died_comes_back_on_its_device(two_devices: Dask) -> None:
    processes = two_devices.client.run(lambda: (os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()))
    victim = next(pid for device, pid in processes.values() if device == "7")
    os.kill(victim, signal.SIGKILL)
    seen: dict[str, tuple[str, int]] = {}

    def is_back() -> bool:
        seen.clear()
        seen.update(
            two_devices.client.run(
                lambda: (os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()), on_error="ignore"
            )
        )
        return len(seen) == 2 and victim not in {pid for _, pid in seen.values()}

    wait_until(is_back)
    assert sorted(device for device, _ in seen.values()) == ["5", "7"]


def test_a_device_decodes_one_item_while_it_computes_another(
    two_devices: Dask, tmp_path: Path
) -> None:
    assert set(two_devices.client.nthreads().values()) == {2}
    outcomes = run_jobs(two_devices, plain_items(20), tmp_path / "run")
    assert len(outcomes) == 20
    assert [each.failure for each in outcomes.values() if each.failure] == []


def test_nothing_listens_beyond_this_machine(two_devices: Dask) -> None:
    own = psutil.Process()
    addresses = {
        connection.laddr.ip
        for process in [own, *own.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert two_devices.cluster.dashboard_link.startswith("http://127.0.0.1:")
    assert addresses == {"127.0.0.1"}


def test_devices_are_those_that_the_process_sees() -> None:
    assert name_devices(3, "") == ("0", "1", "2")
    assert name_devices(2, "4,6") == ("4", "6")
    assert name_devices(1, "GPU-8f2a,GPU-11c0") == ("GPU-8f2a",)
    assert name_devices(0, "0") == ()


def test_differences_are_named_with_their_cure() -> None:
    here = {"python": "3.12", "spam-pipe": "0.2.0", "numpy": "2.4.6"}
    assert differences(here, dict(here)) is None
    assert differences(here, {**here, "python": "3.11"}) == (
        "python 3.11 (here 3.12); make it the same there: use Python 3.12"
    )
    assert differences(here, {"python": "3.12", "spam-pipe": "0.1.0", "numpy": None}) == (
        "spam-pipe 0.1.0 (here 0.2.0), numpy none (here 2.4.6); "
        "make it the same there: pip install spam-pipe==0.2.0 numpy==2.4.6"
    )
    assert differences(here, {"python": "3.12"}) == (
        "no spam-pipe (here 0.2.0): install it there, with what it requires"
    )


def test_workers_of_unlike_devices_are_refused() -> None:
    assert require_agreement({"tcp://a": "cuda", "tcp://b": "cuda"}) == "cuda"
    with pytest.raises(UserError, match="tcp://a has cpu, tcp://b has cuda; say --device cpu"):
        require_agreement({"tcp://a": "cpu", "tcp://b": "cuda"})


def test_items_compute_one_at_a_time_in_a_process(tmp_path: Path) -> None:
    from spam_pipe.pipeline.running.work import _COMPUTING

    done: list[Any] = []
    worker = threading.Thread(
        target=lambda: done.append(run_jobs(_in_process(), plain_items(1), tmp_path / "run"))
    )
    with _COMPUTING:
        worker.start()
        worker.join(0.5)
        assert not done
    worker.join(120)
    assert done[0]["plain-0"].failure is None


def _in_process() -> Any:
    from spam_pipe.pipeline.running.executors import InProcess

    return InProcess()
