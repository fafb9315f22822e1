"""The examples that a run's contact sheet shows, gathered from its stores."""

import io
from collections.abc import Mapping

import pandas as pd

from spam_pipe.pipeline.configuration.sizes import say_size
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.chain import Chain, build_chain, prior_of
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.segmented import shown_objects
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.runs.sweep_record import config_name, read_record
from spam_pipe.stages.report.contact_sheet import Example, Superpixels, contact_sheet, spread
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
    bytes | None
        None when the current configuration has no measured image.
    """
    chain = build_chain(run.config, run.folder)
    own = metrics[metrics["config"] == config_name(chain, read_record(run.folder))]
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
    title = f"{run.config.dataset.name} {selection.split} · {run.config.segment.method}"
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
    made = []
    objects = None
    for count, unit in units.items():
        if (item.id, count) in figures:
            _, segmented = chain["segment"].store.read(item.id, unit)
            labels = segmented.arrays["labels"]
            start_label = int(segmented.attributes.get("start_label", 0))
            size = say_size(unit) if isinstance(unit, str) else None
            made.append(Superpixels(count, labels, figures[item.id, count], start_label, size))
            if objects is None:  # those of a large image are stored beside its superpixels
                objects = segmented.arrays.get("objects")
    image = item.image.read()
    if "prior" in chain and objects is None:
        _, prior = chain["prior"].store.read(item.id, None)
        objects = shown_objects(prior, next(iter(units)), chain["segment"].config)
    return Example(item.id, image, made, objects)
