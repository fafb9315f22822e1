"""Packages that come with an extra alone."""

from importlib.util import find_spec

from spam_pipe.pipeline.errors import ConfigError


def require(module: str, extra: str, purpose: str) -> None:
    """Refuse what needs a package that is not installed.

    Parameters
    ----------
    module
        What would be imported.
    extra
        The extra that brings it.
    purpose
        The option that asked for it.

    Raises
    ------
    ConfigError
        Naming what to install.
    """
    if find_spec(module) is None:
        raise ConfigError(f"{purpose} needs {module}: pip install 'spam-pipe[{extra}]'")
