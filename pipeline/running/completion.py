"""Shards beside each other in a run's folder, and the last one's completing of the run."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.running.plan import plan
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.failures import Failures
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.shard import Shard

_COMPLETING = "completing"
_NEXT = "next-completing"
_POLL = 0.5

Say = Callable[[str], None]


def held(run: Run, shard: Shard | None, say: Say) -> AbstractContextManager[None]:
    """Hold a run for a command, or for one shard beside the others.

    Raises
    ------
    UserError
        When another command is in the way: one on the whole run, the same shard, or a shard of
        another division.
    """
    if shard is None:
        return locked(run.folder, say=say)
    return _held_by_shard(run, shard, say)


@contextmanager
def completing(
    run: Run,
    selection: Selection,
    shard: Shard | None,
    target: str,
    points: Sequence[RunConfig] = (),
    *,
    say: Say,
) -> Iterator[bool]:
    """Yield whether this command is to report: without shards always.

    A shard reports when nothing is left to do and no other one will.

    Of shards that end at once one completes the run and at most one waits to do it again: the
    others ended before that one begins to read, so that nothing of theirs can be missed. To be
    used while the shard's own lock is held.

    Parameters
    ----------
    run
        The run.
    selection
        All its items, those of all shards.
    shard
        What the command is.
    target, points
        As `pipeline.running.runner.execute` has them.
    say
        As `pipeline.runs.lock.locked` has it.
    """
    if shard is None:
        yield True
        return
    points = points or (run.config,)
    with ExitStack() as stack:
        if _settled(run, selection, target, points) is None or not _takes_turn(run, stack, say):
            yield False
            return
        failures = _settled(run, selection, target, points)
        if failures is not None:
            failures.save()
            _drop_lists(run, failures, shard, say)
        yield failures is not None


def _takes_turn(run: Run, stack: ExitStack, say: Say) -> bool:
    """Hold the lock of who completes the run; False where another one already waits for it."""
    with ExitStack() as waiting:
        try:
            waiting.enter_context(_only_one(run, _NEXT, say))
        except UserError:
            return False
        while True:
            try:
                stack.enter_context(_only_one(run, _COMPLETING, say))
            except UserError:
                time.sleep(_POLL)
            else:
                return True


def _only_one(run: Run, key: str, say: Say) -> AbstractContextManager[None]:
    """Hold a lock beside all of other keys; a whole command can't be there: a shard is."""
    return locked(run.folder, key=key, beside=lambda other: other != key, say=say)


@contextmanager
def _held_by_shard(run: Run, shard: Shard, say: Say) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            own = locked(run.folder, key=shard.name, beside=shard.beside, say=say)
            stack.enter_context(own)
        except UserError as error:
            raise UserError(
                f"--shard {shard}: the same shard, one of another division or a command on the "
                f"whole run is in the way: {error}"
            ) from error
        if shard.array is not None:
            shard.array.remember(run.folder)
        yield


def _settled(
    run: Run, selection: Selection, target: str, points: Sequence[RunConfig]
) -> Failures | None:
    """Return the failures that stand if all else is made; None when something is left to do."""
    failures = Failures(run.folder)
    for point in points:
        chain = build_chain(point, run.folder, target)
        stores = [link.store.name for link in chain.values()]
        for planned in plan(selection, chain, point, run.folder):
            item_id = planned.item.id
            if not planned.work():
                failures.clear(item_id, stores)
            elif not any((store, item_id) in failures.items for store in stores):
                return None
    return failures


def _drop_lists(run: Run, failures: Failures, own: Shard, say: Say) -> None:
    """Delete the shards' lists of failures, which are gathered now, where nobody writes them."""
    for name in failures.shards:
        if name == own.name:
            failures.drop_list_of(name)
            continue
        try:
            with _only_one(run, name, say):
                failures.drop_list_of(name)
        except UserError:
            continue  # it goes when that shard completes the run, or with the next whole command
