"""`--shard i/n`: the part of a run's items that one of n commands does, on any machine.

Shards know nothing of each other: an item's place in the sorted list says whose it is. Each has
a lock, a list of failures and a log of its own in the run's folder.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.runs.job_array import JobArray, array_task
from spam_pipe.pipeline.store.folder import Folder

_NAME = re.compile(r"shard-\d+-of-(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of the equal parts of a batch.

    Attributes
    ----------
    number
        Which one, from 1.
    count
        How many there are.
    array
        The job array whose task it is.
    """

    number: int
    count: int
    array: JobArray | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def name(self) -> str:
        """What its lock and its files are called by."""
        return f"shard-{self.number}-of-{self.count}"

    def slice(self, n_items: int) -> range:
        """Return which of so many items, in their order, are its own."""
        return range(self.number - 1, n_items, self.count)

    def beside(self, key: str) -> bool:
        """Say whether it may work while the lock of that key is held.

        It may beside other parts of the same division, and while one of them reports.
        """
        part = _NAME.fullmatch(key)
        if part is None:
            return key != "run"
        return key != self.name and int(part[1]) == self.count


def parse_shard(text: str, run: Folder, environment: Mapping[str, str] = os.environ) -> Shard:
    """Parse `--shard`: ``i/n``, or ``auto`` for what SLURM says of a job array's task.

    Parameters
    ----------
    text
        What the user wrote.
    run
        The run's folder, which remembers the array that divided it.
    environment
        Of this process.

    Raises
    ------
    ConfigError
        When it is no part of a division, or no job array says which.
    """
    if text == "auto":
        part, array = array_task(run, environment)
        return Shard(part, array.count, array)
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
