"""Superpixels asked for by size: the count follows for each image."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spam_pipe.pipeline.configuration.sizes import canonical_size, count_for, say_size
from spam_pipe.pipeline.datasets.images.image_file import ImageFile
from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.items import Item

Command = Callable[..., dict[str, Any]]
CHOSEN = {"prior": "gradient", "assignments": ["segment.network=none"]}
needs_rasterio = pytest.mark.skipif(
    importlib.util.find_spec("rasterio") is None, reason="rasterio is not installed"
)


def item(path: Path = Path("a.png")) -> Item:
    return Item("a", "all", ImageFile(path))


@pytest.mark.parametrize(
    ("text", "size"),
    [("20", "20px"), (" 20 px ", "20px"), ("20.0", "20px"), ("2.5m", "2.5m"), (".5 m", "0.5m")],
)
def test_sizes_have_one_name(text: str, size: str) -> None:
    assert canonical_size(text) == size
    assert say_size("20px") == "20 px"
    assert say_size("2.5m") == "2.5 m"


@pytest.mark.parametrize("text", ["", "0", "-3", "20km", "m", "1e3", "20,30"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="a size is an edge in pixels"):
        canonical_size(text)


@given(st.integers(1, 10**9), st.floats(0.1, 1e4))
def test_count_is_area_by_area_and_at_least_one(n_pixels: int, edge: float) -> None:
    size = canonical_size(f"{edge:f}")
    count = count_for(size, n_pixels, (n_pixels, 1), item())
    exact = n_pixels / float(size[:-2]) ** 2
    assert count == 1 or abs(count - exact) <= 0.5 + 1e-6 * exact
    assert count >= 1


def write_map(path: Path, crs: str, pixel: float) -> None:
    import rasterio
    from rasterio.transform import from_origin

    pixels = np.random.default_rng(0).integers(0, 255, (3, 40, 60), np.uint8)
    profile = {"driver": "GTiff", "height": 40, "width": 60, "count": 3, "dtype": "uint8"}
    place = from_origin(3.0, 45.0, pixel, pixel)
    with rasterio.open(path, "w", **profile, crs=crs, transform=place) as file:
        file.write(pixels)


@needs_rasterio
def test_size_on_the_ground(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_map(path, "EPSG:32631", 0.5)
    assert count_for("10m", 2400, (40, 60), item(path)) == 6
    write_map(path, "EPSG:2263", 10)  # in US survey feet
    assert count_for("30m", 2400, (40, 60), item(path)) == round(
        2400 * (10 * 1200 / 3937) ** 2 / 900
    )


@needs_rasterio
def test_size_on_the_ground_of_images_that_have_none() -> None:
    with pytest.raises(DataError, match=r"a: has no georeference.* --superpixel-size 20"):
        count_for("10m", 2400, (40, 60), item())


def draw(folder: Path) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, (height, width) in {"large": (60, 80), "small": (30, 40)}.items():
        noise = random.integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    pixels = random.integers(0, 255, (60, 80, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, :40, 3] = 0
    Image.fromarray(pixels).save(folder / "masked.png")
    return folder


def test_a_run_by_size(command: Command, tmp_path: Path) -> None:
    given = {**CHOSEN, "dataset": str(draw(tmp_path / "images"))}
    done = command("run", **given, superpixel_size="10,20")
    assert (done["status"], done["computed"]) == (0, 3)
    table = pd.read_csv(tmp_path / "outputs" / "images" / "report" / "metrics.csv")
    made = {(row["image"], row["note"]): row["n_superpixels"] for _, row in table.iterrows()}
    assert made == {
        ("large", "size 10 px: K = 48"): 48,
        ("large", "size 20 px: K = 12"): 12,
        ("masked", "size 10 px: K = 24"): 24,
        ("masked", "size 20 px: K = 6"): 6,
        ("small", "size 10 px: K = 12"): 12,
        ("small", "size 20 px: K = 3"): 3,
    }
    # A row of the summary per size: its number is the mean of those asked for.
    assert [(row["n_requested"], row["n_images"]) for row in done["summary"]] == [(7, 3), (28, 3)]
    summary = (tmp_path / "outputs" / "images" / "report" / "summary.md").read_text()
    assert "| 10 px | 28 |" in summary
    assert command("run", **given, superpixel_size="20,10")["complete"] == 3
    assert command("evaluate")["complete"] == 3  # the run remembers


def test_a_number_takes_the_size_back_and_the_other_way_round(
    command: Command, tmp_path: Path
) -> None:
    given = {**CHOSEN, "dataset": str(draw(tmp_path / "images"))}
    command("segment", **given, superpixel_size="20")
    assert command("segment", **given, n_superpixels="5")["computed"] == 3
    assert command("segment", **given, superpixel_size="20")["complete"] == 3
    assert command("segment", **given, n_superpixels="5")["complete"] == 3


def test_sizes_that_images_are_too_small_for_stay_apart(command: Command, tmp_path: Path) -> None:
    given = {**CHOSEN, "dataset": str(draw(tmp_path / "images")), "pattern": "small*"}
    done = command("run", **given, superpixel_size="100,200")
    assert [row["n_requested"] for row in done["summary"]] == [1, 2]
    assert [row["n_superpixels_mean"] for row in done["summary"]] == [1, 1]


def test_errors_name_the_option(command: Command, pictures: Path) -> None:
    given = {"dataset": str(pictures / "images")}
    with pytest.raises(ConfigError, match="--n-superpixels and --superpixel-size: give one"):
        command("run", **given, n_superpixels="5", superpixel_size="20")
    with pytest.raises(ConfigError, match="superpixel_size: a size is an edge in pixels"):
        command("run", **given, superpixel_size="20km")
    with pytest.raises(ConfigError, match="--bands red: write numbers such as 4,3,2"):
        command("run", **given, bands="red")
    with pytest.raises(ConfigError, match=r"dataset\.bands: give one band or three"):
        command("run", **given, bands="1,2")
    with pytest.raises(ConfigError, match=r"dataset\.stretch: give two percentiles"):
        command("run", **given, stretch="98,2")
    with pytest.raises(ConfigError, match=r"dataset\.bands: only a folder of images has it"):
        command("run", dataset="sample", bands="1")
    with pytest.raises(ConfigError, match="kept by number of superpixels; ask for numbers with -k"):
        command(
            "run",
            **given,
            superpixel_size="20",
            method="external:SEAL",
            assignments=[f"segment.external={pictures}"],
        )
