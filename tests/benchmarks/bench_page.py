"""The page in headless Chromium: first picture, frames while the slider moves, one more factor.

    python tests/benchmarks/bench_page.py [IMAGE]

Without an image a drawn one of BSD's size is used. Kernels are compiled beforehand.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.pipeline.serving.served import Server

_SLIDE = """async () => {
  const slider = document.getElementById("k-slider");
  const pane = document.querySelector(".pane");
  const frames = [], work = [];
  let before = performance.now();
  for (let i = 0; i < 240; i++) {
    const begun = performance.now();
    slider.value = 300 + Math.round(650 * Math.abs(Math.sin(i / 40)));
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
    const now = await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now());
      channel.port2.postMessage(0);
    });
    frames.push(now - before);
    before = now;
  }
  frames.sort((a, b) => a - b);
  return { median: frames[120], p95: frames[228], drawn: Number(pane.dataset.drawn) };
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
    slid = page.evaluate(_SLIDE)
    page.locator("[data-mode=steer]").click()
    page.wait_for_selector("#exact-count strong")
    box = page.locator("#stage").bounding_box()
    seconds = []
    for step in range(5):
        begun = time.perf_counter()
        x = box["x"] + box["width"] * (0.4 + 0.05 * step)
        with page.expect_response(lambda answer: "steered=true" in answer.url):
            page.mouse.click(x, box["y"] + box["height"] / 2)
        seconds.append(time.perf_counter() - begun)
        page.wait_for_selector("#saved[data-waiting='0']")
    page.context.close()
    server.interrupt()
    if tell:
        print(f"server listens after {listening:.2f} s, first picture {pictured:.2f} s, ", end="")
        print(f"superpixels {ready:.2f} s")
        print(f"slider: median frame {slid['median']:.1f} ms, 95th percentile {slid['p95']:.1f} ms")
        print(f"one more factor: median {statistics.median(seconds):.2f} s to the new picture")


if __name__ == "__main__":
    main()
