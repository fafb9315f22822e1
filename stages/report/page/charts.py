"""The curves and the image-by-image figures, as plain values for the browser."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from spam_pipe.stages.report.curves import COUNT, PANELS, TITLES
from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.tables import Group, group_of
from spam_pipe.stages.report.text_tables import SHOWN

SECONDS = "seconds"
MEASURED = ("asa", "gr", "boundary_recall", "boundary_precision", "explained_variation",
            "compactness")  # fmt: skip
"""The figures of single images on the page."""

DIGITS = 5


def panels(summary: pd.DataFrame) -> list[dict[str, str]]:
    """Return the charts that can be drawn: abscissa, ordinate and their titles."""
    titles = {**TITLES, SECONDS: "Seconds per image"}
    drawable = [
        (across, up)
        for across, up in PANELS
        if bool(summary[[f"{across}_mean", f"{up}_mean"]].notna().all(axis=1).any())
    ]
    return [
        {"x": across, "y": up, "xTitle": titles[across], "yTitle": titles[up]}
        for across, up in [*drawable, (COUNT, SECONDS)]
    ]


def curves(
    summary: pd.DataFrame, seconds: Mapping[Group, float], order: Sequence[MethodKey]
) -> list[list[dict[str, Any]]]:
    """Return each series' points, ascending in the count made.

    A point holds `k` (requested), `images`, and per measure ``[mean, low, high]``, the ends of
    the interval null where there is none; undefined measures are left out.
    """
    points: list[list[dict[str, Any]]] = [[] for _ in order]
    for _, row in summary.sort_values(f"{COUNT}_mean", kind="stable").iterrows():
        point: dict[str, Any] = {"k": int(row["n_requested"]), "images": int(row["n_images"])}
        for measure in (COUNT, *SHOWN):
            statistics = [_rounded(row[f"{measure}_{part}"]) for part in ("mean", "lo", "hi")]
            if statistics[0] is not None:
                point[measure] = statistics
        if (taken := seconds.get(group_of(row))) is not None:
            point[SECONDS] = [_rounded(taken), None, None]
        if COUNT in point:
            points[order.index(MethodKey.of(row))].append(point)
    return points


def image_figures(
    metrics: pd.DataFrame, counts: Sequence[int], order: Sequence[MethodKey]
) -> dict[str, Any]:
    """Return the figures of single images at the gallery's counts.

    `images` are ids, `measures` names, and `rows` lists of image, series and count (positions in
    `images`, `order` and `counts`), the count made, and the measures in their order.
    """
    chosen = metrics[metrics["n_requested"].isin(counts)]
    images = sorted({str(image) for image in chosen["image"]})
    place = {image: i for i, image in enumerate(images)}
    measures = [name for name in MEASURED if bool(chosen[name].notna().any())]
    rows = [
        [
            place[str(row["image"])],
            order.index(MethodKey.of(row)),
            counts.index(int(row["n_requested"])),
            int(row[COUNT]),
            *(_rounded(row[measure]) for measure in measures),
        ]
        for _, row in chosen.iterrows()
    ]
    return {"images": images, "measures": measures, "rows": rows}


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else float(f"{value:.{DIGITS}g}")
