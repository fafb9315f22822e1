"""A run: its folder, options, stages, items, failures."""
