"""`spam-pipe verify`: read a run back, list the faults, and remove bad results on request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.table import Table

from spam_pipe.pipeline.commands.teller import SOME_FAILED, SUCCESS, Teller
from spam_pipe.pipeline.device import resolve_device
from spam_pipe.pipeline.errors import DataError, one_line
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.progress import Progress, make_progress
from spam_pipe.pipeline.runs.lock import locked
from spam_pipe.pipeline.runs.run import Run, open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.other_options import VerifyOptions
from spam_pipe.pipeline.verifying.findings import Finding, Verified, repair
from spam_pipe.pipeline.verifying.reader import Reader
from spam_pipe.pipeline.verifying.recomputation import recompute, sample_of
from spam_pipe.pipeline.verifying.stores import open_stores, sound_items

_SHOWN = 20


def verify_run(options: VerifyOptions) -> int:
    """Read back all that a run holds; return 1 when something is wrong.

    Raises
    ------
    UserError
        When the run is not there or, to be mended, in use; when items are to be computed again
        and the dataset is not here.
    """
    teller = Teller(quiet=options.quiet, as_json=options.as_json)
    _, run = open_existing_run(options.outputs, options.run)
    items = _items(run, teller, required=options.recompute > 0)
    with locked(run.folder, say=teller.warn) if options.repair else _not_locked():
        verified = _read_back(run, items, options, teller)
        if options.repair:
            repair(run, verified)
    _tell(run, verified, options.repair, teller)
    return SOME_FAILED if verified.findings else SUCCESS


@contextmanager
def _not_locked() -> Iterator[None]:
    """To look needs no lock: what another command has just replaced is read again."""
    yield


def _items(run: Run, teller: Teller, *, required: bool) -> dict[str, Item]:
    """Return the dataset's items of all splits, or none where it is not here."""
    try:
        dataset = Selection(run, None).dataset
        return {item.id: item for item in dataset.items("all")}
    except DataError as error:
        if required:
            raise
        teller.say(f"{error}: what results were made from is not compared")
        return {}


def _read_back(
    run: Run, items: Mapping[str, Item], options: VerifyOptions, teller: Teller
) -> Verified:
    verified = Verified()
    stores = open_stores(run, verified)
    reader = Reader(run, stores, items, verified)
    quiet = teller.quiet or teller.as_json
    with _shown(make_progress("verify", teller.messages, quiet=quiet), len(reader.groups)) as bar:
        reader.read_all(lambda bad: bar.advance(computed=True, failed=bad))
    if not options.recompute:
        return verified
    sound = list(sound_items(stores, items, verified.findings))
    chosen = sample_of(sound, options.recompute, options.seed)
    place = resolve_device(options.device)
    with _shown(make_progress("recompute", teller.messages, quiet=quiet), len(chosen)) as bar:
        for store, item in chosen:
            found = recompute(store, item, run.folder.url, place)
            verified.findings += found
            verified.recomputed += 1
            bar.advance(computed=True, failed=bool(found))
    return verified


@contextmanager
def _shown(progress: Progress, total: int) -> Iterator[Progress]:
    progress.begin(total)
    try:
        yield progress
    finally:
        progress.end()


def _tell(run: Run, verified: Verified, mended: bool, teller: Teller) -> None:
    findings = verified.findings
    if findings:
        teller.show(_table(findings))
    if len(findings) > _SHOWN:
        teller.show(f"… and {len(findings) - _SHOWN} more (all with --json)")
    for name in verified.unknown:
        teller.say(f"{run.folder}/{name}: not read: made by a version with other options")
    read = f"{verified.units} results in {verified.stores} stores read back"
    if verified.recomputed:
        read += f", {verified.recomputed} item{'s' * (verified.recomputed != 1)} computed again"
    left = len(verified.leftovers)
    if left:
        read += f", {left} leftovers of interrupted work" + (" removed" if mended else "")
    if not findings:
        teller.say(f"verify: {read}, nothing is wrong")
    elif mended:
        teller.say(
            f"verify: {read}, {len(findings)} findings; what is bad was removed: the command that "
            "made it makes it again"
        )
    else:
        teller.say(
            f"verify: {read}, {len(findings)} findings; `spam-pipe verify --repair` removes what "
            "is bad, so that the next run makes it again"
        )
    teller.show_json(
        {
            "run": run.name,
            "folder": str(run.folder),
            "stores": verified.stores,
            "results": verified.units,
            "recomputed": verified.recomputed,
            "findings": [finding.plain() for finding in findings],
            "leftovers": verified.leftovers,
            "not_read": verified.unknown,
            "repaired": mended,
        }
    )


def _table(findings: list[Finding]) -> Table:
    table = Table(title="findings", title_justify="left")
    for column in ("item", "stage", "K", "what", "why"):
        table.add_column(column, overflow="fold")
    for finding in findings[:_SHOWN]:
        count = "" if finding.unit is None else str(finding.unit)
        where = finding.store.removesuffix(".zarr")
        cells = (finding.item or "(all)", where, count, finding.kind, finding.reason)
        table.add_row(*map(one_line, cells))  # a store may say anything
    return table
