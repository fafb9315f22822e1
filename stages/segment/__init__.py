"""Masked superpixel clustering."""
