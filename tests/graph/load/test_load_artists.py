"""Artists and their listeners in a graph, and from there in the snapshot."""

from __future__ import annotations

from pathlib import Path

from graph import schema, snapshot
from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from recommend.artists import Artists
from recommend.listening import Listening
from recommenders.knn import ItemKnn
from tests.conftest import empty
from tests.graph.files.test_artist_profiles import folder


def test_listens_arrive_once_and_similar_artists_answer(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    files = folder(tmp_path / "files")
    for _ in range(2):  # the second time changes nothing
        import_folder(graph, files, settings)
        export(graph, tmp_path / "snapshot", settings)
        found = snapshot.load(tmp_path / "snapshot")
        assert found.contents.ids.to_list() == ["tracks/10", "tracks/2", "tracks/3"]
        assert len(found.watched) == 6
        assert len(found.edges[schema.PERFORMED_BY]) == 3
    artists = Artists(Listening(found, ItemKnn().fit(found)))
    assert [one.artist_id for one in artists.similar(artists.find("10"), 1)] == ["2"]
