"""`spam-pipe annotate`: clicks or scribbles in, dense masks of classes by superpixels out."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spam_pipe.pipeline.annotating.marks import (
    ImageMarks,
    clicks_of,
    match_images,
    paint_objects,
    read_marks,
    read_scribbles,
    scribble_numbers,
)
from spam_pipe.pipeline.annotating.tables import AnnotatedImage, summarize, tables
from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.errors import ConfigError, DataError, UserError, one_line
from spam_pipe.pipeline.exporting.formats import file_name
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.running.plan import State, plan
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.segmented import Segmented, read_segmented
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.layers import one_unit
from spam_pipe.pipeline.session.other_options import AnnotateOptions
from spam_pipe.pipeline.store.folder import LocalFolder, require_writable
from spam_pipe.stages.annotate.annotate import annotate
from spam_pipe.stages.annotate.score import Score, clicked_truth, score
from spam_pipe.stages.annotate.votes import Clicks
from spam_pipe.stages.validity import VOID

MASKS = "annotations"
"""The default folder of masks, below a run's folder."""


def require_together(options: AnnotateOptions) -> None:
    """Raise a ConfigError where the command's options don't go together."""
    path, simulated = options.file, options.simulate is not None
    if (path is None) != simulated:
        raise ConfigError("annotate: give a FILE of clicks or scribbles, or --simulate N")
    if simulated and (options.to is not None or options.objects or options.fill):
        raise ConfigError("annotate --simulate: --to, --objects and --fill go with a FILE of yours")
    if path is not None and options.limit is not None:
        raise ConfigError("annotate FILE: --limit goes with --simulate; the file says which images")


def annotate_run(options: AnnotateOptions) -> int:
    """Write a mask for each image that the file speaks of; return how many could not be made.

    Layout: ``<folder>/<item>.png`` of 8 bits (16 with classes above 255), 0 where no class is
    known; ``classes.csv``, ``conflicts.csv`` and ``scores.csv``.

    Raises
    ------
    UserError
        When the file, the run or the folder can't be used, or no image could be annotated.
    """
    teller = Teller(as_json=options.as_json)
    path = expand_home(str(options.file))
    marks = read_marks(path)
    outputs, run = open_existing_run(options.outputs, options.run)
    chain = build_chain(run.config, run.folder, "segment")
    unit = one_unit(chain["segment"].units, options.n_superpixels, run)
    if options.objects and "prior" not in chain:
        raise ConfigError(
            f"--objects: run {run.name} has no prior; leave it out, or make a run with --prior"
        )
    items = {item.id: item for item in Selection(run, None)}
    try:
        meant = match_images(marks.images, items)
    except DataError as error:
        raise DataError(f"{options.file}: {error}") from error
    target = run.folder.child(MASKS)
    if options.to is not None:
        target = LocalFolder(expand_home(options.to, "--to").absolute())
    require_writable(outputs if options.to is None else target)
    done: list[AnnotatedImage] = []
    failed = 0
    painted = any(each.scribbles is not None for each in marks.images.values())
    values = scribble_numbers(marks.classes) if painted else {}
    for name, item_id in sorted(meant.items(), key=lambda pair: pair[1]):
        own, item = marks.images[name], items[item_id]
        try:
            (planned,) = plan([item], chain, run.config, run.folder)
            if planned.states["segment"].get(unit) is State.STALE:
                raise UserError(
                    f"its superpixels are out of date; `spam-pipe segment --run {run.name}` makes "
                    "them anew"
                )
            seen = read_segmented(item, unit, chain)
            made = _annotate_item(seen, own, values, options)
        except (UserError, ValueError) as error:
            failed += 1
            teller.fail(f"{item_id}: {one_line(error)}")
            continue
        target.write(file_name(item_id, ".png"), _encode(made, max(marks.classes)))
        done.append(made)
    if not done:
        raise UserError(f"annotate: not one image of {options.file} could be annotated; see above")
    for name, content in tables(done, marks.classes).items():
        target.write(name, content)
    said = summarize(done, filled=options.fill)
    masks = "1 mask" if len(done) == 1 else f"{len(done)} masks"
    teller.show(f"{masks} by superpixels of run {run.name}, K = {unit}, in {target}")
    for line in said.lines:
        teller.show(line)
    counted = {"written": len(done), "failed": failed}
    teller.show_json({"folder": str(target), **counted, **said.figures})
    return failed


def _annotate_item(
    seen: Segmented, marks: ImageMarks, values: dict[int, int], options: AnnotateOptions
) -> AnnotatedImage:
    if marks.scribbles is not None:
        clicks = read_scribbles(marks.scribbles, values, seen.labels.shape)
    else:
        clicks = clicks_of(marks)
    found = annotate(
        seen.labels,
        clicks,
        start_label=seen.start_label,
        painted=paint_objects(marks, seen.finest) if marks.objects else None,
        objects=seen.objects if options.objects else None,
        fill=options.fill,
        image=seen.picture.pixels if options.fill else None,
    )
    n_said = clicks.rows.size + len(marks.objects)
    scores = _scores(seen.item, found.mask, clicks)
    return AnnotatedImage(seen.item.id, found, n_said, scores)


def _scores(item: Item, mask: NDArray[np.int64], clicks: Clicks) -> tuple[Score, ...]:
    if item.annotations is None or clicks.rows.size == 0:
        return ()
    scores = []
    for truth in item.annotations.read():
        counted = truth != VOID
        if counted.any():
            named = clicked_truth(truth, clicks)
            scores.append(score(mask[counted][np.newaxis], named[counted][np.newaxis]))
    return tuple(scores)


def _encode(made: AnnotatedImage, largest: int) -> bytes:
    """Return a mask as a PNG; of one file all have the same depth."""
    kind = np.uint8 if largest <= 0xFF else np.uint16
    content = io.BytesIO()
    Image.fromarray(made.annotation.mask.astype(kind)).save(content, "PNG")
    return content.getvalue()
