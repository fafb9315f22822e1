"""The look that the report's pictures share."""

from functools import cache
from pathlib import Path

import matplotlib

INK = "#22262b"
QUIET = "#6b727b"
GRID = "#e6e8eb"
PAPER = "#ffffff"

SERIES_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d")
"""Okabe and Ito's colours, which stay apart under every colour vision (black made grey)."""

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
