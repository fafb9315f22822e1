"""Files of points and boxes: both formats, and what is wrong with a bad one."""

import json
from pathlib import Path

import pytest

from spam_pipe.pipeline.datasets.user_files.prompts import ItemPrompts, require_known
from spam_pipe.pipeline.errors import DataError

TABLE = """image,object,x,y,label,x0,y0,x1,y1
a,cat,10,20,1,,,,
a,cat,30,40.5,background,,,,
a,,5,6,,,,,
b,dog,,,,1,2,30,40
b,dog,8,9,foreground,,,,
"""
SAME = {
    "a": [
        {"points": [[10, 20], [30, 40.5]], "labels": [1, 0]},
        {"points": [[5, 6]]},
    ],
    "b": [{"box": [1, 2, 30, 40], "points": [[8, 9]]}],
}


def written(folder: Path, content: str, name: str = "prompts.csv") -> Path:
    path = folder / name
    path.write_text(content)
    return path


@pytest.mark.parametrize("name", ["prompts.csv", "prompts.json"])
def test_both_formats_say_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, TABLE if name.endswith("csv") else json.dumps(SAME), name)
    cat, single = ItemPrompts(path, "a").read()
    assert cat.points.tolist() == [[10, 20], [30, 40.5]]
    assert cat.labels.tolist() == [1, 0]
    assert cat.box is None
    assert single.labels.tolist() == [1]
    (dog,) = ItemPrompts(path, "b").read()
    assert dog.box is not None
    assert dog.box.tolist() == [1, 2, 30, 40]
    assert dog.points.tolist() == [[8, 9]]
    require_known(path, ["a", "b", "c"])


def test_an_images_digest_depends_on_what_is_said_of_it_alone(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE)
    before = {name: ItemPrompts(path, name).digest() for name in "ab"}
    path.write_text(TABLE.replace("8,9", "8,10"))
    assert ItemPrompts(path, "a").digest() == before["a"]
    assert ItemPrompts(path, "b").digest() != before["b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,x,y\na,ten,3\n", r"line 2: x is 'ten', not a number"),
        ("image,x,y\na,nan,3\n", r"line 2: x is 'nan', not a number"),
        ("image,x,y\na,3,\n", r"line 2: y is '', not a number"),
        ("image,x,y\na,,\n", r"line 2: neither a point .* nor a box"),
        ("image,x,y,label\na,1,2,maybe\n", r"line 2: label 'maybe'; 1 is on the object"),
        ("image,x,y,label\na,1,2,0\n", r"an object needs a box or a point on it"),
        ("image,x0,y0,x1,y1\na,9,1,3,4\n", r"line 2: the box is empty"),
        ("image,x0,y0,x1,y1\na,1,1,3,\n", r"line 2: y1 is '', not a number"),
        (
            "image,object,x0,y0,x1,y1\na,o,1,1,3,4\na,o,1,1,3,5\n",
            r"line 3: object o has a box already",
        ),
        (
            "picture,x,y\na,1,2\n",
            r"no such column as 'picture' in prompts; its columns are",
        ),
        ("", r"the column image is missing; its columns are image, x, y"),
        ("image,x\na,1\n", r"the column y is missing"),
        ("image,x,y\n,1,2\n", r"line 2: no image is named"),
        ("image,x,y\na,1,2,3\n", r"line 2: has more cells than the first line has columns"),
    ],
)
def test_a_bad_table_names_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        ItemPrompts(path, "a").read()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", r"not prompts; write"),
        ("{", r"not JSON"),
        ('{"a": [{"point": [1, 2]}]}', r"a, object 1: an object has points, labels and box"),
        ('{"a": [{"points": [1, 2]}]}', r"points are a list of \[x, y\]"),
        ('{"a": [{"points": [[1, 2]], "labels": []}]}', r"1 points need as many labels"),
        ('{"a": [{"points": [[1, true]]}]}', r"y is 'True', not a number"),
        ('{"a": [{"box": [1, 2, 3]}]}', r"a box is \[x0, y0, x1, y1\]"),
        ('{"a": [{}]}', r"an object needs a box or a point"),
    ],
)
def test_bad_json_names_the_object(tmp_path: Path, content: str, message: str) -> None:
    path = written(tmp_path, content, "prompts.json")
    with pytest.raises(DataError, match=message) as caught:
        ItemPrompts(path, "a").read()
    assert "\n" not in str(caught.value)


def test_unknown_images_and_other_files_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE)
    with pytest.raises(DataError, match=r"no image 'b'; there are a, c"):
        require_known(path, ["a", "c"])
    with pytest.raises(DataError, match=r"no prompts for 'c'; add some"):
        ItemPrompts(path, "c").read()
    with pytest.raises(DataError, match=r"prompts are a \.csv or a \.json file"):
        ItemPrompts(written(tmp_path, TABLE, "prompts.txt"), "a").read()
    with pytest.raises(DataError, match=r"cannot be read"):
        require_known(tmp_path / "missing.csv", ["a"])
