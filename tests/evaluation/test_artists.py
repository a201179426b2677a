"""The suite of artists' profiles: its figures against loops, its halves, its table from a folder."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cli import suite_artists
from evaluation.artist_data import Data, cut, measure, open_data
from evaluation.artist_notebook import Faults, indices, notebook_network
from evaluation.artist_suite import run
from graph.errors import InputError
from recommenders.core.options import silent
from recommenders.profile_network import shared_watchers, svd_vectors
from tests.graph.files.test_artist_profiles import folder as notebook


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 people and 90 artists of three tastes; nine in ten listens are of one's own taste."""
    random = np.random.default_rng(0)
    pairs = set()
    for user in range(160):
        for _ in range(14):
            taste = user % 3 if random.random() < 0.9 else int(random.integers(3))
            pairs.add((user, 3 * int(random.integers(30)) + taste))
    path = tmp_path_factory.mktemp("listens")
    (path / "interactions.csv").write_text("user,item\n" + "\n".join(f"{u},{a}" for u, a in sorted(pairs)) + "\n")
    friends = [(user, (user + 3) % 160) for user in range(160)]
    (path / "follows.csv").write_text("user,friend\n" + "\n".join(f"{a},{b}" for a, b in friends) + "\n")
    return path


@pytest.fixture(scope="module")
def data(folder: Path) -> Data:
    return cut(open_data(folder), seed=1)


def test_no_listener_makes_both_vectors_and_targets(data: Data) -> None:
    assert data.first.shape[0] + data.second.shape[0] == 160
    np.testing.assert_array_equal(data.listens.matrix[data.people].toarray(), data.first.toarray())
    assert data.first.nnz + data.second.nnz == data.listens.matrix.nnz
    assert not set(data.columns.tolist()) & set(data.test.tolist())
    assert not set(data.train.tolist()) & {*data.test.tolist(), *data.validation.tolist()}


def test_vectors_are_those_of_the_svd(data: Data) -> None:
    vectors = svd_vectors(data.first, 5)
    _, sizes, directions = np.linalg.svd(data.first.toarray(), full_matrices=False)
    exact = (directions[:5].T * sizes[:5]).astype(np.float32)
    np.testing.assert_allclose(np.abs(vectors), np.abs(exact), atol=0.05)


def test_profiles_are_shares_of_listeners_in_common(data: Data) -> None:
    rows = data.test[:3]
    found = shared_watchers(data.second, rows, data.columns)
    heard = [set(np.flatnonzero(column)) for column in data.second.toarray().T]
    for place, artist in enumerate(rows):
        together = np.array([len(heard[artist] & heard[other]) for other in data.columns], dtype=float)
        np.testing.assert_allclose(found[place], together / together.sum(), rtol=1e-5)


def test_figures_are_those_of_loops(data: Data) -> None:
    scores = np.random.default_rng(3).random((len(data.test), len(data.columns)))
    found = measure(scores, data.test, data)
    heard = [set(np.flatnonzero(column)) for column in data.second.toarray().T]
    for place, artist in enumerate(data.test):
        held_out = {other for other in range(len(heard)) if other != artist and heard[artist] & heard[other]}
        order = [int(data.columns[column]) for column in np.argsort(-scores[place])]
        for k in (1, 5, 10, 20):
            hits = [other in held_out for other in order[:k]]
            total = sum(sum(hits[: at + 1]) / (at + 1) for at in range(len(hits)) if hits[at])
            assert found[f"MAP@{k}"][place] == pytest.approx(total / min(len(held_out), k))


def test_the_notebook_loses_its_numbers_and_the_mended_network_keeps_them(data: Data) -> None:
    vectors = svd_vectors(data.first, 8)
    assert indices([np.array([[-1.2, 0.3], [2.9, -1.0]], dtype=np.float32)], -1.2).tolist() == [[0, 1], [4, 0]]
    mended = notebook_network([vectors[data.train]], data.targets, Faults(), epochs=15)
    broken = notebook_network([vectors[data.train]], data.targets, Faults(softmax_as_logits=True, one_pass=True))
    values = [measure(one.logits([vectors[data.test]]), data.test, data)["NDCG@20"].mean() for one in (mended, broken)]
    assert broken.epochs == 1
    assert values[0] > values[1] + 0.1


def test_the_table_puts_what_knows_tastes_above_popularity(folder: Path) -> None:
    names = ("popularity", "k-means on SVD vectors", "profile-network, 64 wide", "item-knn")
    board = run(open_data(folder), seed=1, models=names, progress=silent)
    found = {row.model: row.values["NDCG@20"].mean() for row in board.rows}
    assert set(found) == set(names)
    assert min(found["k-means on SVD vectors"], found["profile-network, 64 wide"]) > found["popularity"] + 0.05
    text = suite_artists.markdown(board, "entourage evaluate --suite artists")
    assert all(f"| {name} |" in text for name in names)
    assert "number of clusters" in text


def test_the_command_prints_and_writes_everything(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite_artists.artists(folder, 1, tmp_path, "entourage evaluate --suite artists")
    shown, written = capsys.readouterr().out, (tmp_path / "leaderboard.md").read_text()
    assert "Faults of the notebook, one by one" in shown
    for name in ("popularity", "item-knn", "gat", "SVD cosine"):
        assert name in written


def test_the_notebooks_own_files_are_read(tmp_path: Path) -> None:
    listens = open_data(notebook(tmp_path / "files"))
    assert listens.published is not None
    assert listens.matrix.shape == (3, 3)
    with pytest.raises(InputError, match="listener in both halves"):
        cut(listens)
    with pytest.raises(InputError, match="no listeners of artists"):
        open_data(tmp_path)


def test_ids_may_be_any_numbers(tmp_path: Path) -> None:
    """An id is no place: one of a billion made arrays of a billion."""
    (tmp_path / "interactions.csv").write_text("user,item\n7,2\n1000000000000,900000000000\n7,900000000000\n")
    with gzip.open(tmp_path / "follows.csv.gz", "wt") as file:
        file.write("user,friend\n7,1000000000000\n7,9\n")
    listens = open_data(tmp_path)
    assert listens.matrix.toarray().tolist() == [[1, 1], [0, 0], [0, 1]]
    assert listens.friends.toarray().tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("line", ["5,", "-1,3", "1,99999999999999999999", "1,x"])
def test_pairs_with_an_id_that_cannot_be_used_are_refused_with_their_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "interactions.csv").write_text(f"user,item\n1,2\n{line}\n")
    with pytest.raises(InputError, match=r"interactions\.csv:3 has an id"):
        open_data(tmp_path)
