"""How work runs: command line, configuration, datasets, stores, workers."""
