"""Every CSV is written in one place, and what a spreadsheet would compute is a text in it."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spam_pipe.stages.csv_cells import csv_lines, inert, original, write_frame

ROOT = Path(__file__).resolve().parents[2]
WRITERS = re.compile(r"\.to_csv\(|csv\.writer\(|DictWriter\(|np\.savetxt\(")


def test_no_other_file_writes_csv() -> None:
    sources = [
        path
        for folder in ("pipeline", "stages", "spam_pipe")
        for path in (ROOT / folder).rglob("*.py")
        if "/spam_pipe/pipeline/" not in str(path) and "/spam_pipe/stages/" not in str(path)
    ]
    assert len(sources) > 200
    writing = {path.name for path in sources if WRITERS.search(path.read_text())}
    assert writing == {"csv_cells.py"}


@pytest.mark.parametrize("name", ["=1+1", "+a", "-b", "@x", "\t=1"])
def test_what_would_be_computed_is_a_text(name: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_lines([("image", "n"), (name, -1.5)]), newline="")))
    assert rows == [["image", "n"], [f"'{name}", "-1.5"]]
    content = io.BytesIO()
    write_frame(pd.DataFrame({"image": [name, "a"], "n": [-1.5, np.nan]}), content)
    back = list(csv.reader(io.StringIO(content.getvalue().decode(), newline="")))
    assert back == [["image", "n"], [f"'{name}", "-1.5"], ["a", ""]]
    assert original(inert(name)) == name


def test_a_carriage_return_ends_no_line() -> None:
    assert csv_lines([("a\r=1", 2)]) == "a =1,2\n"


def test_numbers_stay_numbers() -> None:
    assert csv_lines([("-01", "-1.5", -2)]) == "-01,-1.5,-2\n"
