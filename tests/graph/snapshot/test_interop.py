"""A snapshot in other people's forms says the same."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import polars as pl
import pytest

from graph import snapshot
from graph.snapshot import Snapshot, interop
from tests import checkerboard

#: PyG warns of its own parts when it is first imported.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(params=["in memory", "from disk"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Snapshot:
    made = checkerboard.snapshot()
    if request.param == "in memory":
        return made
    made.save(tmp_path / "snapshot")
    return snapshot.load(tmp_path / "snapshot")


def test_hetero_data_maps_back_to_ids(board: Snapshot) -> None:
    data = interop.to_hetero(board)
    data.validate()
    source, target = data["User", "WATCHED", "Content"].edge_index.numpy()
    pairs = {(board.users.ids[int(u)], board.contents.ids[int(k)]) for u, k in zip(source, target, strict=True)}
    users, contents = checkerboard.users(), checkerboard.contents()
    assert pairs == {(users[u], contents[k]) for u, k in checkerboard.watched_pairs()}
    assert data["User", "WATCHED", "Content"].edge_attr.shape == (len(pairs), 1)
    assert data["User"].num_nodes == checkerboard.SIZE


def test_features_are_the_numbers_and_flags() -> None:
    users = pl.DataFrame({"userId": ["a", "b"], "likeCount": [3, None], "isSinger": [True, None], "link": ["x", "y"]})
    made = Snapshot.build({"User": users}, {})
    features, names = interop.node_features(made, "User")
    assert names == ["likeCount", "isSinger"]
    assert features.tolist() == [[3.0, 1.0], [0.0, 0.0]]


def test_the_backend_serves_every_layout(board: Snapshot) -> None:
    features, topology = interop.to_backend(board)
    kind = ("User", "WATCHED", "Content")
    source, target = (part.numpy() for part in topology.get_edge_index(kind, "coo"))
    dense = np.zeros((checkerboard.SIZE, checkerboard.SIZE))
    dense[source, target] = 1
    rows, pointers = (part.numpy() for part in topology.get_edge_index(kind, "csc"))
    for content in range(checkerboard.SIZE):
        assert sorted(rows[pointers[content] : pointers[content + 1]]) == np.flatnonzero(dense[:, content]).tolist()
    pointers, columns = (part.numpy() for part in topology.get_edge_index(kind, "csr"))
    for user in range(checkerboard.SIZE):
        assert columns[pointers[user] : pointers[user + 1]].tolist() == np.flatnonzero(dense[user]).tolist()
    assert features.get_tensor_size(group_name="User", attr_name="x")[0] == checkerboard.SIZE
    with pytest.raises(KeyError):
        topology.get_edge_index(("User", "NOTHING", "User"), "coo")


def test_networkx_and_graphml_keep_every_edge(board: Snapshot, tmp_path: Path) -> None:
    graph = interop.to_networkx(board)
    assert graph.number_of_edges() == len(checkerboard.watched_pairs()) + len(checkerboard.follow_pairs())
    assert graph.nodes["Content", "keaks/k003"]["kind"] == "keak"
    assert graph.has_edge(("User", "u000"), ("Content", "keaks/k002"), key="WATCHED")
    assert not graph.has_edge(("User", "u000"), ("Content", "keaks/k000"))
    interop.to_graphml(board, tmp_path / "graph.graphml")
    read = nx.read_graphml(tmp_path / "graph.graphml")
    assert read.number_of_edges() == graph.number_of_edges()
    assert read.nodes["User:u000"]["label"] == "User"
