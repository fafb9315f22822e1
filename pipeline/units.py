"""What one result of a run is for."""

Unit = int | str | None
"""A number of superpixels, a size of them (`pipeline.sizes`), or the item as a whole.

Stages know numbers alone: of a size, one is made for each image before its stage runs.
"""
