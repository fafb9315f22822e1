"""Accuracy inside and outside the salient part of images: gain and cost of attention."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spam_pipe.stages.report.bootstrap import mean_interval
from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.validity import VOID

TITLES = {
    "asa_inside": "ASA, salient objects",
    "asa_outside": "ASA, background",
    "n_inside": "Superpixels, salient objects",
}
"""The measures, and their names in figures."""

SALIENT_COLUMNS = (
    "config",
    "n_requested",
    *(f"{measure}_{part}" for measure in TITLES for part in ("mean", "lo", "hi")),
    "n_images",
)


def accuracy_by_place(
    labels: NDArray[np.integer],
    annotations: Sequence[NDArray[np.integer]],
    salient: NDArray[np.bool_],
) -> dict[str, float]:
    """Split the achievable segmentation accuracy by place.

    Parameters
    ----------
    labels
        Superpixels 0..n-1 of an image's pixels, (H, W), or (N,) of those that hold data.
    annotations
        Ground-truth regions of the same pixels, one map per annotator.
    salient
        True where salient.

    Returns
    -------
    By the names of `TITLES`: the share of the pixels inside (outside) that get their region
    when each superpixel takes the region it overlaps most, mean over annotators; and the
    number of superpixels most of whose pixels are salient. NaN where no pixel is there, or no
    annotator. Weighted by area the two accuracies add up to ASA.
    """
    flat = labels.ravel().astype(np.intp)
    inside = salient.ravel()
    said = [truth.ravel() != VOID for truth in annotations]
    right = [
        _right(flat[own], truth.ravel()[own]) if own.any() else own[:0]
        for truth, own in zip(annotations, said, strict=True)
    ]
    parts = [inside[own] for own in said]
    areas = np.bincount(flat)
    return {
        "asa_inside": _mean([each[own] for each, own in zip(right, parts, strict=True)]),
        "asa_outside": _mean([each[~own] for each, own in zip(right, parts, strict=True)]),
        "n_inside": float(np.sum(2 * np.bincount(flat, weights=inside) > areas)),
    }


def salient_table(
    rows: Iterable[Mapping[str, Any]], config: ReportConfig | None = None
) -> pd.DataFrame:
    """Summarise over images.

    Parameters
    ----------
    rows
        One mapping per image, point and count: ``config``, ``n_requested`` and the figures of
        `accuracy_by_place`.
    config
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    Exactly `SALIENT_COLUMNS`: means over the images where the figure is defined and their
    95 % bootstrap intervals.
    """
    config = config or ReportConfig()
    table = pd.DataFrame.from_records(
        [dict(row) for row in rows], columns=["config", "n_requested", *TITLES]
    )
    records = []
    for (name, count), own in table.groupby(["config", "n_requested"], sort=False):
        figures = own[list(TITLES)].to_numpy(dtype=np.float64)
        low, high = mean_interval(figures, config.bootstrap_samples, config.seed)
        mean = own[list(TITLES)].mean().to_numpy(dtype=np.float64)
        parts = np.stack([mean, low, high], axis=1).ravel()
        records.append((name, count, *parts.tolist(), len(own)))
    return pd.DataFrame.from_records(records, columns=list(SALIENT_COLUMNS))


def _right(labels: NDArray[np.intp], truth: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the pixels that have the most frequent region of their superpixel."""
    _, region = np.unique(truth, return_inverse=True)
    n_regions = int(region.max()) + 1
    shared = np.bincount(labels * n_regions + region, minlength=(labels.max() + 1) * n_regions)
    best = shared.reshape(-1, n_regions).argmax(axis=1)
    right: NDArray[np.bool_] = region == best[labels]
    return right


def _mean(shares: Sequence[NDArray[np.bool_]]) -> float:
    there = [share.mean() for share in shares if share.size]
    return float(np.mean(there)) if there else float("nan")
