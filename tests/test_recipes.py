"""The code of the documents and the notebooks, run as it is written."""

import json
import re
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat
from skimage.data import coffee, rocket
from typer.main import get_command
from typer.testing import CliRunner

from spam_pipe.pipeline.cli.app import app
from tests.conftest import PROJECT

DOCS = PROJECT / ".github" / "docs"
RECIPES = DOCS / "recipes.md"

ELSEWHERE = {
    "serve": "stays until it is stopped (tests/pipeline/serving)",
    "weights fetch": "asks the network",
    "--prior sam": "needs weights that are fetched",
    "--scheduler": "needs a cluster (tests/pipeline/running/dask)",
    "--workers": "starts processes (tests/pipeline/running/dask)",
    "--shard auto": "reads a job array's variables (tests/pipeline/runs)",
    "train ": "takes minutes (tests/stages/train)",
    "segment.weights=training": "is what training leaves",
    "sweep ": "takes minutes (tests/pipeline/sweeping)",
    "scenes": "needs the extra geo: test_map",
    "export map": "needs the extra geo: test_map",
    "export grids": "needs the extra geo: test_map",
    "annotate": "test_clicks_to_masks",
}
"""Lines that other tests run, or nobody can here, by what is in them: their options are checked."""


def blocks(language: str) -> list[str]:
    """Return the code of the recipes in a language, in order."""
    text = RECIPES.read_text("utf-8").partition("\n## Recipes\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run_commands(block: str, folder: Path) -> None:
    """Run each line of a block as a user would in a folder."""
    for line in block.splitlines():
        words = line.partition("#")[0].split()
        assert words.pop(0) == "spam-pipe"
        with chdir(folder):
            ended = CliRunner(env={"SPAM_OUTPUTS": "outputs"}).invoke(app, words)
        assert ended.exit_code == 0, f"{line}\n{ended.output}\n{ended.exception!r}"


def pages_in_order() -> list[Path]:
    """Return the README and the pages that it links to, in its order."""
    readme = PROJECT / "README.md"
    linked = re.findall(r"\]\((\.github/docs/\w+\.md)\)", readme.read_text("utf-8"))
    return [readme, *(PROJECT / link for link in dict.fromkeys(linked))]


def lines_of(page: Path) -> list[str]:
    """Return the lines of a page's blocks that call the command."""
    shown = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [line for block in shown for line in block.splitlines() if line.startswith("spam-pipe")]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a folder of photos."""
    (tmp_path / "photos").mkdir()
    for name, image in (("coffee", coffee()), ("rocket", rocket())):
        Image.fromarray(image).resize((150, 100)).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def everything_named(folder: Path) -> None:
    """Put there what the documents' lines name, small: folders of photos, masks, a dataset."""
    truth = np.kron(np.arange(6).reshape(2, 3), np.ones((50, 50))).astype(np.uint8)
    for name in ("labels", "my-segmentations", "masks", "path/to/photos"):
        (folder / name).mkdir(parents=True)
    for photo in sorted((folder / "photos").iterdir()):
        Image.fromarray(truth).save(folder / "labels" / photo.name)
        Image.fromarray(truth // 2 + 1).save(folder / "my-segmentations" / photo.name)
        Image.fromarray((truth > 0).astype(np.uint8)).save(folder / "masks" / photo.name)
        (folder / "path/to/photos" / photo.name).write_bytes(photo.read_bytes())
    bsd = folder / "data" / "BSDS500" / "data"
    for kind in ("images", "groundTruth"):
        (bsd / kind / "test").mkdir(parents=True)
    Image.open(folder / "photos" / "coffee.png").save(bsd / "images" / "test" / "1.jpg")
    annotations = np.empty((1, 1), object)
    annotations[0, 0] = {"Segmentation": truth.astype(np.uint16) + 1, "Boundaries": truth > 5}
    savemat(bsd / "groundTruth" / "test" / "1.mat", {"groundTruth": annotations})


def test_every_line_in_the_order_of_the_readme_in_one_folder(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_named(photos)
    monkeypatch.setenv("SPAM_DATA", str(photos / "data"))
    commands = get_command(app)
    n_run = 0
    for line in [line for page in pages_in_order() for line in lines_of(page)]:
        words = line.partition("#")[0].split()[1:]
        if not any(part in line.partition("#")[0] for part in ELSEWHERE):
            run_commands(line, photos)
            n_run += 1
            continue
        group, given = commands, words
        while hasattr(group, "commands"):
            group, given = group.commands[given[0]], given[1:]
        group.make_context(words[0], [*given])
    assert n_run > 20
    assert len(list((photos / "borders").rglob("*.png"))) >= 2
    assert any((photos / "trees").iterdir())
    table = pd.read_csv(next((photos / "tables").rglob("coffee*.csv")))
    assert 100 * 150 / 25**2 == len(table) == 24
    assert table["area"].sum() == 100 * 150


NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
NEEDED = {"map": "geopandas", "graph_network": "torch_geometric"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    matplotlib.use("Agg")
    needed = NEEDED.get(path.stem)
    if needed is not None and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    monkeypatch.chdir(tmp_path)
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert any(cell.get("outputs") for cell in cells)
    found: dict[str, object] = {}
    for each in code:
        exec(each, found)
    assert np.unique(np.asarray(found["labels"])).size > 100
    matplotlib.pyplot.close("all")


def test_there_are_three_notebooks_and_a_page_links_to_each() -> None:
    text = RECIPES.read_text("utf-8")
    assert len(NOTEBOOKS) == 3
    assert all(f"(notebooks/{path.name})" in text for path in NOTEBOOKS)


def test_there_are_six_recipes() -> None:
    assert len(blocks("python")) == 3
    assert len(blocks("sh")) == 4


def test_the_readme_in_python() -> None:
    (block,) = re.findall(
        r"```python\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL
    )
    found: dict[str, object] = {}
    exec(block, found)
    counts = {
        name: len(np.unique(np.asarray(found[name]))) for name in ("labels", "coarse", "fine")
    }
    assert counts == {"labels": 300, "coarse": 50, "fine": 400}


def test_pages_link_to_what_is_there() -> None:
    pages = [PROJECT / "README.md", *(PROJECT / ".github" / "docs").glob("*.md")]
    for page in pages:
        links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text("utf-8"))
        for link in links:
            assert link.startswith("http") or (page.parent / link).exists(), f"{page}: {link}"


def test_notebook_levels_and_graph_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    notebook, levels, graph = blocks("python")
    exec(notebook, found)
    labels, denser = found["labels"], found["denser"]
    assert isinstance(labels, np.ndarray)
    assert isinstance(denser, np.ndarray)
    assert labels.shape == (512, 512)
    assert np.unique(labels).size == 300
    assert np.unique(denser[denser >= 0]).size >= 300
    exec(levels, found)
    assert [np.unique(np.asarray(found[name])).size for name in ("coarse", "fine")] == [50, 800]
    assert (tmp_path / "tree.npz").exists()
    if find_spec("torch_geometric") is None:
        pytest.skip("PyTorch Geometric is not installed")
    exec(graph, found)
    data = found["data"]
    assert data.num_nodes == 300  # type: ignore[attr-defined]
    assert data.is_undirected()  # type: ignore[attr-defined]


def test_map(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
    geopandas = pytest.importorskip("geopandas", reason="the extra geo is not installed")
    (tmp_path / "scenes").mkdir()
    bands = np.stack([*np.moveaxis(coffee()[:120, :160], 2, 0), coffee()[:120, :160, 1]])
    bands = 20 * bands.astype(np.uint16) + 300
    bands[:, :30, :40] = 0
    grid = rasterio.Affine(5, 0, 600000, 0, -5, 4900000)
    with rasterio.open(
        tmp_path / "scenes" / "tile.tif", "w", driver="GTiff", width=160, height=120, count=4,
        dtype="uint16", crs="EPSG:32633", transform=grid, nodata=0,
    ) as scene:  # fmt: skip
        scene.write(bands)
    run_commands(blocks("sh")[2], tmp_path)
    polygons = geopandas.read_file(next((tmp_path / "map").rglob("*.gpkg")))
    assert polygons.crs == "EPSG:32633"
    # Valid pixels, 5 m a side, and superpixels of 20 m.
    area = (120 * 160 - 30 * 40) * 25
    assert len(polygons) == pytest.approx(area / 20**2, abs=1)
    assert polygons.area.sum() == pytest.approx(area, rel=0.01)
    with rasterio.open(next((tmp_path / "grids").rglob("*.tif*"))) as labels:
        assert labels.crs == "EPSG:32633"
        assert labels.transform == grid
        assert (labels.read(1)[:30, :40] == 0).all()


def test_clicks_to_masks(photos: Path) -> None:
    clicks = ["image,x,y,class", "coffee,75,50,cup", "coffee,5,5,table", "rocket,70,30,rocket"]
    (photos / "clicks.csv").write_text("\n".join([*clicks, "rocket,5,95,ground"]) + "\n")
    run_commands(blocks("sh")[3], photos)
    masks = sorted((photos / "masks").rglob("*.png"))
    assert [path.stem for path in masks] == ["coffee", "rocket"]
    for path in masks:
        mask = np.asarray(Image.open(path))
        assert mask.shape == (100, 150)
        assert np.unique(mask).size == 2  # --fill leaves nothing without a class
