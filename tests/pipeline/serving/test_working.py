"""What is steered and labelled: saved at once, undone, merged, and equal to the batch."""

import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from segment_anything import SamPredictor, sam_model_registry
from starlette.testclient import TestClient

import spam_pipe
from spam_pipe.pipeline.annotating.marks import read_marks
from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.datasets.user_files.factor_table import read_factors
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_run
from spam_pipe.pipeline.serving.app import make_app
from spam_pipe.pipeline.serving.engine import Wishes, per_object
from spam_pipe.pipeline.serving.journal import Journal
from spam_pipe.pipeline.serving.labelling import ClassOfPixels
from spam_pipe.pipeline.serving.packed import unpack
from spam_pipe.pipeline.serving.regions import pixels_of, runs_of
from spam_pipe.pipeline.serving.session import Session
from spam_pipe.pipeline.serving.shipped import STATIC
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.store.folder import open_folder
from tests.pipeline.serving.served import TOKEN, draw_photographs, opened
from tests.stages.propose.tiny_sam import build_tiny_sam, save_tiny_sam

HEADERS = {"authorization": f"Bearer {TOKEN}"}
NAMES = ("a", "b/c", "=HYPERLINK(1)")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    draw_photographs(tmp_path / "pictures", NAMES)
    return tmp_path


@pytest.fixture
def session(place: Path) -> Iterator[Session]:
    with opened(place / "pictures", place / "outputs") as session:
        yield session


class Asking:
    """The API as a browser uses it."""

    def __init__(self, session: Session) -> None:
        self.client = TestClient(
            make_app(session, TOKEN, 8600), base_url="http://127.0.0.1:8600", headers=HEADERS
        )

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def packed(self, path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return unpack(answer.content)

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        body = {"id": uuid.uuid4().hex, **body} if "op" in body else body
        answer = self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def asking(session: Session) -> Asking:
    asking = Asking(session)
    asking.post("/api/classes", classes=[
        {"number": 1, "name": "sky", "color": "#0000ff"},
        {"number": 7, "name": "=1+1", "color": "#ff0000"},
    ])  # fmt: skip
    return asking


def key_of(session: Session, name: str = "a") -> str:
    return session.places[name]


def test_the_page_and_a_batch_give_the_same_labels_to_the_byte(
    session: Session, asking: Asking, place: Path
) -> None:
    path = f"/api/items/{key_of(session)}"
    for x, y, direction in ((30, 30, 1), (30, 30, 1), (120, 80, -1)):
        asking.post(f"{path}/steering", op="click", x=x, y=y, k=60, direction=direction)
    asking.post(f"{path}/steering", op="draw", runs=runs_of_square(50, 40, 30))
    asking.post(f"{path}/steering", op="click", x=60, y=50, k=60, direction=1)
    shown, facts = asking.packed(f"{path}/superpixels?k=60&steered=true")
    plain, _ = asking.packed(f"{path}/superpixels?k=60")
    assert facts["n"] == 60
    assert (shown["labels"] != plain["labels"]).any()
    square = np.s_[40:70, 50:80]
    assert np.isin(shown["labels"], np.unique(shown["labels"][square])).sum() == 900
    (own,) = np.unique(shown["objects"][square])
    assert facts["factors"][str(own)] == 4
    share = facts["per_object"][str(own)] / 60
    assert share > 1.5 * 900 / (144 * 96)  # another object has four times its share, too
    session.close()

    table = place / "outputs" / "pictures" / "page" / "attention.csv"
    status = run_items("segment", Options(
        outputs=str(place / "outputs"), run="pictures", n_superpixels="60", quiet=True,
        attention=str(table), device="cpu",
    ))  # fmt: skip
    assert status == 0
    run = open_run(open_folder(str(place / "outputs")), "pictures", [])
    store = build_chain(run.config, run.folder, "segment")["segment"].store
    made = store.read("a", 60)[1].arrays["labels"]
    assert made.tobytes() == shown["labels"].tobytes()


def test_every_level_of_the_page_is_the_batch_s_own(
    session: Session, asking: Asking, place: Path
) -> None:
    found, facts = asking.packed(f"/api/items/{key_of(session)}/hierarchy")
    finest = found["labels"].astype(np.int32) - facts["start_label"]
    tree = spam_pipe.Hierarchy(finest, found["parents"], found["altitudes"])
    session.close()
    status = run_items("segment", Options(
        outputs=str(place / "outputs"), run="pictures", n_superpixels="5,37,300", quiet=True,
        method="spam-nested", device="cpu",
    ))  # fmt: skip
    assert status == 0
    run = open_run(open_folder(str(place / "outputs")), "pictures", [])
    store = build_chain(run.config, run.folder, "segment")["segment"].store
    for k in (5, 37, 300):
        made = store.read("a", k)[1].arrays["labels"]
        np.testing.assert_array_equal(tree.labels(k), made)
    with opened(place / "pictures", place / "outputs", run="pictures") as again:
        assert again.run.config.segment.method == "spam-nested"
        shown = again.engine.superpixels(again.item(key_of(session)), Wishes(37)).labels
        np.testing.assert_array_equal(shown, tree.labels(37))


def test_factors_step_from_an_eighth_to_eight_and_back(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/steering"
    seen = [
        asking.post(path, op="click", x=30, y=30, k=60, direction=way)["marks"]
        for way in (1, 1, 1, 1, -1, 0)
    ]
    assert [marks[0]["factor"] for marks in seen[:5]] == [2, 4, 8, 8, 4]
    assert seen[5] == []
    for _ in range(5):
        low = asking.post(path, op="click", x=30, y=30, k=60, direction=-1)["marks"]
    assert low[0]["factor"] == 0.125


def test_steering_is_undone_and_redone_without_end(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/steering"
    states = [
        asking.get(path)["marks"],
        *(
            asking.post(path, op="click", x=x, y=20, k=60, direction=1)["marks"]
            for x in (10, 40, 70, 100, 130)
        ),
        asking.post(path, op="clear")["marks"],
    ]
    for expected in reversed(states[:-1]):
        assert asking.post(path, op="undo")["marks"] == expected
    assert not asking.get(path)["can_undo"]
    for expected in states[1:]:
        assert asking.post(path, op="redo")["marks"] == expected
    assert not asking.get(path)["can_redo"]


def test_a_drawn_object_is_stepped_covered_taken_away_and_brought_back(
    session: Session, asking: Asking
) -> None:
    path = f"/api/items/{key_of(session)}/steering"
    table = Path(f"{session.folder}/attention.csv")
    first = asking.post(path, op="draw", runs=runs_of_square(10, 10, 20))
    assert [(each["x"], each["y"], each["factor"]) for each in first["drawings"]] == [(10, 10, 2)]
    asking.post(path, op="draw", runs=runs_of_square(5, 5, 10))
    raised = asking.post(path, op="click", x=12, y=12, k=60, direction=1)
    assert [(each["x"], each["factor"]) for each in raised["drawings"]] == [(15, 2), (5, 4)]
    assert raised["marks"] == []
    said = read_factors(table, "two").masks["a"]
    assert [factor for _, factor in said] == [2, 4]
    assert all((np.asarray(Image.open(mask)) > 0).sum() in {400, 100} for mask, _ in said)
    content = io.BytesIO(asking.client.get("/api/export/attention.zip").content)
    with zipfile.ZipFile(content) as archive:
        names = [row.split(",")[3] for row in archive.read("attention.csv").decode().split()[1:]]
        assert set(archive.namelist()) == {"attention.csv", *names}
    gone = asking.post(path, op="click", x=12, y=12, k=60, direction=0)
    assert len(gone["drawings"]) == 1
    assert asking.post(path, op="undo")["drawings"] == raised["drawings"]
    assert asking.post(path, op="clear")["drawings"] == []
    assert not table.exists()
    assert asking.post(path, op="undo")["drawings"] == raised["drawings"]
    assert len(table.read_text().splitlines()) == 3
    asking.post(path, 422, op="draw", runs=[144 * 96 - 1, 2])


def test_points_become_a_mask_and_the_encoder_runs_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAM_WEIGHTS", str(place / "weights"))
    with opened(place / "pictures", place / "outputs") as session:
        asking = Asking(session)
        assert "weights fetch sam-vit-b" in asking.get("/api/session")["points"]
        path = f"/api/items/{key_of(session)}/pointed"
        assert asking.client.get(f"{path}?points=5,5,1").status_code == 422
    (place / "weights").mkdir()
    save_tiny_sam(place / "weights" / "sam_vit_b_01ec64.pth")
    monkeypatch.setitem(sam_model_registry, "vit_b", build_tiny_sam)
    with opened(place / "pictures", place / "outputs") as session:
        asking = Asking(session)
        assert asking.get("/api/session")["points"] is None
        encoded: list[int] = []
        set_image = SamPredictor.set_image
        monkeypatch.setattr(
            SamPredictor, "set_image", lambda *given: (encoded.append(1), set_image(*given))
        )
        found = [
            asking.packed(f"{path}?points={points}")
            for points in ("30,40,1", "30,40,1,90,60,0", "30,40,1")
        ]
        assert encoded == [1]
        image = session.engine.picture(session.item(key_of(session))).pixels
        predictor = SamPredictor(session.pointing._encoded[1].predictor.model)
        predictor.set_image(image)
        masks, quality, _ = predictor.predict(np.array([[30.5, 40.5]]), np.array([1]))
        np.testing.assert_array_equal(found[0][0]["mask"], masks[np.argmax(quality)])
        np.testing.assert_array_equal(found[0][0]["mask"], found[2][0]["mask"])
        assert (found[0][0]["mask"] != found[1][0]["mask"]).any()
        for wrong in ("144,0,1", "0,0,2", "1,1", "", "1,1,1,"):
            answer = asking.client.get(f"{path}?points={wrong}")
            assert answer.status_code == 422, wrong


def test_the_table_is_what_attention_reads(session: Session, asking: Asking) -> None:
    for name in NAMES:
        path = f"/api/items/{key_of(session, name)}/steering"
        asking.post(path, op="click", x=30, y=30, k=60, direction=1)
    table = read_factors(Path(f"{session.folder}/attention.csv"), "1")
    assert set(table.factors) == set(NAMES)
    assert all(
        each.clicks[0].factor == 2 and each.clicks[0].count == 60 for each in table.factors.values()
    )


def test_superpixels_are_counted_by_object(session: Session, asking: Asking) -> None:
    _, facts = asking.packed(f"/api/items/{key_of(session)}/superpixels?k=60")
    assert sum(facts["per_object"].values()) == facts["n"] == 60
    labels = np.array([[1, 1, 2], [1, 3, 3]])
    objects = np.array([[1, 1, 1], [1, 2, 2]])
    assert per_object(labels, objects, 1) == {1: 2, 2: 1}


def runs_of_square(x: int, y: int, side: int, width: int = 144) -> list[int]:
    return [each for row in range(y, y + side) for each in (row * width + x, side)]


def mask_file(session: Session, name: str = "a") -> np.ndarray:
    return np.asarray(Image.open(f"{session.labelling.folder}/{name}.png"))


def test_a_mask_is_saved_at_every_action_and_undone(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/mask"
    asking.post(path, op="paint", **{"class": 1}, runs=runs_of_square(10, 10, 5), tool="brush")
    first = mask_file(session)
    assert (first == 1).sum() == 25
    asking.post(path, op="paint", **{"class": 7}, runs=runs_of_square(12, 12, 5), tool="superpixel")
    both = mask_file(session)
    assert np.unique(both).tolist() == [0, 1, 7]
    answer = asking.post(path, op="paint", **{"class": 0}, runs=[0, 144 * 96], tool="erase")
    assert not mask_file(session).any()
    assert answer["counts"] == {"0": 144 * 96}
    asking.post(path, op="undo")
    np.testing.assert_array_equal(mask_file(session), both)
    asking.post(path, op="undo")
    np.testing.assert_array_equal(mask_file(session), first)
    asking.post(path, op="redo")
    np.testing.assert_array_equal(mask_file(session), both)
    shown, facts = asking.packed(path)
    np.testing.assert_array_equal(shown["mask"], both)
    assert facts["can_redo"]


def test_a_change_sent_twice_counts_once(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/mask"
    body = {"id": "same-id-0001", "op": "paint", "class": 1, "runs": [0, 10], "tool": "brush"}
    first = asking.post(path, **body)
    assert asking.post(path, **body) == first
    for _ in range(2):
        undone = asking.post(path, op="undo", id="same-id-0002")
    assert undone["version"] == first["version"] + 1
    click = {"id": "same-id-0003", "op": "click", "x": 30, "y": 30, "k": 60, "direction": 1}
    steering = path.replace("mask", "steering")
    assert asking.post(steering, **click) == asking.post(steering, **click)


def test_two_tabs_on_one_image_lose_nothing(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/mask"
    for number in range(8):
        asking.post(
            path, op="paint", **{"class": 1}, runs=runs_of_square(10 * number, 5, 4), tool="brush",
            tab=f"tab-{number % 2}",
        )  # fmt: skip
    assert (mask_file(session) == 1).sum() == 8 * 16


def test_another_server_goes_on_where_one_ended(place: Path) -> None:
    with opened(place / "pictures", place / "outputs") as session:
        asking = Asking(session)
        asking.post("/api/classes", classes=[{"number": 3, "name": "x", "color": "#abcdef"}])
        path = f"/api/items/{key_of(session)}"
        asking.post(f"{path}/mask", op="paint", **{"class": 3}, runs=[7, 9], tool="brush")
        asking.post(f"{path}/steering", op="click", x=30, y=30, k=60, direction=1)
        journal = session.labelling.journal("a").path
    with journal.open("ab") as file:  # as a crash leaves it
        file.write(b'{"t": 1, "id": "cut sh')
    with opened(place / "pictures", place / "outputs") as session:
        asking = Asking(session)
        assert asking.get("/api/session")["classes"][0]["name"] == "x"
        assert asking.get(path)["labelled"]
        assert asking.get(path)["factors"] == 1
        assert asking.post(f"{path}/mask", op="undo")["counts"] == {"0": 144 * 96}
        assert asking.post(f"{path}/steering", op="undo")["marks"] == []
        assert not Path(f"{session.folder}/attention.csv").exists()


def test_masks_of_annotate_open_for_correction(session: Session, asking: Asking) -> None:
    folder = Path(str(session.labelling.folder))
    given = np.zeros((96, 144), np.uint8)
    given[:50] = 1
    (folder / "b").mkdir(parents=True, exist_ok=True)
    Image.fromarray(given).save(folder / "b" / "c.png")
    shown, _ = asking.packed(f"/api/items/{key_of(session, 'b/c')}/mask")
    np.testing.assert_array_equal(shown["mask"], given)
    Image.fromarray(given[:40]).save(folder / "a.png")
    answer = asking.client.get(f"/api/items/{key_of(session)}/mask")
    assert answer.status_code == 422
    assert "the mask is 144 × 40 pixels" in answer.json()["error"]


def test_exports(session: Session, asking: Asking, tmp_path: Path) -> None:
    assert asking.client.get("/api/export/masks.zip").status_code == 422
    path = f"/api/items/{key_of(session, 'b/c')}/mask"
    runs = runs_of_square(20, 30, 6)
    asking.post(
        path, op="paint", **{"class": 7}, runs=runs, tool="superpixel", x=20, y=30, level=99
    )
    with zipfile.ZipFile(io.BytesIO(asking.client.get("/api/export/masks.zip").content)) as archive:
        assert set(archive.namelist()) == {"b/c.png", "classes.csv"}
        mask = np.asarray(Image.open(archive.open("b/c.png")))
        assert (mask == 7).sum() == 36
        assert "7,'=1+1,#ff0000" in archive.read("classes.csv").decode()
    coco = asking.get("/api/export/coco.json")
    (region,) = coco["annotations"]
    assert region["area"] == 36
    assert region["bbox"] == [20, 30, 6, 6]
    assert sum(region["segmentation"]["counts"]) == 144 * 96
    assert {each["id"]: each["name"] for each in coco["categories"]} == {1: "sky", 7: "=1+1"}
    log = tmp_path / "clicks.csv"
    log.write_bytes(asking.client.get("/api/export/clicks.csv").content)
    assert "b/c,superpixel,7,20,30,99,36,0" in log.read_text()
    assert asking.client.get("/api/export/geotiff.zip").status_code == 422
    assert asking.client.get("/api/export/other").status_code == 404


def test_a_map_is_labelled_and_exported_on_its_grid(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="needs the extra `geo`")
    (tmp_path / "maps").mkdir()
    grid = rasterio.Affine(10, 0, 500_000, 0, -10, 4_600_000)
    with rasterio.open(
        tmp_path / "maps" / "m.tif", "w", driver="GTiff", width=40, height=30, count=3,
        dtype="uint8", crs="EPSG:32633", transform=grid,
    ) as file:  # fmt: skip
        file.write(np.arange(3 * 30 * 40, dtype=np.uint16).reshape(3, 30, 40).astype(np.uint8))
    with opened(tmp_path / "maps", tmp_path / "outputs") as session:
        asking = Asking(session)
        asking.post("/api/classes", classes=[{"number": 3, "name": "x", "color": "#abcdef"}])
        path = f"/api/items/{key_of(session, 'm')}/mask"
        asking.post(path, op="paint", **{"class": 3}, runs=[45, 10], tool="brush")
        content = asking.client.get("/api/export/geotiff.zip").content
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        rasterio.MemoryFile(archive.read("m.tif")) as memory,
        memory.open() as made,
    ):
        assert (made.crs.to_epsg(), made.transform) == (32633, grid)
        assert np.flatnonzero(made.read(1) == 3).tolist() == list(range(45, 55))


def test_an_image_that_cannot_be_read_fails_alone(place: Path) -> None:
    (place / "pictures" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with opened(place / "pictures", place / "outputs") as session:
        asking = Asking(session)
        bad = f"/api/items/{key_of(session, 'broken')}"
        known = asking.get(bad)
        assert "broken.png" in known["failure"]
        assert str(place) not in known["failure"]
        assert asking.client.get(f"{bad}/thumbnail").status_code == 204
        assert asking.client.get(f"{bad}/superpixels").status_code == 422
        states = {each["name"]: each["failure"] for each in asking.get("/api/items")["items"]}
        assert states["broken"]
        assert states["a"] is None
        assert asking.get(f"/api/items/{key_of(session)}")["width"] == 144


def test_tiles_show_every_pixel(session: Session, asking: Asking) -> None:
    path = f"/api/items/{key_of(session)}/tiles"
    tile = Image.open(io.BytesIO(asking.client.get(f"{path}/0/0/0").content))
    np.testing.assert_array_equal(np.asarray(tile), session.item(key_of(session)).image.read())
    for place in ("1/0/0", "0/1/0", "0/0/1"):
        assert asking.client.get(f"{path}/{place}").status_code == 404


def test_all_scripts_of_the_page_are_asked_for_at_once() -> None:
    page = (STATIC / "index.html").read_text()
    named = set(re.findall(r'modulepreload" href="/static/(.+?)"', page))
    assert named == {each.name for each in STATIC.glob("*.js")} - {"main.js", "theme.js"}


def test_runs_and_pixels_are_the_same_thing() -> None:
    indices = np.array([0, 1, 2, 7, 9, 10])
    runs = runs_of(indices)
    assert runs.tolist() == [[0, 3], [7, 1], [9, 2]]
    np.testing.assert_array_equal(pixels_of(runs, 11), indices)
    for wrong in ([[0, 0]], [[-1, 2]], [[9, 3]], [[3, 2], [4, 1]], [[5, 1], [2, 1]], []):
        with pytest.raises(DataError):
            pixels_of(np.array(wrong, np.int64).reshape(-1, 2), 11)


def test_a_journal_drops_a_line_that_was_cut_short(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    for name in ("one", "two", "three"):
        journal.add({"id": name})
    journal.undo("u")
    with journal.path.open("ab") as file:
        file.write(b'{"id":"fo')
    again = Journal(journal.path)
    assert [each["id"] for each in again.done] == ["one", "two"]
    assert [each["id"] for each in again.undone] == ["three"]
    again.redo("r")
    assert [each["id"] for each in Journal(journal.path).done] == ["one", "two", "three"]
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())


def test_classes_are_checked(session: Session) -> None:
    good = ClassOfPixels(1, "sky", "#123456")
    for wrong in (
        ClassOfPixels(0, "x", "#123456"), ClassOfPixels(256, "x", "#123456"),
        ClassOfPixels(2, " ", "#123456"), ClassOfPixels(2, "x\ny", "#123456"),
        ClassOfPixels(2, "x", "red"), ClassOfPixels(1, "x", "#123456"),
        ClassOfPixels(2, "sky", "#123456"), ClassOfPixels(2, "x" * 81, "#123456"),
    ):  # fmt: skip
        with pytest.raises(DataError):
            session.labelling.set_classes([good, wrong])


def test_the_log_of_clicks_is_what_annotate_takes(session: Session, asking: Asking) -> None:
    """The columns image, x, y, class alone are a file of clicks."""
    path = f"/api/items/{key_of(session)}/mask"
    asking.post(path, op="paint", **{"class": 7}, runs=[5, 3], tool="superpixel", x=5, y=0, level=9)
    rows = asking.client.get("/api/export/clicks.csv").text.splitlines()
    columns = rows[0].split(",")
    picked = [columns.index(name) for name in ("image", "x", "y", "class")]
    file = Path(f"{session.folder}/picked.csv")
    file.write_text("\n".join(",".join(row.split(",")[i] for i in picked) for row in rows))
    assert read_marks(file).images["a"].points == [(5, 0, 7)]
