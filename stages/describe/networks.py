"""Superpixels as graphs of other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx
    from torch_geometric.data import Data

_NAMES = ("id", "image", "object")
"""Columns that say what a superpixel is called rather than what it is like."""

_ENDS = ("image", "source", "target")
"""Columns that say what an edge is between."""


def to_networkx(table: pd.DataFrame, edges: pd.DataFrame) -> networkx.Graph:
    """Return a graph of networkx.

    Parameters
    ----------
    table
        Of one image, as `spam_pipe.table` makes it or ``spam-pipe export --what graph`` writes its
        nodes: a node per row, called by its ``id``, with the other columns as attributes.
    edges
        Of the same image, as `spam_pipe.graph` makes it: an undirected edge per row, with all
        columns but ``source`` and ``target`` as attributes.

    Raises
    ------
    ValueError
        When the table is of several images, or an edge ends at a superpixel that it does not have.

    Notes
    -----
    Rows may be in any order. Of a table from which rows were taken out, take the edges first that
    end at them: ``edges[edges[["source", "target"]].isin({*table["id"]}).all(axis=1)]``.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> labels = np.array([[0, 0, 1], [0, 0, 1]])
    >>> figures, edges = spam_pipe.table(labels), spam_pipe.graph(labels)
    >>> made = spam_pipe.to_networkx(figures, edges)
    >>> made.nodes[1]["area"], made.edges[0, 1]
    (2, {'border_length': 2})
    """
    import networkx

    _rows_of_ends(table, edges)
    made = networkx.Graph()
    rows = table.drop(columns="id").to_dict("records")
    made.add_nodes_from(zip(table["id"].tolist(), rows, strict=True))
    attributes = _figures(edges).to_dict("records")
    ends = (edges["source"].tolist(), edges["target"].tolist())
    made.add_edges_from(zip(*ends, attributes, strict=True))
    return made


def to_torch_geometric(
    table: pd.DataFrame, edges: pd.DataFrame, columns: Sequence[str] | None = None
) -> Data:
    """Return a graph of PyTorch Geometric.

    Parameters
    ----------
    table, edges
        As for `to_networkx`.
    columns
        Which columns of the table are a node's features; by default all but names (``id``,
        ``image``, ``object``).

    Returns
    -------
    ``x`` (n, F) float32; ``edge_index`` (2, 2E) int64, rows of the table, each border in both
    directions; ``edge_attr`` (2E, A) float32, the columns of `edges` but ``source`` and
    ``target``; ``pos`` (n, 2) float32, the centroids' column and row; ``id`` (n,) int64.

    Raises
    ------
    ModuleNotFoundError
        When PyTorch Geometric is not installed; it says what to install.
    ValueError
        As for `to_networkx`.

    Examples
    --------
    >>> import numpy as np
    >>> import spam_pipe
    >>> labels = np.array([[0, 0, 1], [0, 0, 1]])
    >>> figures, edges = spam_pipe.table(labels), spam_pipe.graph(labels)
    >>> spam_pipe.to_torch_geometric(figures, edges, ["area"])  # doctest: +SKIP
    Data(x=[2, 1], edge_index=[2, 2], edge_attr=[2, 1], pos=[2, 2], id=[2])
    """
    import torch

    try:
        from torch_geometric.data import Data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "graphs for PyTorch Geometric need it: pip install 'spam-pipe[graph]'"
        ) from error

    ends = _rows_of_ends(table, edges)
    kept = [name for name in table.columns if name not in _NAMES] if columns is None else columns
    weights = _figures(edges).to_numpy(np.float32)
    return Data(
        x=torch.tensor(table[[*kept]].to_numpy(np.float32)),
        edge_index=torch.tensor(np.concatenate([ends, ends[::-1]], axis=1)),
        edge_attr=torch.tensor(np.concatenate([weights, weights])),
        pos=torch.tensor(table[["column", "row"]].to_numpy(np.float32)),
        id=torch.tensor(table["id"].to_numpy(np.int64)),
    )


def _figures(edges: pd.DataFrame) -> pd.DataFrame:
    return edges[[name for name in edges.columns if name not in _ENDS]]


def _rows_of_ends(table: pd.DataFrame, edges: pd.DataFrame) -> NDArray[np.int64]:
    """Return the (2, E) rows of the table that edges join; the rows may have any order.

    Raises
    ------
    ValueError
        When the table is of several images, or an edge ends at a superpixel that it does not have.
    """
    ids = pd.Index(table["id"])
    if ids.has_duplicates:
        raise ValueError("a table of several images: take the rows of one, and its edges")
    if "image" in table and "image" in edges and not edges["image"].isin(table["image"]).all():
        raise ValueError("the edges are of another image than the table")
    ends = np.stack([ids.get_indexer(edges[name]) for name in ("source", "target")])
    lost = (ends < 0).any(axis=0)
    if lost.any():
        first = edges[["source", "target"]][lost].iloc[0]
        raise ValueError(
            f"{int(lost.sum())} of {len(edges)} edges end at superpixels that the table does not "
            f"have, such as {first['source']}-{first['target']}: keep the others with "
            'edges[edges[["source", "target"]].isin({*table["id"]}).all(axis=1)]'
        )
    return np.asarray(ends, np.int64)
