"""Whether what the chosen superpixel method and prior need is here."""

from collections.abc import Collection

from pipeline.config import RunConfig
from pipeline.datasets.external import require_maps
from pipeline.errors import ConfigError
from pipeline.plan import named_weights
from stages.networks.files import find_weights
from stages.registry import STAGES
from stages.segment.methods import require_extra

_OPTIONS = {"contour_weights": "propose.contour.weights", "segment_weights": "segment.weights"}
"""The options that name weights, by part of an item."""


def require_method(config: RunConfig) -> None:
    """Fail once, before any item does, when the method's package or label maps are missing.

    Raises
    ------
    UserError
        In one line: what is missing, and how to get it.
    """
    try:
        require_extra(config.segment.method)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if (folder := config.segment.external_folder) is not None:
        if config.superpixel_size:
            raise ConfigError(
                f"--method {config.segment.method}: its label maps are kept by number of "
                "superpixels; ask for numbers with -k, not for --superpixel-size"
            )
        require_maps(folder, config.n_superpixels)


def require_weights(config: RunConfig, stages: Collection[str]) -> None:
    """Fail once, before any item does, when a network's weights are not there.

    Parameters
    ----------
    config
        The run's.
    stages
        Names of those that will run.

    Raises
    ------
    ConfigError
        Naming the option and the weights that there are.
    """
    for part in (part for stage in stages for part in STAGES[stage].reads):
        weights = named_weights(part, config)
        try:
            if weights is not None:
                find_weights(weights)
        except ValueError as error:
            raise ConfigError(f"{_OPTIONS[part]}: {error}") from error
