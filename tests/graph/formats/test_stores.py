"""What PyG asserts of feature and graph stores in its own tests, written anew for the live graph and the snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import GraphError
from graph.settings import Settings
from graph.snapshot.export import export
from tests import checkerboard_graph
from tests.conftest import empty

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

WATCHED = ("User", "WATCHED", "Content")
LIKE_WATCHED = ("Content", "rev_WATCHED", "User")


@pytest.fixture(scope="module", params=["live", "snapshot"])
def opened(request: pytest.FixtureRequest, graph: Graph, session_settings: Settings) -> Iterator[Any]:
    """Features, topology and neighbours of the checkerboard."""
    from graph.formats.backend import SnapshotFeatures, SnapshotTopology
    from graph.formats.live import LiveFeatures, LiveGraph, LiveTopology
    from graph.formats.sampler import SnapshotNeighbours

    empty(graph)
    checkerboard_graph.load(graph)
    if request.param == "snapshot":
        export(graph, session_settings.snapshot_path, session_settings)
        held = snapshots.load(session_settings.snapshot_path)
        yield SnapshotFeatures(held), SnapshotTopology(held), SnapshotNeighbours(held)
        return
    live = LiveGraph(session_settings)
    yield LiveFeatures(live), LiveTopology(live), live
    live.close()


def test_a_tensor_is_the_same_however_it_is_asked_for(opened: Any) -> None:
    import torch
    from torch_geometric.data import TensorAttr
    from torch_geometric.data.feature_store import AttrView

    features, _, _ = opened
    some = torch.tensor([0, 2])
    whole = features.get_tensor(TensorAttr("User", "x", None))
    assert whole.shape == features.get_tensor_size(TensorAttr("User", "x")) == features.get_tensor_size("User", "x")
    assert torch.equal(features.get_tensor("User", "x", index=some), whole[some])
    for asked in (features["User", "x", None], features["User", "x", :], features["User"]["x"][:]):
        assert torch.equal(asked, whole)
    for asked in (features["User"].x[:], features.view().User.x[:]):
        assert torch.equal(asked, whole)
    assert torch.equal(features["User", "x", some], whole[some])
    several = features.multi_get_tensor([TensorAttr("User", "x", some), TensorAttr("Content", "x", None)])
    assert torch.equal(several[0], whole[some])
    assert torch.equal(several[1], features["Content", "x", None])
    assert {attr.group_name for attr in features.get_all_tensor_attrs()} >= {"User", "Content", "Genre"}

    view = features.view(group_name="User")
    view.attr_name = "x"
    view["index"] = some
    assert view == AttrView(features, TensorAttr("User", "x", some))
    assert (view == 0) is False
    assert "group_name='User', attr_name='x'" in repr(view)
    assert features["User"] == features.view(TensorAttr(group_name="User"))
    assert features["User"].x == features.view(TensorAttr(group_name="User", attr_name="x"))
    with pytest.raises(AttributeError):
        _ = features.view(group_name="User", index=None).x.Content


@pytest.mark.parametrize(("label", "name"), [("Nobody", "x"), ("User", "y")])
def test_a_tensor_that_is_not_there_is_an_error(opened: Any, label: str, name: str) -> None:
    features, _, _ = opened
    with pytest.raises(KeyError):
        features.get_tensor(label, name, None)
    with pytest.raises(KeyError):
        _ = features[label, name, :]
    with pytest.raises(KeyError):
        features.get_tensor_size(label, name)


def test_nothing_can_be_put_changed_or_removed(opened: Any) -> None:
    import torch

    features, topology, _ = opened
    tensor, edges = torch.zeros(2, 1), (torch.tensor([0]), torch.tensor([0]))
    for write in (
        lambda: features.put_tensor(tensor, "User", "x", None),
        lambda: features.update_tensor(tensor, "User", "x", None),
        lambda: features.remove_tensor("User", "x", None),
        lambda: features.__setitem__(("User", "x", None), tensor),
        lambda: features.__delitem__(("User", "x", None)),
        lambda: topology.put_edge_index(edges, WATCHED, "coo"),
        lambda: topology.remove_edge_index(WATCHED, "coo"),
        lambda: topology.__setitem__((WATCHED, "coo"), edges),
        lambda: topology.__delitem__((WATCHED, "coo")),
    ):
        with pytest.raises(NotImplementedError):
            write()  # type: ignore[no-untyped-call]


def test_edges_are_the_same_in_every_layout(opened: Any) -> None:
    import torch
    from torch_geometric.data.remote_backend_utils import num_nodes

    features, topology, _ = opened
    rows, columns = topology[WATCHED, "coo"]
    pairs = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(pairs) == len(rows) == 180
    layouts: list[Any] = [layout() for layout in (topology.coo, topology.csr, topology.csc)]
    row, column, _ = (one[WATCHED] for one in layouts[0])
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == pairs
    pointers, column, _ = (one[WATCHED] for one in layouts[1])
    assert set(zip(_unrolled(pointers), column.tolist(), strict=True)) == pairs
    row, pointers, _ = (one[WATCHED] for one in layouts[2])
    assert set(zip(row.tolist(), _unrolled(pointers), strict=True)) == pairs
    back, forth = topology[LIKE_WATCHED, "coo"]
    assert set(zip(forth.tolist(), back.tolist(), strict=True)) == pairs
    assert num_nodes(features, topology, "User") == len(features["User", "x", None]) == 20
    sizes = {attr.edge_type: attr.size for attr in topology.get_all_edge_attrs()}
    assert sizes[WATCHED] == (20, 22)
    assert sizes[LIKE_WATCHED] == (22, 20)
    assert isinstance(row, torch.Tensor)


def _unrolled(pointers: Any) -> list[int]:
    return [n for n, count in enumerate(pointers.diff().tolist()) for _ in range(count)]


def test_edges_that_are_not_there_are_an_error(opened: Any) -> None:
    _, topology, _ = opened
    for kind in (("User", "NOTHING", "User"), ("User", "WATCHED", "User"), ("User", "rev_WATCHED", "Content")):
        with pytest.raises(KeyError):
            topology.get_edge_index(kind, "coo")


def test_a_forked_process_is_told_and_does_not_hang(opened: Any) -> None:
    features, _, _ = opened
    process = features._process
    features._process += 1  # as a fork would find it
    try:
        with pytest.raises(GraphError, match="forked"):
            features.get_tensor("User", "x", None)
    finally:
        features._process = process


def test_a_loader_gives_the_whole_neighbourhood(opened: Any) -> None:
    features, topology, neighbours = opened
    for batch in loaded(opened):
        check_batch(batch, features, topology[WATCHED, "coo"])
    if hasattr(neighbours, "close"):  # a connection of its own, in another process
        for batch in loaded(opened, num_workers=1, multiprocessing_context="spawn"):
            check_batch(batch, features, topology[WATCHED, "coo"])


def loaded(opened: Any, **how: Any) -> list[Any]:
    import torch
    from torch_geometric.loader import NodeLoader

    from graph.formats.sampler import NeighbourSampler

    features, topology, neighbours = opened
    sampler, seeds = NeighbourSampler(neighbours, [50], ["WATCHED"]), torch.tensor([5, 2, 11])
    batches = list(NodeLoader((features, topology), sampler, ("Content", seeds), batch_size=2, **how))
    assert [batch["Content"].batch_size for batch in batches] == [2, 1]
    return batches


def check_batch(batch: Any, features: Any, edges: Any) -> None:
    """It holds all edges to its seeds, once, and the features of its nodes."""
    import torch

    rows, columns = edges
    users, contents = batch["User"].n_id, batch["Content"].n_id
    drawn = batch[WATCHED].edge_index
    found = set(zip(users[drawn[0]].tolist(), contents[drawn[1]].tolist(), strict=True))
    keep = torch.isin(columns, contents[: batch["Content"].batch_size])
    assert found == set(zip(rows[keep].tolist(), columns[keep].tolist(), strict=True))
    assert len(found) == drawn.shape[1]
    assert torch.equal(batch["User"].x, features["User", "x", users])
