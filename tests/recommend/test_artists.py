from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from graph.errors import ModelError, UnknownArtist, UnknownContent
from graph.home import begin
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.artists import Artists
from recommend.listening import Listening
from recommenders.core.top_k import Floats, Mask
from recommenders.counting import CoOccurrence
from recommenders.track2vec import Track2VecNetwork
from tests.recommend.test_listening import SIZE, tracks

EACH = 5
"""Tracks of an artist; the ring of tracks is a ring of artists too."""
COUNT = SIZE // EACH


def performed() -> Snapshot:
    """The ring of tracks with an artist for every five neighbours; the last artist performs nothing."""
    ring = tracks()
    artists = pl.DataFrame(
        {
            "artistId": [f"a{n}" for n in range(COUNT + 1)],
            "name": ["Ádele", None, *(f"Band {n}" for n in range(COUNT - 1))],
        }
    )
    by = pl.DataFrame({"source": list(range(SIZE)), "target": [n // EACH for n in range(SIZE)]})
    watched = ring.watched
    pairs = pl.DataFrame({"source": watched.source, "target": watched.target, "lastAt": watched.columns["lastAt"]})
    return Snapshot.build(
        {"User": ring.users.frame, "Content": ring.contents.frame, "Artist": artists},
        {"WATCHED": pairs, "PERFORMED_BY": by},
    )


@pytest.fixture(scope="module")
def artists() -> Artists:
    snapshot = performed()
    return Artists(Listening(snapshot, CoOccurrence(window=2).fit(snapshot)))


def test_the_neighbours_on_the_ring_are_most_similar(artists: Artists) -> None:
    for number in range(COUNT):
        near = artists.similar(number, 2)
        assert {one.artist_id for one in near} == {f"a{(number + step) % COUNT}" for step in (-1, 1)}
        assert 1.0 >= (near[0].score or 0.0) >= (near[1].score or 0.0) > 0.0
    assert all(one.artist_id != "a3" for one in artists.similar(3, COUNT))


def test_artists_of_whom_nothing_is_left_are_not_named() -> None:
    snapshot = performed()
    gone = {snapshot.contents.ids[track]: True for track in range(EACH, 2 * EACH)}
    left = Artists(Listening(snapshot, CoOccurrence(window=2).fit(snapshot), lambda: gone))
    assert {one.artist_id for one in left.similar(0, 1)} == {f"a{COUNT - 1}"}
    assert "a1" not in {one.artist_id for one in left.similar(2, COUNT)}
    assert left.similar(1, 3) == []


def test_artists_are_found_by_id_and_by_name(artists: Artists) -> None:
    assert artists.find("a1") == artists.find("artists/a1") == 1
    assert artists.find("adele") == artists.find("artists/ÁDELE") == 0
    with pytest.raises(UnknownArtist, match="'Band 0'"):
        artists.find("band")
    assert artists.similar(COUNT, 3) == []  # who performs nothing


class Few(CoOccurrence):
    """Recommends the first artist's tracks only, but has a vector of every track, as the profile network has."""

    @property
    def known_contents(self) -> Mask:
        return np.arange(SIZE) < EACH

    @property
    def content_vectors(self) -> Floats:
        return np.ones((SIZE, 1), dtype=np.float32)


def test_an_artist_whose_tracks_the_model_only_has_vectors_of_has_similar_ones() -> None:
    snapshot = performed()
    few = Artists(Listening(snapshot, Few(window=2).fit(snapshot)))
    assert {one.artist_id for one in few.similar(2, 2)} == {"a1", "a3"}


def test_a_distance_of_zero_is_the_most_in_common() -> None:
    snapshot = performed()
    model = Track2VecNetwork(metric="euclidean", factors=1, epochs=1, subsample=0.0).fit(snapshot)
    at = np.arange(SIZE, dtype=np.float32) // EACH
    at[3 * EACH : 4 * EACH] = 0.0  # the fourth artist's tracks have the vectors of the first one's
    model.learned |= {"latent_positions": at[:, None], "known": np.ones(SIZE, dtype=np.bool_)}
    listening = Listening(snapshot, model)
    assert [one.artist_id for one in Artists(listening).similar(0, 2)] == ["a3", "a1"]
    same = {f"tracks/{n}" for n in (*range(1, EACH), *range(3 * EACH, 4 * EACH))}
    assert {one.content_id for one in listening.similar(0, len(same))} == same


def test_a_graph_without_artists_says_so() -> None:
    snapshot = tracks()
    with pytest.raises(UnknownArtist, match="this graph has no artists"):
        Artists(Listening(snapshot, CoOccurrence(window=2).fit(snapshot))).find("a1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("similar") / "home"
    snapshot = performed()
    begin(Settings(home=path))
    snapshot.save(path / "snapshot")
    CoOccurrence(window=2).fit(snapshot).save(path / "models" / "co-occurrence")
    return str(path)


def test_the_command_answers_for_contents_and_artists(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTOURAGE_HOME", home)

    def run(id_: str) -> str:
        arguments = ["similar", id_, "--model", "co-occurrence", "--n", "3"]
        answer = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "Like Song 7, by co-occurrence" in run("song 7")
    assert "tracks/8" in run("tracks/7")
    assert "Like Ádele" in run("artists/adele")
    assert "a1" in run("a2")
    untrained = CliRunner().invoke(app, ["similar", "a2"])
    assert isinstance(untrained.exception, ModelError)
    assert "entourage train --model track2vec" in str(untrained.exception)
    assert "--model co-occurrence" in str(untrained.exception)
    nobody = CliRunner().invoke(app, ["similar", "who", "--model", "co-occurrence"])
    assert isinstance(nobody.exception, UnknownContent)
    assert "No artist has the id or the name 'who'" in str(nobody.exception)
