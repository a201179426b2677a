"""Playlists in a graph, and from there in the snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graph import schema, snapshot
from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from recommenders.core.sequences import sequences_of
from tests.conftest import empty
from tests.graph.files.test_playlists import CATALOGUE, write


def test_playlists_alone_are_a_graph_and_a_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    folder = tmp_path / "lists"
    folder.mkdir()
    write(folder, [["track_1", "artist_9", "track_2", "track_1"], ["track_3", "artist_9"]])
    (folder / "TracksArtists.csv").write_text(CATALOGUE)

    def exported() -> list[list[str]]:
        import_folder(graph, folder, settings)
        export(graph, tmp_path / "snapshot", settings)
        found = snapshot.load(tmp_path / "snapshot")
        lists = sequences_of(found)
        return [found.contents.ids.gather(lists[row]).to_list() for row in range(len(lists))]

    first = exported()
    assert first == [["tracks/1", "tracks/2", "tracks/1"], ["tracks/3"]]
    assert exported() == first  # the second time changes nothing
    found = snapshot.load(tmp_path / "snapshot")
    assert found.contents.frame.select("contentId", "kind", "trackId", "title", "preview").row(0) == (
        *("tracks/1", "track", "1", "Déjà Vu"),
        "https://media.example/1.mp3",
    )
    artists = found.nodes[schema.ARTIST]
    performed = found.edges[schema.PERFORMED_BY]
    assert np.bincount(performed.target, minlength=len(artists)).tolist() == [2, 1]
    assert artists.frame["name"].to_list() == ["Beyoncé", "Nobody"]

    write(folder, [["track_3"], ["track_3", "track_7"]])  # another edition: no old entry stays
    assert exported() == [["tracks/3"], ["tracks/3", "tracks/7"]]
