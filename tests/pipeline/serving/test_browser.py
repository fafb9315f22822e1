"""The page to work in, in a real browser, with the real server in a process of its own."""

import csv
import io
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from segment_anything import sam_model_registry

import spam_pipe
from spam_pipe.pipeline.serving.packed import unpack
from spam_pipe.pipeline.serving.session import opaque
from tests.pipeline.serving.served import (
    Server,
    draw_photographs,
    listening,
    opened,
    wait_until,
)
from tests.stages.propose.tiny_sam import build_tiny_sam, save_tiny_sam

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `dev`")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (on Debian: apt install chromium)"
)
NAMES = ("a", "b", "c", "d", '"><img src=x onerror=alert(1)>')
QUICK = ("--prior", "gradient", "--set", "segment.network=none", "--device", "cpu")
WAIT = 180_000


@dataclass
class Visit:
    """An open page, and whatever it should not have done."""

    page: Any
    context: Any
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("worked")
    draw_photographs(root / "pictures", NAMES)
    (root / "pictures" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    return root


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    running = serve(place)
    yield running
    assert running.interrupt() == 0


def serve(place: Path, port: int = 0) -> Server:
    return Server(
        str(place / "pictures"), "--outputs", str(place / "outputs"), *QUICK, port=port
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


Visiting = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Visiting]:
    """Open the page; afterwards nothing may have been complained of or asked for elsewhere."""
    opened: list[Visit] = []

    def open_page(
        width: int = 1280, height: int = 800, url: str = "", image: str = "", **options: Any
    ) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(WAIT)
        made = Visit(context.new_page(), context)
        made.page.on("console", lambda message: made.complaints.append(message.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("dialog", lambda dialog: made.complaints.append(dialog.message))
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.goto(url or server.url)
        made.page.wait_for_selector("#stage[data-ready][data-pictured]")
        if image:
            open_image(made.page, image)
        opened.append(made)
        made.page.complaints = made.complaints
        return made.page

    yield open_page
    for each in opened:
        if not each.page.is_closed():
            each.context.close()
        assert each.complaints == []
        elsewhere = [
            url for url in each.asked if not url.startswith(("http://127.0.0.1:", "blob:"))
        ]
        assert elsewhere == []


def open_image(page: Any, name: str) -> None:
    """Choose an image and wait until it can be worked on."""
    page.get_by_title(name, exact=True).click()
    key = key_of(name)
    page.wait_for_selector(f"#stage[data-ready='{key}']")
    at_rest(page)


def key_of(name: str) -> str:
    return opaque(name)


def at_rest(page: Any) -> None:
    """Wait until nothing is computed, saved or drawn any more."""
    page.wait_for_selector("#saved[data-waiting='0']")
    page.wait_for_selector("#stage[data-pending='0']")
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def spot(page: Any, x: int, y: int) -> tuple[float, float]:
    """Return where on the screen a pixel of the (144 × 96) image lies while it is shown whole."""
    box = page.locator(".pane").first.bounding_box()
    room = min((box["width"] - 40) / 144, (box["height"] - 40) / 96, 8)
    left = box["x"] + (box["width"] - 144 * room) / 2
    top = box["y"] + (box["height"] - 96 * room) / 2
    return left + (x + 0.5) * room, top + (y + 0.5) * room


def layers(page: Any, number: int) -> list[str]:
    """Return a layer of each pane: 0 the image, 1 what lies over it."""
    script = """(number) => [...document.querySelectorAll(".pane")].map(
      (pane) => pane.children[number].toDataURL())"""
    return list(page.evaluate(script, number))


def overlay(page: Any) -> str:
    """Return what lies over the image."""
    return layers(page, 1)[0]


def mask_of(place: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(place / "outputs" / "pictures" / "annotations" / f"{name}.png"))


def packed(page: Any, path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Ask the server as the page does."""
    answer = page.request.get(page.url.partition("#")[0] + path.lstrip("/"))
    assert answer.ok
    return unpack(answer.body())


def set_k(page: Any, k: int) -> None:
    page.locator("#k").fill(str(k))
    page.keyboard.press("Enter")
    page.locator("#stage").focus()
    at_rest(page)


def add_class(page: Any, name: str) -> None:
    page.locator("#new-class").fill(name)
    page.keyboard.press("Enter")
    page.get_by_label("Paint " + name).wait_for()
    page.locator("#stage").focus()


def test_every_k_is_cut_in_the_browser_as_the_api_cuts_it(visit: Visiting) -> None:
    page = visit()
    arrays, facts = packed(page, f"/api/items/{key_of('a')}/hierarchy")
    finest = arrays["labels"].astype(np.int32) - facts["start_label"]
    tree = spam_pipe.Hierarchy(finest, arrays["parents"], arrays["altitudes"])
    counts = [1, 2, 3, 50, 333, tree.n_finest]
    cut = page.evaluate(
        """async ([path, counts]) => {
          const { getPacked } = await import("/static/api.js");
          const { Tree } = await import("/static/tree.js");
          const { arrays, facts } = await getPacked(path);
          const tree = new Tree(arrays, facts.start_label);
          return counts.map((k) => {
            const { lut } = tree.cut(k);
            return Array.from(tree.labels, (label) => lut[label]);
          });
        }""",
        [f"/api/items/{key_of('a')}/hierarchy", counts],
    )
    for k, labels in zip(counts, cut, strict=True):
        np.testing.assert_array_equal(np.array(labels).reshape(finest.shape), tree.labels(k))


def test_the_slider_draws_other_borders_at_once(visit: Visiting) -> None:
    page = visit()
    before = overlay(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#k-slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    at_rest(page)
    assert page.locator("#k").input_value() == "1"
    assert overlay(page) != before
    assert asked == []  # every K is cut here
    set_k(page, 400)
    assert overlay(page) == before


def test_layers_and_two_views(visit: Visiting) -> None:
    page = visit()
    seen = {overlay(page)}
    for layer in ("means", "objects"):
        page.locator(f"#layer-{layer}").check()
        at_rest(page)
        seen.add(overlay(page))
        page.locator(f"#layer-{layer}").uncheck()
    assert len(seen) == 3
    page.locator("#compare").check()
    at_rest(page)
    assert page.locator(".pane").count() == 2
    page.locator("#right-k").fill("30")
    page.keyboard.press("Enter")
    at_rest(page)
    pictures = page.evaluate(
        "() => [...document.querySelectorAll('.pane')].map((pane) => pane.children[1].toDataURL())"
    )
    assert pictures[0] != pictures[1]
    page.locator("#zoom-in").click()
    at_rest(page)
    moved = page.evaluate(
        "() => [...document.querySelectorAll('.pane')].map((pane) => pane.children[0].toDataURL())"
    )
    assert moved[0] == moved[1]  # moved together
    page.locator("#compare").uncheck()
    assert page.locator(".pane").count() == 1


def test_steering_by_clicks_is_saved_as_the_table(visit: Visiting, place: Path) -> None:
    page = visit(image="b")
    set_k(page, 60)
    page.locator("[data-mode=steer]").click()
    at_rest(page)
    table = place / "outputs" / "pictures" / "page" / "attention.csv"
    page.mouse.click(*spot(page, 30, 30))
    at_rest(page)
    page.mouse.click(*spot(page, 30, 30))
    at_rest(page)
    page.keyboard.down("Shift")
    page.mouse.click(*spot(page, 120, 20))
    page.keyboard.up("Shift")
    at_rest(page)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert (rows[0]["image"], rows[0]["k"], rows[0]["factor"]) == ("b", "60", "4")
    assert {row["factor"] for row in rows} <= {"4", "0.5", "2"}
    assert page.locator("#exact-count strong").inner_text() == "60"
    assert page.locator(".marks .factor").count() == len(rows)
    page.locator("#undo").click()
    at_rest(page)
    assert len(table.read_text().splitlines()) == 2
    page.keyboard.press("Control+z")
    at_rest(page)
    assert table.read_text().splitlines()[1].endswith(",2")
    page.locator("#redo").click()
    page.locator("#redo").click()
    at_rest(page)
    assert list(csv.DictReader(io.StringIO(table.read_text()))) == rows
    page.locator("#clear").click()
    at_rest(page)
    assert not table.exists()


def test_a_lasso_makes_an_object_of_one_s_own(visit: Visiting, place: Path) -> None:
    page = visit(image="d")
    set_k(page, 60)
    page.locator("[data-mode=steer]").click()
    at_rest(page)
    page.keyboard.press("a")
    page.mouse.move(*spot(page, 40, 30))
    page.mouse.down()
    for x, y in ((90, 30), (90, 70), (40, 70)):
        page.mouse.move(*spot(page, x, y), steps=3)
    page.mouse.up()
    at_rest(page)
    table = place / "outputs" / "pictures" / "page" / "attention.csv"
    (row,) = csv.DictReader(io.StringIO(table.read_text()))
    drawn = np.asarray(Image.open(table.parent / row["mask"])) > 0
    assert (row["image"], row["factor"], drawn[32:69, 42:89].all()) == ("d", "2", True)
    assert 0.9 < drawn.sum() / (50 * 40) < 1.1
    page.keyboard.press("o")
    page.mouse.click(*spot(page, 60, 50))
    at_rest(page)
    assert page.locator(".marks .factor").inner_text() == "×4"
    assert "object" in page.locator("#what").inner_text()
    assert page.locator("#exact-count strong").inner_text() == "60"
    page.get_by_label("take away").click()
    at_rest(page)
    assert not table.exists()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    at_rest(page)
    assert page.locator(".marks .factor").inner_text() == "×2"
    page.locator("#clear").click()
    at_rest(page)


def test_points_are_clicked_dropped_and_taken(
    visit: Visiting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_photographs(tmp_path / "pictures", ("a",))
    save_tiny_sam(tmp_path / "sam_vit_b_01ec64.pth")
    monkeypatch.setenv("SPAM_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(sam_model_registry, "vit_b", build_tiny_sam)
    with opened(tmp_path / "pictures", tmp_path / "outputs") as session, listening(session) as url:
        page = visit(url=url)
        page.locator("[data-mode=label]").click()
        add_class(page, "thing")
        page.keyboard.press("k")
        page.mouse.click(*spot(page, 30, 40))
        page.keyboard.down("Shift")
        page.mouse.click(*spot(page, 100, 20))
        page.keyboard.up("Shift")
        at_rest(page)
        shown = layers(page, 2)[0]
        page.keyboard.press("Escape")
        at_rest(page)
        assert layers(page, 2)[0] != shown
        page.locator("#stage").focus()
        page.keyboard.press("Enter")  # a click at the keyboard's own pointer
        at_rest(page)
        page.keyboard.press("Enter")
        at_rest(page)
        arrays, _ = packed(page, f"/api/items/{key_of('a')}/pointed?points=72,48,1")
        mask = np.asarray(Image.open(tmp_path / "outputs/pictures/annotations/a.png"))
        np.testing.assert_array_equal(mask, arrays["mask"])
        page.context.close()


def test_three_images_at_three_levels(visit: Visiting, place: Path) -> None:
    page = visit()
    page.locator("[data-mode=label]").click()
    add_class(page, "thing")
    for name, k in (("a", 20), ("c", 120), ("d", 400)):
        open_image(page, name)
        set_k(page, k)
        page.mouse.click(*spot(page, 72, 48))
        at_rest(page)
        arrays, facts = packed(page, f"/api/items/{key_of(name)}/hierarchy")
        finest = arrays["labels"].astype(np.int32) - facts["start_label"]
        labels = spam_pipe.Hierarchy(finest, arrays["parents"], arrays["altitudes"]).labels(k)
        np.testing.assert_array_equal(mask_of(place, name) > 0, labels == labels[48, 72])
    before = mask_of(place, "d")
    said = page.locator("#mask-place").inner_text()
    np.testing.assert_array_equal(np.asarray(Image.open(said)), before)  # where the page says
    page.mouse.move(*spot(page, 20, 20))
    page.mouse.down()
    page.mouse.move(*spot(page, 110, 80), steps=6)
    page.mouse.up()
    at_rest(page)
    assert (mask_of(place, "d") > 0).sum() > (before > 0).sum()
    page.keyboard.press("Control+z")
    at_rest(page)
    np.testing.assert_array_equal(mask_of(place, "d"), before)
    page.mouse.move(*spot(page, 72, 48))
    page.mouse.wheel(0, 100)
    assert int(page.locator("#k").input_value()) < 400


def test_tools(visit: Visiting, place: Path) -> None:
    page = visit(image="a")
    page.locator("[data-mode=label]").click()
    add_class(page, "tool")
    number = page.locator(".classes [data-selected=true]").get_attribute("data-class")
    page.keyboard.press("b")
    page.mouse.click(*spot(page, 20, 20))
    at_rest(page)
    painted = mask_of(place, "a") == int(number)
    assert 100 < painted.sum() < 130  # a disk of radius 6
    page.keyboard.press("a")
    page.mouse.move(*spot(page, 60, 60))
    page.mouse.down()
    for x, y in ((90, 60), (90, 80), (60, 80)):
        page.mouse.move(*spot(page, x, y), steps=3)
    page.mouse.up()
    at_rest(page)
    assert (mask_of(place, "a")[60:80, 60:90] == int(number)).mean() > 0.9
    page.keyboard.press("o")
    at_rest(page)
    page.mouse.click(*spot(page, 130, 10))
    at_rest(page)
    assert mask_of(place, "a")[10, 130] == int(number)
    page.keyboard.press("x")
    page.mouse.click(*spot(page, 130, 10))
    at_rest(page)
    assert mask_of(place, "a")[10, 130] == 0


def test_the_keyboard_alone(visit: Visiting, place: Path) -> None:
    page = visit()
    page.keyboard.press("l")
    page.locator("#stage").focus()
    page.keyboard.press(".")
    page.wait_for_selector(f"#stage[data-ready='{key_of('a')}']")
    page.locator("#stage").focus()
    before = mask_of(place, "a") if (place / "outputs/pictures/annotations/a.png").exists() else 0
    add_class(page, "typed")
    page.keyboard.press("p")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    assert page.locator("#what").inner_text() != ""
    page.keyboard.press("Enter")
    at_rest(page)
    assert (mask_of(place, "a") != before).any()
    page.keyboard.press("Control+z")
    at_rest(page)
    before = mask_of(place, "a")
    page.keyboard.press("a")
    for key in ("Enter", *["ArrowRight"] * 4, "Enter", *["ArrowDown"] * 4, "Enter", "Enter"):
        page.keyboard.press(key)  # corners of a lasso, the last one twice
    at_rest(page)
    assert (mask_of(place, "a") != before).sum() > 20
    page.keyboard.press("Control+z")
    at_rest(page)
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    assert page.locator("[data-mode=look]").get_attribute("aria-pressed") == "true"


def test_two_tabs_on_one_image_merge(visit: Visiting, place: Path) -> None:
    one, two = visit(image="c"), visit(image="c")
    for page in (one, two):
        page.locator("[data-mode=label]").click()
        at_rest(page)
        page.keyboard.press("b")
    if not one.locator(".classes [data-class]").count():
        add_class(one, "both")
    one.mouse.click(*spot(one, 10, 10))
    two.mouse.click(*spot(two, 130, 85))
    at_rest(one)
    at_rest(two)
    mask = mask_of(place, "c")
    assert mask[10, 10]
    assert mask[85, 130]
    shown = "#labelled-share"
    wait_until(lambda: one.locator(shown).inner_text() == two.locator(shown).inner_text())


def test_an_image_that_fails_says_why(visit: Visiting) -> None:
    page = visit()
    page.get_by_title("broken", exact=True).click()
    page.locator("#failure").wait_for()
    assert "broken.png" in page.locator("#failure-text").inner_text()
    open_image(page, "a")
    assert not page.locator("#failure").is_visible()


def test_names_are_shown_as_they_are(visit: Visiting) -> None:
    page = visit(image=NAMES[-1])
    assert page.locator("#image-name").inner_text() == NAMES[-1]
    assert page.locator("img[src=x]").count() == 0


def test_touch_paints_with_one_finger_and_moves_with_two(visit: Visiting, place: Path) -> None:
    page = visit(width=1024, height=768, image="d", has_touch=True)
    page.locator("[data-mode=label]").tap()
    at_rest(page)
    before = mask_of(place, "d") if (place / "outputs/pictures/annotations/d.png").exists() else 0
    page.locator("[data-tool=brush]").tap()
    page.touchscreen.tap(*spot(page, 100, 12))
    at_rest(page)
    assert (mask_of(place, "d") != before).any()
    zoom = page.locator("#zoom").inner_text()
    page.evaluate(
        """() => {
          const stage = document.getElementById("stage");
          const box = stage.getBoundingClientRect();
          const send = (kind, id, x) => stage.dispatchEvent(new PointerEvent(kind, {
            pointerId: id, pointerType: "touch", isPrimary: id === 11, bubbles: true,
            clientX: box.left + x, clientY: box.top + 200 }));
          send("pointerdown", 11, 200); send("pointerdown", 12, 300);
          send("pointermove", 12, 400); send("pointerup", 12, 400); send("pointerup", 11, 200);
        }"""
    )
    at_rest(page)
    assert page.locator("#zoom").inner_text() != zoom


def test_nothing_is_lost_when_the_server_is_killed(
    visit: Visiting, browser: Any, tmp_path: Path
) -> None:
    draw_photographs(tmp_path / "pictures", ("a",))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first = serve(tmp_path, port)
    page = visit(url=first.url)
    page.locator("[data-mode=label]").click()
    at_rest(page)
    page.keyboard.press("b")
    page.mouse.click(*spot(page, 20, 20))  # who names no class paints with one of its own
    at_rest(page)
    first.kill()
    page.mouse.click(*spot(page, 100, 70))  # while nobody listens
    page.wait_for_selector("#saved.offline")
    page.complaints.clear()
    again = serve(tmp_path, port)
    try:
        page.wait_for_selector("#saved[data-waiting='0']:not(.offline)")
        mask = mask_of(tmp_path, "a")
        assert mask[20, 20]
        assert mask[70, 100]
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        at_rest(page)
        assert not mask_of(tmp_path, "a").any()
        page.complaints.clear()  # the browser notes that nobody answered
        page.context.close()
    finally:
        again.interrupt()


def test_a_batch_runs_from_the_page_and_its_report_opens(visit: Visiting, tmp_path: Path) -> None:
    draw_photographs(tmp_path / "pictures", ("a", "b"))
    running = serve(tmp_path)
    try:
        page = visit(url=running.url)
        page.locator("#batch-open").click()
        page.locator("#batch-counts").fill("30, 60")
        page.locator("#batch-start").click()
        page.locator("#batch-stop").wait_for()
        page.reload()  # the batch goes on
        page.wait_for_selector("#stage[data-ready]")
        page.locator("#batch-open").click()
        with page.context.expect_page() as opening:
            page.locator("#batch-report").click()
        report = opening.value
        report.wait_for_load_state()
        assert "spam" in report.title().lower() or report.locator("#headline").is_visible()
        page.context.close()
    finally:
        running.interrupt()
    assert (tmp_path / "outputs" / "pictures" / "report" / "index.html").exists()


def test_a_large_image_comes_in_tiles_and_shows_one_number(visit: Visiting, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    blocks = np.kron(random.integers(0, 255, (4, 6, 3)), np.ones((160, 160, 1)))
    Image.fromarray(blocks.astype(np.uint8)).save(tmp_path / "pictures" / "large.png")
    running = Server(
        str(tmp_path / "pictures"), "--outputs", str(tmp_path / "outputs"), *QUICK,
        "--set", "segment.block_pixels=262144",
    )  # fmt: skip
    try:
        page = visit(url=running.url, width=1024, height=460)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for _ in range(4):
            page.locator("#zoom-in").click()
        at_rest(page)
        wait_until(lambda: any("/tiles/0/" in url for url in asked))
        set_k(page, 200)
        page.wait_for_selector("#stage[data-pending='0']")
        assert any("superpixels?k=200" in url for url in asked)
        page.context.close()
    finally:
        running.interrupt()


def test_nothing_jumps_while_it_loads(visit: Visiting) -> None:
    page = visit(image="b")
    shifts = page.evaluate(
        """() => new Promise((done) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => done(sum), 200);
        })"""
    )
    assert shifts < 0.02


@pytest.mark.parametrize("width", [390, 1024, 1280])
def test_nothing_is_wider_than_the_screen(visit: Visiting, width: int) -> None:
    page = visit(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if width == 390:
        page.locator("#panel-toggle").click()
        assert page.locator("#layer-borders").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Visiting, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="extra `dev`")
    page = visit(color_scheme=theme)
    for mode in ("look", "steer", "label"):
        page.locator(f"[data-mode={mode}]").click()
        at_rest(page)
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (each["id"], [node["html"][:120] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
        assert serious == [], mode
    page.locator("#help-open").click()
    found = axe.Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []


def test_the_theme_follows_the_system_and_the_button(visit: Visiting) -> None:
    page = visit(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) == "rgb(255, 255, 255)" != dark
