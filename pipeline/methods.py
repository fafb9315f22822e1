"""Whether what the chosen superpixel method and prior need is here."""

from collections.abc import Collection

from pipeline.config import RunConfig
from pipeline.datasets.external import require_maps
from pipeline.errors import ConfigError
from stages.networks.files import find_weights
from stages.segment.methods import require_extra


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
    wanted: dict[str, str | None] = {}
    if "propose" in stages and "contour" in config.propose.sources:
        wanted["propose.contour.weights"] = config.propose.contour.weights
    if "segment" in stages:
        wanted["segment.weights"] = config.segment.deep_weights
    for option, weights in wanted.items():
        try:
            if weights is not None:
                find_weights(weights)
        except ValueError as error:
            raise ConfigError(f"{option}: {error}") from error
