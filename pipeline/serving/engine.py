"""What the page has computed: the very stages of a batch, on one image at a time.

Results are taken from the run's stores where a batch has made them; else they are made in a
folder of the engine's own, which goes when the server ends. So what the page shows is what the
batch gives, to the byte, and nothing of the page is ever mistaken for a run's result.
"""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from spam_pipe.pipeline.configuration.run_config import RunConfig, resolve
from spam_pipe.pipeline.errors import DataError
from spam_pipe.pipeline.items import Item, Picture
from spam_pipe.pipeline.running.jobs import Context, Job
from spam_pipe.pipeline.running.parts import find_factors
from spam_pipe.pipeline.running.plan import plan
from spam_pipe.pipeline.running.work import perform
from spam_pipe.pipeline.runs.chain import Chain, build_chain, describe
from spam_pipe.pipeline.store.folder import Folder, LocalFolder
from spam_pipe.stages.attention.user_factors import Drawn, UserFactors

_PICTURES = 3
"""Decoded images that are kept."""


@dataclass(frozen=True, eq=False)
class Superpixels:
    """Superpixels of one image as a run has them.

    Attributes
    ----------
    labels
        (H, W) uint16 or uint32, as stored.
    start_label
        Smaller labels are outside of the image's valid pixels.
    objects
        (H, W) the prior's objects for this number, 0 = uncertain; None without a prior.
    factors
        By object: how many times its share it was asked to get; without attention by a file, none.
    note
        What the method had to say.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    start_label: int
    objects: NDArray[np.integer[Any]] | None
    factors: Mapping[int, float]
    note: str


@dataclass(frozen=True, eq=False)
class Tree:
    """All levels of an image at once, as `spam_pipe.Hierarchy` has them.

    Attributes
    ----------
    labels
        (H, W) uint16 or uint32 of the finest level, as stored.
    start_label
        1 where label 0 is outside of the image's valid pixels.
    parents
        (2n - 1,) int32: node i < n is superpixel i, node n + j is made by merge j, the root is
        its own parent.
    altitudes
        (2n - 1,) float32, never falling from a node to its parent.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    start_label: int
    parents: NDArray[np.int32]
    altitudes: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Wishes:
    """What a user asks for on the page.

    Attributes
    ----------
    count
        Number of superpixels.
    compactness
        Weight of the position; None for the run's.
    attention
        File of factors; None for the run's own attention.
    """

    count: int
    compactness: float | None = None
    attention: Path | None = None


class Engine:
    """The stages of a run, for one image at a time.

    `pictures` may be asked for from any thread; all else belongs on the engine's own `thread`,
    one after the other, as the kernels take all cores.

    Parameters
    ----------
    config
        The run's.
    run
        The run's folder, whose results are used where they are up to date.
    device
        Where it computes.
    """

    def __init__(self, config: RunConfig, run: Folder, device: str) -> None:
        self.config = config
        self.run = run
        self.device = device
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="spam-pipe-engine")
        self._place = tempfile.TemporaryDirectory(prefix="spam-pipe-page-")
        self.scratch = LocalFolder(Path(self._place.name))
        self._pictures: OrderedDict[str, tuple[str, Picture]] = OrderedDict()
        self._reading = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.thread.shutdown(wait=True, cancel_futures=True)
        self._place.cleanup()

    def picture(self, item: Item) -> Picture:
        """Return an image, decoded once while it is looked at.

        Raises
        ------
        DataError
            When it cannot be read.
        """
        signature = item.image.signature()
        with self._reading:
            known = self._pictures.get(item.id)
            if known is None or known[0] != signature:
                known = signature, item.image.picture()
                self._pictures[item.id] = known
            self._pictures.move_to_end(item.id)
            while len(self._pictures) > _PICTURES:
                self._pictures.popitem(last=False)
        return known[1]

    def warm_up(self) -> None:
        """Load networks and compile kernels before somebody waits for them."""
        from spam_pipe.stages.registry import stage

        for config in (self.config, _nested(self.config)):
            for name, link in build_chain(config, self.run, "segment").items():
                stage(name).setup(link.config, self.device)

    def superpixels(self, item: Item, wishes: Wishes) -> Superpixels:
        """Return superpixels as `spam-pipe segment` makes them with the same options.

        Raises
        ------
        DataError
            When a stage fails on the image; the reason is the batch's own.
        """
        config = self.configured(wishes)
        chain, output = self._output(item, config, "segment")
        labels = output.arrays["labels"]
        count = int(output.attributes.get("n_requested", wishes.count))
        said = find_factors(config.segment.attention, item.id)
        wanted = UserFactors() if said is None else said.read()
        objects = output.arrays.get("objects")  # of a large image, or with drawn ones
        if objects is None:
            objects = self._objects(item, config, chain, count, wanted.drawn)
        factors: Mapping[int, float] = {}
        if said is not None and objects is not None:
            factors = self._factors(item, config, wanted, objects, count)
        start_label = int(output.attributes.get("start_label", 0))
        note = str(output.attributes.get("note", ""))
        return Superpixels(labels, start_label, objects, factors, note)

    def objects(self, item: Item, wishes: Wishes) -> NDArray[np.integer[Any]] | None:
        """Return the (H, W) objects for a number of superpixels; None without a prior.

        Raises
        ------
        DataError
            As `superpixels`.
        """
        config = self.configured(wishes)
        chain = build_chain(config, self.scratch, "segment")
        if "prior" not in chain:
            return None
        return self._objects(item, config, chain, wishes.count)

    def tree(self, item: Item, wishes: Wishes) -> Tree:
        """Return the hierarchy of an image's superpixels, which serves every number at once.

        Raises
        ------
        DataError
            As `superpixels`, or when the image is too large for a hierarchy.
        """
        _, output = self._output(item, _nested(self.configured(wishes)), "hierarchy")
        return Tree(
            output.arrays["labels"],
            int(output.attributes.get("start_label", 0)),
            output.arrays["parents"].astype(np.int32),
            output.arrays["altitudes"].astype(np.float32),
        )

    def features(self, item: Item, wishes: Wishes) -> NDArray[np.float32] | None:
        """Return the (n, C) mean deep features of the hierarchy's finest level.

        None where the run has no network.
        """
        model = self.config.segment.deep_model(self.device)
        if model is None:
            return None
        from spam_pipe.stages.colour import rgb_to_lab
        from spam_pipe.stages.networks.memory import forward

        lab = rgb_to_lab(self.picture(item).pixels)
        deep = forward(model, item.image.digest(), lab).deep
        tree = self.tree(item, wishes)
        labels = tree.labels.ravel()
        channels = deep.reshape(labels.size, -1).T
        sums = np.stack([np.bincount(labels, each) for each in channels], axis=1)
        means = sums / np.bincount(labels)[:, np.newaxis]
        return means[tree.start_label :].astype(np.float32)

    def contour(self, item: Item) -> NDArray[np.uint8] | None:
        """Return the (H, W) strength of the prior's contours, 255 = certain; None without."""
        if "prior" not in build_chain(self.config, self.scratch, "segment"):
            return None
        found = self._output(item, self.config, "prior")[1].arrays.get("contour")
        return None if found is None else np.asarray(found, np.uint8)

    def configured(self, wishes: Wishes) -> RunConfig:
        """Return the run's configuration with a user's wishes."""
        segment: dict[str, Any] = {}
        if wishes.compactness is not None:
            segment["compactness"] = wishes.compactness
        if wishes.attention is not None:
            segment["attention"] = {"mode": "file", "file": str(wishes.attention)}
        wanted = {"n_superpixels": [wishes.count], "superpixel_size": None, "segment": segment}
        return resolve([self.config.model_dump(mode="json"), wanted])

    def _objects(
        self,
        item: Item,
        config: RunConfig,
        chain: Chain,
        count: int,
        drawn: Sequence[Drawn] = (),
    ) -> NDArray[np.integer[Any]] | None:
        from spam_pipe.stages.prior.cut import contour_of, objects_for
        from spam_pipe.stages.segment.drawn import with_drawn

        if "prior" not in chain:
            return None
        prior = self._output(item, config, "prior")[1].arrays
        if "objects" in prior:
            prior = with_drawn(prior, drawn)
        return objects_for(prior, contour_of(prior), count, config.segment)

    def _factors(
        self,
        item: Item,
        config: RunConfig,
        wanted: UserFactors,
        objects: NDArray[np.integer[Any]],
        count: int,
    ) -> Mapping[int, float]:
        """Return the mean factor of each object where it is not 1."""
        from spam_pipe.stages.attention.density import object_means
        from spam_pipe.stages.attention.factors import factor_map
        from spam_pipe.stages.prior.cut import contour_of, objects_for

        prior = self._output(item, config, "prior")[1].arrays

        def objects_at(k: int) -> NDArray[np.integer[Any]]:
            cut = objects_for(prior, contour_of(prior), k, config.segment)
            return prior["objects"] if cut is None else cut

        means = object_means(factor_map(wanted, prior["objects"], objects_at, count)[0], objects)
        return {i: round(float(f), 3) for i, f in enumerate(means, start=1) if abs(f - 1) > 1e-3}

    def _output(self, item: Item, config: RunConfig, target: str) -> tuple[Chain, Any]:
        """Return what a stage makes of an item: from the run, else from the scratch folder."""
        for folder in (self.run, self.scratch):
            chain = build_chain(config, folder, target)
            unit = chain[target].units[0]
            work = next(plan([item], chain, config, folder)).work()
            if not work:
                return chain, chain[target].store.read(item.id, unit)[1]
        for link in chain.values():
            link.store.prepare(describe(chain, link.name))
        context = Context(config.model_dump_json(), self.scratch.url, self.device)
        (outcome,) = perform((Job(item, work, context),))
        if outcome.failure is not None:
            raise DataError(f"{item.id}: {outcome.failure.message}")
        return chain, chain[target].store.read(item.id, unit)[1]


def _nested(config: RunConfig) -> RunConfig:
    """Return a configuration whose superpixels are levels of a hierarchy."""
    nested = {"segment": {"method": "spam-nested"}}
    return resolve([config.model_dump(mode="json"), nested])


def mean_colors(
    image: NDArray[np.uint8], labels: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Return the (n, 3) mean sRGB values of labels 0..n-1 and their (n,) areas in pixels."""
    flat = labels.ravel()
    areas = np.bincount(flat)
    sums = [np.bincount(flat, image[..., channel].ravel(), areas.size) for channel in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, np.newaxis]
    return means.astype(np.float32), areas.astype(np.uint32)


def per_object(
    labels: NDArray[np.integer[Any]], objects: NDArray[np.integer[Any]], start_label: int = 0
) -> Mapping[int, int]:
    """Count the superpixels of each object: of one that lies in several, in most of its pixels."""
    n = int(objects.max()) + 1
    both = np.unique(labels.ravel().astype(np.int64) * n + objects.ravel(), return_counts=True)
    own, met = np.divmod(both[0], n)
    order = np.lexsort((both[1], own))
    last = np.flatnonzero(np.diff(own[order], append=-1))
    winners = order[last]
    winners = winners[own[winners] >= start_label]
    found, counts = np.unique(met[winners], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
