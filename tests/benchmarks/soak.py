"""Ten thousand images through all stages with two workers: does anything grow?

Run as ``python tests/benchmarks/soak.py [--items 10000]``. Prints the memory of coordinator and
workers and the CPU seconds per item along the run, then how long it takes to plan the finished
run, to count its states and to report it. Exit status 1 when a bound does not hold.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from scipy import ndimage

LARGE_EVERY = 50
"""One image in so many is 321×481, the others 64×64."""

SETTLED = 500
"""Items after which memory must stay."""

ENOUGH = 4000
"""Items from which on memory and time per item are bounded: below, noise is larger."""

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("NUMBA", "OMP", "MKL", "OPENBLAS")}


@dataclass
class Curve:
    """Samples taken while a command runs.

    Attributes
    ----------
    items
        Items stored by then.
    coordinator, workers
        Resident memory in MiB; of the workers the largest.
    user, system
        Seconds of CPU of all processes together since they began: their own, and what the file
        system and all else below them took.
    """

    items: list[int] = field(default_factory=list)
    coordinator: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    user: list[float] = field(default_factory=list)
    system: list[float] = field(default_factory=list)


def draw(folder: Path, items: int) -> None:
    """Write images of smooth random colours."""
    folder.mkdir()
    for number in range(items):
        shape = (321, 481) if number % LARGE_EVERY == LARGE_EVERY - 1 else (64, 64)
        random = np.random.default_rng(number)
        coarse = random.uniform(0, 255, (shape[0] // 16 + 2, shape[1] // 16 + 2, 3))
        smooth = ndimage.zoom(coarse, (16, 16, 1), order=1)[: shape[0], : shape[1]]
        noisy = np.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255)
        Image.fromarray(noisy.astype(np.uint8)).save(folder / f"{number:06d}.png")


def command(target: str, images: Path, outputs: Path) -> list[str]:
    """Return the command line."""
    given = ["--outputs", str(outputs), "--json"]
    if target != "status":
        given += ["--dataset", str(images), "-k", "10,25", "--device", "cpu"]
        given += ["--prior", "gradient", "--set", "segment.network=none", "--workers", "2"]
    return [sys.executable, "-m", "spam_pipe", target, *given]


def run_watched(arguments: list[str], events: Path) -> tuple[dict[str, object], Curve]:
    """Run a command; take its memory every second."""
    curve = Curve()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env={**os.environ, **ONE_THREAD})
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, events, curve, ended))
    watcher.start()
    printed, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"failed with status {process.returncode}: {' '.join(arguments)}")
    found: dict[str, object] = json.loads(printed)
    return found, curve


def watch(pid: int, events: Path, curve: Curve, ended: threading.Event) -> None:
    """Take samples until the end."""
    coordinator = psutil.Process(pid)
    lines = read = 0
    while not ended.wait(1.0):
        try:
            children = coordinator.children(recursive=True)
            largest = max((child.memory_info().rss for child in children), default=0)
            own = coordinator.memory_info().rss
            times = [each.cpu_times() for each in (coordinator, *children)]
        except psutil.Error:
            continue
        if events.exists():
            with events.open("rb") as file:
                file.seek(read)
                new = file.read()
            read += len(new)
            lines += new.count(b",evaluate,25,")
        user, system = (sum(each[part] for each in times) for part in (0, 1))
        if curve.user and user < curve.user[-1]:
            return  # the workers are being ended
        curve.items.append(lines)
        curve.coordinator.append(own / 2**20)
        curve.workers.append(largest / 2**20)
        curve.user.append(user)
        curve.system.append(system)


def print_memory(curve: Curve, items: int) -> list[str]:
    """Print memory along the run; return what grew."""
    wrong = []
    print(f"\n{'items':>8}{'coordinator MiB':>18}{'worker MiB':>12}")
    marks = sorted({SETTLED, *range(items // 10, items + 1, max(1, items // 10))})
    for mark in marks:
        near = [n for n, count in enumerate(curve.items) if count >= mark]
        if near:
            at = near[0]
            print(f"{mark:8}{curve.coordinator[at]:18.1f}{curve.workers[at]:12.1f}")
    for name, values in (("coordinator", curve.coordinator), ("worker", curve.workers)):
        settled = [
            value for count, value in zip(curve.items, values, strict=True) if count >= SETTLED
        ]
        tenth = len(settled) // 10
        if tenth == 0:
            print(f"{name}: too few items to say whether memory stays")
            continue
        first = statistics.median(settled[:tenth])
        last = statistics.median(settled[-tenth - 3 : -3] or settled[-tenth:])
        growth = 100 * (last / first - 1)
        print(f"{name}: {growth:+.1f} % from the first tenth after {SETTLED} items to the last")
        if items >= ENOUGH and abs(growth) > 5:
            wrong.append(f"the {name}'s memory changes by {growth:+.1f} %")
    return wrong


def print_cpu(curve: Curve, items: int) -> list[str]:
    """Print CPU seconds per item along the run; every part has the same share of large images.

    Bounded is what grows of the processes' own: a file system takes twice as long at one time as
    at another, whatever is asked of it.
    """
    part = min(1000, items // 4)
    # Items are told of by the bundle: where their number rises both figures belong together.
    counts, first_seen = np.unique(curve.items, return_index=True)
    if len(counts) < 3 or counts[-1] < 2 * part:
        print("CPU: too few items to say whether the time for each stays")
        return []
    marks = [*range(0, items - 2 * part + 1, part), int(counts[-1]) - part]
    print(f"\n{'items from':>17}" + "".join(f"{start:9}" for start in marks))
    wrong = []
    for name, spent, bound in (("CPU", curve.user, 10.0), ("system", curve.system, None)):
        seconds = np.asarray(spent)[first_seen]
        each = [
            float(np.diff(np.interp([mark, mark + part], counts, seconds))[0]) / part
            for mark in marks
        ]
        print(f"{name + ' ms an item':>17}" + "".join(f"{1e3 * ms:9.1f}" for ms in each))
        change = 100 * (each[-1] / each[1] - 1)
        print(f"{'':>17}  last against second: {change:+.1f} %")
        if bound is not None and items >= ENOUGH and change > bound:
            wrong.append(f"{name} seconds per item grow by {change:+.1f} %")
    return wrong


def print_seconds(events: Path, items: int) -> None:
    """Print seconds of stages and overhead per item along the run, sizes apart."""
    seconds: dict[str, float] = {}
    order: list[str] = []
    with events.open() as file:
        for row in csv.DictReader(file):
            if row["item"] not in seconds:
                order.append(row["item"])
            spent = float(row["seconds"]) + float(row["overhead"])
            seconds[row["item"]] = seconds.get(row["item"], 0.0) + spent
    large = {name for name in order if int(name) % LARGE_EVERY == LARGE_EVERY - 1}
    part = min(1000, items // 4)
    print("median ms of stages and storing, of an item")
    for title, among in (("64×64", set(order) - large), ("321×481", large)):
        parts = [
            [seconds[name] for name in order[start : start + part] if name in among]
            for start in range(0, items - part + 1, part)
        ]
        medians = [1e3 * statistics.median(each) for each in parts if each]
        print(f"{title:>17}" + "".join(f"{each:9.1f}" for each in medians))


def print_looking(images: Path, outputs: Path, items: int) -> list[str]:
    """Print how long it takes to look at the finished run; return what takes too long."""
    wrong = []
    bounds = {"evaluate": 10.0, "status": 5.0, "report": None}
    names = {"evaluate": "plan the finished run", "status": "status", "report": "report"}
    print()
    for target, bound in bounds.items():
        arguments = command(target, images, outputs)
        if target == "evaluate":  # planning needs no workers
            arguments[arguments.index("--workers") + 1] = "0"
        started = time.perf_counter()
        before = psutil.Process().cpu_times()
        done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - started
        after = psutil.Process().cpu_times()
        cpu = after.children_user + after.children_system
        cpu -= before.children_user + before.children_system
        inner = json.loads(done.stdout).get("seconds")
        own = "" if inner is None else f", of which the plan {float(inner):.1f} s"
        print(
            f"{names[target]:22} {seconds:6.1f} s ({cpu:.1f} s of CPU{own}; "
            f"{1e3 * cpu / items:.2f} ms per item)"
        )
        if bound is not None and items >= ENOUGH and cpu > bound:
            wrong.append(f"{names[target]}: {cpu:.1f} s of CPU, more than {bound:g} s")
    return wrong


def main() -> int:
    """Draw, run, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    items = parser.parse_args().items
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = Path(temporary)
        images, outputs = folder / "images", folder / "outputs"
        draw(images, items)
        events = outputs / "images" / "events.csv"
        found, curve = run_watched(command("evaluate", images, outputs), events)
        print(f"{items} images, --workers 2: {float(str(found['seconds'])):.0f} s")
        wrong = [] if found["computed"] == items else [f"{found['computed']} were computed"]
        wrong += print_memory(curve, items)
        wrong += print_cpu(curve, items)
        print_seconds(events, items)
        wrong += print_looking(images, outputs, items)
    print()
    for line in wrong:
        print(f"not held: {line}")
    minutes = (time.monotonic() - began) / 60
    print(f"soak: {items} items, {len(wrong)} bounds not held, {minutes:.1f} min")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
