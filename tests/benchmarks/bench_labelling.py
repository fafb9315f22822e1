"""BSD val labelled in the page, in headless Chromium, by a script that works as a person would.

    python tests/benchmarks/bench_labelling.py [N_IMAGES]

At each step it looks for the largest region that is wrong, moves the pointer to its innermost
pixel, turns the wheel to the level whose superpixel there mends most, and clicks with the class of
the ground truth (of the annotator with the median number of regions). It ends at a pixel accuracy
of .95. Beside it stand the clicks of `spam-pipe annotate --simulate`, which fills by colour, on
superpixels at K = 400. Seconds are those of the page and the server: a script does not hesitate.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import spam_pipe
from spam_pipe.pipeline.commands.simulate import median_annotation
from spam_pipe.pipeline.datasets import open_dataset
from spam_pipe.pipeline.serving.packed import unpack
from spam_pipe.pipeline.serving.session import opaque
from spam_pipe.stages.annotate.simulate import _innermost_of_largest, simulate
from spam_pipe.stages.colour import rgb_to_lab
from tests.pipeline.serving.served import Server

_TARGET = 0.95
_MOST = 200
_NOTCH = 1.18


class Labeller:
    """The page with one image open, in the mode that labels."""

    def __init__(self, page: Any, name: str, n_classes: int) -> None:
        self.page, self.name, self.key = page, name, opaque(name)
        self.address = page.url.partition("#")[0]
        page.get_by_title(name, exact=True).click()
        page.wait_for_selector(f"#stage[data-ready='{self.key}'][data-pending='0']")
        page.locator("[data-mode=label]").click()
        while page.locator("[data-class]").count() < n_classes:
            page.locator("#new-class").fill(f"region {page.locator('[data-class]').count() + 1}")
            page.keyboard.press("Enter")
            page.wait_for_timeout(50)
        page.locator("#stage").focus()
        arrays, facts = self.ask("hierarchy")
        finest = arrays["labels"].astype(np.int32) - facts["start_label"]
        self.shape = finest.shape
        self.tree = spam_pipe.Hierarchy(finest, arrays["parents"], arrays["altitudes"])

    def ask(self, what: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Ask the server as the page does."""
        answer = self.page.request.get(f"{self.address}api/items/{self.key}/{what}")
        assert answer.ok, answer.text()
        return unpack(answer.body())

    def spot(self, row: int, column: int) -> tuple[float, float]:
        """Return where on the screen a pixel lies while the image is shown whole."""
        box = self.page.locator(".pane").bounding_box()
        height, width = self.shape
        scale = min((box["width"] - 40) / width, (box["height"] - 40) / height, 8)
        left = box["x"] + (box["width"] - width * scale) / 2
        top = box["y"] + (box["height"] - height * scale) / 2
        return left + (column + 0.5) * scale, top + (row + 0.5) * scale

    def mend(self, wanted: NDArray[np.int32], mask: NDArray[Any], place: tuple[int, int]) -> int:
        """Click with the right class at the best level; return the notches of the wheel."""
        self.page.mouse.move(*self.spot(*place))
        now = int(self.page.locator("#k").input_value())
        notches = self._best(wanted, mask, place, now)
        for _ in range(abs(notches)):
            self.page.mouse.wheel(0, -100 if notches > 0 else 100)
        self.page.locator(f"[data-class='{wanted[place]}'] .key").dispatch_event("click")
        self.page.mouse.click(*self.spot(*place))
        self.page.wait_for_selector("#saved[data-waiting='0']")
        return abs(notches)

    def _best(
        self, wanted: NDArray[np.int32], mask: NDArray[Any], place: tuple[int, int], now: int
    ) -> int:
        """Return how far to turn the wheel to where a click makes most pixels right."""
        best, found = -np.inf, 0
        for notches in range(-40, 41, 2):
            k = round(now * _NOTCH**notches)
            if not 2 <= k <= self.tree.n_finest:
                continue
            labels = self.tree.labels(k)
            region = labels == labels[place]
            right = (wanted[region] == wanted[place]).sum() - (mask == wanted)[region].sum()
            if right > best:
                best, found = right, notches
        return found


def main() -> None:
    """Print a row an image, and the medians."""
    n_images = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    items = list(open_dataset("bsd").items("val"))[:n_images]
    with tempfile.TemporaryDirectory() as place, sync_playwright() as running:
        folder = Path(place) / "pictures"
        folder.mkdir()
        for item in items:
            shutil.copy(item.image.path, folder)
        server = Server(str(folder), "--outputs", f"{place}/outputs", "--device", "cpu")
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(600_000)
        page.goto(server.url)
        page.wait_for_selector("#stage[data-ready][data-pictured]")
        print("image     regions  clicks  notches  seconds  accuracy  --simulate")
        rows = [_label(page, item) for item in items]
        print(f"median             {np.median(rows, axis=0).round(2).tolist()}")
        browser.close()
        server.interrupt()


def _label(page: Any, item: Any) -> tuple[float, float, float]:
    truth = median_annotation(item.annotations.read())
    regions, wanted = np.unique(truth, return_inverse=True)
    wanted = (wanted.reshape(truth.shape) + 1).astype(np.int32)
    at_work = Labeller(page, item.image.path.stem, regions.size)
    simulated = simulate(
        at_work.ask("superpixels?k=400")[0]["labels"].astype(np.int32),
        rgb_to_lab(item.image.read()), truth, _MOST,
    )  # fmt: skip
    seconds, notches, clicks, mask = 0.0, 0, 0, np.zeros(truth.shape, np.uint16)
    while (accuracy := float((mask == wanted).mean())) < _TARGET and clicks < _MOST:
        spot = _innermost_of_largest(np.where(mask != wanted, wanted, -1))
        assert spot is not None
        begun = time.perf_counter()
        notches += at_work.mend(wanted, mask, spot)
        seconds += time.perf_counter() - begun
        clicks += 1
        mask = at_work.ask("mask")[0]["mask"]
    reached = simulated.clicks_to(_TARGET)
    print(
        f"{item.id:9} {regions.size:7} {clicks:7} {notches:8} {seconds:8.1f} {accuracy:9.3f} "
        f"{reached if reached is not None else f'> {simulated.rows.size}':>11}",
        flush=True,
    )
    return clicks, notches, seconds


if __name__ == "__main__":
    main()
