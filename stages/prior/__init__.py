"""Proposals aggregated into prior objects and their merge tree."""
