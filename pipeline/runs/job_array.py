"""`--shard auto`: the part of a run that a task of a SLURM job array does, also when sent again.

A run remembers the array that divided it, so that `sbatch --array=7` after `--array=1-8` is the
seventh of eight, not the whole.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.store.folder import Folder

_KEY = "job-array.json"


@dataclass(frozen=True)
class JobArray:
    """Evenly spaced tasks, each of which does one part.

    Attributes
    ----------
    first
        Number of the first task.
    step
        From each task's number to the next one's.
    count
        How many tasks there are.
    """

    first: int
    step: int
    count: int

    def __str__(self) -> str:
        if self.count == 1:
            return f"{self.first}"
        last = self.first + self.step * (self.count - 1)
        return f"{self.first}-{last}" + (f":{self.step}" if self.step > 1 else "")

    def part(self, task: int) -> int | None:
        """Return which part, from 1, the task of a number does; None where it is no task's."""
        place, rest = divmod(task - self.first, self.step)
        return place + 1 if rest == 0 and 0 <= place < self.count else None

    def remember(self, run: Folder) -> None:
        """Write into a run's folder what divides it."""
        content = json.dumps(asdict(self)).encode()
        if run.read(_KEY) != content:
            run.write(_KEY, content)


def array_task(run: Folder, environment: Mapping[str, str]) -> tuple[int, JobArray]:
    """Return which part of a run this task does, from 1, and the array that divides the run.

    Parameters
    ----------
    run
        The folder that remembers an earlier array; nothing is written.
    environment
        The variables that SLURM sets.

    Raises
    ------
    ConfigError
        When there is no job array, or it and the earlier one leave open which part this is.
    """
    task, count, first, last = (
        _number(environment, name) for name in ("ID", "COUNT", "MIN", "MAX")
    )
    submitted = _evenly_spaced(count, first, last)
    before = _remembered(run)
    tasks = f"task {task}, one of {count} from {first} to {last}"
    array = submitted
    if before is not None and _again(before, submitted, count, first, last):
        array = before
    elif before is not None and not _grown(before, submitted):
        raise ConfigError(
            f"--shard auto: {tasks}, may be a part of --array={before}, which divided this run, or "
            f"divide it anew: submit --array={before}, which skips what is done, or delete "
            f"{run}/{_KEY}"
        )
    part = None if array is None else array.part(task)
    if array is None or part is None:
        raise ConfigError(
            f"--shard auto: {tasks}: its part of the run can't be told; submit evenly spaced tasks "
            "(sbatch --array=1-4), or write --shard i/n"
        )
    return part, array


def _again(before: JobArray, submitted: JobArray | None, count: int, first: int, last: int) -> bool:
    """Say whether tasks are the earlier array's or, unmistakably, some of it."""
    if submitted == before:
        return True
    some = count < before.count and None not in (before.part(first), before.part(last))
    return some and (count == 1 or submitted != JobArray(before.first, before.step, count))


def _grown(before: JobArray, submitted: JobArray | None) -> bool:
    """Say whether tasks are an array that has all of the earlier one's and more."""
    if submitted is None or submitted.count <= before.count:
        return False
    return (submitted.first, submitted.step) == (before.first, before.step)


def _number(environment: Mapping[str, str], name: str) -> int:
    variable = f"SLURM_ARRAY_TASK_{name}"
    content = environment.get(variable, "")
    if not content.isdecimal():
        raise ConfigError(
            f"--shard auto: {variable} is {repr(content) if content else 'not set'}: submit "
            "a job array (sbatch --array=1-4), or write --shard 1/4"
        )
    return int(content)


def _evenly_spaced(count: int, first: int, last: int) -> JobArray | None:
    """Return the array that these can be, whatever its first number and its step."""
    if count == 1:  # a lone seventh task is one of an array that is not known
        return JobArray(first, 1, 1) if first == last <= 1 else None
    step = (last - first) // max(1, count - 1)
    sound = step > 0 and last - first == step * (count - 1)
    return JobArray(first, step, count) if sound else None


def _remembered(run: Folder) -> JobArray | None:
    content = run.read(_KEY)
    if content is None:
        return None
    try:
        array = JobArray(**json.loads(content))
        sound = all(type(value) is int for value in asdict(array).values())
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound or array.step < 1 or array.count < 1:
        raise ConfigError(f"{run}/{_KEY}: is damaged; delete it")
    return array
