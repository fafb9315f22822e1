"""`spam-pipe export --what attention`: numbered pictures and a table of factors to fill in."""

import io
from collections import Counter
from collections.abc import Sequence

from PIL import Image

from spam_pipe.pipeline.commands.export import say_absent
from spam_pipe.pipeline.commands.teller import Teller
from spam_pipe.pipeline.errors import ConfigError, UserError, one_line
from spam_pipe.pipeline.exporting.formats import choose_format, file_name
from spam_pipe.pipeline.exporting.placing import placed
from spam_pipe.pipeline.home import expand_home
from spam_pipe.pipeline.running.plan import State, plan
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.runs.segmented import read_prior_objects
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.session.layers import parse_counts
from spam_pipe.pipeline.session.other_options import ExportOptions

TABLE = "attention.csv"
_COLUMNS = ("image", "number", "x", "y", "k", "factor")


def export_attention(options: ExportOptions) -> int:
    """Write a picture of every image with its objects numbered, and the table of their factors.

    The objects are those of the prior as it is cut for one number of superpixels. A row of the
    table points at an object's inner-most pixel and says that number, so that it means the same
    object at any number of superpixels. All factors are 1.

    Returns
    -------
    How many images could not be written.

    Raises
    ------
    UserError
        When the run has no prior, nothing is there yet, or the folder holds another table already.
    """
    from spam_pipe.stages.csv_cells import csv_lines
    from spam_pipe.stages.report.numbering import innermost_points, number_objects

    teller = Teller(as_json=options.as_json)
    choose_format(options.what, options.form)
    counts = [] if options.n_superpixels is None else parse_counts(options.n_superpixels)
    _, run = open_existing_run(options.outputs, options.run)
    chain = build_chain(run.config, run.folder, "segment")
    if "prior" not in chain:
        raise ConfigError(f"--what attention: run {run.name} has no prior; make one with --prior")
    if len(counts) > 1:
        raise ConfigError("--what attention -k: give one number, the objects are those for it")
    (count,) = counts or run.config.n_superpixels[:1]
    target = expand_home(options.folder).absolute() / "attention"
    rows: list[Sequence[object]] = [_COLUMNS]
    absent: Counter[State] = Counter()
    written = failed = 0
    with placed(target, replace=options.replace) as folder:
        for planned in plan(Selection(run, options.limit), chain, run.config, run.folder):
            item, state = planned.item, planned.states["prior"][None]
            if state is not State.DONE:
                absent[state] += 1
                continue
            try:
                objects = read_prior_objects(item, count, chain)
                if objects is None or not objects.any():
                    raise UserError("its prior has no objects")
                content = io.BytesIO()
                Image.fromarray(number_objects(item.image.read(), objects)).save(content, "PNG")
                folder.write(file_name(item.id, ".png"), content.getvalue())
            except Exception as error:  # one image harms no other
                failed += 1
                teller.fail(f"{item.id}: {one_line(error)}")
                continue
            points = innermost_points(objects).tolist()
            for number, (row, column) in enumerate(points, start=1):
                rows.append([item.id, number, column, row, count, 1])
            written += 1
        left_out = say_absent(absent, "prior")
        if not written:
            raise UserError(f"export: nothing of run {run.name} to write in {target}{left_out}")
        folder.write(TABLE, csv_lines(rows).encode())
    teller.show(f"{written} numbered pictures and {TABLE} in {target}{left_out}")
    teller.show(
        f"write factors into {TABLE} (2: twice as dense; rows left at 1 can go), then:\n"
        f"spam-pipe segment --outputs {options.outputs} --run {run.name} "
        f"--attention {target}/{TABLE}"
    )
    teller.show_json(
        {
            "folder": str(target),
            "written": written,
            "missing": sum(absent.values()),
            "failed": failed,
        }
    )
    return failed
