"""Artists and their listeners as the notebook has them: a sample written by hand."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import schema
from graph.errors import InputError
from graph.files.artist_profiles import read_artists, read_published
from graph.files.kinds import Kind, recognise
from graph.identifiers import canonical

ROWS = ["7,10", "7,2", "8,[2, 10]", "9,2 3", "7,10", ",4", "9,"]


def folder(path: Path) -> Path:
    path.mkdir()
    (path / "users_artists.csv").write_text("user_id,artists\n" + "\n".join(f'{u},"{a}"' for u, a in
                                            (row.split(",", 1) for row in ROWS)) + "\n")  # fmt: skip
    (path / "likes_matrix.csv").write_text("0.5 -1e-1\n1 2\n3 4\n")
    (path / "playlists_matrix.csv.gz").write_bytes(gzip.compress(b"1\n2\n3\n"))
    sp.save_npz(path / "train_matrix.npz", sp.csr_array(np.array([[0.5, 0.5], [1.0, 0.0]])))
    return path


def test_artists_are_in_the_order_of_their_ids_as_the_matrices_are(tmp_path: Path) -> None:
    read = read_published(folder(tmp_path / "files"))
    assert (read.users, read.artists) == (["7", "8", "9"], ["2", "3", "10"])
    assert read.listens.toarray().tolist() == [[1, 0, 1], [1, 0, 1], [1, 1, 0]]
    assert read.matrices["likes_matrix.csv"].tolist() == [[0.5, pytest.approx(-0.1)], [1, 2], [3, 4]]
    assert read.matrices["playlists_matrix.csv"].shape == (3, 1)
    assert read.targets is not None
    assert read.targets.shape == (2, 2)


def test_a_track_stands_for_the_music_of_an_artist(tmp_path: Path) -> None:
    tables, report = read_artists(folder(tmp_path / "files"), tmp_path / "home")
    assert recognise(tmp_path / "files") is Kind.ARTISTS
    assert tables.ids[schema.CONTENT].to_list() == ["tracks/10", "tracks/2", "tracks/3"]
    assert tables.ids[schema.ARTIST].to_list() == ["10", "2", "3"]
    watched = tables.edges[schema.WATCHED].select("source", "target", "watchCount").rows()
    assert watched == [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 2, 1)]
    assert tables.edges[schema.PERFORMED_BY].rows() == [(0, 0), (1, 1), (2, 2)]
    (file,) = report.files
    assert (file.read, file.loaded, file.merged, file.quarantined) == (7, 4, 1, 2)
    assert report.quarantine
    kept = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in kept] == [(7, "an id is not empty"), (8, "an id is not empty")]
    assert report.ignored == ["likes_matrix.csv", "playlists_matrix.csv.gz", "train_matrix.npz"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("likes_matrix.csv", "1 2\n3\n4 5\n", "no matrix"),
        ("likes_matrix.csv", "1 2\n3 4\n", "2 rows"),
        ("likes_matrix.csv", "1 x\n", "no matrix"),
        ("likes_matrix.csv", "1 nan\n2 3\n4 5\n", "no number"),
        ("likes_matrix.csv", "# note\n1 2\n2 3\n4 5\n", "no matrix"),
        ("likes_matrix.csv", "\n", "is empty"),
        ("users_artists.csv", "user_id,artists\n", "no rows"),
        ("users_artists.csv", "", "lacks the columns user_id, artists"),
        ("train_matrix.npz", "what?", r"no sparse matrix as scipy saves it \(ValueError\)"),
        ("users_artists.csv", "user,artist\n1,2\n", "lacks the columns user_id, artists"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, text: str, told: str) -> None:
    files = folder(tmp_path / "files")
    (files / name).write_text(text)
    with pytest.raises(InputError, match=told):
        read_published(files)


def test_a_row_that_is_broken_costs_no_other(tmp_path: Path) -> None:
    rows = ['7,"[1, 2"', '7,"3, 4]"', "7,5,6", "7", '7,"9', "8,\"['a b', 'c']\"", "8,[d]", '8,"Earth, Wind"', ""]
    (tmp_path / "users_artists.csv").write_bytes("\r\n".join(["\ufeffuser_id,artists", *rows]).encode())
    tables, report = read_artists(tmp_path, tmp_path / "home")
    assert tables.ids[schema.ARTIST].to_list() == ["Earth, Wind", "a b", "c", "d"]
    (file,) = report.files
    assert (file.read, file.loaded, file.quarantined) == (8, 3, 5)
    assert report.quarantine
    kept = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert [row["line"] for row in kept] == [2, 3, 4, 5, 6]
    assert [row["reason"].split()[0] for row in kept] == ["a", "a", "there", "an", "a"]
    assert read_published(tmp_path).refused == 5


def _is_name(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return canonical(text) == text
    return False


NAME = (st.text(max_size=8) | st.text("a é'\"\\,[]\n/", max_size=6) | st.just("🎸")).filter(_is_name)


@given(st.lists(NAME, min_size=1, max_size=5))
def test_a_list_is_read_as_python_and_json_wrote_it(names: list[str]) -> None:
    names = [*names, "Two"]  # else 2.0 would be the number 2
    spellings = [repr(names), json.dumps(names), json.dumps(names, ensure_ascii=False), json.dumps(names, indent=1)]
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "users_artists.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("user_id", "artists"), *enumerate(spellings, start=1)])
        read = read_published(Path(folder))
    assert read.refused == 0
    assert sorted(read.artists) == sorted(set(names))
    assert read.listens.toarray().all()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=30))
def test_numbers_are_read_as_python_pandas_and_numpy_wrote_them(numbers: list[int]) -> None:
    array = np.array(numbers)
    for text in (repr(numbers), str(array), str(array.astype(float).tolist()), " ".join(map(str, numbers))):
        assert _read(text) == sorted(set(numbers))


def _read(text: str) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "users_artists.csv").write_text(f'user_id,artists\n1,"{text}"\n')
        return [int(artist) for artist in read_published(Path(folder)).artists]


@pytest.mark.parametrize(
    "artists",
    [
        "['Guns N' Roses', 'b']",
        "[a [b], c]",
        "[1,,2]",
        "[1, 2,]",
        "[, 1]",
        "['a]', 'b'",
        "[]x",
        "['a', 'b'] and more",
        "[Earth Wind, Fire]",
        "[Earth Wind]",
        "['a''b']",
        "[1, 2 3]",
        r"['a\q']",
        r"['a\']",
        r"['\U99999999']",
        r"['\ud800']",
        "2, 3",
        "2,3",
        "[[1, 2]]",
    ],
)
def test_a_list_that_could_be_read_in_two_ways_is_kept_aside_with_its_line(tmp_path: Path, artists: str) -> None:
    with (tmp_path / "users_artists.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("user_id", "artists"), (1, "Foo [live]"), (2, artists)])
    tables, report = read_artists(tmp_path, tmp_path / "home")
    assert tables.ids[schema.ARTIST].to_list() == ["Foo [live]"]
    assert report.quarantine
    (kept,) = [json.loads(line) for line in report.quarantine.read_text().splitlines()]
    assert (kept["file"], kept["line"]) == ("users_artists.csv", 3)
    assert re.search("write|stand in quotes", kept["reason"])


def test_a_number_is_the_same_artist_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "users_artists.csv").write_text("user_id,artists\n7,10.0\n7.0,2.0\n8,2\n8.0,[2. 10.]\n")
    read = read_published(tmp_path)
    assert (read.users, read.artists) == (["7", "8"], ["2", "10"])
    assert read.listens.toarray().tolist() == [[1, 1], [1, 1]]
    (tmp_path / "users_artists.csv").write_text("user_id,artists\n7,2.0\n7,Two\n")
    assert read_published(tmp_path).artists == ["2.0", "Two"]  # names


def test_a_folder_without_listeners_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no users_artists\.csv"):
        read_artists(tmp_path, tmp_path / "home")
