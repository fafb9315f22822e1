"""How far a download is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBars

from pipeline.assets import Progress


@contextmanager
def download_bar(name: str, console: Console) -> Iterator[Progress]:
    """Show a bar on a terminal, nothing elsewhere; yields what the download tells of itself."""
    bars = RichBars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bars.add_task(name, total=None)
    with bars:
        yield lambda received, total: bars.update(task, completed=received, total=total or None)
