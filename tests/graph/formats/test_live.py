"""PyG's loaders on a live Neo4j see the graph that is there, and the same as on a snapshot."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from graph.database.driver import Graph
from graph.errors import GraphError
from graph.settings import Settings
from tests import checkerboard, checkerboard_graph

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

WATCHED = ("User", "WATCHED", "Content")
TYPES = ("WATCHED", "FOLLOWS", "USES")


@pytest.fixture(scope="module")
def live(graph: Graph, session_settings: Settings) -> Iterator[Any]:
    from graph.formats.live import LiveGraph

    checkerboard_graph.load(graph)
    opened = LiveGraph(session_settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def stores(live: Any) -> Any:
    from graph.formats.live import LiveFeatures, LiveTopology

    return LiveFeatures(live), LiveTopology(live)


def named(live: Any, nodes: Any, edges: Any, kind: tuple[str, str, str]) -> set[tuple[str, str]]:
    """The edges of a batch by the ids of their ends."""
    source, target = live.ids(kind[0]), live.ids(kind[2])
    return {
        (source[int(nodes[kind[0]].n_id[row])], target[int(nodes[kind[2]].n_id[column])])
        for row, column in zip(*edges.tolist(), strict=True)
    }


def true_watches() -> set[tuple[str, str]]:
    return {(checkerboard.users()[u], checkerboard.contents()[k]) for u, k in checkerboard.watched_pairs()}


def test_features_are_those_of_the_nodes_however_they_are_asked_for(live: Any, stores: Any) -> None:
    import torch

    features, _ = stores
    whole = features.get_tensor(group_name="Content", attr_name="x", index=None)
    assert tuple(whole.shape) == features.get_tensor_size(group_name="Content", attr_name="x")
    ids = live.ids("Content")
    made = {f"keaks/k{n:03d}": float(np.float32(checkerboard_graph.DAY + n * 60_000)) for n in range(checkerboard.SIZE)}
    assert {id_: float(row.max()) for id_, row in zip(ids, whole, strict=True) if id_ in made} == made
    for index in (torch.tensor([3, 0, 3]), slice(2, 5)):
        assert torch.equal(features.get_tensor(group_name="Content", attr_name="x", index=index), whole[index])


def test_edges_are_those_of_the_graph_in_both_directions(live: Any, stores: Any) -> None:
    _, topology = stores
    users, contents = live.ids("User"), live.ids("Content")
    rows, columns = topology.get_edge_index(WATCHED, "coo")
    assert {(users[u], contents[k]) for u, k in zip(rows.tolist(), columns.tolist(), strict=True)} == true_watches()
    back, forth = topology.get_edge_index(("Content", "rev_WATCHED", "User"), "coo")
    assert back.tolist() == columns.tolist()
    assert forth.tolist() == rows.tolist()
    with pytest.raises(KeyError):
        topology.get_edge_index(("User", "NOTHING", "User"), "coo")


def test_a_node_loader_draws_neighbours_that_are_there(live: Any, stores: Any) -> None:
    from torch_geometric.loader import NodeLoader

    from graph.formats.sampler import NeighbourSampler

    sampler = NeighbourSampler(live, [3, 2], TYPES)
    seen = 0
    for batch in NodeLoader(stores, sampler, input_nodes="Content", batch_size=8):
        assert batch.validate()
        assert batch["Content"].x.shape[0] == batch["Content"].n_id.numel()
        edges = batch[WATCHED].edge_index
        assert named(live, batch, edges, WATCHED) <= true_watches()
        assert np.bincount(edges[1].numpy()).max() <= 3
        first = batch["Content"].n_id[: batch["Content"].batch_size]
        assert first.tolist() == batch["Content"].input_id.tolist()
        assert len(set(batch["Content"].n_id.tolist())) == batch["Content"].n_id.numel()
        seen += batch["Content"].batch_size
    assert seen == len(live.ids("Content"))


def test_a_link_loader_draws_around_both_ends_and_adds_negatives(live: Any, stores: Any) -> None:
    from torch_geometric.loader import LinkLoader

    from graph.formats.sampler import NeighbourSampler

    links = LinkLoader(
        stores,
        NeighbourSampler(live, [2], TYPES),
        edge_label_index=(WATCHED, None),
        neg_sampling="binary",
        batch_size=16,
    )
    seen = set()
    for batch in links:
        label, ends = batch[WATCHED].edge_label, batch[WATCHED].edge_label_index
        size = len(label) // 2
        assert label.tolist() == [1.0] * size + [0.0] * size
        seen |= named(live, batch, ends[:, label > 0], WATCHED)
    assert seen == true_watches()


def test_a_snapshot_and_the_graph_give_the_same_neighbourhood(live: Any) -> None:
    from graph.formats.sampler import SnapshotNeighbours

    made = checkerboard.snapshot()
    drawn = SnapshotNeighbours(made)
    for kind, label in ((WATCHED, "Content"), (("Content", "rev_WATCHED", "User"), "User")):
        wanted = made.nodes[label].ids.to_list()
        place = {id_: nid for nid, id_ in enumerate(live.ids(label))}
        others = live.ids(kind[0])
        targets, sources = live.neighbours(kind, np.array([place[id_] for id_ in wanted]), 50)
        of_graph = {(wanted[t], others[s]) for t, s in zip(targets.tolist(), sources.tolist(), strict=True)}
        targets, sources = drawn.neighbours(kind, made.nodes[label].nids(wanted), 50)
        names = made.nodes[kind[0]].ids
        assert of_graph == {(wanted[t], names[s]) for t, s in zip(targets.tolist(), sources.tolist(), strict=True)}
        targets, _ = drawn.neighbours(kind, np.arange(4), 2)
        assert np.bincount(targets).tolist() == [2, 2, 2, 2]


def test_another_process_opens_its_own_connection(live: Any) -> None:
    copy = pickle.loads(pickle.dumps(live))
    assert copy._open is None
    assert copy.ids("User") == live.ids("User")
    copy.close()


def test_who_came_later_is_an_error_and_not_left_out(graph: Graph, live: Any) -> None:
    place = live.ids("Content").index("keaks/k000")
    graph.write("load/users", deadline_ms=0, rows=[{"id": "late", "properties": {}}])
    watch = [["late", [["keaks/k000", 1.0, False, False, False, 1, 1, 1]]]]
    graph.write("load/watched", deadline_ms=0, rows=watch, most=1_000)
    with pytest.raises(GraphError, match="came after this graph was opened"):
        live.neighbours(WATCHED, np.array([place]), 50)
