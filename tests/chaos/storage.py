"""Storage that fails: errors, delays, half-written objects, no room, no permission, rot."""

import contextlib
import os
import random
import shutil
import subprocess
from pathlib import Path

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.verifying.findings import Verified
from spam_pipe.pipeline.verifying.reader import Reader
from spam_pipe.pipeline.verifying.stores import open_stores
from tests.chaos.faulty_storage import PROTOCOL, FaultyFileSystem
from tests.chaos.scene import Scene, Tally, verify


def answers(scene: Scene, chance: random.Random, count: int) -> Tally:
    """A remote storage with errors, delays and half-written objects."""
    tally = Tally("storage out of order")
    struck = FaultyFileSystem.struck
    struck.clear()
    FaultyFileSystem.chance = chance
    while sum(struck.values()) < count:
        outputs = f"{PROTOCOL}://{scene.place()}"
        FaultyFileSystem.silent = tally.runs % 2 == 1
        FaultyFileSystem.rate = chance.choice((0.02, 0.1, 0.4))
        tally.runs += 1
        try:
            status = scene.run(outputs, limit=10)
        except (OSError, UserError) as error:
            status = 2
            tally.notes.append(f"a command gave up: {error}")
        FaultyFileSystem.rate = 0.0
        if FaultyFileSystem.silent and status != 2:
            verify(outputs, mend=True)
        scene.check(outputs, tally)
    tally.faults = sum(struck.values())
    tally.notes.append(", ".join(f"{number} × {kind}" for kind, number in sorted(struck.items())))
    return tally


def full(scene: Scene, chance: random.Random, count: int) -> Tally:
    """A disk that is full in the middle of a run, and has room again."""
    tally = Tally("disk full")
    for _ in range(count):
        place = scene.place()
        room = chance.randrange(100_000, 1_500_000)
        with _disk(place, room) as (outputs, make_room):
            tally.runs += 1
            status = _status(scene, outputs)
            if status == 0:
                tally.notes.append(f"{room} bytes were enough")
            tally.faults += status != 0
            make_room()
            scene.check(outputs, tally)
    return tally


def forbidden(scene: Scene, chance: random.Random, count: int) -> Tally:
    """A permission that is lost in the middle of a run, and regained."""
    tally = Tally("permission lost")
    for _ in range(count):
        outputs = f"{PROTOCOL}://{scene.place()}"
        FaultyFileSystem.puts_left = chance.randrange(20, 200)
        tally.runs += 1
        status = _status(scene, outputs)
        tally.faults += status != 0
        FaultyFileSystem.puts_left = None
        scene.check(outputs, tally)
    return tally


def rot(scene: Scene, chance: random.Random, count: int) -> Tally:
    """Single bits that change in chunks and metadata: verify must find each of them."""
    tally = Tally("bits flipped")
    outputs = scene.place()
    shutil.copytree(scene.folder / "undisturbed", outputs)
    while tally.faults < count:
        files = sorted(path for path in outputs.glob("images/*.zarr/**/*") if path.is_file())
        hit: set[tuple[str, str]] = set()
        for path in chance.sample(files, min(5, count - tally.faults)):
            content = bytearray(path.read_bytes())
            bit = chance.randrange(8 * len(content))
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            tally.faults += 1
            parts = path.relative_to(outputs / "images").parts
            hit.add((parts[0], parts[1] if len(parts) > 2 else ""))
        found = _findings(str(outputs))
        if hit - found:
            tally.wrong.append(f"verify did not find {sorted(hit - found)}")
        if found - hit:
            tally.wrong.append(f"verify found more than was done: {sorted(found - hit)}")
        verify(str(outputs), mend=True)
        scene.check(str(outputs), tally)
    return tally


def _status(scene: Scene, outputs: str) -> int:
    """Run the command; 2 where it gives up, as the command line says it."""
    try:
        return scene.run(outputs)
    except (OSError, UserError):
        return 2


def _findings(outputs: str) -> set[tuple[str, str]]:
    _, run = open_existing_run(outputs, "images")
    verified = Verified()
    items = {item.id: item for item in Selection(run, None)}
    Reader(run, open_stores(run, verified), items, verified).read_all(lambda bad: None)
    return {(finding.store, finding.item) for finding in verified.findings}


@contextlib.contextmanager
def _disk(place: Path, room: int):  # type: ignore[no-untyped-def]
    """Yield outputs that hold so many bytes, and what makes room: a small disk, or a quota."""
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(place)],
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
    )
    if mounted:
        try:
            grow = ["mount", "-o", "remount,size=256m", str(place)]
            yield str(place), lambda: subprocess.run(grow, check=True)
        finally:
            subprocess.run(["umount", str(place)], check=True)
        return
    FaultyFileSystem.room = room

    def make_room() -> None:
        FaultyFileSystem.room = None

    yield f"{PROTOCOL}://{place}", make_room
