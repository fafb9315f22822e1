"""`--shard i/n`: the part of a run's items that one of n commands does, on any machine.

Shards know nothing of each other: an item's place in the sorted list says whose it is. Each has
a lock, a list of failures and a log of its own in the run's folder.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError

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
    """

    number: int
    count: int

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


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Parse `--shard`: ``i/n``, or ``auto`` for what SLURM says of a job array's task.

    Raises
    ------
    ConfigError
        When it is no part of a division, or there is no job array to take it from.
    """
    if text == "auto":
        return _task_of_array(environment)
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


def _task_of_array(environment: Mapping[str, str]) -> Shard:
    """Return the shard of a SLURM array's task, whatever its first number and its step."""
    values: dict[str, int] = {}
    for name in ("ID", "COUNT", "MIN", "MAX"):
        variable = f"SLURM_ARRAY_TASK_{name}"
        content = environment.get(variable, "")
        if not content.isdecimal():
            raise ConfigError(
                f"--shard auto: {variable} is {repr(content) if content else 'not set'}: submit "
                "a job array (sbatch --array=1-4), or write --shard 1/4"
            )
        values[name] = int(content)
    count, steps = values["COUNT"], values["MAX"] - values["MIN"]
    place = values["ID"] - values["MIN"]
    step = steps // (count - 1) if count > 1 else 1
    if steps != step * (count - 1) or step < 1 or place % step or not 0 <= place <= steps:
        raise ConfigError(
            f"--shard auto: task {values['ID']} of {count} from {values['MIN']} to "
            f"{values['MAX']}: its number in the array can't be told; submit evenly spaced tasks "
            "(sbatch --array=1-4), or write --shard i/n"
        )
    return Shard(place // step + 1, count)
