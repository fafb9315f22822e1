"""Readers of pixels."""
