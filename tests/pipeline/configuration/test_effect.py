"""Every option of the segmentation × every method: one that is refused decides nothing."""

from typing import Any, get_args

import numpy as np
import pytest

from spam_pipe.pipeline.configuration.effect import cure_of, decides_nothing
from spam_pipe.pipeline.configuration.run_config import RunConfig, nest, resolve
from spam_pipe.stages.base import Inputs
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import METHODS
from spam_pipe.stages.segment.stage import SegmentStage

BY_NAME = {
    "weights": "trunk",
    "channels": 3,
    "color_weight": 0.5,
    "chroma_weight": 2.0,
    "smoothing": 0.5,
    "compactness": 50.0,
    "iterations": 1,
    "minimum_size": 0.5,
    "border_weight": 1.0,
    "external": "elsewhere",
    "engine": "torch",
}
"""Other values than the defaults, of options whose default says nothing of their kind."""

NAMES = [f"{name}:mine" if name == "external" else name for name in METHODS]


def _other(name: str) -> Any:
    field = SegmentConfig.model_fields[name]
    if name in BY_NAME:
        return BY_NAME[name]
    if choices := get_args(field.annotation):
        return next(choice for choice in choices if choice != field.default)
    return (
        field.default / 2
        if isinstance(field.default, float) and field.default <= 1
        else field.default + 1
    )


def _changes() -> dict[str, Any]:
    """Return a value that is no default for every option, by its dotted key."""
    tables = {
        name
        for name, field in SegmentConfig.model_fields.items()
        if hasattr(field.annotation, "model_fields")
    }
    plain = {
        f"segment.{name}": _other(name)
        for name in SegmentConfig.model_fields
        if name not in {*tables, "method", "over_seeding"}
    }
    plain["segment.over_seeding"] = 1.0
    for table in tables - {"attention"}:
        for name, field in SegmentConfig.model_fields[table].annotation.model_fields.items():  # type: ignore[union-attr]
            value = field.default
            plain[f"segment.{table}.{name}"] = (not value) if isinstance(value, bool) else value
    return plain


def _config(method: str, **more: Any) -> RunConfig:
    return resolve([{"segment": {"method": method, "external": "maps"}}, more])


@pytest.mark.parametrize("method", NAMES)
def test_what_is_refused_is_what_the_store_does_not_depend_on(method: str) -> None:
    before = _config(method)
    for key, value in _changes().items():
        if key.count(".") > 1:  # tables of methods
            assert decides_nothing(key, before) == (key.split(".")[1] != before.segment.own_table)
            continue
        after = _config(method, **nest(key, value))
        same = after.segment.decisive == before.segment.decisive
        assert same == decides_nothing(key, before), key


SCENE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def _labels(config: SegmentConfig) -> np.ndarray:
    truth = (np.repeat(np.arange(4, dtype=np.uint32), 48).reshape(12, 16),)
    inputs = Inputs(image=SCENE, annotations=truth)
    stage = SegmentStage()
    made = next(stage.run(inputs, config, stage.setup(config, "cpu"), [6]))
    return made.arrays["labels"]


@pytest.mark.parametrize("method", ["slic", "maskslic", "snic", "grid", "watershed", "voronoi"])
def test_what_is_refused_changes_no_label(method: str) -> None:
    before = _config(method)
    refused = {key: value for key, value in _changes().items() if decides_nothing(key, before)}
    assert len(refused) > 15
    changed: dict[str, Any] = {"segment": {}}
    for key, value in refused.items():
        if key.count(".") == 1:
            changed["segment"][key.partition(".")[2]] = value
    np.testing.assert_array_equal(
        _labels(_config(method, **changed).segment), _labels(before.segment)
    )


def test_options_of_the_objects_and_of_attention() -> None:
    spam, none = _config("spam"), _config("spam", propose={"source": "none"})
    assert not decides_nothing("propose.contour.weights", spam)
    assert decides_nothing("propose.gradient.sigma", spam)
    assert decides_nothing("propose.contour.weights", none)
    assert decides_nothing("prior.opening", none)
    for key in ("propose.contour.engine", "prior.opening", "segment.tau", "segment.attention.mode"):
        assert decides_nothing(key, _config("slic"))
        assert not decides_nothing(key, spam)
    assert decides_nothing("segment.attention.ratio", spam)
    visual = _config("spam", segment={"attention": {"mode": "visual"}})
    assert not decides_nothing("segment.attention.ratio", visual)
    assert decides_nothing("segment.attention.file", visual)
    assert cure_of("segment.compactness", _config("slic").segment) == "segment.slic.compactness"
    assert cure_of("segment.slic.compactness", spam.segment) == "segment.compactness"
    assert cure_of("segment.tau", _config("grid").segment) == ""
