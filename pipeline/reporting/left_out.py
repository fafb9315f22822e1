"""Results that a run's folder holds and its report leaves out, and what brings them back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.pipeline.reporting.command_lines import report_command
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.store.folder import Folder


@dataclass(frozen=True)
class LeftOut:
    """An evaluation's results that are not what today's options and version would make."""

    store: str  # the store that holds them
    method: str  # the superpixel method
    n_images: int  # of how many images
    # the options that make them again; None where they name one that is not there any more
    config: RunConfig | None

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON knows them, but for the options."""
        return {"store": self.store, "method": self.method, "n_images": self.n_images}


def stored_otherwise(
    run: Folder, store: str, method: str, config: RunConfig | None
) -> LeftOut | None:
    """Return what a store holds that today's options don't lead to; None where it is empty."""
    n_images = sum(name != "zarr.json" for name in run.names(store))
    return LeftOut(store, method, n_images, config) if n_images else None


def described_method(description: Mapping[str, Any]) -> str:
    """Return which superpixel method a store's root names."""
    configs = description.get("configs")
    segment = configs.get("segment") if isinstance(configs, Mapping) else None
    method = segment.get("method") if isinstance(segment, Mapping) else None
    return str(method or "unknown")


def say_left_out(
    left_out: Sequence[LeftOut], run: Run, selection: Selection, stated: Collection[str]
) -> str:
    """Say in one line what is left out and what makes it anew; nothing where all is in.

    Parameters
    ----------
    left_out
        What a report does not show.
    run, selection
        The run and its items.
    stated
        Options in which the run's methods differ.
    """
    if not left_out:
        return ""
    first = left_out[0]
    names = ", ".join(
        f"{each.method}, {each.n_images} image{'s' * (each.n_images != 1)}" for each in left_out
    )
    line = (
        "left out: results made with other options, from other files or by another "
        f"version ({names}); "
    )
    again = next((each for each in left_out if each.config is not None), None)
    if again is not None and again.config is not None:
        others = f" those of {again.method}" if len(left_out) > 1 else " them"
        command = report_command(again.config, run, selection, stated)
        return f"{line}`{command}` makes{others} anew"
    return (
        f"{line}{first.store} names an option that is not there any more: make them anew with "
        f"today's, or delete {run.folder}/{first.store}"
    )
