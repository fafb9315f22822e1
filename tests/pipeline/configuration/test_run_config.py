"""Layers, their precedence, and errors that suggest the cure."""

import json
import textwrap
import tomllib

import pytest
from pydantic import BaseModel

from spam_pipe.pipeline.configuration.run_config import (
    RunConfig,
    configs_folder,
    dump_toml,
    merge,
    parse_assignment,
    read_toml,
    resolve,
)
from spam_pipe.pipeline.errors import ConfigError


def test_later_layers_win_key_by_key() -> None:
    layers = [
        {"segment": {"compactness": 1, "rho": 0.25}, "n_superpixels": [10]},
        {"segment": {"compactness": 2}},
        parse_assignment("segment.compactness=3.5"),
    ]
    config = resolve(layers)
    assert (config.segment.compactness, config.segment.rho) == (3.5, 0.25)
    assert config.n_superpixels == (10,)


def test_what_is_dumped_resolves_to_the_same() -> None:
    config = resolve([parse_assignment("segment.border_weight=4"), {"n_superpixels": [400, 100]}])
    assert resolve([tomllib.loads(dump_toml(config))]) == config
    assert config.n_superpixels == (100, 400)


def test_default_takes_an_option_back() -> None:
    layers = [{"segment": {"border_weight": 4}}, parse_assignment("segment.border_weight=default")]
    assert resolve(layers).segment.border_weight is None
    saved = {"segment": {"network": "none"}}
    asked = merge([parse_assignment("segment.network=default"), {"segment": {"method": "spam"}}])
    assert resolve([saved, asked]).segment.network == "efficientunet"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=x y", "x y"),
        ('a="1"', "1"),
        ("a=[1]", [1]),
    ],
)
def test_assigned_values_are_toml_or_plain_text(text: str, value: object) -> None:
    assert parse_assignment(text) == {"a": value}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "segment.compactnes=5",
            r"segment.compactnes: no such option; did you mean .*compactness\?",
        ),
        ("compactness=5", r"compactness: no such option; did you mean segment.compactness\?"),
        ("sgement.rho=1", r"did you mean segment\?"),
        ("segment.rho=2", r"segment.rho: write at most 1 \(given: 2\)"),
        ("n_superpixels=[0]", "at least 1, not 0"),
        ("n_superpixels=[]", "at least one number"),
        ("n_superpixels=[-4]", "at least 1, not -4"),
        ("n_superpixels=[1.5]", "n_superpixels"),
        ("segment", "write key=value"),
        ("=3", "write key=value"),
        ("propose.source=gradiet", "gradient"),
    ],
)
def test_errors_are_one_line_with_the_cure(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolve([parse_assignment(assignment)])
    assert "\n" not in str(caught.value)


def test_broken_toml_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"my\.toml: not valid TOML"):
        read_toml("a = ", "my.toml")


def test_merge_leaves_its_layers_alone() -> None:
    below = {"segment": {"rho": 0.5}}
    merge([below, {"segment": {"rho": 1}}])
    assert below == {"segment": {"rho": 0.5}}


def documented(model: BaseModel, table: str = "") -> str:
    """Write a model's options as TOML, each under its description."""
    lines: list[str] = []
    tables = ""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            inner = f"{table}.{name}" if table else name
            tables += f"\n[{inner}]\n{documented(value, inner)}"
            continue
        lines += [f"# {line}" for line in textwrap.wrap(field.description or name, 96)]
        if value is None:
            lines.append(f"# {name} is not set")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n" * bool(lines) + tables


DEFAULT = f"""# Every option with its default. Copy what you want to change into a file of your own
# and give it with --config, or set single ones, as in --set segment.compactness=5.

{documented(RunConfig())}"""


def test_the_shipped_default_is_what_the_code_does() -> None:
    text = (configs_folder() / "default.toml").read_text(encoding="utf-8")
    cure = "bring it up to date with: python -m tests.pipeline.configuration.test_run_config"
    assert text == DEFAULT, cure
    assert resolve([read_toml(text, "default.toml")]) == RunConfig()


def test_every_shipped_run_configuration_resolves() -> None:
    for path in configs_folder().glob("*.toml"):
        layer = read_toml(path.read_text(encoding="utf-8"), path.name)
        if not (path.name.startswith("train-") or "axis" in layer):  # a training, a sweep
            resolve([layer])


if __name__ == "__main__":
    (configs_folder() / "default.toml").write_text(DEFAULT, encoding="utf-8")
