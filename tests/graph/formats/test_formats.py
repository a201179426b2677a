"""What is exported to another tool's format says the same when that tool reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import polars as pl
import pytest

from graph import schema, snapshot
from graph.errors import InputError, SettingsError
from graph.formats import folder, gds, part, sample
from graph.formats.folder import Format
from graph.formats.hetero import node_features
from graph.formats.sample import Method
from graph.snapshot import NO_TIME, Snapshot
from tests import checkerboard

#: PyG warns of its own parts when it is first imported.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
EDGE = "{http://graphml.graphdrawing.org/xmlns}edge"
WATCHES = {(checkerboard.users()[u], checkerboard.contents()[k]) for u, k in checkerboard.watched_pairs()}


def board() -> Snapshot:
    """A checkerboard with times, two of them unknown, a list, a text with all marks of a CSV, and a beat."""
    plain = checkerboard.snapshot(timed=True)
    size = checkerboard.SIZE
    contents = plain.contents.frame.with_columns(
        pl.Series("kind", ["keak"] * (size - 1) + ["beat"]),
        pl.Series("link", ['a "b", c;\nd'] + [None] * (size - 1)),
        pl.Series("licenceType", [[]] * (size - 1) + [["lease; free", "sale"]], dtype=pl.List(pl.String)),
        pl.Series("duration", [1.5] + [None] * (size - 1)),
        pl.Series("likeCount", range(size)),
    )
    frames = {
        type_: pl.DataFrame({"source": edges.source, "target": edges.target, **dict(edges.columns)})
        for type_, edges in plain.edges.items()
        if len(edges)
    }
    lasts = frames["WATCHED"]["lastAt"].to_numpy().copy()
    lasts[:2] = NO_TIME
    frames["WATCHED"] = frames["WATCHED"].with_columns(pl.Series("lastAt", lasts))
    frames["OPENED"] = pl.DataFrame({"source": [0, 3], "target": [0, 1]})
    arms = pl.Series("arm", ["new", None])
    frames["PLAYED"] = pl.DataFrame({"source": [0, 1], "target": [2, 0], "place": [0, 1]}).with_columns(arms)
    frames["USES"] = pl.DataFrame({"source": [0, 1], "target": [size - 1, size - 1]})
    sessions = pl.DataFrame({"sessionId": ["s0", "s1"]})
    return Snapshot.build({"User": plain.users.frame, "Content": contents, "Session": sessions}, frames)


def times(made: Snapshot) -> dict[tuple[str, str], int | None]:
    """User and content ids → the last time, None where unknown."""
    return {
        (made.users.ids[int(u)], made.contents.ids[int(k)]): None if at == NO_TIME else int(at)
        for u, k, at in zip(made.watched.source, made.watched.target, made.watched.columns["lastAt"], strict=True)
    }


def ids(path: Path, label: str) -> list[str]:
    return pl.read_csv(path / "ids" / f"{label}.csv", schema_overrides={"id": pl.String})["id"].to_list()


def parquet(path: Path) -> dict[tuple[str, str], int | None]:
    users = pl.read_parquet(path / "nodes" / "User.parquet")["userId"].to_list()
    contents = pl.read_parquet(path / "nodes" / "Content.parquet")
    assert contents["licenceType"].to_list()[-1] == ["lease; free", "sale"]
    rows = pl.read_parquet(path / "edges" / "WATCHED.parquet", columns=["source", "target", "lastAt"]).iter_rows()
    return {(users[u], contents["contentId"][k]): at for u, k, at in rows}


def csv(path: Path) -> dict[tuple[str, str], int | None]:
    contents = pl.read_csv(path / "nodes" / "Content.csv")
    assert json.loads(contents["licenceType"][-1]) == ["lease; free", "sale"]
    assert contents["link"][0] == 'a "b", c;\nd'
    rows = pl.read_csv(path / "edges" / "WATCHED.csv").select("source", "target", "lastAt").iter_rows()
    return {(user, content): at for user, content, at in rows}


def networkx(path: Path) -> dict[tuple[str, str], int | None]:
    graph = nx.node_link_graph(json.loads((path / "graph.json").read_text("utf-8")), edges="edges")
    assert graph.nodes["Content:keaks/k019"]["licenceType"] == ["lease; free", "sale"]
    return of_networkx(graph)


def graphml(path: Path) -> dict[tuple[str, str], int | None]:
    graph = nx.read_graphml(path / "graph.graphml")
    assert json.loads(graph.nodes["Content:keaks/k019"]["licenceType"]) == ["lease; free", "sale"]
    assert graph.nodes["User:u000"]["label"] == "User"
    return of_networkx(graph)


def of_networkx(graph: Any) -> dict[tuple[str, str], int | None]:
    return {
        (graph.nodes[u]["userId"], graph.nodes[k]["contentId"]): known.get("lastAt")
        for u, k, known in graph.edges(data=True)
        if known["type"] == "WATCHED"
    }


def pyg(path: Path) -> dict[tuple[str, str], int | None]:
    import torch

    data = torch.load(path / "graph.pt", weights_only=False)
    data.validate()
    users, contents = ids(path, "User"), ids(path, "Content")
    assert data["Content"].x[:, -1].tolist() == list(range(checkerboard.SIZE))
    store = data["User", "WATCHED", "Content"]
    rows = zip(*store.edge_index.tolist(), store.time.tolist(), strict=True)
    return {(users[u], contents[k]): None if at == NO_TIME else at for u, k, at in rows}


def dgl(path: Path) -> dict[tuple[str, str], int | None]:
    about = json.loads((path / "meta.yaml").read_text())
    assert {"file_name": "nodes/User.csv", "ntype": "User"} in about["node_data"]
    types = {tuple(one["etype"]): one["file_name"] for one in about["edge_data"]}
    assert ("User", "WATCHED", "Content") in types
    assert ("User", "BLOCKED", "User") not in types  # there are none
    assert all(pl.read_csv(path / file).select(pl.all().cast(pl.Float64)).null_count().sum_horizontal()[0] == 0
               for file in types.values())  # fmt: skip
    users, contents = ids(path, "User"), ids(path, "Content")
    rows = pl.read_csv(path / types["User", "WATCHED", "Content"]).select("src_id", "dst_id", "lastAt").iter_rows()
    return {(users[u], contents[k]): at or None for u, k, at in rows}


def neo4j(path: Path) -> dict[tuple[str, str], int | None]:
    arguments = (path / "import.args").read_text().split()
    assert "--nodes=Content=nodes/Content.csv" in arguments
    assert "--relationships=WATCHED=edges/WATCHED.csv" in arguments
    contents = pl.read_csv(path / "nodes" / "Content.csv")
    assert contents[":LABEL"].unique().sort().to_list() == ["Beat", "Keak"]
    assert contents["licenceType:string[]"][-1] == "lease; free\x1fsale"
    watched = pl.read_csv(path / "edges" / "WATCHED.csv")
    assert "engagement" not in "".join(watched.columns)
    rows = watched.select(":START_ID(User)", ":END_ID(Content)", "lastAt:long").iter_rows()
    return {(user, content): at for user, content, at in rows}


def again(path: Path) -> dict[tuple[str, str], int | None]:
    snapshot.verify(path)
    return times(snapshot.load(path))


READERS: dict[Format, Callable[[Path], dict[tuple[str, str], int | None]]] = {
    Format.SNAPSHOT: again,
    Format.PARQUET: parquet,
    Format.PYG: pyg,
    Format.NETWORKX: networkx,
    Format.GRAPHML: graphml,
    Format.CSV: csv,
    Format.DGL: dgl,
    Format.NEO4J: neo4j,
}


@pytest.mark.parametrize("format_", Format)
def test_every_watch_is_read_back_with_its_time(format_: Format, tmp_path: Path) -> None:
    made = board()
    out = tmp_path / "out"
    about = folder.write(made, format_, out)
    expected = times(made)
    assert expected.keys() == WATCHES
    if format_ is Format.DGL:
        expected = {pair: at or None for pair, at in expected.items()}  # it writes 0 where a time is unknown
    assert READERS[format_](out) == expected
    if format_ is not Format.SNAPSHOT:
        assert ids(out, "Content") == checkerboard.contents()
        readme = (out / "README.md").read_text("utf-8")
        assert about.schema_hash in readme
        assert "*hindsight*" in readme.split("`likeCount`")[1].splitlines()[0]
        assert "`lastAt`" in readme
        assert ("`link`" in readme) == (format_ not in (Format.PYG, Format.DGL))


@pytest.mark.parametrize("format_", [Format.NETWORKX, Format.GRAPHML])
def test_a_track_that_stands_twice_in_a_playlist_is_there_twice(format_: Format, tmp_path: Path) -> None:
    contents = pl.DataFrame({"contentId": ["tracks/1", "tracks/2"], "title": ["no\x01 XML", "é 😀"]})
    holds = pl.DataFrame({"source": [0, 0, 0], "target": [0, 1, 0], "place": [0, 1, 2]})
    made = Snapshot.build({"Playlist": pl.DataFrame({"playlistId": ["p"]}), "Content": contents}, {"HOLDS": holds})
    folder.write(made, format_, tmp_path / "out")
    if format_ is Format.GRAPHML:
        names = [edge.attrib["id"] for edge in ElementTree.parse(tmp_path / "out" / "graph.graphml").iter(EDGE)]
        assert len(set(names)) == 3  # GraphML's schema wants them unique
        graph = nx.read_graphml(tmp_path / "out" / "graph.graphml", force_multigraph=True)
        assert graph.nodes["Content:tracks/1"]["title"] == "no\ufffd XML"
    else:
        graph = nx.node_link_graph(json.loads((tmp_path / "out" / "graph.json").read_text("utf-8")), edges="edges")
    held = sorted((known["place"], content) for _, content, known in graph.edges(data=True))
    assert held == [(0, "Content:tracks/1"), (1, "Content:tracks/2"), (2, "Content:tracks/1")]


def test_tables_for_the_gds_client_have_its_columns_and_all_rows() -> None:
    made = board()
    nodes, relationships, ids = gds.frames(made)
    assert all(one.columns == ["nodeId", "labels"] for one in nodes)
    assert all(one.columns[:3] == ["sourceNodeId", "targetNodeId", "relationshipType"] for one in relationships)
    numbers = pl.concat(nodes)["nodeId"].to_list()
    assert numbers == ids["nodeId"].to_list() == list(range(sum(own.count for own in made.nodes.values())))
    assert nodes[1]["labels"].to_list()[-1] == ["Content", "Beat"]
    assert sum(map(len, relationships)) == sum(len(edges) for edges in made.edges.values())
    (watched,) = [one for one in relationships if one["relationshipType"][0] == "WATCHED"]
    assert watched["engagement"].to_list() == pytest.approx(np.asarray(made.watched.columns["engagement"]).tolist())
    names = dict(ids.select("nodeId", "id").iter_rows())
    assert {(names[u], names[k]) for u, k in watched.select("sourceNodeId", "targetNodeId").iter_rows()} == WATCHES


def test_the_schema_hash_is_that_of_the_columns(tmp_path: Path) -> None:
    made = board()
    fewer = part.of_users(made, np.array([1, 3, 5]))
    assert folder.schema_hash(fewer, Format.CSV) == folder.schema_hash(made, Format.CSV)
    assert folder.schema_hash(made, Format.PARQUET) != folder.schema_hash(made, Format.CSV)
    users = made.users.frame.with_columns(pl.lit(1).alias("likeCount"))
    wider = Snapshot.build({"User": users, "Content": made.contents.frame}, {})
    assert folder.schema_hash(wider, Format.PARQUET) != folder.schema_hash(made, Format.PARQUET)


def test_features_are_the_numbers_and_flags() -> None:
    users = pl.DataFrame({"userId": ["a", "b"], "likeCount": [3, None], "isSinger": [True, None], "link": ["x", "y"]})
    made = Snapshot.build({"User": users}, {})
    features, names = node_features(made, "User")
    assert names == ["likeCount", "isSinger"]
    assert features.tolist() == [[3.0, 1.0], [0.0, 0.0]]


def test_features_may_be_written_to() -> None:
    """torch warns of others once in a process, and only where a label has a single column."""
    counts = pl.Series([1.0, 2.0], dtype=pl.Float32)
    made = Snapshot.build({"User": pl.DataFrame({"userId": ["a", "b"], "keakCount": counts})}, {})
    assert all(node_features(made, label)[0].flags.writeable for label in made.nodes)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "today.txt").write_text("dear")
    with pytest.raises(SettingsError, match="is no export"):
        folder.write(board(), Format.CSV, tmp_path / "diary")
    assert (tmp_path / "diary" / "today.txt").read_text() == "dear"
    folder.write(board(), Format.CSV, tmp_path / "out")
    folder.write(board(), Format.PARQUET, tmp_path / "out")  # an export may be replaced
    assert not (tmp_path / "out" / "nodes" / "User.csv").exists()


def test_a_part_is_what_its_people_did() -> None:
    made = part.of_users(board(), np.array([3, 1]))
    assert made.users.ids.to_list() == ["u001", "u003"]
    assert set(times(made)) == {pair for pair in WATCHES if pair[0] in ("u001", "u003")}
    assert made.follows.source.tolist() == [0, 1]
    # keaks/k000 was played by u003 and keaks/k001 watched; both use the beat.
    used = made.edges["USES"]
    assert [made.contents.ids[int(k)] for k in used.source] == ["keaks/k000", "keaks/k001"]
    assert times(made) == {pair: at for pair, at in times(board()).items() if pair in times(made)}
    # u003 opened a session, in which keaks/k000 was played.
    assert made.nodes["Session"].ids.to_list() == ["s1"]
    assert made.contents.ids[int(made.edges["PLAYED"].target[0])] == "keaks/k000"
    assert made.edges["PLAYED"].columns["arm"].tolist() == [None]
    with pytest.raises(InputError, match="No person"):
        part.of_users(board(), np.array([], dtype=np.int64))


@pytest.mark.parametrize("method", Method)
def test_a_sample_is_of_that_many_people_who_hang_together(method: Method) -> None:
    made = board()
    found = sample.people(made, 8, method, seed=1)
    assert len(set(found.tolist())) == 8
    assert len({nid % 2 for nid in found.tolist()}) == 1  # one of the two cliques, which no follow joins
    assert found.tolist() == sample.people(made, 8, method, seed=1).tolist()
    assert sample.people(made, 12, method).size == 12  # more than one clique has
    pairs = made.with_edges(made.follows.keep(np.zeros(len(made.follows), dtype=bool)))
    assert len({nid % 2 for nid in sample.people(pairs, 8, method).tolist()}) == 1  # along watches
    with pytest.raises(SettingsError, match="not possible"):
        sample.people(made, 21, method)


def test_the_backend_serves_every_layout() -> None:
    from graph.formats.backend import SnapshotFeatures, SnapshotTopology

    made = board()
    features, topology = SnapshotFeatures(made), SnapshotTopology(made)
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


def test_a_part_follows_every_type_but_those_between_people_and_playlists() -> None:
    assert set(part.REACHED) == {
        name
        for name, type_ in schema.RELATIONSHIPS.items()
        if type_.target != schema.USER and type_.source != schema.PLAYLIST
    }
