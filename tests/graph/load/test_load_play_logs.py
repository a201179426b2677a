"""A player's logs in a graph, and from there in the snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graph import schema, snapshot
from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from tests.conftest import empty
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder


def test_every_play_arrives_in_the_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    logs = folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO)
    for _ in range(2):  # the second time changes nothing
        report = import_folder(graph, logs, settings)
        export(graph, tmp_path / "snapshot", settings)
        found = snapshot.load(tmp_path / "snapshot")
        assert found.manifest.edges[schema.PLAYED] == report.relationships[schema.PLAYED] == 6
    played = found.edges[schema.PLAYED]
    sessions, tracks = found.nodes[schema.SESSION], found.contents
    told = [
        (sessions.ids[int(s)], tracks.ids[int(t)], int(place), round(float(share), 3))
        for s, t, place, share in zip(
            played.source, played.target, played.columns["place"], played.columns["share"], strict=True
        )
    ]
    assert sorted(told) == [
        ("7/100", "tracks/0", 0, 1.0),
        ("7/100", "tracks/1", 1, 0.5),
        ("7/100", "tracks/2", 2, 0.25),
        ("7/900", "tracks/0", 1, 0.75),
        ("7/900", "tracks/1", 0, 1.0),
        ("8/50", "tracks/2", 0, 1.0),
    ]
    assert set(np.asarray(played.columns["arm"]).tolist()) == {None, "STICKY:T1"}
    assert sorted(x for x in played.columns["propensity"].tolist() if x == x) == [0.125, 0.5]
    assert found.kinds.tolist() == ["track"] * 3
    assert sessions.frame["endedAt"].to_list() == [300, 950, None]
    assert [found.nodes[schema.ARTIST].ids[int(a)] for a in found.edges[schema.PERFORMED_BY].target] == [
        "Nina",
        "Nina",
        "Otis",
    ]
    assert found.edges[schema.OPENED].target.tolist() == [0, 1, 2]
    assert found.contents.frame["title"].to_list() == ["One", "Two", "Three"]
