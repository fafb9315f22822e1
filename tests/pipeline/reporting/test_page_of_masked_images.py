"""Sizes of superpixels and missing data on the page, in a real browser."""

import base64
import io
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PATIENCE
from tests.pipeline.reporting.page_runs import bring, draw, page_of

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `dev`")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)  # fmt: skip
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (on Debian: apt install chromium)"
)
YELLOW = (255, 222, 40)
LEFT = 20
"""Columns without data, of 60."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page of superpixels by size in images whose left third has no data."""
    folder = tmp_path_factory.mktemp("masked")
    pictures = draw(folder / "pictures", count=2)
    valid = np.full((40, 60), 255, np.uint8)
    valid[:, :LEFT] = 0
    Image.fromarray(valid).save(folder / "valid.png")
    options = {
        "method": "spam",
        "prior": "gradient",
        "n_superpixels": None,
        "superpixel_size": "10,20",
        "valid": str(folder / "valid.png"),
    }
    assert bring("evaluate", folder / "outputs", pictures, **options) == 0
    (folder / "index.html").write_text(page_of(folder / "outputs"), "utf-8")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(1000 * PATIENCE)
        opened.goto((folder / "index.html").as_uri())
        opened.wait_for_selector("#stage[data-drawn]")
        yield opened
        browser.close()


def shown(page: Any, view: str) -> np.ndarray:
    """Return the left side's pixels at the photo's size, (H, W, 3)."""
    before = page.locator("#stage").get_attribute("data-drawn")
    page.locator(f'[data-view="{view}"]').click()
    page.wait_for_function("before => document.querySelector('#stage').dataset.drawn !== before",
                           arg=before)  # fmt: skip
    uri = page.evaluate("document.getElementById('over').toDataURL()")
    content = base64.b64decode(uri.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("view", ["means", "objects", "lines"])
def test_what_has_no_data_is_striped_and_has_no_border(page: Any, view: str) -> None:
    pixels = shown(page, view)
    assert pixels.shape == (80, 120, 3)
    outside = pixels[:, : 2 * LEFT].reshape(-1, 3)
    assert {tuple(map(int, color)) for color in np.unique(outside, axis=0)} == {
        (128, 128, 128),
        (150, 150, 150),
    }
    assert page.locator("#outside-note").is_visible()
    if view == "lines":
        yellow = (pixels == YELLOW).all(axis=2)
        assert yellow[:, 2 * LEFT + 2 :].any()
        assert yellow[:, 2 * LEFT - 2 : 2 * LEFT + 1].mean() < 0.3  # no line along the edge


def test_the_photo_alone_is_as_it_is(page: Any) -> None:
    assert len(np.unique(shown(page, "photo").reshape(-1, 3), axis=0)) > 100
    assert not page.locator("#outside-note").is_visible()


def test_sizes_are_named_where_numbers_would_be(page: Any) -> None:
    assert page.locator("#gallery-counts button").all_inner_texts() == ["20 px", "10 px"]
    assert page.locator("#table-counts button").all_inner_texts() == ["20 px", "10 px", "all"]
    assert page.locator("#headline td:nth-child(2)").all_inner_texts() == ["20 px", "10 px"]
    page.locator(".charts svg").first.focus()
    page.keyboard.press("ArrowRight")
    assert "size 20 px, n " in page.locator("#said").inner_text()
