"""Lists the files below a folder and counts what was skipped."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from spam_pipe.pipeline.datasets.images.ome_zarr import is_ome_zarr

_Identity = tuple[int, int]


@dataclass
class Listing:
    """The files below a folder."""

    # relative paths, with slashes, of all files that are not hidden, sorted. A folder that is an
    # OME-Zarr image counts as a file.
    names: list[str] = field(default_factory=list)
    # how much of what is not among them, by what it is
    passed_by: Counter[str] = field(default_factory=Counter)


def list_files(root: Path) -> Listing:
    """List a folder at any depth. Links are followed, but not in circles."""
    found = Listing()
    found.names = sorted(_walk(root, "", (), found.passed_by))
    return found


def _walk(
    folder: Path, prefix: str, above: tuple[_Identity, ...], passed_by: Counter[str]
) -> Iterator[str]:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        passed_by["folders that can't be read"] += 1
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        passed_by["links in a circle"] += 1
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith("."):
            passed_by["hidden"] += 1
        elif entry.is_dir():
            if is_ome_zarr(Path(entry.path)):
                yield name
            else:
                yield from _walk(Path(entry.path), f"{name}/", (*above, here), passed_by)
        elif entry.is_symlink() and not Path(entry.path).exists():
            passed_by["broken links"] += 1
        else:
            yield name


def say_passed_by(counts: Counter[str], names: list[str]) -> str:
    """Return the skipped files as text, counted by suffix; empty for none."""
    kinds = Counter(PurePosixPath(name).suffix.lower() or "files without suffix" for name in names)
    said = [f"{n} {what}" for what, n in (kinds + counts).most_common(_SAID)]
    left = sum((kinds + counts).values()) - sum(n for _, n in (kinds + counts).most_common(_SAID))
    return ", ".join(said) + (f", {left} others" if left else "")


_SAID = 4
