"""The page's text: one HTML file that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spam_pipe.stages.report.config import ReportConfig
from spam_pipe.stages.report.meanings import MEANINGS
from spam_pipe.stages.report.page.charts import curves, image_figures, panels
from spam_pipe.stages.report.page.compared import compare, tied_cells
from spam_pipe.stages.report.page.data import Method, Page
from spam_pipe.stages.report.page.headline import headline, shown_measures
from spam_pipe.stages.report.page.words import differing_options, lead, notices, title
from spam_pipe.stages.report.series import YARDSTICKS, MethodKey
from spam_pipe.stages.report.style import SERIES_COLORS
from spam_pipe.stages.report.tables import Group
from spam_pipe.stages.report.text_tables import SHOWN

LIBRARIES = ("vendor/d3.min.js", "vendor/plot.umd.min.js")
SCRIPTS = ("page.js", "tables.js", "pixels.js", "compare.js", "curves.js", "scatter.js")
MOST_FAILURES = 200
COLORS = len(SERIES_COLORS)
"""Of series, in page.css as in style.py; later ones repeat them with other dashes and symbols."""


def render(
    report: Page,
    metrics: pd.DataFrame,
    summary: pd.DataFrame,
    seconds: Mapping[Group, float],
    config: ReportConfig | None = None,
) -> str:
    """Write the page.

    Parameters
    ----------
    report
        All but the tables.
    metrics, summary
        From `stages.report.tables`; both may be empty.
    seconds
        Seconds per image (`stages.report.tables.seconds_per_image`).
    config
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    HTML. Whatever users named is escaped; a content security policy forbids all requests.
    """
    methods = in_order(report.methods, summary)
    order = [method.key for method in methods]
    measured = len(metrics) > 0
    config = config or ReportConfig()
    tied = tied_cells(metrics, summary, config)
    compared = {MethodKey.of(row) for _, row in summary.iterrows() if row["n_images"]}
    reference = report.reference if report.reference in compared else order[0] if order else None
    template = _environment().get_template("page.html")
    return template.render(
        report=report,
        methods=methods,
        title=title(report, methods),
        lead=lead(report, methods, summary),
        notices=notices(report, summary),
        meanings=MEANINGS,
        tints=tints(methods, summary),
        measures=shown_measures(summary) if measured else {},
        blocks=headline(summary, seconds, order, tied) if measured else [],
        has_ties=bool(tied),
        has_yardsticks=any(key.method in YARDSTICKS for key in order),
        comparison=compare(metrics, reference, order, config) if measured and reference else None,
        options=differing_options(methods),
        data=_data(report, methods, metrics, summary, seconds) if measured else None,
        style=_asset("page.css"),
        libraries=[_asset(name) for name in LIBRARIES],
        scripts=[_asset(name) for name in SCRIPTS],
        colors=COLORS,
        most_failures=MOST_FAILURES,
    )


def in_order(methods: Sequence[Method], summary: pd.DataFrame) -> list[Method]:
    """Sort methods by mean accuracy, or regularity where there is no ground truth; best first.

    The yardsticks come last.
    """
    measure = "asa_mean" if bool(summary["asa_mean"].notna().any()) else "gr_mean"
    scores: dict[MethodKey, list[float]] = {}
    for _, row in summary.iterrows():
        scores.setdefault(MethodKey.of(row), []).append(float(row[measure]))
    means = {key: pd.Series(values).mean() for key, values in scores.items()}

    def place(method: Method) -> tuple[bool, bool, float, str]:
        score = means.get(method.key, float("nan"))
        unknown = bool(pd.isna(score))
        return method.key.method in YARDSTICKS, unknown, 0.0 if unknown else -score, method.label

    return sorted(methods, key=place)


def tints(methods: Sequence[Method], summary: pd.DataFrame) -> list[int]:
    """Return the number of each method's colour: its place in the summary, as in the PNG's curves.

    Methods without a row in it come after the others.
    """
    rows = dict.fromkeys(MethodKey.of(row) for _, row in summary.iterrows())
    keys = dict.fromkeys([*rows, *(method.key for method in methods)])
    place = {key: i for i, key in enumerate(keys)}
    return [place[method.key] for method in methods]


def _data(
    report: Page,
    methods: Sequence[Method],
    metrics: pd.DataFrame,
    summary: pd.DataFrame,
    seconds: Mapping[Group, float],
) -> dict[str, Any]:
    """Return the data that the page's scripts read."""
    gallery, order = report.gallery, [method.key for method in methods]
    place = {picture.name: i for i, picture in enumerate(gallery.pictures)}
    objects = sorted({d.objects for d in gallery.drawings.values() if d.objects is not None})
    return {
        "series": [method.label for method in methods],
        "tints": tints(methods, summary),
        "headings": dict(SHOWN),
        "meanings": MEANINGS,
        "panels": panels(summary),
        "curves": curves(summary, seconds, order),
        "counts": list(gallery.counts),
        "sizes": {str(count): size for count, size in report.sizes.items()},
        "figures": image_figures(metrics, gallery.counts, order),
        "pictures": [
            {"name": p.name, "photo": p.photo, "width": p.width, "height": p.height}
            for p in gallery.pictures
        ],
        "objects": objects,  # methods that share a prior share its picture
        "drawings": {
            f"{place[name]}/{order.index(key)}/{gallery.counts.index(count)}": [
                drawing.lines,
                None if drawing.objects is None else objects.index(drawing.objects),
                drawing.n_objects,
            ]
            for (name, key, count), drawing in gallery.drawings.items()
        },
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("spam_pipe.stages.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> Markup:
    """Return a file of the package that goes into the page as it is."""
    text = files("spam_pipe.stages.report.page").joinpath("assets", name).read_text("utf-8")
    return Markup(text)  # the text is our own  # nosec B704
