"""Writing results for other programs."""
