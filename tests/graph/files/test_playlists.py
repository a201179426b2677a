from __future__ import annotations

import gzip
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graph import schema
from graph.errors import InputError
from graph.files.kinds import Kind, recognise
from graph.files.playlist_tables import Playlists
from graph.files.playlists import holds_playlists, lists_of, read_playlists
from graph.files.token_lists import read_token_lists

LISTS = [["track_1", "artist_9", "track_2", "artist_8"], ["track_2", "artist_8"], ["track_3", "artist_9", "odd"]]


CATALOGUE = (
    "track_id,title,name,preview\n1,Déjà Vu,Beyoncé,https://media.example/1.mp3\n"
    'track_2,"One, two",,\n2,Again,Somebody,\n7,Alone,Nobody,\n'
)


def write(folder: Path, lists: list[list[str]] = LISTS) -> Path:
    array = np.empty(len(lists), dtype=object)
    array[:] = lists
    np.save(folder / "playlists.npy", array, allow_pickle=True)
    return folder / "playlists.npy"


def test_token_lists_come_back(tmp_path):
    assert read_token_lists(write(tmp_path)) == LISTS


def test_lists_of_one_length_come_back_too(tmp_path):
    np.save(tmp_path / "p.npy", np.array([["track_1", "track_2"], ["track_3", "track_4"]], dtype=object))
    assert read_token_lists(tmp_path / "p.npy") == [["track_1", "track_2"], ["track_3", "track_4"]]


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize(
    "hidden", [Harmful(), 3, b"track_1", None, {"track_1": 1}], ids=lambda hidden: str(type(hidden))
)
def test_whatever_is_no_text_is_refused_and_nothing_is_run(tmp_path, monkeypatch, hidden):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, [["track_1"], ["track_2", hidden]])
    with pytest.raises(InputError, match="no array of token lists"):
        read_token_lists(file)
    assert not (tmp_path / "harm").exists()


def test_a_pickle_that_only_calls_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path)
    header = file.read_bytes()[:128]
    file.write_bytes(header + pickle.dumps(Harmful()))
    with pytest.raises(InputError, match="mkdir, which is refused"):
        read_token_lists(file)
    assert not (tmp_path / "harm").exists()


def test_a_file_cut_short_is_refused(tmp_path):
    file = write(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError):
        lists_of(tmp_path)


def told(read: Playlists) -> list[tuple[str, int, str]]:
    """Playlist, place and track of every entry."""
    ids = read.playlists["playlistId"].gather(read.entries["playlist"])
    return list(zip(ids, read.entries["place"], read.tracks["track"].gather(read.entries["track"]), strict=True))


def with_artists(read: Playlists) -> list[tuple[str | None, ...]]:
    """Track, title, artist's id and name, and preview of every track."""
    artists = [read.artists.row(number) if number is not None else (None, None) for number in read.tracks["artist"]]
    return [
        (track, title, *artist, preview)
        for (track, title, _, preview), artist in zip(read.tracks.rows(), artists, strict=True)
    ]


def test_playlists_with_places_artists_and_titles(tmp_path):
    write(tmp_path)
    (tmp_path / "TracksArtists.csv").write_text(CATALOGUE)
    read = lists_of(tmp_path)
    assert told(read) == [
        ("playlists/0", 0, "1"),
        ("playlists/0", 1, "2"),
        ("playlists/1", 0, "2"),
        ("playlists/2", 0, "3"),
    ]
    assert with_artists(read) == [
        ("1", "Déjà Vu", "9", "Beyoncé", "https://media.example/1.mp3"),
        ("2", "One, two", "8", None, None),
        ("3", None, "9", "Beyoncé", None),
        ("7", "Alone", "Nobody", "Nobody", None),
    ]


def test_what_is_no_track_is_kept_aside_and_rows_add_up(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    write(folder)
    (folder / "TracksArtists.csv").write_text(CATALOGUE)
    (folder / "notes.txt").write_text("hello")
    catalogue_columns = ("track_id", "title", "name", "preview")
    _, report = read_playlists(folder, tmp_path / "home")
    counts = [(f.file, f.read, f.loaded, f.merged, f.quarantined) for f in report.files]
    assert counts == [("playlists.npy", 5, 4, 0, 1), ("TracksArtists.csv", 4, 3, 1, 0)]
    assert report.quarantine
    (kept,) = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert (kept["file"], kept["line"], kept["raw"]) == ("playlists.npy", 3, "odd")
    assert report.ignored == ["notes.txt"]
    lists, catalogue = report.files
    assert lists.preview[0] == ["track_1 artist_9 track_2"]
    assert [(column.title, column.ours) for column in catalogue.columns] == [(n, n) for n in catalogue_columns]
    assert catalogue.preview[1] == ["track_2", "One, two", "", ""]


def test_tables_have_one_entry_a_place(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    write(folder, [["track_5", "artist_1", "track_4", "track_5"], []])
    tables, _ = read_playlists(folder, tmp_path / "home")
    assert tables.ids[schema.CONTENT].to_list() == ["tracks/4", "tracks/5"]
    assert tables.edges[schema.HOLDS].rows() == [(0, 1, 0), (0, 0, 1), (0, 1, 2)]
    assert tables.edges[schema.PERFORMED_BY].rows() == [(1, 0)]
    assert tables.nodes[schema.PLAYLIST]["playlistId"].to_list() == ["playlists/0", "playlists/1"]


def test_odd_texts_stop_nothing_and_files_that_are_not_read_are_named(tmp_path):
    (tmp_path / "npy").mkdir()
    write(tmp_path / "npy", [["track_1", "artist_\ud800"], ["track_\ud800", "track_2"]])
    np.save(tmp_path / "npy" / "vectors.npy", np.zeros(3))
    _, report = read_playlists(tmp_path / "npy", tmp_path / "home")
    assert [(file.file, file.read, file.loaded, file.quarantined) for file in report.files] == [
        ("playlists.npy", 3, 2, 1)
    ]
    assert report.ignored == ["vectors.npy"]
    entry = {
        "pos": 0,
        "track_uri": "spotify:track:a",
        "track_name": 1999,
        "artist_uri": None,
        "artist_name": "half \ud800",
    }
    (tmp_path / "mpd").mkdir()
    slice_ = tmp_path / "mpd" / "mpd.slice.0-0.json"
    slice_.write_text(json.dumps({"playlists": [{"pid": 0, "name": "\udfff", "tracks": [entry]}]}))
    read = lists_of(tmp_path / "mpd")
    assert read.tracks["title"].to_list() == ["1999"]
    assert read.artists["name"].to_list() == ["half ?"]
    slice_.write_text(json.dumps({"playlists": [{"pid": None, "tracks": [entry]}]}))
    with pytest.raises(InputError, match="pid"):
        lists_of(tmp_path / "mpd")


def test_a_catalogue_without_its_columns_is_refused(tmp_path):
    write(tmp_path)
    (tmp_path / "TracksArtists.csv").write_text("track_id,title\n1,One\n")
    with pytest.raises(InputError, match="name, preview"):
        lists_of(tmp_path)


def test_a_row_of_the_catalogue_that_cannot_be_read_costs_that_row(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    write(folder, [[f"track_{n}" for n in range(1, 8)]])
    rows = (
        '1,12" Mix,A,', "2,Two,B,x,fifth", '"3","a ""b"" c",C,', '4,"a \\"b\\" c",D,', "", '5,"two\nlines",E,', "6,Six",
        "7,Seven,F,,", '8,"open,G,',
    )  # fmt: skip
    (folder / "TracksArtists.csv").write_bytes("\r\n".join(("\ufefftrack_id,title,name,preview", *rows)).encode())
    tables, report = read_playlists(folder, tmp_path / "home")
    titles = tables.nodes[schema.CONTENT].sort("contentId")["title"].to_list()
    assert titles == ['12" Mix', None, 'a "b" c', None, "two\nlines", "Six", "Seven"]
    catalogue = report.files[1]
    assert (catalogue.read, catalogue.loaded, catalogue.quarantined) == (8, 5, 3)
    assert catalogue.preview[0] == ["1", '12" Mix', "A", ""]
    assert report.quarantine
    kept = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert [(row["line"], row["reason"].split(",")[0], row["raw"]) for row in kept] == [
        (3, "more fields than columns", "2,Two,B,x,fifth"),
        (5, "quotes that are not closed", r'4,"a \"b\" c",D,'),
        (11, "quotes that are not closed", '8,"open,G,'),
    ]


def test_slices_of_the_million_playlists(tmp_path):
    tracks = [
        {"pos": 1, "track_uri": "spotify:track:b", "track_name": "B", "artist_name": "Two"},
        {
            "pos": 0,
            "track_uri": "spotify:track:a",
            "track_name": "A",
            "artist_name": "One",
            "artist_uri": "spotify:artist:1",
        },
        {"pos": 2, "track_uri": None},
    ]
    slice_ = {"info": {}, "playlists": [{"pid": 5, "name": "mine", "num_tracks": 3, "tracks": tracks}]}
    (tmp_path / "mpd.slice.0-999.json").write_text(json.dumps(slice_))
    read = lists_of(tmp_path)
    assert told(read) == [("5", 0, "a"), ("5", 1, "b")]
    assert read.playlists["name"].to_list() == ["mine"]
    assert with_artists(read) == [("a", "A", "1", "One", None), ("b", "B", "Two", "Two", None)]
    (file,) = read.files
    assert (file.read, file.loaded, file.quarantined) == (3, 2, 1)
    taken = {column.title: column.ours for column in file.columns}
    assert (taken["pid"], taken["track_uri"], taken["num_tracks"]) == ("pid", "track_uri", None)
    assert file.preview[0][list(taken).index("track_name")] == "B"
    (tmp_path / "mpd.slice.1000-1999.json").write_text(json.dumps(slice_))
    again = lists_of(tmp_path)  # a playlist that stands in two slices is no second one
    assert told(again) == told(read)
    assert again.files[1].quarantined == 3
    (tmp_path / "mpd.slice.1000-1999.json").write_text('{"playlists": [{"pid": 5}]}')
    with pytest.raises(InputError, match="1000-1999"):
        lists_of(tmp_path)


def test_the_challenge_set_of_the_million_playlists(tmp_path):
    entry = {"pos": 0, "track_uri": "spotify:track:a", "track_name": "A", "artist_uri": "spotify:artist:1"}
    lists = [
        {"pid": 1000002, "name": "title alone", "num_holdouts": 10, "tracks": [], "num_samples": 0, "num_tracks": 10},
        {"pid": 1000003, "num_holdouts": 2, "tracks": [{**entry, "pos": 7}, entry], "num_samples": 2, "num_tracks": 4},
    ]
    told_with = {"date": "2018-01-16 08:47:28.198015", "version": "v1", "playlists": lists}
    (tmp_path / "challenge_set.json.gz").write_bytes(gzip.compress(json.dumps(told_with).encode()))
    assert recognise(tmp_path) is Kind.PLAYLISTS
    read = lists_of(tmp_path)
    assert read.playlists.rows() == [("1000002", "title alone"), ("1000003", None)]
    assert told(read) == [("1000003", 0, "a"), ("1000003", 1, "a")]
    (file,) = read.files
    assert (file.read, file.loaded, len(file.preview)) == (2, 2, 2)


def test_what_a_slice_says_otherwise_the_second_time_is_kept_aside(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    entry = {"pos": 0, "track_uri": "spotify:track:a", "track_name": "A", "artist_name": "One"}
    again = [
        {**entry, "pos": 1, "track_name": "A (live)"},
        {**entry, "pos": 2, "artist_name": "Two"},
        {**entry, "pos": 3, "track_name": {"en": "A"}, "artist_uri": "spotify:artist: ", "artist_name": "  "},
        {**entry, "pos": 4, "track_name": "A (live)"},  # told once
    ]
    slice_ = folder / "mpd.slice.0-0.json"
    slice_.write_text(json.dumps({"playlists": [{"pid": 0, "name": ["mine"], "tracks": [entry, *again]}]}))
    tables, report = read_playlists(folder, tmp_path / "home")
    assert tables.nodes[schema.CONTENT]["title"].to_list() == ["A"]
    assert tables.nodes[schema.ARTIST].rows() == [("One", "One")]
    (file,) = report.files
    assert (file.read, file.loaded, file.quarantined, file.noted) == (5, 5, 0, 4)
    assert report.quarantine
    kept = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert [(row["reason"].split(":")[0], row["raw"], row["loaded"]) for row in kept] == [
        ("name is no text", '["mine"]', True),
        ("another title of the track spotify", "A (live)", True),
        ("another artist of the track spotify", "Two", True),
        ("track_name is no text", '{"en": "A"}', True),
    ]
    slice_.write_text(json.dumps({"playlists": [{"pid": True, "tracks": [entry]}]}))
    with pytest.raises(InputError, match="pid True"):
        lists_of(folder)


def test_a_blank_is_no_artist(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    write(folder, [["track_1", "artist_ ", "track_2", "artist_"], ["track_3", "artist_ 9"]])
    (folder / "TracksArtists.csv").write_text("track_id,title,name,preview\n1,One,  ,\n2, ,Two,\n")
    tables, report = read_playlists(folder, tmp_path / "home")
    assert tables.nodes[schema.ARTIST].rows() == [("9", None), ("Two", "Two")]
    assert (report.files[0].loaded, report.files[0].noted) == (3, 2)


def test_packed_files_say_the_same(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    for folder in (plain, packed):
        folder.mkdir()
    write(plain)
    (plain / "TracksArtists.csv").write_text(CATALOGUE)
    (packed / "playlists.npy.gz").write_bytes(gzip.compress((plain / "playlists.npy").read_bytes()))
    with pa.CompressedOutputStream(str(packed / "TracksArtists.csv.zst"), "zstd") as out:
        out.write(CATALOGUE.encode())
    assert told(lists_of(packed)) == told(lists_of(plain))
    assert with_artists(lists_of(packed)) == with_artists(lists_of(plain))


def test_a_folder_is_told_by_its_files(tmp_path):
    np.save(tmp_path / "vectors.npy", np.zeros((2, 2)))
    assert not holds_playlists(tmp_path)
    with pytest.raises(InputError, match="no playlists"):
        lists_of(tmp_path)
    with pytest.raises(InputError, match=r"vectors\.npy is no array of token lists: it holds values of type float64"):
        recognise(tmp_path)
    write(tmp_path)
    assert recognise(tmp_path) is Kind.PLAYLISTS
