"""The page in a real browser, driven as a person would."""

import base64
import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from spam_pipe.pipeline.store.folder import open_folder
from spam_pipe.pipeline.store.store import Store
from spam_pipe.stages.report.drawing import mean_colors
from tests.conftest import PATIENCE
from tests.pipeline.reporting.page_runs import HOSTILE, bring, data_of, draw, page_of, photograph

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `dev`")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (on Debian: apt install chromium)"
)
PHOTO = "photo"


@dataclass
class Visit:
    """An open page, and whatever it should not have done."""

    page: Any
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two methods; `photo` is a picture on which regions can be told by colour."""
    folder = tmp_path_factory.mktemp("browsed")
    pictures = draw(folder / "pictures", (*HOSTILE, PHOTO))
    photograph(pictures / "images" / f"{PHOTO}.png")
    (pictures / "truth" / f"{PHOTO}.png").unlink()
    for method in ("slic", "spam"):
        assert bring("evaluate", folder / "outputs", pictures, method=method) == 0
    (folder / "index.html").write_text(page_of(folder / "outputs"), "utf-8")
    return folder / "outputs"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Any, outputs: Path) -> Iterator[Any]:
    """Open the page from disk; afterwards nothing may have been asked for or complained of."""
    opened: list[Visit] = []

    def open_page(width: int = 1280, name: str = "index.html", **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 860}, **options)
        context.set_default_timeout(1000 * PATIENCE)
        made = Visit(context.new_page())
        made.page.on("console", lambda message: made.complaints.append(message.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("dialog", lambda dialog: made.complaints.append(dialog.message))
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.goto((outputs.parent / name).as_uri())
        made.page.wait_for_selector("#stage[data-drawn]")
        opened.append(made)
        return made.page

    yield open_page
    for each in opened:
        assert each.complaints == []
        assert {url.split(":")[0] for url in each.asked} <= {"file", "data"}
        assert sum(url.startswith("file:") for url in each.asked) == 1
        each.page.context.close()


def summary_row(page: Any, **wanted: object) -> dict[str, Any]:
    """Return the point of the first chart's data with these values."""
    data = data_of(page.content())
    series = data["series"].index(wanted["series"])
    return next(point for point in data["curves"][series] if point["k"] == wanted["k"])


def marks(page: Any, chart: int = 0) -> Any:
    """Return the marks of a chart's points."""
    figure = page.locator(".charts .chart").nth(chart)
    return figure.locator('g[stroke="var(--paper)"] :is(path, circle)')


def until(page: Any, condition: str, argument: object = None) -> None:
    """Wait until a condition holds, asking from outside.

    `wait_for_function` asks again from within the page, where the page's own policy forbids `eval`.
    """
    last = time.monotonic() + PATIENCE
    while not page.evaluate(condition, argument):
        assert time.monotonic() < last, condition
        page.wait_for_timeout(20)


def redrawn(page: Any, action: Any) -> None:
    """Do something that draws the gallery anew and wait until it is drawn."""
    before = page.locator("#stage").get_attribute("data-drawn")
    action()
    until(page, "before => document.querySelector('#stage').dataset.drawn !== before", before)


def canvas(page: Any, name: str) -> np.ndarray:
    """Return a canvas's pixels, (H, W, 3)."""
    uri = page.evaluate("name => document.getElementById(name).toDataURL()", name)
    content = base64.b64decode(uri.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_hovering_a_mark_tells_value_and_interval(visit: Any) -> None:
    page = visit()
    marks(page).first.hover(force=True)
    told = page.locator(".charts .chart").first.inner_text()
    series = data_of(page.content())["series"][0]
    mean, low, high = summary_row(page, series=series, k=4)["asa"]
    assert series in told
    assert f"ASA {mean:.3f} ({low:.3f} – {high:.3f})" in told
    assert "K = 4" in told


def test_a_legend_entry_hides_and_shows_its_curve(visit: Any) -> None:
    page = visit()
    both = marks(page).count()
    entry = page.locator("#legend button").first
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    assert marks(page).count() == both / 2
    entry.click()
    assert marks(page).count() == both


def test_the_counts_axis_is_logarithmic_or_linear(visit: Any) -> None:
    page = visit()
    kind = "document.querySelector('.charts svg').scale('x').type"
    assert page.evaluate(kind) == "log"
    page.get_by_role("button", name="linear n").click()
    assert page.evaluate(kind) == "linear"
    trade = "[...document.querySelectorAll('.charts figure')].find(f => f.textContent.includes('against')).querySelector('svg').scale('x').type"  # noqa: E501
    assert page.evaluate(trade) == "linear"


def test_clicking_a_point_shows_what_it_stands_for(visit: Any) -> None:
    page = visit()
    series = data_of(page.content())["series"]
    last = marks(page).last  # the last series at the largest count
    last.scroll_into_view_if_needed()
    last.hover(force=True)
    redrawn(page, lambda: last.click(force=True))
    assert page.locator("#left").input_value() == str(len(series) - 1)
    assert page.locator("#gallery-counts [aria-pressed=true]").inner_text() == "16"
    assert page.locator("#tag-left").inner_text() == series[-1]
    # The page scrolls there smoothly.
    until(page, "document.querySelector('#gallery').getBoundingClientRect().y < 200")


def test_arrow_keys_go_from_point_to_point(visit: Any) -> None:
    page = visit()
    page.locator(".charts svg").first.focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#said").inner_text()
    assert "K = 4" in first
    page.keyboard.press("ArrowRight")
    assert "K = 9" in page.locator("#said").inner_text()
    redrawn(page, lambda: page.keyboard.press("Enter"))
    assert page.locator("#gallery-counts [aria-pressed=true]").inner_text() == "9"


def test_the_slider_moves_by_keys_and_by_pointer(visit: Any) -> None:
    page = visit()
    clip = "document.getElementById('over').style.clipPath"
    assert page.evaluate(clip) == "inset(0px 50% 0px 0px)"
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(clip) == "inset(0px 49% 0px 0px)"
    page.locator("#stage").scroll_into_view_if_needed()
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert page.locator("#slider").input_value() == "25"
    assert page.evaluate(clip) == "inset(0px 75% 0px 0px)"


def test_the_picture_comes_before_any_table(visit: Any) -> None:
    page = visit()
    first = page.evaluate("document.querySelector('#stage, table, .charts').id")
    assert first == "stage"
    assert page.locator("main > section").first.locator("h1").count() == 1


def test_the_gallery_has_every_count(visit: Any) -> None:
    page = visit()
    assert page.locator("#gallery-counts button").all_inner_texts() == ["4", "9", "16"]


def test_columns_sort_within_each_count(visit: Any) -> None:
    page = visit()
    head = page.locator("#headline th", has=page.get_by_role("button", name="GR", exact=True))
    column = head.evaluate("head => head.cellIndex")
    cells = page.locator("#headline tbody").last.locator(f"tr > :nth-child({column + 1})")

    def figures() -> list[float]:
        return [float(re.match(r"[\d.]+", text)[0]) for text in cells.all_inner_texts()]  # type: ignore[index]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert figures() == sorted(figures(), reverse=True)
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert figures() == sorted(figures())
    page.locator("#headline").get_by_role("button", name="Method").click()
    names = page.locator("#headline tbody").first.locator(".name span").all_inner_texts()
    assert names == sorted(names)
    assert page.locator("#headline [aria-sort]").count() == 1


def test_a_name_says_what_it_means_when_pointed_at_or_focused(visit: Any) -> None:
    page = visit()
    button = page.locator("#headline").get_by_role("button", name="ASA")
    button.hover()
    assert page.locator("#tip").inner_text().startswith("Achievable segmentation accuracy")
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    page.mouse.move(0, 0)
    page.locator(".charts .measure").first.focus()
    assert page.locator("#tip").inner_text().startswith("Achievable segmentation accuracy")
    box = page.locator("#tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_a_picture_is_enlarged_about_what_is_pointed_at(visit: Any) -> None:
    page = visit()
    whole = canvas(page, "over")
    height, width = whole.shape[:2]
    page.locator("#zoom-in").click()
    page.locator("#zoom-in").click()
    assert page.locator("#zoom").inner_text() == "4×"
    part = canvas(page, "over")
    middle = whole[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]
    assert np.array_equal(part[2::4, 2::4], middle)
    page.locator("#stage").focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    assert np.array_equal(canvas(page, "over")[2::4, 2::4], whole[: height // 4, : width // 4])
    assert page.locator("#slider").input_value() == "50"
    page.locator("#zoom-out").click()
    page.locator("#zoom-out").click()
    assert np.array_equal(canvas(page, "over"), whole)


def saved(page: Any, button: Any) -> tuple[str, bytes]:
    """Click and return the name and the content of what is downloaded."""
    with page.expect_download() as waiting:
        button.click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_pictures_charts_and_tables_are_saved(visit: Any) -> None:
    page = visit()
    name, content = saved(page, page.locator("#captions .save").first)
    assert name.endswith(".png")
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.array_equal(picture, canvas(page, "over"))
    name, content = saved(page, page.locator(".charts .save").first)
    assert name == "Accuracy-ASA-.svg"
    assert content.startswith(b"<svg ")
    assert b"var(" not in content
    name, content = saved(page, page.locator("#results .save"))
    assert name == "Table-of-results.csv"
    table = pd.read_csv(io.BytesIO(content))
    assert len(table) == page.locator("#headline tbody tr").count()
    assert list(table.columns)[:4] == ["Method", "K", "n", "ASA"]


def test_one_count_shows_bars(visit: Any, outputs: Path) -> None:
    html = (outputs.parent / "index.html").read_text("utf-8")
    data = data_of(html)
    data["curves"] = [[p for p in points if p["k"] == 9] for points in data["curves"]]
    written = json.dumps(data).replace("<", "\\u003c")
    whole = re.compile(r'(<script type="application/json" id="data">).*?(</script>)', re.DOTALL)
    html = whole.sub(lambda found: found[1] + written + found[2], html, count=1)
    (outputs.parent / "one.html").write_text(html, "utf-8")
    page = visit(name="one.html")
    chart = page.locator(".charts .chart").first
    bars = chart.locator("[class] g rect, svg g rect")
    assert bars.count() == len(data["series"])
    widths = [float(bar.get_attribute("width")) for bar in bars.all()]
    means = [points[0]["asa"][0] for points in data["curves"]]
    assert widths[0] / widths[1] == pytest.approx(means[0] / means[1], rel=1e-3)
    text = chart.inner_text()
    assert all(name in text for name in data["series"])
    assert not page.locator("#axis").is_visible()
    chart.locator("svg").focus()
    page.keyboard.press("ArrowRight")
    assert "K = 9" in page.locator("#said").inner_text()


def test_mean_colours_are_those_of_the_superpixels(visit: Any, outputs: Path) -> None:
    page = visit()
    redrawn(page, lambda: page.locator(f"#thumbnails [title={PHOTO}]").click())
    redrawn(page, lambda: page.locator("#left").select_option(label="spam"))
    redrawn(page, lambda: page.locator('[data-view="means"]').click())
    count = int(page.locator("#gallery-counts [aria-pressed=true]").inner_text())
    run = open_folder(str(outputs / "small"))
    names = [name for name in run.names() if name.startswith("segment-")]
    stores = [Store(run, name) for name in names]
    spam = next(
        store for store in stores
        if (store.describe() or {})["configs"]["segment"]["method"] == "spam"
    )  # fmt: skip
    labels = spam.read(PHOTO, count)[1].arrays["labels"]
    image = np.asarray(Image.open(outputs.parent / "pictures" / "images" / f"{PHOTO}.png"))
    expected = mean_colors(image, labels).astype(int)
    shown = canvas(page, "over")[::2, ::2].astype(int)
    assert shown.shape == expected.shape
    wrong = np.abs(shown - expected).max(axis=2) > 4  # the photo travels compressed
    assert wrong.mean() < 0.002


def test_boundaries_lie_on_the_left_half_alone(visit: Any) -> None:
    page = visit()
    redrawn(page, lambda: page.locator("#right").select_option(label="the image alone"))
    yellow = (255, 222, 40)
    assert (canvas(page, "over") == yellow).all(axis=2).mean() > 0.01
    assert not (canvas(page, "under") == yellow).all(axis=2).any()


def test_images_are_sorted_by_gain(visit: Any) -> None:
    page = visit()
    data = data_of(page.content())
    rows = pd.DataFrame(data["figures"]["rows"]).iloc[:, :5]
    rows.columns = ["image", "series", "count", "made", "asa"]
    count = data["counts"].index(
        int(page.locator("#gallery-counts [aria-pressed=true]").inner_text())
    )
    wide = rows[rows["count"] == count].pivot(index="image", columns="series", values="asa")
    gains = (wide[0] - wide[1]).dropna().sort_values(ascending=False)
    expected = [data["figures"]["images"][image] for image in gains.index]
    shown = [button.get_attribute("title") for button in page.locator("#thumbnails button").all()]
    told = page.locator("#thumbnails .gain").all_inner_texts()
    assert set(shown[: len(expected)]) == set(expected)
    assert shown[-1] == PHOTO  # it has no ground truth, so no gain
    assert told == [f"ASA {gain:+.3f}".replace("-", "−") for gain in gains]


def test_one_count_at_a_time(visit: Any) -> None:
    page = visit()
    rows = page.locator("#headline tbody tr:visible")
    everything = rows.count()
    page.locator("#table-counts").get_by_role("button", name="9", exact=True).click()
    assert rows.count() == everything / 3
    assert set(page.locator("#headline tbody tr:visible td:nth-child(2)").all_inner_texts()) == {
        "9"
    }


def test_the_scatter_says_who_wins(visit: Any) -> None:
    page = visit()
    before = page.locator("#scatter-note").inner_text()
    page.locator("#scatter-measure").select_option(label="GR")
    after = page.locator("#scatter-note").inner_text()
    assert before != after
    assert after.startswith("GR of ")
    assert page.locator("#scatter svg circle").count() == 6


def test_names_are_shown_as_they_are(visit: Any) -> None:
    page = visit()
    shown = [button.get_attribute("title") for button in page.locator("#thumbnails button").all()]
    assert set(HOSTILE) <= set(shown)
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("wish", ["light", "dark"])
def test_the_theme_follows_the_system_and_the_button(visit: Any, wish: str) -> None:
    page = visit(color_scheme=wish)
    paper = "getComputedStyle(document.body).backgroundColor"
    colors = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 28)"}
    other = {"light": "dark", "dark": "light"}[wish]
    assert page.evaluate(paper) == colors[wish]
    page.locator("#theme").click()
    assert page.evaluate(paper) == colors[other]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(visit: Any, width: int) -> None:
    page = visit(width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_on_paper_there_are_figures_and_no_controls(visit: Any) -> None:
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("#headline").is_visible()
    assert page.locator(".charts svg").first.is_visible()
    for control in (".bar", "#axis", "#slider", "#gallery-controls"):
        assert not page.locator(control).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Any, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="extra `dev`")
    page = visit(color_scheme=theme)
    page.locator("details summary").first.click()
    marks(page).first.hover(force=True)
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []
