"""Superpixels as tables, graphs and polygons for other programs."""
