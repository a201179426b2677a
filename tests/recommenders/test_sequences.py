from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import torch

from graph.errors import SettingsError
from graph.snapshot import Snapshot
from recommenders import counting
from recommenders.core.sequences import Sequences, sequences_of
from recommenders.core.top_k import Mask
from recommenders.counting import CoOccurrence, PpmiSvd, SessionKnn, co_occurrences, query
from recommenders.track2vec import NOTEBOOK, Track2Vec, Track2VecNetwork, with_artists
from recommenders.track_gradient import clear, gradient
from tests import checkerboard

LISTS = Sequences.of([[3, 1, 3], [], [0, 2, 1, 4]], 6)


def test_cut_keeps_the_last_apart():
    before, last = LISTS.cut()
    assert [before[row].tolist() for row in range(3)] == [[3, 1], [], [0, 2, 1]]
    assert last.last().tolist() == [3, -1, 4]


def test_a_matrix_leaves_the_lists_as_they_were():
    lists = Sequences.of([[3, 1, 3], [], [0, 2, 1, 4]], 6)
    assert lists.matrix().nnz == 6
    SessionKnn().fit(snapshot_of(lists)).list_scores(lists)
    assert [lists[row].tolist() for row in range(3)] == [[3, 1, 3], [], [0, 2, 1, 4]]


def test_frequent_drops_items_by_their_occurrences_not_by_their_lists():
    kept = LISTS.frequent(2)
    assert [kept[row].tolist() for row in range(3)] == [[3, 1, 3], [], [1]]


def test_items_left_over_get_new_numbers_in_the_old_order():
    lists = Sequences.of([[5, 2, 5], [3], [0, 2]], 6).renumbered(np.array([2, 5]))
    assert [lists[row].tolist() for row in range(len(lists))] == [[1, 0, 1], [], [0]]
    assert lists.width == 2


def test_take_may_repeat_a_list():
    taken = LISTS.take(np.array([2, 0, 2]))
    assert [taken[row].tolist() for row in range(3)] == [[0, 2, 1, 4], [3, 1, 3], [0, 2, 1, 4]]


@pytest.mark.parametrize("at_once", [20_000_000, 5])
def test_co_occurrences_are_those_of_a_plain_loop(at_once, monkeypatch):
    monkeypatch.setattr(counting, "_PAIRS", at_once)
    random = np.random.default_rng(0)
    lists = Sequences.of([random.integers(0, 8, random.integers(0, 9)) for _ in range(30)], 8)
    for window in (1, 3, 20):
        wanted = np.zeros((8, 8))
        for row in range(len(lists)):
            for i, left in enumerate(lists[row]):
                for j, right in enumerate(lists[row]):
                    if i != j and abs(i - j) <= window and left != right:
                        wanted[left, right] += 1
        np.testing.assert_array_equal(co_occurrences(lists, window).toarray(), wanted)


def test_the_last_item_asks_alone():
    assert query(LISTS, "last").toarray().nonzero()[1].tolist() == [3, 4]


def test_watches_are_in_the_order_of_time():
    watched = pl.DataFrame(
        {"source": [0, 0, 0, 1], "target": [0, 1, 2, 2], "lastAt": [30, 10, 20, 5]},
        schema={"source": pl.Int32, "target": pl.Int32, "lastAt": pl.Int64},
    )
    snapshot = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": ["a", "b", "c"]}),
            "Content": pl.DataFrame({"contentId": ["keaks/1", "keaks/2", "keaks/3"]}),
        },
        {"WATCHED": watched},
    )
    lists = sequences_of(snapshot, "watches")
    assert [lists[row].tolist() for row in range(3)] == [[1, 2, 0], [2], []]


def test_says_which_sequences_are_missing():
    with pytest.raises(SettingsError, match="no playlists"):
        sequences_of(checkerboard.snapshot(), "playlists")


def chain(size: int = 12) -> Snapshot:
    """Users who watch i, i + 1, i + 2, i + 3 in this order, all around a ring."""
    rows = [(user, (user + step) % size, step + 1) for user in range(size) for step in range(4)] * 4
    users = [(user + size * copy, item, at) for copy in range(4) for user, item, at in rows[: 4 * size]]
    source, target, at = np.array(users).T
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": [str(user) for user in range(4 * size)]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/{item}" for item in range(size)]}),
        },
        {
            "WATCHED": pl.DataFrame(
                {"source": source.astype(np.int32), "target": target.astype(np.int32), "lastAt": at.astype(np.int64)}
            )
        },
    )


@pytest.mark.parametrize(
    "model",
    [
        CoOccurrence(window=1, context="last"),
        PpmiSvd(window=1, factors=12, context="last"),
        SessionKnn(),
        Track2Vec(window=1, epochs=150, subsample=0.0),
        Track2VecNetwork(window=1, epochs=300, subsample=0.0, rate=0.02),
    ],
    ids=lambda model: model.name,
)
def test_what_follows_is_near_in_the_list(model):
    """On a ring of contents where each is watched beside the next one, the next of a list is beside its end."""
    ids, scores = model.fit(chain()).complete(Sequences.of([[3, 4, 5], [8, 9, 10]], 12), 3)
    assert ids[0, 0] in (6, 7, 2)
    assert ids[1, 0] in (11, 0, 7)
    assert not set(ids[0].tolist()) & {3, 4, 5}
    assert (np.diff(scores, axis=1) <= 0).all()


def test_the_defaults_learn_from_few_lists_and_are_the_notebooks_at_its_size():
    size = 60
    asked = Sequences.of([[n, (n + 1) % size] for n in range(size)], size)
    near = np.array([[(n + step) % size for step in (-3, -2, -1, 2, 3, 4, 5)] for n in range(size)])

    def found(model: Track2Vec) -> float:
        return float((model.fit(chain(size)).complete(asked, 3)[0][:, :, None] == near[:, None, :]).any(axis=2).mean())

    notebook = {name: value for name, value in NOTEBOOK.items() if name in ("epochs", "subsample")}
    assert found(Track2Vec()) > 0.9
    assert found(Track2Vec(**notebook)) < 0.3  # nearly every entry is left out
    items = np.arange(1_200_000) % 20
    items[:215_000] = np.arange(20, 215_020)  # as there, tracks that occur once, which `least` leaves out
    large = snapshot_of(Sequences.of(items.reshape(-1, 12), 215_020))
    for model in (Track2Vec(), Track2Vec(least=2), Track2VecNetwork(least=2)):
        settings = model.resolved(large)
        assert {name: settings[name] for name in notebook} == pytest.approx(notebook)


def snapshot_of(lists: Sequences, entries: str = "WATCHED") -> Snapshot:
    """The lists as people's watches, or as playlists."""
    rows = lists.rows.astype(np.int32)
    label, key = ("User", "userId") if entries == "WATCHED" else ("Playlist", "playlistId")
    edges = {"source": rows, "target": lists.items.astype(np.int32)}
    if entries == "HOLDS":
        edges["place"] = np.arange(len(rows), dtype=np.int32)
    nodes = {
        label: pl.DataFrame({key: [str(n) for n in range(len(lists))]}),
        "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(lists.width)]}),
    }
    return Snapshot.build(nodes, {entries: pl.DataFrame(edges)})


def test_work_and_cost_follow_the_entries_of_the_lists_and_the_model_says_what_was_done(tmp_path):
    lists = Sequences.of(np.arange(60_000).reshape(-1, 12) % 50, 50)
    playlists, watches = (snapshot_of(lists, entries) for entries in ("HOLDS", "WATCHED"))
    assert Track2Vec().cost(playlists) == Track2Vec().cost(watches) > 10 * Track2Vec(epochs=1).cost(playlists)
    model = Track2Vec(factors=2, negatives=1).fit(playlists)
    model.save(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["used"] == {"epochs": 120, "subsample": pytest.approx(12 / 60_000)}
    assert model.told.startswith("Learned in 120 epochs over 60,000 entries")


def test_only_the_last_is_left_out_as_in_the_notebook():
    model = CoOccurrence(window=1, context="last").fit(chain())
    ids, _ = model.complete(Sequences.of([[4, 5]], 12), 2, exclude="last")
    assert sorted(ids[0].tolist()) == [4, 6]


def test_track2vec_repeats_itself_and_names_its_file_as_the_notebook_did(tmp_path):
    first, again = (Track2Vec(epochs=3, subsample=0.0).fit(chain()) for _ in range(2))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    first.save(tmp_path / "model")
    np.testing.assert_array_equal(np.load(tmp_path / "model" / "latent_positions.npy"), first.vectors)


def test_tracks_below_the_least_are_not_recommended():
    model = Track2Vec(epochs=3, subsample=0.0, least=1).fit(
        chain().with_edges(chain().watched.keep(chain().watched.target > 2))
    )
    ids, _ = model.complete(Sequences.of([[5]], 12), 12)
    assert not {0, 1, 2} & set(ids[0].tolist())


@pytest.mark.parametrize("kind", [Track2Vec, Track2VecNetwork])
def test_a_track_that_stands_alone_in_its_list_is_not_learned(kind):
    lists = Sequences.of([[0, 1, 2], [2, 1, 0], [3], [3]], 4)
    model = kind(epochs=3, subsample=0.0).fit(snapshot_of(lists, "HOLDS"))
    assert model.known_contents.tolist() == [True, True, True, False]
    assert not model.vectors[3].any()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_what_was_not_learned_is_like_nothing(metric):
    lists = Sequences.of([[0, 1, 2], [2, 1, 0], [3], [3]], 5)
    model = Track2Vec(epochs=3, subsample=0.0, metric=metric).fit(snapshot_of(lists, "HOLDS"))
    ids, scores = model.similar_items(np.array([0, 3]), 4)
    assert {one for one, score in zip(ids[0].tolist(), scores[0].tolist(), strict=True) if one >= 0 and score} <= {1, 2}
    assert not any(one >= 0 and score for one, score in zip(ids[1].tolist(), scores[1].tolist(), strict=True))


def test_artists_stand_between_the_tracks():
    contents = pl.DataFrame({"contentId": ["t/1", "t/2", "t/3"], "artist": ["b", None, "a"]})
    snapshot = Snapshot.build({"User": pl.DataFrame({"userId": ["u"]}), "Content": contents}, {})
    doubled = with_artists(Sequences.of([[0, 1, 2]], 3), snapshot)
    assert doubled[0].tolist() == [0, 4, 1, 2, 3]  # a is 3, b is 4, the second track's artist is unknown


def test_artists_need_artists():
    with pytest.raises(SettingsError, match="artist"):
        Track2Vec(artists=True).fit(chain())


def test_the_network_s_gradient_is_torch_s():
    random = np.random.default_rng(0)
    vectors, neuron = random.normal(size=(9, 4)).astype(np.float32), np.array([1.5, -0.3], dtype=np.float32)
    left, right = random.integers(0, 9, 40), random.integers(0, 9, 40)
    label = random.integers(0, 2, 40).astype(np.float32)
    slope = np.zeros_like(vectors)
    of_neuron = gradient(vectors, neuron, left, right, label, slope)
    weights, both = torch.tensor(vectors, requires_grad=True), torch.tensor(neuron, requires_grad=True)
    ends = torch.nn.functional.normalize(weights, dim=1)
    logits = both[0] * (ends[left] * ends[right]).sum(dim=1) + both[1]
    torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(label)).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    assert both.grad is not None
    np.testing.assert_allclose(slope, weights.grad, atol=1e-6)
    np.testing.assert_allclose(of_neuron, both.grad, atol=1e-6)
    clear(slope, left, right)
    assert not slope.any()


def test_a_list_is_continued_with_contents_that_the_model_knows():
    class OfEvenOnes(CoOccurrence):
        @property
        def known_contents(self) -> Mask:
            return np.asarray(np.arange(12) % 2 == 0)

    model = OfEvenOnes().fit(chain())
    lists = Sequences.of([[4], [], [5, 6]], 12)
    for allowed, wanted in ((None, {0, 2, 4, 6, 8, 10}), (np.arange(12) < 7, {0, 2, 4, 6})):
        ids, _ = model.complete(lists, 12, allowed=allowed)
        for row in range(len(lists)):
            assert set(ids[row].tolist()) == {-1, *wanted} - set(lists[row].tolist())
