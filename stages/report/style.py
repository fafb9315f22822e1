"""The look that the report's pictures share."""

from functools import cache
from pathlib import Path

import matplotlib

INK = "#22262b"
QUIET = "#6b727b"
GRID = "#e6e8eb"
PAPER = "#ffffff"

SERIES_COLORS = ("#0062b1", "#c84c00", "#007a58", "#a63d84", "#946500", "#2f8fd0", "#4d5560")
"""Okabe and Ito's hues, which stay apart under every colour vision, dark enough for white paper
(black made grey); those of the page."""

SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

MATPLOTLIB_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "figure.facecolor": PAPER,
    "svg.hashsalt": "spam-pipe",
}


@cache
def font_file(bold: bool = False) -> Path:
    """Return the file of the font that comes with matplotlib, the same on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
