"""Grids of options that share what they have in common."""
