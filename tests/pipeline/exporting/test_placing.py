"""Exported files reach their folder all together or not at all, and never over other things."""

from pathlib import Path

import pytest

from spam_pipe.pipeline.errors import UserError
from spam_pipe.pipeline.exporting.placing import placed


def _export(target: Path, contents: dict[str, bytes], *, replace: bool = False) -> None:
    with placed(target, replace=replace) as folder:
        for key, content in contents.items():
            folder.write(key, content)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_are_placed_and_placed_again(tmp_path: Path) -> None:
    made = {"100/a.png": b"a", "100/sub/b.png": b"b", "100/c.ome.zarr/zarr.json": b"{}"}
    for _ in range(2):
        _export(tmp_path / "to/labels", made)
        assert _files(tmp_path) == {f"to/labels/{key}": content for key, content in made.items()}


@pytest.mark.parametrize("key", ["100/b.png", "100/b.ome.zarr/labels/0", "100"])
def test_what_holds_something_else_is_kept_unless_replaced(tmp_path: Path, key: str) -> None:
    target = tmp_path / "to"
    _export(target, {key: b"mine"})
    before = _files(tmp_path)
    new = {"100/a.png": b"a", "100/b.png": b"b", "100/b.ome.zarr/labels/0": b"c"}
    with pytest.raises(UserError, match=f"{target}/100.*(--replace|elsewhere)") as refused:
        _export(target, new)
    assert "\n" not in str(refused.value)
    assert _files(tmp_path) == before
    if key != "100":
        _export(target, new, replace=True)
        assert _files(target) == new


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(TypeError):
        _export(tmp_path / "a/b", {"100/a.png": b"a", "100/b.png": None})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        _export(tmp_path / "there", {"100/b.png": None})  # type: ignore[dict-item]
    assert [*tmp_path.rglob("*")] == [tmp_path / "there"]
