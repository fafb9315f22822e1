"""Graphs as the libraries have them that people compute on graphs with."""

import doctest
from importlib import import_module

import networkx
import numpy as np
import pandas as pd
import pytest

import spam_pipe
from spam_pipe.stages.describe.graph import graph
from spam_pipe.stages.describe.networks import to_networkx, to_torch_geometric
from spam_pipe.stages.describe.table import table

LABELS = np.array([[3, 3, 8, 8], [3, 5, 5, 8], [3, 5, 5, 8]], np.uint16)
IMAGE = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
CONTOUR = np.random.default_rng(1).random((3, 4), np.float32)


def test_networkx_has_the_nodes_the_borders_and_their_figures() -> None:
    figures, edges = table(LABELS, IMAGE), graph(LABELS, IMAGE, contour=CONTOUR)
    made = to_networkx(figures, edges)
    assert sorted(made.nodes) == [3, 5, 8]
    assert sorted(made.edges) == [(3, 5), (3, 8), (5, 8)]
    assert made.nodes[5]["area"] == 4
    assert made.edges[8, 3]["border_length"] == 1
    assert made.edges[3, 5]["contour"] == pytest.approx(edges["contour"][0])
    assert networkx.is_connected(made)
    weighted = networkx.shortest_path(made, 3, 8, weight="color_distance")
    assert weighted[0] == 3


def test_a_superpixel_without_neighbours_is_a_node() -> None:
    labels = np.array([[0, -1, 1]])
    made = to_networkx(table(labels), graph(labels))
    assert (sorted(made.nodes), made.number_of_edges()) == ([0, 1], 0)


def test_torch_geometric_has_features_and_both_directions() -> None:
    pytest.importorskip("torch_geometric", reason="needs the extra graph")
    from torch_geometric.utils import to_networkx as their_networkx

    figures, edges = table(LABELS, IMAGE), graph(LABELS, IMAGE, contour=CONTOUR)
    made = to_torch_geometric(figures, edges)
    made.validate(raise_on_error=True)
    assert made.is_undirected()
    assert (made.num_nodes, made.num_edges) == (3, 6)
    assert made.x.shape == (3, len(figures.columns) - 1)
    assert made.edge_attr.shape == (6, 3)
    assert made.edge_index[:, :3].tolist() == [[0, 0, 1], [1, 2, 2]]
    assert made.id.tolist() == [3, 5, 8]
    np.testing.assert_allclose(made.pos, figures[["column", "row"]], rtol=1e-6)
    assert their_networkx(made, to_undirected=True).number_of_edges() == 3


def test_the_nodes_features_can_be_chosen() -> None:
    pytest.importorskip("torch_geometric", reason="needs the extra graph")
    made = to_torch_geometric(table(LABELS, IMAGE), graph(LABELS), ["area", "mean_red"])
    assert made.x[:, 0].tolist() == [4, 4, 4]
    assert made.edge_attr.shape == (6, 1)


def test_several_images_are_not_one_graph() -> None:
    twice = pd.concat([table(LABELS), table(LABELS)])
    for convert in (to_networkx, to_torch_geometric):
        with pytest.raises(ValueError, match="several images: take the rows of one"):
            convert(twice, graph(LABELS))


@pytest.mark.parametrize("name", ["table", "graph", "polygons", "networks"])
def test_the_examples_are_true(name: str) -> None:
    failed, tried = doctest.testmod(import_module(f"spam_pipe.stages.describe.{name}"))
    assert tried
    assert not failed


def test_the_functions_are_public() -> None:
    assert spam_pipe.table is table
    assert spam_pipe.graph is graph
    assert spam_pipe.to_networkx is to_networkx
    assert spam_pipe.to_torch_geometric is to_torch_geometric


@pytest.mark.parametrize("order", [[2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_rows_in_another_order_are_the_same_graph(order: list[int]) -> None:
    pytest.importorskip("torch_geometric", reason="needs the extra graph")
    figures, edges = table(LABELS, IMAGE), graph(LABELS, IMAGE)
    sorted_rows = figures.iloc[order].reset_index(drop=True)
    made = to_torch_geometric(sorted_rows, edges)
    ends = made.id[made.edge_index].T.tolist()
    assert {tuple(pair) for pair in ends} == {(3, 5), (3, 8), (5, 8), (5, 3), (8, 3), (8, 5)}
    assert made.edge_attr[:3, 0].tolist() == edges["border_length"].tolist()
    nodes = to_networkx(sorted_rows, edges).nodes
    assert nodes[8]["area"] == figures.set_index("id")["area"][8]


@pytest.mark.parametrize("convert", [to_networkx, to_torch_geometric])
def test_edges_to_rows_that_were_taken_out_are_refused(convert) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("torch_geometric", reason="needs the extra graph")
    figures, edges = table(LABELS, IMAGE), graph(LABELS, IMAGE)
    kept = figures[figures["id"] != 5]
    with pytest.raises(ValueError, match=r"2 of 3 edges end at .* such as 3-5") as refused:
        convert(kept, edges)
    _, advice = str(refused.value).split("keep the others with ")
    left = eval(advice, {"edges": edges, "table": kept})
    assert left[["source", "target"]].to_numpy().tolist() == [[3, 8]]
    made = convert(kept, left)
    assert (made.number_of_edges() if convert is to_networkx else made.num_edges // 2) == 1
