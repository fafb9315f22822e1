"""Whatever is sent, the server answers with a reason, and nothing outside of its files changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from spam_pipe.pipeline.serving.app import make_app
from tests.pipeline.serving.served import TOKEN, draw_photographs, opened

HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
QUIETLY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
NUMBERS = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 2, 143, 13824, 2**31, 2**63])
FIELDS = {
    "op": st.sampled_from(["paint", "undo", "redo", "clear", "click", "draw", "x"]),
    "id": st.text("0123456789abc-/. ", max_size=12),
    "tab": st.text(max_size=4),
    "x": NUMBERS, "y": NUMBERS, "k": st.sampled_from([0, -1, 2**40, 1.5, "7", None]),
    "direction": st.sampled_from([-1, 0, 1, 2, 0.5]),
    "class": NUMBERS, "runs": st.lists(NUMBERS, max_size=6),
    "tool": st.sampled_from(["brush", "erase", "x"]), "level": NUMBERS,
    "classes": st.lists(st.fixed_dictionaries({}, optional={
        "number": NUMBERS, "name": st.text(max_size=90),
        "color": st.sampled_from(["#12345g", "red", "#ffffff"]),
    }), max_size=3),
    "counts": st.sampled_from([[], [0], ["1"], [-5], "7"]), "compactness": NUMBERS,
}  # fmt: skip
BODIES = st.fixed_dictionaries({}, optional=FIELDS) | PLAIN
IDS = st.uuids().map(str)
PAINTS = st.fixed_dictionaries({
    "op": st.just("paint"), "id": IDS, "class": st.integers(-1, 3) | NUMBERS,
    "runs": st.lists(st.integers(0, 14000) | NUMBERS, max_size=6), "tool": st.just("brush"),
})  # fmt: skip
CLICKS = st.fixed_dictionaries({
    "op": st.just("click"), "id": IDS, "x": st.integers(-2, 200) | NUMBERS,
    "y": st.integers(-2, 200) | NUMBERS, "k": st.sampled_from([30, 1, 0, 60_000, 2**40]),
    "direction": st.integers(-1, 1),
})  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzzed")
    draw_photographs(root / "pictures", ("a",))
    return root


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[TestClient]:
    with opened(place / "pictures", place / "outputs") as session:
        app = make_app(session, TOKEN, 8600)
        client = TestClient(app, base_url="http://127.0.0.1:8600", headers=HEADERS)
        client.key = session.places["a"]  # type: ignore[attr-defined]
        yield client


def files(place: Path) -> set[str]:
    """Return the files outside of what the page may write."""
    outputs = place / "outputs" / "pictures"
    own = (outputs / "page", outputs / "annotations")
    return {
        str(path) for path in place.rglob("*")
        if not any(path.is_relative_to(each) for each in own)
    }  # fmt: skip


@QUIETLY
@given(st.sampled_from(["steering", "mask", "classes", "batch"]), BODIES)
def test_bodies(client: TestClient, place: Path, what: str, body: Any) -> None:
    before = files(place)
    key = client.key  # type: ignore[attr-defined]
    path = f"/api/items/{key}/{what}" if what in {"steering", "mask"} else f"/api/{what}"
    answer = client.post(path, content=json.dumps(body))
    assert answer.status_code in {200, 413, 422}
    if answer.status_code != 200:
        assert isinstance(answer.json()["error"], str)
        assert str(place) not in answer.text
    assert files(place) == before


@QUIETLY
@given(PAINTS)
def test_regions_that_leave_the_image(client: TestClient, body: Any) -> None:
    key = client.key  # type: ignore[attr-defined]
    answer = client.post(f"/api/items/{key}/mask", json=body)
    assert answer.status_code in {200, 422}


@settings(QUIETLY, max_examples=40)
@given(CLICKS)
def test_clicks_that_miss_the_image(client: TestClient, body: Any) -> None:
    key = client.key  # type: ignore[attr-defined]
    answer = client.post(f"/api/items/{key}/steering", json=body)
    inside = 0 <= body["x"] < 144 and 0 <= body["y"] < 96 and 1 <= body["k"] <= 60_000
    assert answer.status_code == (200 if inside else 422)


@QUIETLY
@given(st.binary(max_size=40))
def test_bytes_that_are_no_json(client: TestClient, content: bytes) -> None:
    answer = client.post("/api/classes", content=content)
    assert answer.status_code in {200, 422}


@QUIETLY
@given(
    st.sampled_from(["hierarchy", "superpixels", "objects", "features"]),
    st.dictionaries(
        st.sampled_from(["k", "compactness", "steered", "v", "x"]),
        st.text(max_size=6) | st.sampled_from(["nan", "inf", "-1", "1e9", "0", "999999"]),
        min_size=1, max_size=3,
    ),
)  # fmt: skip
def test_queries_that_mean_nothing(client: TestClient, what: str, query: dict[str, str]) -> None:
    query = {**query, "k": query.get("k", "0")}  # at least one superpixel must be asked for
    if query["k"].strip().isdecimal() and 1 <= int(query["k"]) <= 60_000:
        query["k"] = "0"
    key = client.key  # type: ignore[attr-defined]
    answer = client.get(f"/api/items/{key}/{what}", params=query)
    assert answer.status_code == 422
    assert isinstance(answer.json()["error"], str)


@QUIETLY
@given(st.text(max_size=30))
def test_names_of_images_are_no_ids(client: TestClient, name: str) -> None:
    from urllib.parse import quote

    for rest in ("", "/thumbnail", "/mask", "/tiles/0/0/0"):
        answer = client.get(f"/api/items/{quote(name, safe='')}{rest}")
        assert answer.status_code in {200 if not name else 404, 404, 405, 307}
