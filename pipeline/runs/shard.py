"""`--shard i/n`: the part of a run's items that one of n commands does, on any machine.

Shards know nothing of each other: an item's place in the sorted list says whose it is. Each has
a lock, a list of failures and a log of its own in the run's folder. A command on the whole run,
such as `report`, finds what they made, gathers their failures and reports.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from spam_pipe.pipeline.errors import ConfigError, UserError
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.store.folder import Folder

_NAME = re.compile(r"shard-\d+-of-(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of the equal parts of a batch."""

    number: int  # which one, from 1
    count: int  # how many there are

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def name(self) -> str:
        """Its name in the names of its lock and files."""
        return f"shard-{self.number}-of-{self.count}"

    def slice(self, n_items: int) -> range:
        """Return which of so many items, in their order, are its own."""
        return range(self.number - 1, n_items, self.count)

    def beside(self, key: str) -> bool:
        """Say whether it may work while the lock of that key is held: one of its division."""
        part = _NAME.fullmatch(key)
        return part is not None and key != self.name and int(part[1]) == self.count


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Parse `--shard`: ``i/n``, or ``auto`` for the part that SLURM gives a job array's task.

    Parameters
    ----------
    text
        The value of the option.
    environment
        Of this process.

    Raises
    ------
    ConfigError
        When it is no part of a division, or no job array says which.
    """
    if text == "auto":
        return _array_task(environment)
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None:
        raise ConfigError(f"--shard {text}: write i/n, such as 2/4, or auto in a SLURM job array")
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.number <= shard.count:
        count = max(1, shard.count)
        raise ConfigError(
            f"--shard {text}: there is no such part: write 1/{count} to {count}/{count}"
        )
    return shard


def _array_task(environment: Mapping[str, str]) -> Shard:
    """Return the part of an evenly spaced job array's task, for any first number and step."""
    numbers = []
    for name in ("ID", "COUNT", "MIN", "MAX"):
        variable = f"SLURM_ARRAY_TASK_{name}"
        content = environment.get(variable, "")
        if not content.isdecimal():
            raise ConfigError(
                f"--shard auto: {variable} is {repr(content) if content else 'not set'}: submit "
                "a job array (sbatch --array=1-4), or write --shard 1/4"
            )
        numbers.append(int(content))
    task, count, first, last = numbers
    step = (last - first) // max(1, count - 1) or 1
    place, rest = divmod(task - first, step)
    # A lone seventh task is one of an array that is not known.
    alone = count == 1 and task > 1
    if alone or rest or not 0 <= place < count or last != first + step * (count - 1):
        raise ConfigError(
            f"--shard auto: task {task}, one of {count} from {first} to {last}: its part of the "
            "run can't be told; submit all of an evenly spaced array (sbatch --array=1-4), which "
            "skips what is done, or write --shard i/n"
        )
    return Shard(place + 1, count)


@contextmanager
def held(run: Folder, shard: Shard | None, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a run for a command, or for one shard beside the others.

    Parameters
    ----------
    run
        The run's folder.
    shard
        None for the whole run.
    say
        As `pipeline.runs.lock.locked` has it.

    Raises
    ------
    UserError
        When another command is in the way: one on the whole run, the same shard, or a shard of
        another division.
    """
    with ExitStack() as stack:
        if shard is None:
            stack.enter_context(locked(run, say=say))
        else:
            try:
                own = locked(run, key=shard.name, beside=shard.beside, say=say)
                stack.enter_context(own)
            except UserError as error:
                raise UserError(
                    f"--shard {shard}: the same shard, one of another division or a command on the "
                    f"whole run is in the way: {error}"
                ) from error
        yield
