"""One command at a time on a run: the living are respected, the dead are succeeded."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.store.folder import Folder, open_folder
from tests.conftest import wait_until

HASTE = {"beat": 0.05, "patience": 0.6}
ELSEWHERE = {"pid": 7, "started": "1", "host": "another", "place": "another boot"}


@pytest.fixture(params=["local", "memory"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return open_folder(str(tmp_path) if request.param == "local" else f"memory://{tmp_path}")


def put(run: Folder, name: str = "run-1", **changed: Any) -> None:
    with locked(run):
        own = json.loads(run.read(".locks/run-1") or b"")
    run.write(f".locks/{name}", json.dumps({**own, "token": "f00d", **changed}).encode())


def test_a_lock_is_gone_when_its_holder_is_done(run: Folder) -> None:
    with locked(run):
        assert run.names(".locks") == ["run-1"]
    assert run.names(".locks") == []


def test_the_second_is_refused_and_told_who_is_first(run: Folder) -> None:
    with (
        locked(run),
        pytest.raises(UserError, match=rf"process {os.getpid()} on .*another --folder"),
        locked(run, option="--folder"),
    ):
        pass
    with locked(run):
        pass


@pytest.mark.parametrize(
    "changed", [{"pid": 2**22 + 1}, {"started": "1"}], ids=["no such process", "id used again"]
)
def test_a_dead_process_of_this_machine_is_succeeded(run: Folder, changed: dict[str, Any]) -> None:
    put(run, **changed)
    said: list[str] = []
    with locked(run, say=said.append):
        assert run.names(".locks") == ["run-2"]
    (line,) = said
    assert line.startswith("took over the lock of process")
    assert line.endswith("no such process any more")


def test_a_killed_process_is_succeeded_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from spam_pipe.pipeline.store.folder import LocalFolder\n"
        "from spam_pipe.pipeline.runs.lock import locked\n"
        "with locked(LocalFolder(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    run = open_folder(str(tmp_path))
    with pytest.raises(UserError, match=f"process {process.pid} "), locked(run):
        pass
    process.send_signal(signal.SIGKILL)
    # A zombie, until it is waited for, is as dead.
    stat = Path(f"/proc/{process.pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
    with locked(run):
        pass
    process.wait()


def test_another_machine_without_heartbeat_is_succeeded(run: Folder) -> None:
    put(run, **ELSEWHERE)
    said: list[str] = []
    with locked(run, say=said.append, **HASTE):
        assert run.names(".locks") == ["run-2"]
    assert "process 7 on another; watching its heartbeat" in said[0]
    assert said[1] == "took over the lock of process 7 on another: no heartbeat for 0.6 s"


def test_another_machine_with_a_heartbeat_is_respected(run: Folder) -> None:
    put(run, **ELSEWHERE)

    def beat(watched: str) -> None:
        holder = json.loads(run.read(".locks/run-1") or b"")
        run.write(".locks/run-1", json.dumps({**holder, "beats": 1}).encode())

    refused = pytest.raises(UserError, match="process 7 on another is working")
    with refused, locked(run, say=beat, **HASTE):
        pass


def test_another_machine_that_ends_meanwhile_leaves_the_lock(run: Folder) -> None:
    put(run, **ELSEWHERE)
    said: list[str] = []

    def end(watched: str) -> None:
        said.append(watched)
        run.delete(".locks/run-1")

    with locked(run, say=end, **HASTE):
        pass
    assert not any("took over" in line for line in said)


def test_a_damaged_lock_is_watched_and_succeeded(run: Folder) -> None:
    run.write(".locks/run-4", b'{"pid": 1')
    with locked(run, **HASTE):
        assert run.names(".locks") == ["run-5"]


def test_the_heart_beats_while_the_lock_is_held(run: Folder) -> None:
    with locked(run, **HASTE):
        wait_until(lambda: json.loads(run.read(".locks/run-1") or b"{}")["beats"] > 3)


def test_a_lock_lost_to_another_stops_its_holder_and_is_left_alone(run: Folder) -> None:
    said: list[str] = []

    def lose_it() -> None:
        with locked(run, say=said.append, **HASTE):
            other = json.dumps({**json.loads(run.read(".locks/run-1") or b""), "token": "other"})

            def lose() -> bool:  # again and again: a beat that had begun may write over it
                run.write(".locks/run-1", other.encode())
                return False

            wait_until(lose)

    # In a shell's background a process ignores Ctrl-C, unless a command handles it, as a run does.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            lose_it()
    finally:
        signal.signal(signal.SIGINT, before)
    assert "was lost to another command; stopping" in said[0]
    assert run.names(".locks") == ["run-1"]


def test_keys_that_may_stand_beside_each_other(run: Folder) -> None:
    def of_shards(key: str) -> bool:
        return key.startswith("shard") and key != "shard-1"

    with locked(run, key="shard-1", beside=of_shards):
        with locked(run, key="shard-2", beside=lambda key: key == "shard-1"):
            assert len(run.names(".locks")) == 2
        for key, beside in (("shard-1", of_shards), ("run", lambda key: False)):
            with (
                pytest.raises(UserError, match="is working on this run"),
                locked(run, key=key, beside=beside),
            ):
                pass


def test_of_many_at_once_one_at_a_time_holds(run: Folder) -> None:
    put(run, pid=2**22 + 1)
    inside: list[int] = []
    seen = Counter[int]()

    def contend() -> None:
        for _ in range(4):
            try:
                with locked(run):
                    inside.append(1)
                    seen[len(inside)] += 1
                    time.sleep(0.01)
                    inside.pop()
            except UserError:
                seen[0] += 1

    contenders = [threading.Thread(target=contend) for _ in range(6)]
    for each in contenders:
        each.start()
    for each in contenders:
        each.join()
    assert seen[1] >= 1
    assert set(seen) <= {0, 1}
