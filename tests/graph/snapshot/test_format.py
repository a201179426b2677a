"""A snapshot on disk: the same as in memory, and never half there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from graph import schema, snapshot
from graph.errors import SnapshotError, UnknownContent, UnknownUser
from graph.snapshot import NO_TIME, Edges, Nodes, Snapshot
from graph.snapshot import format as snapshot_format
from tests import checkerboard


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkerboard.snapshot().save(tmp_path / "snapshot")
    return tmp_path / "snapshot"


def test_what_was_saved_is_loaded(saved: Path) -> None:
    made, loaded = checkerboard.snapshot(), snapshot.load(saved)
    snapshot.verify(saved)
    assert loaded.manifest.model_dump(exclude={"files"}) == made.manifest.model_dump(exclude={"files"})
    assert loaded.users.ids.to_list() == checkerboard.users()
    assert loaded.kinds.tolist() == ["keak"] * checkerboard.SIZE
    for name in schema.RELATIONSHIPS:
        one, two = made.edges[name], loaded.edges[name]
        assert np.array_equal(one.source, two.source)
        assert np.array_equal(one.target, two.target)
        for way in ("outgoing", "incoming"):
            assert np.array_equal(getattr(one, way).indptr, getattr(two, way).indptr)
            assert np.array_equal(getattr(one, way).neighbour, getattr(two, way).neighbour)
    assert np.array_equal(loaded.interactions().toarray(), made.interactions().toarray())
    assert isinstance(loaded.watched.target, np.memmap)


def test_a_snapshot_that_is_replaced_answers_as_before(saved: Path) -> None:
    loaded, made = snapshot.load(saved), checkerboard.snapshot()
    checkerboard.snapshot(2 * checkerboard.SIZE).save(saved)
    assert loaded.users.ids.to_list() == made.users.ids.to_list()
    assert loaded.contents.frame.equals(made.contents.frame)
    assert loaded.watched.columns.keys() == made.watched.columns.keys()
    for name, values in made.watched.columns.items():
        assert np.array_equal(loaded.watched.columns[name], values)


def test_ids_map_both_ways(saved: Path) -> None:
    loaded = snapshot.load(saved)
    assert loaded.users.nids(["u003", "u000"]).tolist() == [3, 0]
    assert loaded.contents.ids[3] == "keaks/k003"
    assert "u003" in loaded.users
    with pytest.raises(UnknownUser, match="nobody"):
        loaded.users.nids(["u001", "nobody"])
    with pytest.raises(UnknownContent):
        loaded.contents.nids(["keaks/none"])


def test_incoming_rows_point_at_their_edges() -> None:
    random = np.random.default_rng(0)
    source, target = random.integers(0, 30, 200), random.integers(0, 20, 200)
    edges = snapshot.Edges.build("WATCHED", source, target, (30, 20), {"engagement": random.random(200)})
    incoming = edges.incoming
    assert incoming.row is not None
    naive = sorted(zip(target.tolist(), source.tolist(), strict=True))
    owner = np.repeat(np.arange(20), np.diff(incoming.indptr))
    assert sorted(zip(owner.tolist(), incoming.neighbour.tolist(), strict=True)) == naive
    assert np.array_equal(edges.source[incoming.row], incoming.neighbour)
    assert np.array_equal(edges.target[incoming.row], owner)


def test_what_is_unknown_has_one_spelling_in_arrays(tmp_path: Path) -> None:
    nodes = {"User": pl.DataFrame({"userId": ["a"]}), "Content": pl.DataFrame({"contentId": ["keaks/1", "keaks/2"]})}
    watched = pl.DataFrame({"source": [0, 0], "target": [0, 1], "engagement": [0.5, 1.0], "lastAt": [NO_TIME, 5]})
    Snapshot.build(nodes, {"WATCHED": watched}).save(tmp_path / "s")
    path = tmp_path / "s" / "edges" / "WATCHED.parquet"
    frame = pl.read_parquet(path).with_columns(
        progress=pl.Series([None, 0.5], dtype=pl.Float32), liked=pl.Series([None, True])
    )
    frame.write_parquet(path)
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text())
    manifest["files"]["edges/WATCHED.parquet"]["bytes"] = path.stat().st_size
    (tmp_path / "s" / "manifest.json").write_text(json.dumps(manifest))
    loaded = snapshot.load(tmp_path / "s")
    assert loaded.manifest.cutoff == 5
    assert loaded.watched.columns["liked"].tolist() == [False, True]
    assert np.isnan(loaded.watched.columns["progress"][0])
    assert loaded.watched.columns["lastAt"].tolist() == [NO_TIME, 5]


def test_damage_is_noticed(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no snapshot"):
        snapshot.load(tmp_path / "nowhere")
    file = saved / "topology" / "WATCHED.target.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    with pytest.raises(SnapshotError, match="cut short"):
        snapshot.load(saved)
    file.write_bytes(whole[:-4] + b"\1\1\1\1")
    snapshot.load(saved)
    with pytest.raises(SnapshotError, match="checksum"):
        snapshot.verify(saved)
    manifest = saved / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"version": {schema.SNAPSHOT_VERSION}', '"version": 99'))
    with pytest.raises(SnapshotError, match="version 99"):
        snapshot.load(saved)
    manifest.write_text("{")
    with pytest.raises(SnapshotError, match="damaged"):
        snapshot.load(saved)


def test_the_graph_id_knows_the_order() -> None:
    users, contents = pl.Series(["a", "b"]), pl.Series(["keaks/1"])
    assert snapshot.graph_id(users, contents) == snapshot.graph_id(users, contents)
    assert snapshot.graph_id(users, contents) != snapshot.graph_id(users.reverse(), contents)
    assert snapshot.graph_id(users, contents) != snapshot.graph_id(pl.Series(["a"]), pl.Series(["b", "keaks/1"]))


def test_a_failed_save_leaves_the_old_one(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(snapshot_format, "finish", fail)
    with pytest.raises(OSError, match="no space"):
        checkerboard.snapshot(30).save(saved)
    assert snapshot.load(saved).users.count == checkerboard.SIZE
    assert [path.name for path in saved.parent.iterdir()] == ["snapshot"]


def test_a_digest_tells_apart_what_is_learned_from(saved: Path) -> None:
    plain = checkerboard.snapshot()
    assert snapshot.load(saved).digest == plain.digest
    watched, follows = plain.watched, plain.follows
    columns = {**watched.columns, "engagement": np.full(len(watched), 0.5, dtype=np.float32)}
    others = [
        plain.with_edges(Edges("WATCHED", watched.indptr, watched.target, watched.width, columns)),
        plain.with_edges(follows.keep(np.arange(len(follows)) > 0)),
        Snapshot(
            plain.manifest,
            {**plain.nodes, "User": Nodes("User", plain.users.frame.with_columns(age=pl.lit(3)), plain.users.count)},
            plain.edges,
        ),
    ]
    assert len({plain.digest, *(other.digest for other in others)}) == 4
