from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from graph.errors import InputError
from graph.files.playlists import holds_playlists, read_playlists, read_token_lists

LISTS = [["track_1", "artist_9", "track_2", "artist_8"], ["track_2", "artist_8"], ["track_3", "artist_9", "odd"]]


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
        read_playlists(tmp_path)


def test_playlists_with_places_artists_and_titles(tmp_path):
    write(tmp_path)
    (tmp_path / "TracksArtists.csv").write_text(
        "track_id,title,name,preview\n1,Déjà Vu,Beyoncé,https://media.example/1.mp3\n"
        'track_2,"One, two",,\n2,Again,Somebody,\n7,Alone,Nobody,\n'
    )
    found = read_playlists(tmp_path)
    assert found.entries.rows() == [
        ("playlists/0", 0, "1"),
        ("playlists/0", 1, "2"),
        ("playlists/1", 0, "2"),
        ("playlists/2", 0, "3"),
    ]
    assert found.tracks.rows() == [
        ("1", "Déjà Vu", "Beyoncé", "https://media.example/1.mp3"),
        ("2", "One, two", "8", None),
        ("3", None, "9", None),
        ("7", "Alone", "Nobody", None),
    ]
    assert found.ignored == 2  # the token "odd" and the second row of track 2


def test_a_catalogue_without_its_columns_is_refused(tmp_path):
    write(tmp_path)
    (tmp_path / "TracksArtists.csv").write_text("track_id,title\n1,One\n")
    with pytest.raises(InputError, match="name, preview"):
        read_playlists(tmp_path)


def test_slices_of_the_million_playlists(tmp_path):
    tracks = [
        {"pos": 1, "track_uri": "spotify:track:b", "track_name": "B", "artist_name": "Two"},
        {"pos": 0, "track_uri": "spotify:track:a", "track_name": "A", "artist_name": "One"},
    ]
    slice_ = {"info": {}, "playlists": [{"pid": 5, "name": "mine", "tracks": tracks}]}
    (tmp_path / "mpd.slice.0-999.json").write_text(json.dumps(slice_))
    found = read_playlists(tmp_path)
    assert found.entries.rows() == [("5", 0, "a"), ("5", 1, "b")]
    assert found.tracks.rows() == [("a", "A", "One", None), ("b", "B", "Two", None)]
    (tmp_path / "mpd.slice.1000-1999.json").write_text('{"playlists": [{"pid": 5}]}')
    with pytest.raises(InputError, match="1000-1999"):
        read_playlists(tmp_path)


def test_a_folder_is_told_by_its_files(tmp_path):
    np.save(tmp_path / "vectors.npy", np.zeros((2, 2)))
    assert not holds_playlists(tmp_path)
    with pytest.raises(InputError, match="no playlists"):
        read_playlists(tmp_path)
    write(tmp_path)
    assert holds_playlists(tmp_path)
