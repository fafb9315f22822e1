"""Jobs on an executor: what callbacks hear, in which order, and what a stop leaves undone."""

import signal
from collections.abc import Callable, Iterator, Sequence

import pytest

from spam_pipe.pipeline.running.jobs import Context, Job, Outcome, Task
from spam_pipe.pipeline.running.runner import Callback, execute
from spam_pipe.pipeline.running.work import Tell, tell_nobody
from tests.pipeline.running.small_items import noise_item

Jobs = Sequence[Job | None]
Heard = list[tuple[str, object]]


class Answering:
    """An executor that answers each job at once, a task at a time; it notes the tasks it took."""

    def __init__(self, breaks_at: str = "") -> None:
        self.breaks_at = breaks_at
        self.taken: list[list[int]] = []

    def run(
        self,
        tasks: Iterator[Task],
        stopped: Callable[[], bool] = lambda: False,
        tell: Tell = tell_nobody,
    ) -> Iterator[Outcome]:
        for task in tasks:
            self.taken.append([job.point for job in task])
            for job in task:
                if job.item.id == self.breaks_at:
                    raise OSError("the cluster is gone")
                yield Outcome(job.item.id, point=job.point)

    def device(self, requested: str) -> str:
        return requested

    def close(self) -> None:
        pass


class Hearing(Callback):
    """Notes all that it is told."""

    def __init__(self, heard: Heard, name: str = "") -> None:
        self.heard = heard
        self.name = name

    def begin(self, n_jobs: int) -> None:
        self.heard.append((f"{self.name}begin", n_jobs))

    def left(self) -> None:
        self.heard.append((f"{self.name}left", None))

    def finished(self, outcome: Outcome) -> None:
        self.heard.append((f"{self.name}finished", (outcome.item_id, outcome.point)))

    def stopping(self) -> None:
        self.heard.append((f"{self.name}stopping", None))

    def end(self) -> None:
        self.heard.append((f"{self.name}end", None))


def job(number: int, point: int = 0) -> Job:
    return Job(noise_item(number), {"segment": (4,)}, Context("{}", "nowhere"), point)


def test_an_item_s_jobs_are_one_task_and_what_needs_nothing_is_left() -> None:
    items: list[Jobs] = [[job(0, 0), job(0, 1)], [None, job(1, 1)], [None, None]]
    executor, heard = Answering(), Heard()
    assert execute(items, 6, executor, [Hearing(heard)]) is False
    assert executor.taken == [[0, 1], [1]]
    assert heard[0] == ("begin", 6)
    assert heard[-1] == ("end", None)
    assert [told for what, told in heard if what == "finished"] == [
        ("noise-0", 0),
        ("noise-0", 1),
        ("noise-1", 1),
    ]
    assert sum(what == "left" for what, _ in heard) == 3


def test_callbacks_are_told_one_after_the_other() -> None:
    heard = Heard()
    execute([[job(0)]], 1, Answering(), [Hearing(heard, "a "), Hearing(heard, "b ")])
    assert [what for what, _ in heard] == [
        "a begin",
        "b begin",
        "a finished",
        "b finished",
        "a end",
        "b end",
    ]


def test_items_are_read_as_the_executor_takes_them() -> None:
    read: list[int] = []

    def items() -> Iterator[Jobs]:
        for number in range(100):
            read.append(number)
            yield [job(number)]

    class Counting(Callback):
        def finished(self, outcome: Outcome) -> None:
            assert len(read) <= int(outcome.item_id.rpartition("-")[2]) + 1

    execute(items(), 100, Answering(), [Counting()])
    assert len(read) == 100


def test_ctrl_c_finishes_the_item_at_hand_and_takes_no_other() -> None:
    class Interrupting(Callback):
        def finished(self, outcome: Outcome) -> None:
            if (outcome.item_id, outcome.point) == ("noise-2", 0):  # the first of its two jobs
                signal.raise_signal(signal.SIGINT)

    executor, heard = Answering(), Heard()
    before = signal.getsignal(signal.SIGINT)
    items: list[Jobs] = [[job(number), job(number, 1)] for number in range(5)]
    assert execute(items, 10, executor, [Interrupting(), Hearing(heard)]) is True
    assert executor.taken == [[0, 1]] * 3
    assert [what for what, _ in heard].count("finished") == 6
    assert ("stopping", None) in heard
    assert heard[-1] == ("end", None)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_stops_at_once() -> None:
    class Impatient(Callback):
        def finished(self, outcome: Outcome) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    heard = Heard()
    with pytest.raises(KeyboardInterrupt):
        execute([[job(0)], [job(1)]], 2, Answering(), [Hearing(heard), Impatient()])
    assert [what for what, _ in heard] == ["begin", "finished", "stopping", "end"]


def test_the_end_is_told_when_the_executor_breaks() -> None:
    heard = Heard()
    with pytest.raises(OSError, match="the cluster is gone"):
        execute([[job(0)], [job(1)]], 2, Answering(breaks_at="noise-1"), [Hearing(heard)])
    assert [what for what, _ in heard] == ["begin", "finished", "end"]
