"""The page in headless Chromium: first picture, frames while the slider moves, other superpixels.

    python tests/benchmarks/bench_page.py [IMAGE]

Without an image a drawn one of BSD's size is used. Kernels are compiled beforehand. On a machine
that does other work, the processor time of a frame says more than its time: 60 frames a second
leave 16.7 ms.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.pipeline.serving.served import Server

_SLIDE = """async () => {
  const slider = document.getElementById("k-slider");
  const frames = [];
  let before = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 240; i++) {
    slider.value = 300 + Math.round(650 * Math.abs(Math.sin(i / 40)));
    slider.dispatchEvent(new Event("input"));
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - before);
    before = now;
  }
  frames.sort((a, b) => a - b);
  return { median: frames[120], p95: frames[228], n: frames.length };
}"""
_COMPACT = """(value) => {
  const slider = document.getElementById("compactness");
  slider.value = value;
  slider.dispatchEvent(new Event("change"));
}"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        folder.mkdir()
        if len(sys.argv) > 1:
            shutil.copy(sys.argv[1], folder)
        else:
            random = np.random.default_rng(0)
            blocks = np.kron(random.integers(0, 255, (8, 12, 3)), np.ones((41, 41, 1)))[:321, :481]
            noisy = blocks + random.normal(0, 12, blocks.shape)
            Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / "drawn.png")
        with sync_playwright() as running:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for attempt in range(2):  # the first one may compile
                _visit(browser, folder, Path(place) / f"outputs{attempt}", tell=attempt == 1)
            browser.close()


def _visit(browser: Any, folder: Path, outputs: Path, *, tell: bool) -> None:
    began = time.perf_counter()
    server = Server(str(folder), "--outputs", str(outputs), "--device", "cpu")
    listening = time.perf_counter() - began
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(600_000)
    page.goto(server.url)
    page.wait_for_selector("#stage[data-pictured]")
    pictured = time.perf_counter() - began
    page.wait_for_selector("#stage[data-ready]")
    ready = time.perf_counter() - began
    page.evaluate(_SLIDE)  # the browser compiles, too
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _busy(devtools)
    slid = page.evaluate(_SLIDE)
    busy = (_busy(devtools) - before) / slid["n"] * 1000
    compact = [
        _answered(page, "compactness=", lambda value=value: page.evaluate(_COMPACT, value))
        for value in (3, 9, 15, 5)
    ]
    page.locator("[data-mode=steer]").click()
    page.wait_for_selector("#exact-count strong")
    box = page.locator("#stage").bounding_box()
    steered = []
    for step in range(5):
        x = box["x"] + box["width"] * (0.4 + 0.05 * step)
        y = box["y"] + box["height"] / 2
        steered.append(_answered(page, "steered=true", lambda x=x, y=y: page.mouse.click(x, y)))
        page.wait_for_selector("#saved[data-waiting='0']")
    page.context.close()
    server.interrupt()
    if tell:
        print(f"server listens after {listening:.2f} s, first picture {pictured:.2f} s, ", end="")
        print(f"superpixels {ready:.2f} s")
        print(f"slider: median frame {slid['median']:.1f} ms, 95th percentile {slid['p95']:.1f} ms")
        print(f"slider: {busy:.1f} ms of the main thread's processor time a frame")
        print(f"another compactness: median {statistics.median(compact):.2f} s")
        print(f"one more factor: median {statistics.median(steered):.2f} s to the new picture")


def _busy(devtools: Any) -> float:
    """Return the processor seconds of the page's main thread so far."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _answered(page: Any, part: str, act: Callable[[], object]) -> float:
    """Return the seconds from an act to the answer to the request that it makes."""
    begun = time.perf_counter()
    with page.expect_response(lambda answer: part in answer.url):
        act()
    seconds = time.perf_counter() - begun
    page.wait_for_selector("#stage[data-pending='0']")
    return seconds


if __name__ == "__main__":
    main()
