"""Metric tables for tests of the page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from spam_pipe.stages.report.page.data import (
    Coverage,
    Gallery,
    Method,
    Page,
    Provenance,
)
from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.tables import metrics_table


def series(method: str, config: str = "c") -> MethodKey:
    return MethodKey(method, "none", config)


def table(
    methods: Sequence[str],
    images: Sequence[str] = ("a", "b", "c"),
    counts: Sequence[int] = (100, 400),
    made: float = 1.0,
    **figures: float | None,
) -> pd.DataFrame:
    """One row per image, method and count; the first method is the better, the first image easy."""
    rows = []
    for m, method in enumerate(methods):
        for i, image in enumerate(images):
            for count in counts:
                score = 0.9 - 0.01 * m - 0.02 * i + count / 10000
                rows.append(
                    {
                        "dataset": "bsd",
                        "split": "val",
                        "image": image,
                        "method": method,
                        "prior": "none",
                        "config": "c",
                        "n_requested": count,
                        "n_superpixels": made * count,
                        "asa": score,
                        "gr": score / 2 + 0.02 * m,
                        "boundary_recall": score - 0.2,
                        "boundary_precision": 0.2,
                        "explained_variation": score - 0.1,
                        "compactness": 0.5,
                        "seconds": 0.25 * (m + 1),
                        **figures,
                    }
                )
    return metrics_table(rows)


def report(methods: Sequence[str], n_items: int = 3, **changes: object) -> Page:
    n = n_items * len(methods) * 2
    fields: dict[str, object] = {
        "dataset": "bsd",
        "split": "val",
        "progress": Coverage(n_items, None, n, n),
        "methods": [Method(series(name), name) for name in methods],
        "failures": (),
        "skipped": (),
        "gallery": Gallery("All images.", (), (), {}),
        "provenance": Provenance("run", "today", {"numpy": "2"}, ["cpu"], "spam-pipe report"),
        **changes,
    }
    return Page(**fields)  # type: ignore[arg-type]


def random_labels(shape: tuple[int, int], count: int, seed: int = 0) -> np.ndarray:
    """A Voronoi label map."""
    random = np.random.default_rng(seed)
    sites = random.uniform((0, 0), shape, (count, 2))
    pixels = np.stack(np.indices(shape), axis=-1).reshape(-1, 2)
    return cKDTree(sites).query(pixels)[1].reshape(shape)
