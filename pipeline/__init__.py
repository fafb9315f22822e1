"""How work runs: command line, configuration, datasets, stores, workers."""

__version__ = "0.1.0"
