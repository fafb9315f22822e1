"""A hierarchy of superpixels as users hold it: levels, nodes, cuts, files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.showing import as_html
from spam_pipe.stages.base import Output
from spam_pipe.stages.hierarchy.cuts import (
    check_cut,
    densest_cut,
    labels_of_cut,
    least_cut,
    shared_cut,
)
from spam_pipe.stages.hierarchy.saliency import saliency_map
from spam_pipe.stages.regions.tree import check_tree, level_of_regions, sum_over_nodes
from spam_pipe.stages.segment.stored import labels_of, stored_labels

if TYPE_CHECKING:
    import networkx

_ARRAYS = ("labels", "parents", "altitudes")


class Hierarchy:
    """Nested superpixels of one image: a level of exactly k regions for each k from 1 to n.

    Node i < n of the tree is superpixel i of the finest level; node n + j is made by merge j, and
    the root is node 2n - 2. The level of k regions is what stands after the first n - k merges.

    Parameters
    ----------
    labels
        (H, W) integers 0..n-1, the finest level; -1 outside of the mask.
    parents
        (2n - 1,) integers: each node's parent; the root is its own. Higra's convention.
    altitudes
        (2n - 1,) numbers, 0 for the superpixels and never falling from there on.

    Raises
    ------
    ValueError
        When the three do not belong together.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> image = np.zeros((40, 60, 3), np.uint8)
    >>> image[:, 30:] = 200, 60, 40
    >>> made = spam_pipe.hierarchy(image, 20)
    >>> [int(made.labels(k).max()) + 1 for k in (1, 2, 7, 20)]
    [1, 2, 7, 20]
    >>> made.children(made.root).size
    2
    """

    def __init__(self, labels: ArrayLike, parents: ArrayLike, altitudes: ArrayLike) -> None:
        finest, tree = np.asarray(labels), np.asarray(parents)
        heights = np.asarray(altitudes, np.float64)
        if finest.ndim != 2 or finest.dtype.kind not in "iu" or tree.dtype.kind not in "iu":
            raise ValueError("a hierarchy has (H, W) integer labels and (2n - 1,) integer parents")
        check_tree(tree, heights)
        n = (len(tree) + 1) // 2
        if finest.size == 0 or finest.max() != n - 1 or finest.min() < -1:
            raise ValueError(f"a tree of {n} superpixels is not that of these labels")
        self._areas = np.bincount(finest[finest >= 0].ravel(), minlength=n)
        if not self._areas.all():
            raise ValueError(f"a tree of {n} superpixels is not that of these labels")
        self._finest = np.ascontiguousarray(finest, np.int32)
        # Of the smallest type, with what is outside in front: a level is one gather from it.
        self._index = (self._finest + 1).astype(np.uint16 if n < 65535 else np.uint32)
        self._parents = tree.astype(np.int32)
        self._altitudes = heights
        for array in (self._finest, self._index, self._parents, self._altitudes):
            array.flags.writeable = False

    @property
    def n_finest(self) -> int:
        """Number of superpixels of the finest level, n."""
        return (len(self._parents) + 1) // 2

    @property
    def root(self) -> int:
        """The node of the whole image, 2n - 2."""
        return len(self._parents) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self._finest.shape
        return height, width

    @property
    def parents(self) -> NDArray[np.int32]:
        """(2n - 1,) int32, read-only: the parent of each node."""
        return self._parents

    @property
    def altitudes(self) -> NDArray[np.float64]:
        """(2n - 1,) float64, read-only: 0 for superpixels; of a merge the edge of a mean region.

        That is sqrt(N/k) pixels where k regions of N pixels are left after it.
        """
        return self._altitudes

    @property
    def areas(self) -> NDArray[np.int64]:
        """(2n - 1,) int64: pixels of each node."""
        return sum_over_nodes(self._areas, self._parents).astype(np.int64)

    def labels(
        self, n_superpixels: int | None = None, *, start_label: int = 0
    ) -> NDArray[np.int64]:
        """Return a level.

        Parameters
        ----------
        n_superpixels
            How many regions, 1..n; the finest level by default.
        start_label
            As for `spam_pipe.segment`.

        Returns
        -------
        (H, W) int64 labels 0..k-1 in the order of each region's smallest finest label; -1 outside
        of the mask. With ``start_label=1`` they are one more.

        Raises
        ------
        ValueError
            When there is no such level.
        """
        k = self.n_finest if n_superpixels is None else n_superpixels
        if int(k) != k:
            raise ValueError(f"a level is a whole number of superpixels, not {k}")
        return self._gather(level_of_regions(self._parents, int(k)), start_label)

    def children(self, node: int) -> NDArray[np.int64]:
        """Return the two nodes that a node was merged from; none for a finest superpixel.

        Raises
        ------
        ValueError
            When there is no such node.
        """
        if not 0 <= node <= self.root:
            raise ValueError(f"the nodes are 0 to {self.root}: there is no {node}")
        below = np.flatnonzero(self._parents == node)
        found: NDArray[np.int64] = below[below != node]
        return found

    def cut(
        self,
        weights: ArrayLike | None = None,
        n_superpixels: int | None = None,
        *,
        energy: ArrayLike | None = None,
        objects: ArrayLike | None = None,
        counts: Mapping[int, int] | None = None,
        nodes: ArrayLike | None = None,
        start_label: int = 0,
    ) -> NDArray[np.int64]:
        """Return labels of any cut through the tree, coarse here and fine there.

        Parameters
        ----------
        weights, n_superpixels
            (H, W) positive numbers: so many regions in all, smaller where weights are high.
        energy
            (2n - 1,) numbers: the cut whose nodes' energies have the least sum, the coarser of
            equal ones.
        objects, counts
            (H, W) integers, and how many regions each object named is to have. Finest
            superpixels belong to the object that most of their pixels are of; what is of none
            that is named stays as coarse as it can.
        nodes
            Nodes of a cut of your own: each finest superpixel is below exactly one.
        start_label
            As for `spam_pipe.segment`.

        Returns
        -------
        (H, W) int64 labels, numbered as in `labels`.

        Raises
        ------
        ValueError
            When the arguments say no cut, or none that there is.
        """
        given = [weights is not None, energy is not None, counts is not None, nodes is not None]
        if sum(given) != 1:
            raise ValueError("a cut is said by one of weights, energy, counts with objects, nodes")
        if weights is not None:
            if n_superpixels is None:
                raise ValueError("a cut by weights needs n_superpixels, how many regions in all")
            mass = self._mean(weights, "weights")
            chosen = densest_cut(self._parents, self._altitudes, mass, int(n_superpixels))
        elif energy is not None:
            chosen = least_cut(self._parents, np.asarray(energy, np.float64))
        elif counts is not None:
            if objects is None:
                raise ValueError("a cut by counts needs objects, an (H, W) map of them")
            chosen = shared_cut(self._parents, self._owners(objects), counts)
        else:
            chosen = check_cut(self._parents, np.asarray(nodes))
        return self._gather(labels_of_cut(self._parents, chosen), start_label)

    def saliency(self) -> NDArray[np.uint16]:
        """Return the (2H - 1, 2W - 1) saliency map: how coarse a level each border stays in.

        Pixels stand at even rows and columns, the sides and corners between them at odd ones
        (Khalimsky's grid, as in higra). 0 where there is no border; 65535 for the last that goes,
        and so down in proportion to the altitude at which a border goes.
        """
        return saliency_map(self._finest, self._parents, self._altitudes)

    def to_networkx(self) -> networkx.DiGraph:
        """Return the tree: an edge from each node to each of its children.

        Nodes have ``altitude`` and ``area``.
        """
        import networkx

        made = networkx.DiGraph()
        figures = zip(self._altitudes.tolist(), self.areas.tolist(), strict=True)
        for node, (altitude, area) in enumerate(figures):
            made.add_node(node, altitude=altitude, area=area)
        made.add_edges_from((int(above), node) for node, above in enumerate(self._parents[:-1]))
        return made

    def save(self, path: str | Path) -> None:
        """Write the hierarchy: a Zarr group where the name ends in .zarr, else an .npz file."""
        labels, kind = stored_labels(self._finest)
        arrays = {"labels": labels, "parents": self._parents, "altitudes": self._altitudes}
        if Path(path).suffix == ".zarr":
            import zarr

            group = zarr.open_group(Path(path), mode="w")
            for name, array in arrays.items():
                group.create_array(name, data=np.ascontiguousarray(array))
            group.attrs.update(kind)
            return
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays, **kind)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Hierarchy:
        """Read what `save` or ``spam-pipe export --what hierarchy`` wrote.

        Raises
        ------
        ValueError
            When the file holds no hierarchy.
        """
        if Path(path).suffix == ".zarr":
            import zarr

            group = zarr.open_group(Path(path), mode="r")
            found = {name: np.asarray(array[...]) for name, array in group.arrays()}
            attributes = dict(group.attrs)
        else:
            with np.load(Path(path), allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
            attributes = {"start_label": int(found.pop("start_label", np.int64(0)))}
        if missing := [name for name in _ARRAYS if name not in found]:
            raise ValueError(f"{path} holds no hierarchy: it has no {missing[0]}")
        labels = labels_of(Output(found, attributes))
        try:
            return cls(labels, found["parents"], found["altitudes"])
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def __repr__(self) -> str:
        height, width = self.shape
        return f"Hierarchy of {self.n_finest} superpixels of an image of {height} × {width} pixels"

    def _repr_html_(self) -> str:
        strength = (self.saliency() >> 8).astype(np.uint8)
        return as_html(f"{self!r}: the darker a border, the longer it stays", 255 - strength)

    def _gather(self, lookup: NDArray[np.int32], start_label: int) -> NDArray[np.int64]:
        if start_label not in (0, 1):
            raise ValueError(f"start_label is 0 or 1, not {start_label}")
        table = np.empty(len(lookup) + 1, np.int64)
        table[0] = start_label - 1
        table[1:] = lookup + np.int64(start_label)
        gathered: NDArray[np.int64] = table[self._index]
        return gathered

    def _mean(self, values: ArrayLike, name: str) -> NDArray[np.float64]:
        """Return the (2n - 1,) mean of positive numbers per pixel in each node."""
        pixels = np.asarray(values, np.float64)
        if pixels.shape != self.shape:
            raise ValueError(f"{name} are of shape {pixels.shape} where the image is {self.shape}")
        inside = self._finest >= 0
        if not (np.isfinite(pixels[inside]).all() and (pixels[inside] > 0).all()):
            raise ValueError(f"{name} are positive numbers")
        sums = np.bincount(self._finest[inside], pixels[inside], self.n_finest)
        means: NDArray[np.float64] = sum_over_nodes(sums, self._parents) / self.areas
        return means

    def _owners(self, objects: ArrayLike) -> NDArray[np.int64]:
        """Return the (n,) object that most pixels of each finest superpixel are of."""
        named = np.asarray(objects)
        if named.shape != self.shape or named.dtype.kind not in "iu":
            raise ValueError(
                f"objects are integers of the image's shape {self.shape}, not {named.dtype} of "
                f"shape {named.shape}"
            )
        inside = self._finest >= 0
        ids, rank = np.unique(named[inside], return_inverse=True)
        pairs, counts = np.unique(
            self._finest[inside].astype(np.int64) * ids.size + rank, return_counts=True
        )
        order = np.lexsort((-pairs, counts, pairs // ids.size))
        owners = np.empty(self.n_finest, np.int64)
        owners[pairs[order] // ids.size] = ids[pairs[order] % ids.size]
        return owners
