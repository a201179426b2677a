"""An export that asks only for what is new gives the same as a whole one."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from graph import snapshot
from graph.database.driver import Graph
from graph.errors import SnapshotError
from graph.events import Event, apply
from graph.load.live import import_folder
from graph.settings import Engagement, Settings
from graph.snapshot import export as exporting
from graph.snapshot.engagement import UNKNOWN, engagement
from graph.snapshot.export import export
from tests.conftest import empty
from tests.graph.keakr import folder

CUTOFF = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp() * 1000)


def contents_of(path: Path) -> dict[str, Any]:
    snapshot.verify(path)
    loaded = snapshot.load(path)
    nodes = {label: own.frame.to_dicts() for label, own in loaded.nodes.items()}
    edges = {type_: pl.read_parquet(path / "edges" / f"{type_}.parquet").to_dicts() for type_ in loaded.edges}
    arrays = {
        type_: [edges.target.tolist(), edges.incoming.neighbour.tolist()] for type_, edges in loaded.edges.items()
    }
    return {
        "manifest": loaded.manifest.model_dump(exclude={"files", "step", "begun"}),
        **nodes,
        **edges,
        "arrays": arrays,
    }


def event(kind: Any, number: int, user: str, **what: Any) -> Event:
    at = datetime(2022, 2, number, tzinfo=UTC)
    return Event.model_validate({"event_id": f"e{number}", "kind": kind, "user_id": user, "at": at, **what})


@pytest.mark.parametrize("vanished", [False, True])
def test_an_export_since_a_cut_off_equals_a_whole_one(
    graph: Graph, settings: Settings, tmp_path: Path, vanished: bool
) -> None:
    empty(graph)
    import_folder(graph, folder(tmp_path / "in"), settings)
    export(graph, tmp_path / "newer", settings)
    before = contents_of(tmp_path / "newer")
    happened = [
        event("watch", 1, "1", content_id="keaks/10", progress=0.9),
        event("like", 2, "0", content_id="keaks/11"),  # a new person, who comes before the others
        event("follow", 3, "3", target_id="1"),
        event("share", 4, "1", content_id="keaks/10"),  # no watch: its last time stays
        event("like", 5, "2", content_id="beats/20"),
        event("unlike", 6, "2", content_id="beats/20"),
        event("unhide", 7, "2", content_id="beats/20"),
    ]
    if vanished:
        happened.append(event("unfollow", 8, "1", target_id="2"))
    apply(graph, happened)
    shutil.copytree(tmp_path / "newer", tmp_path / "whole")
    export(graph, tmp_path / "whole", settings)
    export(graph, tmp_path / "newer", settings, since=CUTOFF)
    newer = contents_of(tmp_path / "newer")
    assert newer == contents_of(tmp_path / "whole")
    assert newer["manifest"]["edges"]["WATCHED"] == before["manifest"]["edges"]["WATCHED"] + 1
    assert newer["manifest"]["edges"]["FOLLOWS"] == before["manifest"]["edges"]["FOLLOWS"] + 1 - vanished


def test_since_needs_a_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no snapshot"):
        export(graph, tmp_path / "nowhere", settings, since=CUTOFF)


def test_an_empty_graph_is_no_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    with pytest.raises(SnapshotError, match="neither people nor playlists"):
        export(graph, tmp_path / "snapshot", settings)
    assert not (tmp_path / "snapshot").exists()


def test_engagement_weighs_what_is_known() -> None:
    watches = pl.DataFrame(
        {
            "progress": [1.0, 0.5, None, None],
            "liked": [True, None, True, None],
            "commented": [True, None, False, None],
            "shared": [True, None, False, None],
        }
    )
    label = engagement(watches, Engagement(), implicit=False)
    assert label.to_list() == pytest.approx([1.0, 0.275, 0.1, UNKNOWN])
    assert engagement(watches, Engagement(), implicit=True).to_list() == [1.0] * 4


def test_an_export_since_goes_on_while_events_come(
    graph: Graph, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(graph)
    import_folder(graph, folder(tmp_path / "in"), settings)
    before = export(graph, tmp_path / "newer", settings)
    real = exporting._nodes
    late = iter([event("watch", 5, "1", content_id="keaks/11", progress=0.9)])

    def nodes(*arguments: Any) -> pl.DataFrame:
        apply(graph, list(late))
        return real(*arguments)

    def everything(*arguments: Any) -> None:
        raise AssertionError("it asked for all of them")

    monkeypatch.setattr(exporting, "_nodes", nodes)
    monkeypatch.setattr(exporting, "_edges", everything)
    assert export(graph, tmp_path / "newer", settings, since=CUTOFF).edges["WATCHED"] == before.edges["WATCHED"] + 1
