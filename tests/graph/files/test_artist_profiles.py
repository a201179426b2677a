"""Artists and their listeners as the notebook has them: a sample written by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from graph import schema
from graph.errors import InputError
from graph.files.artist_profiles import read_artists, read_published
from graph.files.kinds import Kind, recognise

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
        ("train_matrix.npz", "what?", "no sparse matrix"),
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


def test_ids_that_were_written_as_floats_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "users_artists.csv").write_text("user_id,artists\n7,10.0\n7,2.0\n")
    assert read_published(tmp_path).artists == ["2.0", "10.0"]


def test_a_folder_without_listeners_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no users_artists\.csv"):
        read_artists(tmp_path, tmp_path / "home")
