"""Jobs in this process: one after the other, each when it is asked for, failures as outcomes."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.executors import InProcess
from spam_pipe.pipeline.running.jobs import Task
from tests.conftest import PATIENCE
from tests.pipeline.running.small_items import Noise, noise_item, small_run


@dataclass(frozen=True)
class Hanging(Noise):
    """An image that is never read to its end."""

    def read(self) -> np.ndarray:
        time.sleep(PATIENCE)
        raise AssertionError("it was waited for")


def test_outcomes_come_in_order_with_the_seconds_of_each_result(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    outcomes = list(InProcess().run(iter([(run.job(noise_item(n)),) for n in range(3)])))
    assert [outcome.item_id for outcome in outcomes] == ["noise-0", "noise-1", "noise-2"]
    results = {(name, unit) for name, link in run.chain.items() for unit in link.units}
    for outcome in outcomes:
        assert outcome.failure is None
        assert outcome.seconds.keys() == results
        for name, unit in results:
            assert run.chain[name].store.record(outcome.item_id, unit) is not None


def test_a_job_begins_when_its_outcome_is_asked_for(tmp_path: Path) -> None:
    run, asked = small_run(tmp_path), list[str]()
    tasks = [(run.job(noise_item(n, asked=asked)),) for n in range(3)]
    outcomes = InProcess().run(iter(tasks))
    assert asked == []
    for done in (1, 2, 3):
        next(outcomes)
        assert asked.count("read") == done
    assert next(outcomes, None) is None


def test_a_damaged_image_is_an_outcome_and_harms_no_other(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    items = [noise_item(0), noise_item(1, broken=True), noise_item(2)]
    outcomes = list(InProcess().run((run.job(item),) for item in items))
    failures = [outcome.failure for outcome in outcomes]
    assert [failure is None for failure in failures] == [True, False, True]
    assert failures[1] is not None
    assert (failures[1].kind, failures[1].message) == ("ValueError", "image 1 is damaged")
    assert failures[1].stage == next(iter(run.chain))
    assert outcomes[1].seconds == {}


def test_once_stopped_no_other_job_begins(tmp_path: Path) -> None:
    run, asked = small_run(tmp_path), list[str]()
    read = 0

    def tasks() -> Iterator[Task]:
        nonlocal read
        for number in range(5):
            read += 1
            yield (run.job(noise_item(number, asked=asked)),)

    wish = [False]
    outcomes = InProcess().run(tasks(), lambda: wish[0])
    next(outcomes)
    wish[0] = True
    assert list(outcomes) == []
    assert asked.count("read") == 1
    assert read <= 2


def test_an_item_is_given_up_at_its_own_limit_alone(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    hanging = run.job(Item("hanging", "all", Hanging(0)), item_timeout=0.5)
    before = signal.getsignal(signal.SIGALRM)
    outcomes = list(InProcess().run(iter([(hanging,), (run.job(noise_item(1)),)])))
    assert outcomes[0].failure is not None
    assert outcomes[0].failure.kind == "TimeoutError"
    assert outcomes[0].failure.message == "gave no result within 0.5 s (--item-timeout)"
    assert outcomes[1].failure is None
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_device_that_is_not_there_is_refused() -> None:
    executor = InProcess()
    assert executor.device("cpu") == "cpu"
    with pytest.raises(UserError, match="99"):
        executor.device("cuda:99")
