"""The items that a command is about."""

from collections.abc import Iterator
from itertools import islice

from spam_pipe.pipeline.datasets import default_split, open_chosen
from spam_pipe.pipeline.items import Dataset, Item
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.shard import Shard


class Selection:
    """The items that a command is about: the dataset's, cut at `--limit`, a shard's part of them.

    Raises
    ------
    DataError
        When the dataset or the split is not there.
    """

    def __init__(self, run: Run, limit: int | None, shard: Shard | None = None) -> None:
        chosen = run.config.dataset
        self.dataset: Dataset = open_chosen(chosen)
        self.split = chosen.split or default_split(self.dataset)
        self.limit = limit
        self.shard = shard
        self.n_found = sum(1 for _ in self.dataset.items(self.split))
        n_all = self.n_found if limit is None else min(limit, self.n_found)
        self.own = range(n_all) if shard is None else shard.slice(n_all)
        self.n_items = len(self.own)

    def __iter__(self) -> Iterator[Item]:
        items = self.dataset.items(self.split)
        return islice(items, self.own.start, self.own.stop, self.own.step)
