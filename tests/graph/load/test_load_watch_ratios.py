"""Watch ratios in a graph, and from there in the snapshot."""

from __future__ import annotations

from pathlib import Path

from graph import schema, snapshot
from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from tests.conftest import empty
from tests.graph.files.test_watch_ratios import BIG, folder


def test_every_row_arrives_and_what_is_held_out_stays_apart(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    files = folder(tmp_path / "rec")
    for _ in range(2):  # the second time changes nothing
        import_folder(graph, files, settings)
        export(graph, tmp_path / "snapshot", settings)
        found = snapshot.load(tmp_path / "snapshot")
        ratios, held_out = found.edges[schema.WATCH_RATIO], found.edges[schema.HELD_OUT]
        assert sorted(ratios.columns["ratio"].tolist()) == [0.25, 0.5, 2.0]
        assert (held_out.source.tolist(), held_out.target.tolist()) == ([1], [0])
        assert len(found.watched) == 3
        people = found.users.frame.select("userId", "user_active_degree", "is_video_author", "follow_user_num").rows()
        assert people[2:] == [("7", None, False, 386), ("8", "full_active", False, 1)]
        assert found.users.frame["onehot_feat3"].to_list() == [638, None, 638, 638]
    assert found.interactions().toarray()[1, 0] == 0.0


def test_a_file_that_was_mended_adds_what_it_lacked_and_doubles_nothing(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    empty(graph)
    broken = ["1,11,3000,12000,,2020,,0.25", *BIG]
    for name, big in (("broken", broken), ("mended", ["1,11,6000,12000,,,,0.5", *BIG])):
        import_folder(graph, folder(tmp_path / name, big), settings)
    export(graph, tmp_path / "snapshot", settings)
    ratios = snapshot.load(tmp_path / "snapshot").edges[schema.WATCH_RATIO]
    assert sorted(ratios.columns["ratio"].tolist()) == [0.25, 0.5, 0.5, 2.0]
