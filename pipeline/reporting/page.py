"""The report's page: its pictures and provenance gathered from a run's stores."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spam_pipe.pipeline.fetching.shipped_weights import seen_by_digest
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.reporting.command_lines import (
    deciding_options,
    differing,
    report_command,
    sweep_command,
)
from spam_pipe.pipeline.reporting.gathering import Evaluated, Gathered, reference_method
from spam_pipe.pipeline.reporting.left_out import say_left_out
from spam_pipe.pipeline.reporting.tables import Tables
from spam_pipe.pipeline.runs.chain import Chain
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.stages.report.page.choice import choose
from spam_pipe.stages.report.page.data import (
    Coverage,
    Drawing,
    Gallery,
    Method,
    Missing,
    Page,
    Photo,
    Provenance,
)
from spam_pipe.stages.report.page.pictures import (
    encode_lines,
    encode_objects,
    encode_photo,
    fitting_size,
)
from spam_pipe.stages.report.page.render import render
from spam_pipe.stages.report.series import MethodKey, say_prior
from spam_pipe.stages.report.tables import seconds_per_image

if TYPE_CHECKING:
    import pandas as pd


def make_page(tables: Tables) -> str:
    """Return the page of all methods that were gathered."""
    run, selection, gathered = tables.run, tables.selection, tables.gathered
    metrics, summary = tables.metrics, tables.summary
    reference = reference_method(run, gathered)
    stated = differing([each.config for each in gathered.methods])
    commands = {
        each.key: report_command(each.config, run, selection, stated) for each in gathered.methods
    }
    report = Page(
        dataset=run.images,
        split=selection.split,
        progress=Coverage(
            selection.n_items,
            selection.dataset.expected(selection.split),
            sum(method.n_done for method in gathered.methods),
            sum(method.n_wanted for method in gathered.methods),
        ),
        methods=[_method(each, tables.labels, commands[each.key]) for each in gathered.methods],
        failures=[Missing(f.item, f.stage, f.reason) for f in gathered.failures],
        skipped=_skipped(gathered),
        gallery=_gallery(selection, gathered, metrics),
        provenance=_provenance(run, selection, gathered, list(commands.values())),
        reference=None if reference is None else reference.key,
        sizes=gathered.sizes,
        left_out=say_left_out(gathered.left_out, run, selection, stated),
    )
    return render(report, metrics, summary, seconds_per_image(metrics), run.config.report)


def _method(each: Evaluated, labels: Mapping[MethodKey, str], command: str) -> Method:
    seen = seen_by_digest()
    return Method(
        each.key,
        each.swept or labels.get(each.key) or f"{each.key.method} · {say_prior(each.key.prior)}",
        deciding_options(each.config),
        each.weights,
        {part: seen[digest] for part, digest in each.weights.items() if digest in seen},
        command,
    )


def _skipped(gathered: Gathered) -> list[Missing]:
    if gathered.sweep is None:
        return []
    return [Missing(point.label, "", point.reason) for point in gathered.sweep.skipped]


def _provenance(
    run: Run, selection: Selection, gathered: Gathered, commands: Sequence[str]
) -> Provenance:
    versions: dict[str, set[str]] = {}
    for method in gathered.methods:
        for package, found in method.versions.items():
            versions.setdefault(package, set()).update(found)
    if gathered.sweep is not None:
        command = sweep_command(gathered.sweep.name, run, selection)
    else:
        command = "\n".join(commands)
    return Provenance(
        run.name,
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        {package: ", ".join(sorted(found)) for package, found in versions.items()},
        sorted({device for method in gathered.methods for device in method.devices}),
        command,
    )


def _gallery(selection: Selection, gathered: Gathered, metrics: "pd.DataFrame") -> Gallery:
    if metrics.empty:
        return Gallery("", (), (), {})
    names, counts, rule = choose(metrics, len(gathered.methods))
    measured = {
        (str(row["image"]), MethodKey.of(row), int(row["n_requested"]))
        for _, row in metrics.iterrows()
    }
    pictures: dict[str, Photo] = {}
    drawings: dict[tuple[str, MethodKey, int], Drawing] = {}
    for item in selection:
        if item.id not in names:
            continue
        pictures[item.id] = _picture(item)
        for method in gathered.methods:
            for count in counts:
                if (item.id, method.key, count) in measured:
                    drawing = _drawing(item, method.chain, gathered.unit_of(count))
                    drawings[item.id, method.key, count] = drawing
    return Gallery(rule, counts, [pictures[name] for name in names], drawings)


def _picture(item: Item) -> Photo:
    image = item.image.read()
    height, width = image.shape[:2]
    fitted = fitting_size(height, width)
    return Photo(item.id, encode_photo(image), fitted[1], fitted[0], (width, height))


def _drawing(item: Item, chain: Chain, unit: int | str) -> Drawing:
    seen = read_segmented(item, unit, chain)
    lines = encode_lines(seen.labels, seen.start_label)
    if seen.objects is None:
        return Drawing(lines)
    return Drawing(lines, encode_objects(seen.objects), int(seen.objects.max()))
