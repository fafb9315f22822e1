"""Tables of what users say of images: one reader of names and columns for every kind of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from spam_pipe.pipeline.annotating.marks import read_marks
from spam_pipe.pipeline.datasets.user_files.factor_table import read_factors
from spam_pipe.pipeline.datasets.user_files.prompts import read_prompts
from spam_pipe.pipeline.errors import DataError
from spam_pipe.stages.csv_cells import inert

Reader = Callable[[Path], list[str]]

READERS: dict[str, Reader] = {
    "class": lambda path: [*read_marks(path).images],
    "factor": lambda path: [*read_factors(path, "").names],
    "label": lambda path: [*read_prompts(path, "")],
}
each_reader = pytest.mark.parametrize(("column", "images"), READERS.items(), ids=READERS)


def table(tmp_path: Path, column: str, *names: str, separator: str = ",") -> Path:
    path = tmp_path / "table.csv"
    rows = [["image", "x", "y", column], *([name, "1", "2", "1"] for name in names)]
    path.write_text("\n".join(separator.join(row) for row in rows), "utf-8-sig")
    return path


@each_reader
def test_a_name_behind_a_spreadsheets_apostrophe(
    tmp_path: Path, column: str, images: Reader
) -> None:
    names = ["=1+2", "-x", "@home", "'quoted'", "'70s", "-01"]
    path = table(tmp_path, column, *map(inert, names))
    assert "'=1+2" in path.read_text()
    assert images(path) == names


@each_reader
def test_columns_apart_by_semicolons(tmp_path: Path, column: str, images: Reader) -> None:
    assert images(table(tmp_path, column, "a", "b", separator=";")) == ["a", "b"]


@each_reader
def test_a_row_without_an_image(tmp_path: Path, column: str, images: Reader) -> None:
    with pytest.raises(DataError, match="line 3: no image is named"):
        images(table(tmp_path, column, "a", " "))


@each_reader
def test_a_column_that_is_none(tmp_path: Path, column: str, images: Reader) -> None:
    with pytest.raises(DataError, match=r"no such column as 'colour' in .*; its columns are"):
        images(table(tmp_path, "colour", "a"))


def test_classes_behind_an_apostrophe(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("image,x,y,class\na,1,2,'-dark\na,3,4,'n' roll\n")
    assert read_marks(path).classes == {1: "-dark", 2: "'n' roll"}
