"""Stores of results, and how they stay whole."""
