"""Tune the weights of the methods compared with, on BSDS500 val, for mean ASA at K = 100 and 400.

python tests/benchmarks/tune_methods.py --limit 25 slic snic

Every number of superpixels is brought near to K as in any run. Where a setting's numbers lie
higher than another's, it has an advantage: the mean number is printed beside the figures.
"""

import argparse

import numpy as np
from quality_bsd import measure

from spam_pipe.stages.methods.config import SegmentConfig

GRID: dict[str, tuple[str, tuple[float, ...]]] = {
    "slic": ("compactness", (5, 10, 20, 40)),
    "maskslic": ("compactness", (5, 10, 20, 40)),
    "watershed": ("compactness", (0, 1e-4, 1e-3, 1e-2)),
    "quickshift": ("ratio", (0.3, 0.5, 1)),
    "slic-cv": ("ruler", (5, 10, 20, 40)),
    "mslic": ("ruler", (10, 20, 40, 80)),
    "seeds": ("prior", (0, 1, 2, 3, 4, 5)),
    "lsc": ("ratio", (0.025, 0.05, 0.075, 0.15, 0.3)),
    "snic": ("compactness", (2.5, 5, 10, 20, 40)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=[*GRID], choices=[*GRID, []])
    parser.add_argument("--limit", type=int, default=25)
    options = parser.parse_args()
    for method in options.methods:
        key, values = GRID[method]
        scores = []
        for value in values:
            table = {method.replace("-", "_"): {key: value}}
            config = SegmentConfig(method=method, **table)
            figures = measure("val", options.limit, [100, 400], config).mean(axis=0)
            scores.append(figures[:, 1].mean())
            cells = ", ".join(f"n {n:.0f} ASA {asa:.4f} GR {gr:.3f}" for n, asa, gr, *_ in figures)
            print(f"{method}.{key} = {value:g}: {cells}", flush=True)
        print(f"{method}.{key}: best {values[int(np.argmax(scores))]:g}", flush=True)


if __name__ == "__main__":
    main()
