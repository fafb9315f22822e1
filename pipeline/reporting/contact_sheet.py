"""The examples that a run's contact sheet shows, gathered from its stores."""

import io
from collections.abc import Mapping

import pandas as pd

from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.chain import Chain, build_chain, prior_of
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.sweep_record import config_name, read_record
from spam_pipe.stages.report.contact_sheet import Example, Superpixels, contact_sheet, spread
from spam_pipe.stages.report.series import SERIES, MethodKey
from spam_pipe.stages.report.tables import MEASURES


def draw_contact_sheet(
    run: Run, selection: Selection, metrics: pd.DataFrame, sizes: Mapping[int, str] | None = None
) -> bytes | None:
    """Return a PNG of a few measured images of the run's current configuration.

    Parameters
    ----------
    run, selection
        The run and its items.
    metrics
        From `stages.report.tables.metrics_table`.
    sizes
        Units that numbers in the table stand for where sizes were asked for.

    Returns
    -------
    None when the current configuration has no measured image.
    """
    chain = build_chain(run.config, run.folder)
    # Methods with the same options in words differ in the other columns alone.
    name = config_name(chain, read_record(run.folder))
    key = MethodKey(run.config.segment.method, prior_of(chain), name)
    own = metrics[(metrics[list(SERIES)] == list(key.values)).all(axis=1)]
    complete = own.groupby("image", sort=True)["n_requested"].nunique()
    names = [str(name) for name in complete[complete == complete.max()].index]
    chosen = set(spread(names, run.config.report.n_pictures))
    measured = sorted(int(count) for count in own["n_requested"].unique())
    counts = spread(measured, run.config.report.n_picture_counts)
    figures = {
        (str(row["image"]), int(row["n_requested"])): {name: row[name] for name in MEASURES}
        for _, row in own.iterrows()
    }
    units = {count: (sizes or {}).get(count, count) for count in counts}
    examples = [_example(item, chain, units, figures) for item in selection if item.id in chosen]
    if not examples:
        return None
    split = "" if selection.split == "all" else f" {selection.split}"
    title = f"{run.images}{split} · {run.config.segment.method}"
    if "prior" in chain:
        title += f" · prior: {prior_of(chain)}"
    picture = io.BytesIO()
    contact_sheet(examples, title).save(picture, "PNG")
    return picture.getvalue()


def _example(
    item: Item,
    chain: Chain,
    units: Mapping[int, int | str],
    figures: Mapping[tuple[str, int], Mapping[str, float | None]],
) -> Example:
    shown = [
        (count, read_segmented(item, unit, chain))
        for count, unit in units.items()
        if (item.id, count) in figures
    ]
    made = [
        Superpixels(
            count,
            seen.labels,
            figures[item.id, count],
            seen.start_label,
            say_size(unit) if isinstance(unit := units[count], str) else None,
        )
        for count, seen in shown
    ]
    return Example(item.id, item.image.read(), made, shown[0][1].objects)
