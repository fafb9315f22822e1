"""Attention: saliency and the user's factors, as a density per object."""
