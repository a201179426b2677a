from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from evaluation.next_track import CLICKS_OF, Titles, clicks, hide, r_precision, split
from graph.errors import InputError
from recommenders.core.sequences import Sequences
from recommenders.counting import CoOccurrence
from recommenders.knn import ItemKnn
from recommenders.popularity import Popularity

SIZE = 15


@pytest.fixture
def lists() -> Sequences:
    random = np.random.default_rng(1)
    runs = [[(start + step) % (SIZE - 1) for step in range(random.integers(2, 8))] for start in range(60)]
    return Sequences.of([*runs, [SIZE - 1]], SIZE)


@pytest.fixture
def titles() -> Titles:
    return Titles(
        pl.Series("contentId", [f"tracks/{item:02}" for item in range(SIZE)]),
        pl.Series("artist", [f"artist {item // 3}" for item in range(SIZE)]),
    )


def test_the_cut_is_the_notebooks(lists, titles):
    part = split(lists, titles, seed=3)
    kept = lists.frequent(2)
    assert set(part.test) <= set(np.flatnonzero(kept.lengths > 3))
    assert not set(part.test) & set(part.validation)
    assert len(set(part.test)) < len(part.test)  # drawn with replacement
    for row in part.test:
        assert part.held_out[row] == kept[row][-1]
        assert part.contexts[row].tolist() == kept[row][:-1].tolist()
    learned = sum(len(part.contexts[row]) for row in range(len(lists)))
    assert len(part.ordered.watched) == learned
    assert SIZE - 1 not in part.ordered.watched.target  # occurs once


def test_places_are_times_only_for_models_of_sequences(lists, titles):
    part = split(lists, titles)
    assert "lastAt" in part.train(CoOccurrence).watched.columns
    assert "lastAt" not in part.train(ItemKnn).watched.columns


def test_hits_are_those_of_a_plain_loop(lists, titles):
    part = split(lists, titles)
    model = CoOccurrence(window=1, context="last").fit(part.ordered)
    ids = part.rank(model, 10)
    judged = part.judge(ids)
    for place, row in enumerate(part.test):
        ranked = ids[place].tolist()
        hit = part.held_out[row] in ranked
        assert judged["HR@10"][place] == hit
        expected = 1 / np.log2(ranked.index(part.held_out[row]) + 2) if hit else 0.0
        assert judged["NDCG@10"][place] == pytest.approx(expected)
    assert judged["HR@10"].mean() > 0.9  # the next stands beside the last


def test_metrics_of_the_million_playlists():
    ids = np.full((3, CLICKS_OF), -1)
    ids[0, :3] = [7, 1, 2]
    ids[1, 25] = 4
    held_out = sp.csr_array(np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]], dtype=np.float32))
    held_out = sp.csr_array(sp.hstack([held_out, sp.csr_array((3, 5), dtype=np.float32)]))
    assert r_precision(ids, held_out).tolist() == [0.5, 0.0, 0.0]
    hits = np.zeros((3, CLICKS_OF), dtype=bool)
    hits[0, 1] = hits[1, 25] = True
    assert clicks(hits).tolist() == [0.0, 2.0, 51.0]


def test_lists_are_hidden_whole(lists, titles):
    part = hide(lists, titles, share=0.3)
    given, hidden = part.given.matrix(), part.held_out
    assert hidden.nnz
    assert not given.multiply(hidden).nnz
    assert part.ordered.users.count < len(lists)
    for model in (CoOccurrence(), ItemKnn(), Popularity()):
        ids, _ = model.fit(part.train(type(model))).complete(part.given, CLICKS_OF)
        assert all(not set(ids[row].tolist()) & set(part.given[row].tolist()) for row in range(len(part.given)))
        assert set(part.judge(ids)) == {"R-precision", "NDCG@500", "clicks"}


def test_too_few_lists_are_refused(titles):
    with pytest.raises(InputError, match="Only 0 lists"):
        split(Sequences.of([[0, 1], [1, 0]], SIZE), titles)
