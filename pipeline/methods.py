"""Whether what the chosen superpixel method needs is here."""

from pipeline.config import RunConfig
from pipeline.datasets.external import require_maps
from pipeline.errors import ConfigError
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
