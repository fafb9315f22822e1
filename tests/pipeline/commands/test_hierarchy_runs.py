"""Batches of nested superpixels: computed once for all K, exported, verified, refused."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import spam_pipe
from spam_pipe.pipeline.commands.export import export_run
from spam_pipe.pipeline.commands.items import run_items
from spam_pipe.pipeline.commands.verify import verify_run
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import open_existing_run
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.other_options import ExportOptions, VerifyOptions
from spam_pipe.stages.segment.stored import labels_of, objects_of
from tests.conftest import draw_images


def compute(folder, target="evaluate", **options):
    given = {
        "dataset": str(folder / "images"),
        "ground_truth": str(folder / "truth"),
        "n_superpixels": "3,12",
        "method": "spam-nested",
        "prior": "gradient",
        "assignments": ["segment.network=none", "segment.spam_nested.finest=40"],
        "device": "cpu",
        "outputs": str(folder / "outputs"),
        "quiet": True,
        **options,
    }
    return run_items(target, Options(**given))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = draw_images(tmp_path_factory.mktemp("nested"), 2)
    assert compute(folder, "report") == 0
    return folder


def opened(folder):
    _, run = open_existing_run(str(folder / "outputs"), None)
    return run, build_chain(run.config, run.folder)


def test_levels_are_of_one_hierarchy_and_another_k_takes_no_new_one(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "copy")
    folder = tmp_path / "copy"
    _, chain = opened(folder)
    assert [*chain] == ["propose", "prior", "hierarchy", "segment", "evaluate"]
    item = sorted((folder / "images").iterdir())[0].stem
    before = chain["hierarchy"].store.record(item, None)
    assert compute(folder, dataset=str(finished / "images"), n_superpixels="3,12,25") == 0
    _, chain = opened(folder)
    record, made = chain["hierarchy"].store.read(item, None)
    assert record.attempt == before.attempt
    tree = spam_pipe.Hierarchy(labels_of(made), made.arrays["parents"], made.arrays["altitudes"])
    assert tree.n_finest == 40
    for k in (3, 12, 25):
        _, level = chain["segment"].store.read(item, k)
        assert np.array_equal(level.arrays["labels"], tree.labels(k))


def test_seconds_of_a_level_are_those_of_its_hierarchy_too(finished):
    run, chain = opened(finished)
    with (finished / "outputs" / run.name / "report" / "metrics.csv").open() as file:
        row = next(csv.DictReader(file))
    record = chain["hierarchy"].store.record(row["image"], None)
    assert float(row["seconds"]) > record.provenance["seconds"] > 0


def test_the_objects_shown_are_those_that_a_level_keeps(finished):
    run, chain = opened(finished)
    item = sorted((finished / "images").iterdir())[0].stem
    _, prior = chain["prior"].store.read(item, None)
    for k in (3, 12):
        _, made = chain["segment"].store.read(item, k)
        objects, labels = objects_of(made, prior, run.config.segment), labels_of(made)
        certain = objects > 0
        assert made.attributes["n_objects"] == np.unique(objects[certain]).size >= 1
        pairs = np.unique(np.stack([labels[certain], objects[certain]]), axis=1)
        assert np.unique(pairs[0]).size == pairs.shape[1]


def test_exports(finished, tmp_path):
    item = sorted((finished / "images").iterdir())[0].stem
    for what, form in (("hierarchy", None), ("hierarchy", "npz"), ("saliency", None)):
        target = tmp_path / f"{what}-{form}"
        outputs = str(finished / "outputs")
        assert not export_run(ExportOptions(str(target), what, form, outputs=outputs))
    first, second = (
        spam_pipe.Hierarchy.load(path)
        for path in (
            tmp_path / "hierarchy-None" / "hierarchy" / f"{item}.zarr",
            tmp_path / "hierarchy-npz" / "hierarchy" / f"{item}.npz",
        )
    )
    assert np.array_equal(first.labels(17), second.labels(17))
    drawn = np.asarray(Image.open(tmp_path / "saliency-None" / "saliency" / f"{item}.png"))
    assert np.array_equal(drawn, first.saliency())


def test_verify_finds_a_level_of_another_hierarchy(finished, tmp_path, capsys):
    shutil.copytree(finished / "outputs", tmp_path / "outputs")
    _, run = open_existing_run(str(tmp_path / "outputs"), None)
    chain = build_chain(run.config, run.folder)
    item = sorted((finished / "images").iterdir())[0].stem
    link = chain["segment"]
    record, made = link.store.read(item, 12)
    labels = made.arrays["labels"].copy()
    labels[0, 0] = (labels[0, 0] + 1) % 12
    link.store.write(
        item,
        12,
        type(made)({"labels": labels}, made.attributes),
        fingerprint=record.fingerprint,
        inputs=record.inputs,
        provenance=record.provenance,
    )
    capsys.readouterr()
    verify_run(VerifyOptions(outputs=str(tmp_path / "outputs"), as_json=True, quiet=True))
    found = json.loads(capsys.readouterr().out)["findings"]
    assert any("not the level of 12 superpixels" in each["reason"] for each in found)


def test_what_is_refused(finished, tmp_path):
    with pytest.raises(ConfigError, match=r"-k 41: beyond the finest level of 40"):
        compute(finished, n_superpixels="3,41", outputs=str(tmp_path))
    outputs = str(finished / "outputs")
    with pytest.raises(ConfigError, match="is of all numbers of superpixels"):
        export_run(ExportOptions(str(tmp_path), "saliency", outputs=outputs, n_superpixels="12"))
    other = draw_images(tmp_path / "other", 1)
    with pytest.raises(ConfigError, match=r"nested.finest: decides nothing of --method spam$"):
        compute(other, "segment", method="spam")
    assert compute(other, "segment", method="spam", assignments=["segment.network=none"]) == 0
    outputs = str(other / "outputs")
    with pytest.raises(ConfigError, match="has no hierarchies; make them with --method"):
        export_run(ExportOptions(str(tmp_path), "hierarchy", outputs=outputs))
