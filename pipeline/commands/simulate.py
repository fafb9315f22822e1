"""`spam-pipe annotate --simulate`: what each method's superpixels spare an annotator."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.reporting.gathering import Evaluated, gather
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.layers import one_unit
from spam_pipe.pipeline.session.other_options import AnnotateOptions
from spam_pipe.pipeline.store.folder import require_writable
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.annotate.simulate import Simulation, simulate
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.csv_cells import csv_lines

FOLDER = "clicks"
"""The folder of the figures, below a run's folder."""

PIXELS = "no superpixels"
TARGETS = (0.8, 0.9, 0.95)
"""Pixel accuracies for which the number of clicks is reported."""


@dataclass(frozen=True)
class _Row:
    """One method on one image."""

    label: str
    image: str
    n_superpixels: int
    simulation: Simulation


def simulate_run(options: AnnotateOptions) -> None:
    """Annotate all images by simulated clicks, with every method that the run holds.

    Writes below ``<run>/clicks/``: ``clicks.csv``, a row per click; ``summary.csv``, a row per
    method; ``clicks.png``, the accuracy against the clicks. The images are annotated as the
    annotator with the median number of regions saw them.

    Images that lack an up-to-date result of one method, or ground truth, are left out of all, which
    is told.

    Raises
    ------
    UserError
        When the run is not there, or has no image that all methods could be tried on.
    """
    from spam_pipe.stages.annotate.curves import draw_click_curves
    from spam_pipe.stages.report.curves import save_figure

    assert options.simulate is not None
    n_clicks = options.simulate
    teller = Teller(as_json=options.as_json)
    outputs, run = open_existing_run(options.outputs, options.run)
    selection = Selection(run, options.limit)
    methods = _labelled(gather(run, selection).methods)
    if not methods:
        raise UserError(f"annotate --simulate: run {run.name} has no results; `spam-pipe sweep`")
    require_writable(outputs)
    unit = one_unit(run.config.n_superpixels, options.n_superpixels, run)
    rows: list[_Row] = []
    images = left_out = 0
    for item in selection:
        labels = _labels_of(item, methods, unit)
        if labels is None or item.annotations is None:
            left_out += 1
            continue
        rows += _simulate_item(item, labels, n_clicks)
        images += 1
        teller.say(f"{item.id}: {len(labels) + 1} methods, {n_clicks} clicks each")
    if not rows:
        raise UserError(
            f"annotate --simulate: no image of run {run.name} has ground truth and superpixels of "
            f"all its methods at K = {unit}; `spam-pipe sweep` or `report` makes them"
        )
    summary = _summarize(rows, n_clicks)
    curves = {label: _accuracies(rows, label, n_clicks).mean(axis=0) for label in summary}
    figure = io.BytesIO()
    save_figure(draw_click_curves(curves, TARGETS, images, unit), figure)
    folder = run.folder.child(FOLDER)
    folder.write("clicks.csv", _click_table(rows))
    folder.write("summary.csv", _summary_table(summary))
    folder.write("clicks.png", figure.getvalue())
    teller.show(
        _shown(summary, f"clicks to a pixel accuracy: median over {images} images, K = {unit}")
    )
    if left_out:
        teller.warn(
            f"{left_out} images lack ground truth or an up-to-date result of a method: left out"
        )
    teller.say(f"tables: {folder}/clicks.csv, summary.csv; picture: {folder}/clicks.png")
    teller.show_json({"folder": str(folder), "n_images": images, "methods": summary})


def _labelled(methods: list[Evaluated]) -> dict[str, Evaluated]:
    """Return the methods by what they are called; a sweep's points by their labels."""
    names: dict[str, Evaluated] = {}
    for method in methods:
        key = method.key
        label = method.swept or f"{key.method}, {'no prior' if key.prior == 'none' else key.prior}"
        names[label if label not in names else f"{label} {key.config}"] = method
    return names


def _labels_of(
    item: Item, methods: Mapping[str, Evaluated], unit: Unit
) -> dict[str, tuple[NDArray[Any], int]] | None:
    """Return the label map and its first label of each method; None where one is missing."""
    found: dict[str, tuple[NDArray[Any], int]] = {}
    for label, method in methods.items():
        if (item.id, unit) not in method.done:
            return None
        seen = read_segmented(item, unit, method.chain)
        found[label] = seen.labels, seen.start_label
    return found


def _simulate_item(
    item: Item, labels: Mapping[str, tuple[NDArray[Any], int]], n_clicks: int
) -> Iterator[_Row]:
    assert item.annotations is not None
    truth = median_annotation(item.annotations.read())
    lab = rgb_to_lab(item.image.read())
    single = np.arange(truth.size, dtype=np.int32).reshape(truth.shape)
    for label, (own, start_label) in {**labels, PIXELS: (single, 0)}.items():
        found = simulate(own, lab, truth, n_clicks, start_label=start_label)
        yield _Row(label, item.id, int(own.max()) + 1 - start_label, found)


def median_annotation(annotations: tuple[NDArray[np.uint32], ...]) -> NDArray[np.uint32]:
    """Return the ground truth of the annotator with the median (lower) number of regions."""
    counts = np.array([np.unique(each).size for each in annotations])
    return annotations[int(np.argsort(counts, kind="stable")[(counts.size - 1) // 2])]


def _accuracies(rows: list[_Row], label: str, n_clicks: int) -> NDArray[np.float64]:
    """Return the (images, n_clicks) accuracy after each click; it stays where clicks end early."""
    own = [row.simulation.pixel_accuracy for row in rows if row.label == label]
    return np.array([np.pad(each, (0, n_clicks - each.size), mode="edge") for each in own])


def _summarize(rows: list[_Row], n_clicks: int) -> dict[str, dict[str, Any]]:
    """Return the figures of each method, by label, the most accurate in the end first."""
    found: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(row.label for row in rows):
        own = [row for row in rows if row.label == label]
        accuracy = _accuracies(rows, label, n_clicks)
        figures: dict[str, Any] = {
            "n_superpixels": float(np.mean([row.n_superpixels for row in own])),
            "n_images": len(own),
        }
        for target in TARGETS:
            clicks = [row.simulation.clicks_to(target) for row in own]
            reached = [each for each in clicks if each is not None]
            median = float(np.median([np.inf if each is None else each for each in clicks]))
            figures[f"clicks_to_{target:.2f}"] = median if np.isfinite(median) else None
            figures[f"n_reached_{target:.2f}"] = len(reached)
        for n in (10, 20, 50, n_clicks):
            if n <= n_clicks:
                figures[f"accuracy_after_{n}"] = round(float(accuracy[:, n - 1].mean()), 6)
        found[label] = figures
    last = f"accuracy_after_{n_clicks}"
    return dict(sorted(found.items(), key=lambda pair: -float(pair[1][last])))


def _click_table(rows: list[_Row]) -> bytes:
    columns = ("method", "image", "n_superpixels", "click", "x", "y", "pixel_accuracy", "mean_iou")
    lines: list[Sequence[object]] = [columns]
    for row in rows:
        made = row.simulation
        steps = zip(
            made.columns.tolist(),
            made.rows.tolist(),
            made.pixel_accuracy,
            made.mean_iou,
            strict=True,
        )
        for click, (x, y, accuracy, iou) in enumerate(steps, start=1):
            figures = (f"{accuracy:.6f}", f"{iou:.6f}")
            lines.append((row.label, row.image, row.n_superpixels, click, x, y, *figures))
    return csv_lines(lines).encode()


def _summary_table(summary: Mapping[str, Mapping[str, Any]]) -> bytes:
    columns = ("method", *next(iter(summary.values())))
    rows = [(label, *figures.values()) for label, figures in summary.items()]
    return csv_lines([columns, *rows]).encode()


def _shown(summary: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    table = Table(title=title, title_justify="left", caption="–: not reached in half of the images")
    table.add_column("method")
    table.add_column("n", justify="right")
    for target in TARGETS:
        table.add_column(f"{target:g}", justify="right")
    afters = [key for key in next(iter(summary.values())) if key.startswith("accuracy_after_")]
    for key in afters:
        table.add_column(f"after {key.rpartition('_')[2]}", justify="right")
    for label, figures in summary.items():
        clicks = [figures[f"clicks_to_{target:.2f}"] for target in TARGETS]
        table.add_row(
            label,
            f"{figures['n_superpixels']:.0f}",
            *("–" if each is None else f"{each:g}" for each in clicks),
            *(f"{figures[key]:.3f}" for key in afters),
        )
    return table
