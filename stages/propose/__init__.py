"""Proposals: masks, or a finest partition with its merge tree."""
