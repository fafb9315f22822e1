import tomllib
from collections import Counter

import pytest
from pydantic import ValidationError

from spam_pipe.pipeline.configuration.training_recipe import TrainingConfig
from spam_pipe.stages.train.config import TrainConfig
from tests.conftest import PROJECT

CONFIGS = PROJECT / "configs"


@pytest.mark.parametrize("name", ["train-efficientunet", "train-trunk", "train-ssn"])
def test_shipped_recipes_are_valid(name):
    recipe = tomllib.loads((CONFIGS / f"{name}.toml").read_text(encoding="utf-8"))
    config = TrainingConfig.model_validate(recipe)
    assert f"train-{config.network.name}" == name
    # D = 20 is the paper's.
    drawn = config.nested or (config.network.channels,)
    assert Counter(drawn).most_common(1)[0][0] + 5 == 20
    assert max(drawn) == config.network.channels


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grids": [7]}, "no 7 equal cells"),
        ({"batch": 1, "shards": 2}, "no 2 parts"),
        ({"validate_counts": [100]}, "one GR for each"),
        ({"network": {"name": "resnet"}}, "trunk"),
        ({"lerning_rate": 1}, "lerning_rate"),
        ({"nested": [15, 26]}, "nested: the network has 25 deep channels, not 26"),
        ({"nested": [0]}, "greater than or equal to 1"),
    ],
)
def test_recipes_that_cannot_be(options, message):
    with pytest.raises(ValidationError, match=message):
        TrainConfig.model_validate(options)
