import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from spam_pipe.stages.train.config import TrainConfig

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.mark.parametrize("name", ["train-trunk", "train-ssn"])
def test_shipped_recipes_are_valid(name):
    recipe = tomllib.loads((CONFIGS / f"{name}.toml").read_text(encoding="utf-8"))
    config = TrainConfig.model_validate(recipe)
    assert f"train-{config.network.name}" == name
    # D = 20 is the paper's.
    assert config.network.channels + 5 == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grids": [7]}, "no 7 equal cells"),
        ({"batch": 1, "shards": 2}, "no 2 parts"),
        ({"validate_counts": [100]}, "one GR for each"),
        ({"network": {"name": "resnet"}}, "trunk"),
        ({"lerning_rate": 1}, "lerning_rate"),
    ],
)
def test_recipes_that_cannot_be(options, message):
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(options)
