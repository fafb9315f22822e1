"""The subject of one result of a run: an item, or an item at a count or a size."""

import re

Unit = int | str | None
"""A number of superpixels, a size of them (`pipeline.configuration.sizes`), or the item as a whole.

Stages know numbers alone: of a size, one is made for each image before its stage runs.
"""


def unit_of(name: str) -> Unit:
    """Return the unit of a group inside an item's; None if it is no unit's."""
    if re.fullmatch(r"\d+", name):
        return int(name)
    return name if re.fullmatch(r"[\d.e+-]+(px|m)", name) else None
