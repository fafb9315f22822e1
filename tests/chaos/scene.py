"""A small batch, its undisturbed results, and what a disturbed run is compared with."""

import contextlib
import io
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.commands.verify import verify_run
from spam_pipe.pipeline.reporting.gathering import gather
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.other_options import VerifyOptions
from tests.conftest import draw_images

COUNTS = (6, 12)


@dataclass
class Tally:
    """What a kind of fault did.

    Attributes
    ----------
    kind
        Its name.
    faults
        How many were injected.
    runs
        How many commands it took.
    wrong
        What was lost or came out different, one line each.
    notes
        What else is worth a word.
    """

    kind: str
    faults: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Results:
    """Of a complete run: the summary table's bytes and every label array's."""

    summary: bytes
    labels: dict[tuple[str, int], bytes]


class Scene:
    """Small images, and the commands that a kind of fault disturbs.

    Parameters
    ----------
    folder
        A folder of its own.
    n_items
        Images of 64×64 pixels.
    """

    def __init__(self, folder: Path, n_items: int = 40) -> None:
        self.folder = folder
        self.n_items = n_items
        draw_images(folder, n_items, size=(64, 66))
        self.images, self.truth = folder / "images", folder / "truth"
        self.started = 0
        assert self.run(str(folder / "warm"), limit=1) == 0
        began = time.monotonic()
        assert self.run(str(folder / "undisturbed")) == 0
        self.seconds = time.monotonic() - began
        self.undisturbed = results_of(str(folder / "undisturbed"))
        assert len(self.undisturbed.labels) == n_items * len(COUNTS)

    def place(self) -> Path:
        """Return a new outputs folder."""
        self.started += 1
        return self.folder / f"disturbed-{self.started}"

    def options(self, outputs: str, **changed: Any) -> Options:
        """Return the command's options."""
        given = {
            "dataset": str(self.images),
            "ground_truth": str(self.truth),
            "n_superpixels": ",".join(map(str, COUNTS)),
            "prior": "gradient",
            "assignments": ["segment.network=none"],
            "device": "cpu",
            "outputs": outputs,
            "quiet": True,
        }
        return Options(**{**given, **changed})

    def arguments(self, outputs: Path, *more: str) -> list[str]:
        """Return the same for a process of its own."""
        given = ["--dataset", self.images, "--ground-truth", self.truth, "--outputs", outputs]
        plain = ["--prior", "gradient", "--set", "segment.network=none", "--device", "cpu"]
        counts = ["-k", ",".join(map(str, COUNTS)), "-q"]
        return ["evaluate", *map(str, given), *plain, *counts, *more]

    def run(self, outputs: str, **changed: Any) -> int:
        """Run the command in this process, silently; return its status."""
        with contextlib.redirect_stderr(io.StringIO()):
            return run_items("evaluate", self.options(outputs, **changed))

    def fork(self, outputs: Path, before: Callable[[], None] = lambda: None, **changed: Any) -> int:
        """Run the command in a child with all modules loaded; return the process id."""
        pid = os.fork()
        if pid:
            return pid
        status = 3
        try:
            os.setsid()
            before()
            status = self.run(str(outputs), **changed)
        except KeyboardInterrupt:
            status = 130
        except OSError:
            status = 2
        finally:
            os._exit(status)

    def check(self, outputs: str, tally: Tally, *, attempts: int = 1) -> None:
        """Complete a run without further faults, and compare it with the undisturbed one."""
        for _ in range(attempts):
            tally.runs += 1
            status = self.run(outputs)
            if status == 0:
                break
        if status != 0:
            tally.wrong.append(f"{outputs}: the undisturbed command after it ended with {status}")
            return
        tally.wrong += [f"{outputs}: {line}" for line in self.differences(outputs)]

    def differences(self, outputs: str) -> list[str]:
        """Say what differs from the undisturbed run; also read everything back."""
        found = results_of(outputs)
        wrong = []
        if found.summary != self.undisturbed.summary:
            wrong.append("summary.csv differs")
        lost = self.undisturbed.labels.keys() - found.labels.keys()
        wrong += [f"labels of {item} for K = {count} are lost" for item, count in sorted(lost)]
        different = [
            key for key, labels in found.labels.items() if labels != self.undisturbed.labels[key]
        ]
        wrong += [f"labels of {item} for K = {count} differ" for item, count in different]
        if verify(outputs):
            wrong.append("verify finds something")
        return wrong


def verify(outputs: str, *, mend: bool = False) -> int:
    """Read a run back, silently; return the status."""
    given = VerifyOptions(outputs=outputs, run="images", device="cpu", repair=mend, quiet=True)
    return verify_run(given)


def results_of(outputs: str) -> Results:
    """Read what a run holds."""
    from spam_pipe.stages.report.tables import metrics_table, summary_table, write_csv

    _, run = open_existing_run(outputs, "images")
    selection = Selection(run, None)
    gathered = gather(run, selection)
    summary = summary_table(metrics_table(gathered.rows), gathered.failed, run.config.report)
    text = io.StringIO(newline="")
    write_csv(summary, text)
    store = build_chain(run.config, run.folder)["segment"].store
    labels = {
        (item.id, count): store.read(item.id, count)[1].arrays["labels"].tobytes()
        for item in selection
        for count in COUNTS
        if store.record(item.id, count) is not None
    }
    return Results(text.getvalue().encode(), labels)


def wait_or_kill(pid: int, seconds: float, number: int) -> bool:
    """Send a signal to a child after so many seconds; say whether it still ran then."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.005)
    os.kill(pid, number)
    if number != signal.SIGSTOP:
        os.waitpid(pid, 0)
    return True
