"""Which images and counts the gallery shows."""

import pandas as pd

from spam_pipe.stages.report.contact_sheet import spread

MOST_IMAGES = 12
MOST_DRAWINGS = 540
"""Label maps that keep the page below 15 MB: 12 images × 3 counts × 15 methods."""


def choose(metrics: pd.DataFrame, series: int) -> tuple[list[str], list[int], str]:
    """Choose the gallery's images: every count is shown, of as many images as the page can carry.

    Parameters
    ----------
    metrics
        From `stages.report.tables.metrics_table`.
    series
        How many methods will be drawn.

    Returns
    -------
    Image ids, hardest first, requested counts, ascending, and the rule in a sentence.
    """
    counts = sorted({int(count) for count in metrics["n_requested"]})
    n_images = min(MOST_IMAGES, max(1, MOST_DRAWINGS // max(1, series * len(counts))))
    measure = "asa" if bool(metrics["asa"].notna().any()) else "gr"
    measured = metrics.groupby("image", sort=True).agg(
        rows=(measure, "size"), score=(measure, "mean")
    )
    complete = measured[measured["rows"] == measured["rows"].max()]
    ordered = [str(name) for name in complete.sort_values("score", kind="stable").index]
    images = spread(ordered, n_images)
    name = {"asa": "ASA", "gr": "GR"}[measure]
    if len(images) == len(ordered) == len(measured):
        return images, counts, f"All images, those with the lowest mean {name} first."
    rule = (
        f"{len(images)} of {len(measured)} images: evenly spread from the lowest to the highest "
        f"mean {name} over all methods and counts, both ends included"
    )
    if len(ordered) < len(measured):
        rule += ", among those that most methods measured"
    return images, counts, rule + "."
