"""What a server serves: one run's images, what is computed, steered and labelled of them."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from spam_pipe.pipeline.errors import UserError, one_line
from spam_pipe.pipeline.items import Item
from spam_pipe.pipeline.runs.chain import build_chain
from spam_pipe.pipeline.runs.run import Run
from spam_pipe.pipeline.runs.selection import Selection
from spam_pipe.pipeline.serving.asked import StartBatch
from spam_pipe.pipeline.serving.batch import Batch, Command
from spam_pipe.pipeline.serving.engine import Engine, Wishes
from spam_pipe.pipeline.serving.labelling import Labelling
from spam_pipe.pipeline.serving.pointing import NOTHING_HERE, Pointing
from spam_pipe.pipeline.serving.steering import TABLE, Steering
from spam_pipe.pipeline.store.folder import LocalFolder
from spam_pipe.stages.clustering.balance import resolve_balance

PAGE = "page"
"""Where the page keeps its files, below the run's folder."""

ANNOTATIONS = "annotations"
"""Where masks go below the run's folder, as those of `spam-pipe annotate`."""

_DEFAULT_COUNT = 400
_WAITING = 256
"""Messages that a tab may be behind before it has to look for itself."""


class NotFoundError(Exception):
    """There is no such image."""


class Hub:
    """Tells all open tabs what changed."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.listeners: set[asyncio.Queue[Mapping[str, Any]]] = set()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to every tab; may be called from any thread."""
        if self.loop is not None:
            with suppress(RuntimeError):  # the server has ended
                self.loop.call_soon_threadsafe(self._spread, message)

    def end(self) -> None:
        """Let every tab's stream end: the server does not wait for tabs that stay open."""
        self.tell({"kind": "end"})

    def _spread(self, message: Mapping[str, Any]) -> None:
        for queue in self.listeners:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(message)

    def listen(self) -> asyncio.Queue[Mapping[str, Any]]:
        """Return a queue of messages, to be left with `leave`."""
        queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(_WAITING)
        self.listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Mapping[str, Any]]) -> None:
        """Stop listening."""
        self.listeners.discard(queue)


class Session:
    """A run, opened in the browser.

    Parameters
    ----------
    run, outputs
        The run and the folder of all runs, on this machine's file system.
    selection
        Its images.
    device
        Where it computes.
    masks
        Folder of the masks; by default `ANNOTATIONS` of the run.

    Raises
    ------
    UserError
        When files of an earlier session cannot be read.
    """

    def __init__(
        self,
        run: Run,
        outputs: LocalFolder,
        selection: Selection,
        device: str,
        masks: LocalFolder | None = None,
    ) -> None:
        place = run.folder.path()
        if place is None:
            raise UserError(f"{run.folder}: the page keeps its files on a local disk")
        folder = LocalFolder(place)
        self.run, self.outputs, self.selection, self.device = run, outputs, selection, device
        self.items: dict[str, Item] = {opaque(item.id): item for item in selection}
        if len(self.items) < selection.n_items:
            raise UserError("two images have the same identifier; rename one")
        self.places = {item.id: key for key, item in self.items.items()}
        self.folder = folder.child(PAGE)
        self.engine = Engine(run.config, run.folder, device)
        self.pointing = Pointing(run.config.propose, device)
        self.steering = Steering(self.folder, self.items.values())
        self.labelling = Labelling(
            folder.child(ANNOTATIONS) if masks is None else masks, self.folder.child("labelling")
        )
        self.hub = Hub()
        self.batch = Batch(lambda: self.hub.tell({"kind": "batch", **self.batch.plain()}))
        self.failures: dict[str, str] = {}
        chain = build_chain(run.config, run.folder, "segment")
        self.has_prior = "prior" in chain

    def close(self) -> None:
        """End what runs and delete what was only computed for looking."""
        self.batch.close()
        self.engine.__exit__(None, None, None)

    def item(self, key: str) -> Item:
        """Return an image by its opaque id; NotFoundError where there is none."""
        try:
            return self.items[key]
        except KeyError as error:
            raise NotFoundError from error

    def shape(self, item: Item) -> tuple[int, int]:
        """Return an image's height and width."""
        height, width = self.engine.picture(item).pixels.shape[:2]
        return height, width

    def wishes(self, item: Item, count: int, compactness: float | None, steered: bool) -> Wishes:
        """Return what is asked for, with the image's own factors if it is to be steered."""
        attention = self.steering.file(item.id) if steered else None
        return Wishes(count, compactness, attention)

    def default_count(self) -> int:
        """Return the number of superpixels that the page begins with."""
        return max(self.run.config.n_superpixels, default=_DEFAULT_COUNT)

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to begin."""
        config = self.run.config
        dataset = config.dataset
        has_deep = config.segment.deep_weights is not None
        balance = resolve_balance(config.segment.resolved, has_deep=has_deep)
        return {
            "run": self.run.name,
            "dataset": dataset.images or dataset.name,
            "n_items": len(self.items),
            "method": config.segment.method,
            "prior": config.propose.source if self.has_prior else "none",
            "compactness": balance.compactness,
            "count": self.default_count(),
            "counts": list(config.n_superpixels),
            "steering": self.why_not_steered(),
            "points": NOTHING_HERE if self.pointing.weights is None else None,
            "classes": self.labelling.plain_classes(),
            "batch": self.batch.plain(),
            "masks": str(self.labelling.folder),
            "table": f"{self.folder}/{TABLE}",
        }

    def list_items(self, start: int, count: int) -> list[dict[str, Any]]:
        """Return some images with their states, in order."""
        keys = list(self.items)[start : start + count]
        return [self.state(key) for key in keys]

    def state(self, key: str) -> dict[str, Any]:
        """Return what the list shows of an image."""
        item = self.item(key)
        return {
            "id": key,
            "name": item.id,
            "labelled": self.labelling.is_labelled(item),
            "factors": self.steering.count(item.id),
            "failure": self.failures.get(key),
        }

    def note_failure(self, key: str, error: Exception) -> str:
        """Remember why an image cannot be worked on, and return it without paths."""
        text = one_line(error)
        for source in (self.item(key).image, None):
            path = getattr(source, "path", None)
            if path is not None:
                text = text.replace(str(path), path.name)
        self.failures[key] = text
        return text

    def is_whole(self, item: Item) -> bool:
        """Say whether an image is segmented as a whole, not by blocks."""
        height, width = self.shape(item)
        return height * width <= self.run.config.segment.block_pixels

    def why_not_steered(self, item: Item | None = None) -> str | None:
        """Return why factors mean nothing in this run, or for an image; None where they do."""
        if not (self.run.config.segment.uses_prior and self.has_prior):
            return "Steering needs objects: open the page with a prior, such as --prior contour."
        if item is not None and not self.is_whole(item):
            return "This image is too large to be steered: it is segmented by blocks."
        return None

    def batch_command(self, wanted: StartBatch) -> Command:
        """Return the command that does with all images what the page shows."""
        arguments = ["run", "--outputs", str(self.outputs), "--run", self.run.name]
        arguments += ["-k", ",".join(map(str, wanted.counts)), "--device", self.device]
        if wanted.nested:
            arguments += ["--method", "spam-nested"]
        if self.selection.limit is not None:
            arguments += ["--limit", str(self.selection.limit)]
        if wanted.compactness is not None:
            arguments += ["--set", f"segment.compactness={wanted.compactness:g}"]
        if any(self.steering.count(item.id) for item in self.items.values()):
            arguments += ["--attention", f"{self.folder}/{TABLE}"]
        return Command(arguments)


def opaque(item_id: str) -> str:
    """Return the name under which the browser knows an image: never a path."""
    return hashlib.sha256(item_id.encode()).hexdigest()[:20]
