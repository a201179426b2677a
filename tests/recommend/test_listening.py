from __future__ import annotations

import json
import random
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from gnn.recommender import GatNetwork
from graph.catalogue.changes import Change
from graph.errors import InputError, UnknownContent
from graph.events import Outbox
from graph.home import begin
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.listening import Listening
from recommenders.counting import CoOccurrence
from recommenders.knn import ItemKnn
from recommenders.track2vec import Track2Vec

SIZE = 30
TITLES = ["Déjà Vu", "HALO", "halo", *(f"Song {n}" for n in range(3, SIZE))]


def tracks(previews: bool = True) -> Snapshot:
    """Lists of five neighbours on a ring; every third track has no preview."""
    rows = [(start, (start + step) % SIZE, step) for start in range(SIZE) for step in range(5)]
    rows += [(SIZE, 2, 1), (SIZE, 3, 2)]
    source, target, at = zip(*rows, strict=True)
    contents = pl.DataFrame({"contentId": [f"tracks/{n}" for n in range(SIZE)], "title": TITLES})
    if previews:
        links = [None if n % 3 == 0 else f"https://media.example/{n}.mp3" for n in range(SIZE)]
        contents = contents.with_columns(pl.Series("preview", links))
    watched = pl.DataFrame(
        {"source": source, "target": target, "lastAt": at},
        schema={"source": pl.Int32, "target": pl.Int32, "lastAt": pl.Int64},
    )
    users = pl.DataFrame({"userId": [str(n) for n in range(SIZE + 1)]})
    return Snapshot.build({"User": users, "Content": contents}, {"WATCHED": watched})


@pytest.fixture
def listening() -> Listening:
    snapshot = tracks()
    return Listening(snapshot, CoOccurrence(window=2).fit(snapshot))


def test_titles_are_found_without_accents_and_case(listening):
    assert listening.find("deja vu") == 0
    assert listening.find("SONG 7") == 7
    assert listening.find("tracks/9") == listening.find("9") == 9


def test_ids_are_found_in_either_spelling_of_an_accent():
    nodes = {"User": pl.DataFrame({"userId": ["1"]}), "Content": pl.DataFrame({"contentId": ["tracks/Été"]})}
    watched = pl.DataFrame({"source": [0], "target": [0]}, schema={"source": pl.Int32, "target": pl.Int32})
    snapshot = Snapshot.build(nodes, {"WATCHED": watched})
    listening = Listening(snapshot, CoOccurrence(window=2).fit(snapshot))
    assert listening.find(" E\u0301te\u0301") == listening.find("tracks/E\u0301te\u0301") == 0


def test_of_two_with_one_title_the_most_watched(listening):
    assert listening.find("Halo") == 2


def test_artists_and_playlists_of_the_graph_are_known():
    nodes = {
        "Content": pl.DataFrame({"contentId": ["tracks/1", "tracks/2"], "title": ["Halo", "Halo"]}),
        "Artist": pl.DataFrame({"artistId": ["7", "8"], "name": ["Beyoncé", None]}),
        "Playlist": pl.DataFrame({"playlistId": ["mine"]}),
    }
    edges = {
        "PERFORMED_BY": pl.DataFrame({"source": [0, 0, 1], "target": [0, 1, 1]}),
        "HOLDS": pl.DataFrame({"source": [0, 0, 0], "target": [0, 1, 1], "place": [1, 0, 2]}),
    }
    snapshot = Snapshot.build(nodes, edges)
    listening = Listening(snapshot, CoOccurrence(window=1).fit(snapshot))
    assert listening.find("halo") == 1  # stands in playlists twice
    assert [listening.track(number).artist for number in (0, 1)] == ["Beyoncé", "8"]
    ((more, _),) = listening.complete([["tracks/1"]], 5)
    assert [track.content_id for track in more] == ["tracks/2"]


def test_an_unknown_title_names_those_that_begin_the_same(listening):
    with pytest.raises(UnknownContent, match="'Déjà Vu'"):
        listening.find("deja")
    with pytest.raises(UnknownContent, match="whole title"):
        listening.find("nothing of the kind")


def test_lists_go_on_with_what_stands_beside_them(listening):
    (more, unknown), (none, all_unknown) = listening.complete([["Song 7", "tracks/8", "???"], ["???"]], 4)
    assert {track.content_id for track in more[:3]} <= {f"tracks/{n}" for n in (5, 6, 9, 10)}
    assert unknown == ["???"]
    assert (none, all_unknown) == ([], ["???"])


def test_any_model_continues_a_list():
    snapshot = tracks()
    ((more, _),) = Listening(snapshot, ItemKnn().fit(snapshot)).complete([["7", "8"]], 3)
    assert {track.content_id for track in more} <= {f"tracks/{n}" for n in (4, 5, 6, 9, 10, 11)}


def with_unheard() -> Snapshot:
    """`tracks`, and three that stand in no list: by the artist of 7 and 8, with the title of 0, and like no other."""
    users, watched = tracks().users.frame, tracks().edges["WATCHED"]
    titles = [*TITLES, "Unheard", "deja vu", "Alone"]
    contents = pl.DataFrame({"contentId": [f"tracks/{n}" for n in range(SIZE + 3)], "title": titles})
    edges = pl.DataFrame({"source": watched.source, "target": watched.target, "lastAt": watched.columns["lastAt"]})
    artists = pl.DataFrame({"artistId": ["Ada", "Bo"]})
    by = pl.DataFrame({"source": [7, 8, SIZE, SIZE + 1], "target": [0, 0, 0, 1]})
    return Snapshot.build(
        {"User": users, "Content": contents, "Artist": artists}, {"WATCHED": edges, "PERFORMED_BY": by}
    )


def test_what_the_model_did_not_learn_is_told_and_steers_nothing() -> None:
    snapshot = with_unheard()
    listening = Listening(snapshot, Track2Vec(epochs=3, subsample=0.0).fit(snapshot))
    (alone, told), (beside, _), (without, _) = listening.complete([["unheard"], ["7", "unheard"], ["7"]], 3)
    assert (alone, told) == ([], ["unheard"])
    assert beside == without
    assert not {SIZE, SIZE + 1, SIZE + 2} & {step.number for step in listening.walk(1, 3, random.Random(0))}


@pytest.mark.parametrize("model", [Track2Vec(epochs=3, subsample=0.0), CoOccurrence(window=2), ItemKnn()])
def test_the_radio_goes_on_from_what_the_model_did_not_learn(model):
    snapshot = with_unheard()
    listening = Listening(snapshot, model.fit(snapshot))
    for start, why, wanted in (
        (SIZE, "artist", {7, 8}),
        (SIZE + 1, "title", {0}),
        (SIZE + 2, "popular", {2, 3}),  # the two that most people watched
    ):
        walked = list(listening.walk(start, 2, random.Random(0)))
        assert walked[0].why == why
        assert walked[0].number in wanted
        assert walked[1].why == "near"
        assert len(walked) == SIZE  # everything that anybody heard, and nothing else
        assert {step.number for step in walked} == set(range(SIZE))


def test_the_command_says_how_it_goes_on_from_what_was_not_learned(home):
    snapshot = with_unheard()
    snapshot.save(home / "home" / "snapshot")
    Track2Vec(epochs=3, subsample=0.0).fit(snapshot).save(home / "home" / "models" / "track2vec")
    arguments = ["radio", "--seed", "unheard", "--steps", "2", "--map", str(home / "map.png")]
    answer = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "track2vec did not learn this track" in answer.output
    assert answer.output.count("same artist") == 1
    assert (home / "map.png").is_file()


def test_the_radio_never_repeats_and_goes_to_near_tracks_that_have_a_preview(listening):
    walked = [step.number for step in listening.walk(1, 3, random.Random(0))]
    assert len(walked) == len(set(walked)) <= SIZE - 1
    assert 1 not in walked
    present = 1
    for number in walked[:5]:
        near = {number for number in listening.model.similar_items(present, SIZE)[0].tolist() if number >= 0}
        assert number in near
        assert listening.skips(number) == (number % 3 == 0)
        present = present if listening.skips(number) else number


def test_the_radio_goes_on_from_where_it_was(listening):
    before = [2, 3, 4]
    assert not {1, *before} & {step.number for step in listening.walk(1, 3, random.Random(0), before)}


def test_nothing_is_skipped_where_nothing_has_a_preview():
    snapshot = tracks(previews=False)
    listening = Listening(snapshot, CoOccurrence(window=2).fit(snapshot))
    assert not any(listening.skips(number) for number in range(SIZE))


@pytest.fixture
def home(tmp_path, monkeypatch):
    snapshot = tracks()
    begin(Settings(home=tmp_path / "home"))
    snapshot.save(tmp_path / "home" / "snapshot")
    CoOccurrence(window=2).fit(snapshot).save(tmp_path / "home" / "models" / "co-occurrence")
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
    return tmp_path


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, [*arguments, "--model", "co-occurrence"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.usefixtures("home")
def test_the_command_plays_and_says_what_it_skips():
    shown = run("radio", "--seed", "halo", "--steps", "6", "--dice", "1")
    assert "no preview, skipped" in shown
    assert "https://media.example/" in shown
    assert shown == run("radio", "--seed", "halo", "--steps", "6", "--dice", "1")


def test_the_command_continues_lists(home):
    assert "tracks/9" in run("complete", "Song 7", "Song 8", "--n", "4")
    lists = home / "lists.jsonl"
    lists.write_text('["tracks/7", 8]\n\n{"tracks": ["song 20"]}\n')
    run("complete", "--file", str(lists), "--out", str(home / "more.jsonl"))
    written = [json.loads(line) for line in (home / "more.jsonl").read_text().splitlines()]
    assert [line["tracks"] for line in written] == [["tracks/7", "8"], ["song 20"]]
    assert "tracks/9" in written[0]["more"]


def test_the_commands_leave_out_what_was_taken_down_since_the_snapshot(home):
    calls = ["similar", "Song 7"], ["radio", "--seed", "Song 7", "--steps", "20"], ["complete", "Song 7", "Song 8"]
    for asked in calls:
        assert re.search(r"tracks/8\b|tracks/9\b", run(*asked))
    outbox = Outbox(home / "home" / "outbox.sqlite3")
    for track in ("tracks/8", "tracks/9"):
        outbox.changes.accept(Change(track, {}, taken_down=True), received=1)
    outbox.close()
    for asked in calls:
        assert not re.search(r"tracks/8\b|tracks/9\b", run(*asked))
    outbox.path.write_bytes(b"no database" * 1_000)
    answer = CliRunner().invoke(app, ["similar", "Song 7", "--model", "co-occurrence"])
    assert isinstance(answer.exception, InputError)
    assert "cannot be read" in str(answer.exception)


def test_the_map_is_a_picture(home):
    Track2Vec(epochs=3, subsample=0.0).fit(tracks()).save(home / "home" / "models" / "track2vec")
    arguments = ["radio", "--seed", "halo", "--steps", "3", "--map", str(home / "map.png")]
    answer = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    assert (home / "map.png").read_bytes().startswith(b"\x89PNG")
    GatNetwork(epochs=1).fit(tracks()).save(home / "home" / "models" / "gat")
    (home / "map.png").unlink()
    answer = CliRunner().invoke(app, [*arguments, "--model", "gat"])
    assert answer.exit_code == 0
    assert (home / "map.png").is_file()
    without = CliRunner().invoke(app, [*arguments, "--model", "co-occurrence"])
    assert "no vectors" in str(without.exception)


def test_a_line_that_is_no_list_is_named_and_nothing_is_written(home):
    lists = home / "lists.jsonl"
    lists.write_text('["tracks/7"]\n{"tracks": 3}\n')
    arguments = ["complete", "--file", str(lists), "--out", str(home / "more.jsonl"), "--model", "co-occurrence"]
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, InputError)
    assert "Line 2" in str(answer.exception)
    assert not (home / "more.jsonl").exists()
