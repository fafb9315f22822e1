"""Metric tables of made-up methods, for the tests of comparisons."""

from collections.abc import Callable, Sequence

import pandas as pd

from spam_pipe.stages.report.series import MethodKey
from spam_pipe.stages.report.tables import metrics_table

Measures = Callable[[int, int], dict[str, float]]
"""Figures by the image's number and the requested count."""


def metrics_of(
    methods: dict[MethodKey, Measures], counts: Sequence[int] = (100, 400), n_images: int = 6
) -> pd.DataFrame:
    """Build a metric table; `n_superpixels` is the requested count unless a method says."""
    return metrics_table(
        {
            "dataset": "made-up",
            "split": "test",
            "image": f"{image:02d}",
            **vars(method),
            "n_requested": count,
            "n_superpixels": count,
            **measures(image, count),
        }
        for method, measures in methods.items()
        for image in range(n_images)
        for count in counts
    )


OURS, THEIRS = MethodKey("spam", "contour", "ours"), MethodKey("slic", "none", "theirs")


def two_methods(n_images: int = 6, counts: Sequence[int] = (100, 400)) -> pd.DataFrame:
    """Ours is better by 0.01 at 100 and by 0.02 at 400, in every image."""
    return metrics_of(
        {
            OURS: lambda image, count: {"asa": 0.9 + 0.01 * image, "gr": 0.5},
            THEIRS: lambda image, count: {
                "asa": 0.9 + 0.01 * image - (0.01 if count == 100 else 0.02),
                "gr": 0.5 + 0.01 * image,
            },
        },
        counts,
        n_images,
    )
