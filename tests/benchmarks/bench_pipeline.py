"""What the pipeline costs beyond its stages: overhead, workers, the coordinator's memory.

Run as ``python tests/benchmarks/bench_pipeline.py [--items 60] [--rounds 3] [--many 10000]``.
Images are BSDS500's test split where it is found, else the embedded sample.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = [sys.executable, "-m", "spam_pipe", "evaluate", "--json", "--device", "cpu"]
PLAIN = ["--prior", "none", "--set", "segment.network=none"]
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("NUMBA", "OMP", "MKL", "OPENBLAS")}


def run(outputs: Path, arguments: list[str], **environment: str) -> dict[str, object]:
    """Run a command in a process of its own; add its wall time and the coordinator's peak."""
    peak = 0
    started = time.perf_counter()
    command = [*COMMAND, "--outputs", str(outputs), *arguments]
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdout=printed, env={**os.environ, **environment})
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.1)
        if process.returncode != 0:
            raise SystemExit(f"failed: {' '.join(command)}")
        printed.seek(0)
        found: dict[str, object] = json.load(printed)
    return {**found, "wall": time.perf_counter() - started, "peak_mib": peak / 1024}


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of one process in KiB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def bench_overhead(folder: Path, dataset: str, items: int) -> None:
    """Print what running and storing an item costs beyond each stage's own work."""
    given = ["--dataset", dataset, "--limit", str(items), "--prior", "gradient"]
    found = run(folder / "overhead", given)
    print(f"\noverhead per item, {dataset}, {found['n_items']} items, K = 100, 400")
    print(f"{'stage':10} {'own ms':>10} {'overhead ms':>12}   (per item, both K together)")
    for stage, (own, overhead) in found["stage_seconds"].items():  # type: ignore[attr-defined]
        n = int(str(found["n_items"]))
        print(f"{stage:10} {own / n * 1e3:10.1f} {overhead / n * 1e3:12.2f}")


def bench_workers(folder: Path, dataset: str, items: int, rounds: int) -> None:
    """Print two workers against one process with one thread, interleaved.

    Seconds are of the items, from the first one planned on; whole: with all that starts before.
    Steady: from the first quarter of the items on, when every process has loaded its models.
    """
    times: dict[str, list[float]] = {"0": [], "2": []}
    whole: dict[str, list[float]] = {"0": [], "2": []}
    steady: dict[str, list[float]] = {"0": [], "2": []}
    for number in range(rounds):
        for workers in times:
            given = ["--dataset", dataset, "--limit", str(items), "--workers", workers]
            found = run(folder / f"workers-{workers}-{number}", given, **ONE_THREAD)
            times[workers].append(float(str(found["seconds"])))
            whole[workers].append(float(str(found["wall"])))
            steady[workers].append(steady_seconds(Path(str(found["folder"])), items))
    ratios = [one / two for one, two in zip(times["0"], times["2"], strict=True)]
    print(f"\nworkers, {dataset}, {items} items, {rounds} rounds interleaved, seconds (median)")
    print(f"--workers 0, one thread  {statistics.median(times['0']):8.2f}")
    print(f"--workers 2              {statistics.median(times['2']):8.2f}")
    print(f"speed-up (median)        {statistics.median(ratios):8.2f}")
    command = [one / two for one, two in zip(whole["0"], whole["2"], strict=True)]
    print(f"speed-up, whole          {statistics.median(command):8.2f}")
    even = [one / two for one, two in zip(steady["0"], steady["2"], strict=True)]
    print(f"speed-up, steady         {statistics.median(even):8.2f}")


def steady_seconds(run: Path, items: int) -> float:
    """Return the seconds from a quarter of the items to the last one."""
    with (run / "events.csv").open() as file:
        ended = {row["item"]: float(row["time"]) for row in csv.DictReader(file)}
    moments = sorted(ended.values())
    return moments[-1] - moments[items // 4]


def bench_memory(folder: Path, many: int) -> None:
    """Print the coordinator's peak memory for 100 and for many tiny images."""
    images = folder / "tiny"
    images.mkdir()
    for number in range(many):
        noise = np.random.default_rng(number).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(images / f"{number:06d}.png")
    given = ["--dataset", str(images), "-k", "4", "--workers", "2", *PLAIN]
    peaks = {}
    for items in (100, many):
        name = f"memory-{items}"
        found = run(folder / name, [*given, "--limit", str(items)])
        peaks[items] = float(str(found["peak_mib"]))
        seconds = float(str(found["seconds"]))
        print(f"{items:6d} items: coordinator's peak {peaks[items]:7.1f} MiB, {seconds:6.1f} s")
    print(f"growth: {100 * (peaks[many] / peaks[100] - 1):.1f} %")
    again = run(folder / f"memory-{many}", given)
    print(f"a finished run of {many} items is planned in {float(str(again['seconds'])):.1f} s")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--only", choices=["overhead", "workers", "memory"])
    given = parser.parse_args()
    dataset = "bsd" if "SPAM_DATA" in os.environ else "sample"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if given.only in {None, "overhead"}:
            bench_overhead(folder, dataset, given.items)
        if given.only in {None, "workers"}:
            bench_workers(folder, dataset, given.items, given.rounds)
        if given.only in {None, "memory"}:
            print("\ncoordinator's memory, tiny images, --workers 2")
            bench_memory(folder, given.many)


if __name__ == "__main__":
    main()
