"""What a report reads of a run's stores: rows, failures, sizes, what is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.reporting.gathering import Gathered, gather, reference_method
from spam_pipe.pipeline.runs.run import Run, open_run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.store.sealed_json import said_in, sealed_json
from spam_pipe.stages.report.tables import metrics_table
from tests.conftest import draw_images
from tests.pipeline.reporting.page_runs import bring


def open_small(outputs: Path) -> Run:
    return open_run(open_folder(str(outputs)), "small", [])


def gathered_of(outputs: Path, limit: int | None = None) -> Gathered:
    run = open_small(outputs)
    return gather(run, Selection(run, limit))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three pictures, the last one damaged, by two methods at two counts: pictures, outputs."""
    folder = tmp_path_factory.mktemp("gathering")
    pictures = draw_images(folder / "pictures", 3)
    (pictures / "images" / "002.png").write_bytes(b"damaged")
    outputs = folder / "outputs"
    for method in ("voronoi", "grid"):  # the last one is the run's own
        assert bring("evaluate", outputs, pictures, method=method, n_superpixels="4,9") == 1
    return pictures, outputs


def test_a_row_for_each_method_image_and_count(made: tuple[Path, Path]) -> None:
    gathered = gathered_of(made[1])
    table = metrics_table(gathered.rows)  # refuses what is no column, lacking or twice there
    rows = table[["method", "image", "n_requested"]].itertuples(index=False, name=None)
    assert list(rows) == [
        (method, image, count)
        for image in ("000", "001")
        for method in ("grid", "voronoi")
        for count in (4, 9)
    ]
    assert (table["n_annotators"] == 1).all()
    assert (table["seconds"] > 0).all()
    assert table["asa"].between(0.5, 1).all()


def test_failures_are_counted_for_each_row_of_the_summary(made: tuple[Path, Path]) -> None:
    gathered = gathered_of(made[1])
    assert {(key[2], key[5]): n for key, n in gathered.failed.items()} == {
        (method, count): 1 for method in ("grid", "voronoi") for count in (4, 9)
    }
    assert {failed.item for failed in gathered.failures} == {"002"}
    assert len(gathered.failures) == 2


def test_methods_say_what_is_there_of_them(made: tuple[Path, Path]) -> None:
    gathered = gathered_of(made[1])
    assert [(each.n_done, each.n_wanted, each.n_outdated) for each in gathered.methods] == [
        (4, 6, 0),
        (4, 6, 0),
    ]
    for each in gathered.methods:
        assert each.devices == {"cpu"}
        assert "numpy" in each.versions
        assert each.weights == {}
        assert {stage for stage, _, _ in each.seconds} >= {"segment", "evaluate"}
    own = reference_method(open_small(made[1]), gathered)
    assert own is not None
    assert own.key.method == "grid"


def test_a_selection_of_fewer_items_has_fewer_rows(made: tuple[Path, Path]) -> None:
    gathered = gathered_of(made[1], limit=1)
    assert {row["image"] for row in gathered.rows} == {"000"}
    assert not gathered.failed


def test_results_that_are_out_of_date_are_left_out_and_named(tmp_path: Path) -> None:
    pictures, outputs = draw_images(tmp_path / "pictures", 2), tmp_path / "outputs"
    assert bring("evaluate", outputs, pictures, method="grid", n_superpixels="4") == 0
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(pictures / "images" / "000.png")
    gathered = gathered_of(outputs)
    assert [row["image"] for row in gathered.rows] == ["001"]
    (left,) = gathered.left_out
    assert (left.method, left.n_images) == ("grid", 1)


def test_sizes_have_numbers_of_their_own(tmp_path: Path) -> None:
    pictures, outputs = draw_images(tmp_path / "pictures", 2), tmp_path / "outputs"
    options: dict[str, Any] = {"n_superpixels": None, "superpixel_size": "20,10,10.01"}
    assert bring("evaluate", outputs, pictures, method="grid", **options) == 0
    gathered = gathered_of(outputs)
    # 2400 pixels: 24 superpixels of 100, as many of 100.2, six of 400.
    assert sorted(gathered.units) == [6, 24, 25]
    for count in gathered.units:
        assert gathered.unit_of(count) == gathered.units[count]
        assert gathered.say_asked(count).startswith("size ")
    assert gathered.unit_of(7) == 7
    assert gathered.say_asked(7) == "K = 7"
    assert {row["n_requested"] for row in gathered.rows} == {6, 24, 25}
    assert all(row["note"].startswith("size ") for row in gathered.rows)


def test_a_record_of_something_else_is_one_line(tmp_path: Path) -> None:
    pictures, outputs = draw_images(tmp_path / "pictures", 1), tmp_path / "outputs"
    assert bring("evaluate", outputs, pictures, method="grid", n_superpixels="4") == 0
    (record,) = outputs.glob("small/evaluate-*.zarr/000/4/zarr.json")
    said = said_in(record.read_bytes())
    assert said is not None
    del said["attributes"]["metrics"]
    record.write_bytes(sealed_json(said))
    with pytest.raises(DataError, match=r"a record of 000 is not what .* verify --repair"):
        gathered_of(outputs)
