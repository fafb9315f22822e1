"""The metrics equal those of the field's reference programs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from spam_pipe.stages.evaluate.evaluate import evaluate

MAPS = (
    *(f"slic{k}_{image}" for k in (100, 400) for image in (100007, 100099, 101027, 102062)),
    *("grid20", "stripes5", "voronoi200", "grid20_exact_320x480", "stripes5_exact_320x480"),
)


@pytest.mark.parametrize("name", MAPS)
def test_figures_match(name: str, metric_reference: Path, bsd_root: Path) -> None:
    expected = json.loads((metric_reference / "figures.json").read_text())[name]
    labels = np.load(metric_reference / f"{name}.npz")["labels"]
    image, annotations = None, []
    if expected["image"]:
        image = np.asarray(Image.open(bsd_root / "images" / "test" / f"{expected['image']}.jpg"))
        truth = loadmat(bsd_root / "groundTruth" / "test" / f"{expected['image']}.mat")
        annotations = [cell["Segmentation"][0, 0] for cell in truth["groundTruth"][0]]

    of_image = evaluate(labels, image)
    plain = {key: value for key, value in expected.items() if key in of_image}
    assert {key: of_image[key] for key in plain} == pytest.approx(plain, rel=0, abs=1e-9)
    assert len(plain) == (8 if expected["image"] else 6)

    for annotation, figures in zip(annotations, expected.get("annotators", []), strict=True):
        measured = evaluate(labels, annotations=[annotation])
        assert {key: measured[key] for key in figures} == pytest.approx(figures, rel=0, abs=1e-9)
        assert len(figures) == 5


def test_every_reference_map_is_tested(metric_reference: Path) -> None:
    assert set(MAPS) == set(json.loads((metric_reference / "figures.json").read_text()))
