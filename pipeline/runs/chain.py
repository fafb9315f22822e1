"""The stages that a configuration runs, and the store that each one writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spam_pipe.pipeline.configuration.run_config import Layer, RunConfig, resolve
from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.store.folder import Folder
from spam_pipe.pipeline.store.store import Store, digest_of
from spam_pipe.pipeline.units import Unit
from spam_pipe.stages.base import StageConfig
from spam_pipe.stages.methods.names import NESTED
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.registry import STAGES


@dataclass(frozen=True)
class Link:
    """One stage of a run: its config and its store."""

    name: str  # the stage's name
    config: StageConfig  # the stage's options
    store: Store  # where its results lie
    # hash of its options and those of all upstream stages; part of the store's name
    config_digest: str
    upstream: tuple[str, ...]  # names of the stages it reads that this run has
    units: tuple[Unit, ...]  # its results for each item: one, or one per requested K or size


Chain = Mapping[str, Link]
"""The links of a run by stage name, in the order of the data's flow."""


def describe(chain: Chain, name: str) -> dict[str, Any]:
    """Return the description at the root of a link's store: its options and all upstream ones."""
    upstream = [*chain][: [*chain].index(name) + 1]
    return {
        "stage": name,
        "configs": {
            options_of(each): chain[each].config.model_dump(mode="json") for each in upstream
        },
    }


def described_config(description: Mapping[str, Any], config: RunConfig) -> RunConfig | None:
    """Return the run's configuration with the options that a store was made with.

    None where they are not valid any more: a newer version renamed one.
    """
    layers: list[Layer] = [config.model_dump(mode="json"), {"propose": {"source": "none"}}]
    configs = description.get("configs")
    try:
        return resolve([*layers, configs]) if isinstance(configs, Mapping) else None
    except ConfigError:
        return None


def options_of(stage: str) -> str:
    """Return the name of the table of options that a stage goes by."""
    return STAGES[stage].options or stage


PRIOR_STAGES = frozenset({"propose", "prior"})


@lru_cache(maxsize=64)
def build_chain(config: RunConfig, run: Folder, target: str = "evaluate") -> Chain:
    """Return the links up to `target`; of the prior and the hierarchy only what is used."""
    has_prior = config.propose.source != "none"
    wanted = target in PRIOR_STAGES or config.segment.uses_prior
    chain: dict[str, Link] = {}
    for name in STAGES:
        if name in PRIOR_STAGES and not (has_prior and wanted):
            continue
        if name == "hierarchy" and config.segment.method not in NESTED:
            continue
        stage_config: StageConfig = getattr(config, options_of(name))
        upstream = tuple(required for required in STAGES[name].requires if required in chain)
        digest = digest_of(
            {
                "config": stage_config.decisive,
                "upstream": {required: chain[required].config_digest for required in upstream},
            }
        )
        chain[name] = Link(
            name=name,
            config=stage_config,
            store=Store(run, f"{name}-{digest[:8]}.zarr"),
            config_digest=digest,
            upstream=upstream,
            units=config.units if STAGES[name].per_count else (None,),
        )
        if name == target:
            break
    return chain


def prior_of(chain: Chain) -> str:
    """Return the source of the prior that a chain's superpixels keep to, or ``none``."""
    if "propose" not in chain:
        return "none"
    config = chain["propose"].config
    assert isinstance(config, ProposeConfig)
    return config.source
