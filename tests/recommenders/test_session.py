"""The session model: it learns from its own logs, notices logs of another catalogue, and prefers what was liked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluation import play_data
from graph.errors import ModelError
from graph.files.play_sessions import PLAYS
from graph.snapshot import Snapshot
from recommenders.arms import policy
from recommenders.core.config import CORE
from recommenders.core.top_k import Ints
from recommenders.interest import Heard, Interest, Weights
from recommenders.plays import artists_of, plays_of
from recommenders.session import SessionModel, other_numbers

ARTISTS, SONGS = 20, 10
TRACKS = ARTISTS * SONGS


def logs(arm: str, sessions: int = 210, *, same: float = 0.5, at_once: bool = False) -> Snapshot:
    """Listeners hear all of what is by the artist of their first track, and little else.

    ``same``: how often the arm chooses another track of that artist. ``at_once``: all sessions begin at one time, each
    of another listener.
    """
    rng = np.random.default_rng(0)
    catalogue = pl.DataFrame({
        "track": np.arange(TRACKS),
        "artist": [f"Artist {track // SONGS}" for track in range(TRACKS)],
        "title": [f"Song {track}" for track in range(TRACKS)],
    })  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for session in range(sessions):
        heard = [int(rng.integers(0, TRACKS))]
        artist = heard[0] // SONGS
        for place in range(5):
            pool = range(artist * SONGS, (artist + 1) * SONGS) if rng.random() < same else range(TRACKS)
            heard.append(int(rng.choice([track for track in pool if track not in heard])))
            share = 1.0 if place == 0 else 0.05 + 0.75 * (heard[place] // SONGS == artist)
            told = heard[-1] if place < 4 else None
            message = "next" if told is not None else "last"
            at, user = (place, session) if at_once else (10_000 * session + place, session % 50)
            rows.append((message, at, user, heard[place], share, 0.0, told, arm, 0.1))
    return play_data.snapshot_of(catalogue, pl.DataFrame(rows, schema=PLAYS, orient="row"))


@pytest.fixture(scope="module")
def model() -> SessionModel:
    return SessionModel().fit(logs("PLAYER:session"))


def hidden(groups: int = 8, size: int = 12, sessions: int = 210) -> tuple[Snapshot, Ints]:
    """Logs in which listeners hear tracks of their first track's group, and the group of each track (by nid).

    Neither artists nor titles tell the group, so only tracks heard in the same sessions do.
    """
    rng = np.random.default_rng(0)
    count = groups * size
    catalogue = pl.DataFrame({
        "track": np.arange(count),
        "artist": [f"Artist {track}" for track in range(count)],
        "title": [f"{rng.integers(10**9)}" for _ in range(count)],
    })  # fmt: skip
    group = rng.permutation(count) % groups
    rows: list[tuple[Any, ...]] = []
    for session in range(sessions):
        heard = [int(rng.integers(count))]
        for place in range(6):
            pool = np.flatnonzero(group == group[heard[0]]) if rng.random() < 0.5 else np.arange(count)
            heard.append(int(rng.choice(np.setdiff1d(pool, heard))))
            share = 1.0 if place == 0 else 0.05 + 0.75 * bool(group[heard[place]] == group[heard[0]])
            told = heard[-1] if place < 5 else None
            message = "next" if told is not None else "last"
            at, arm = 10_000 * session + place, "PLAYER:session"
            rows.append((message, at, session % 50, heard[place], share, 0.0, told, arm, 0.1))
    snapshot = play_data.snapshot_of(catalogue, pl.DataFrame(rows, schema=PLAYS, orient="row"))
    numbers = [int(id_.removeprefix("tracks/")) for id_ in snapshot.contents.ids.to_list()]
    return snapshot, group[numbers]


def test_the_newest_sessions_choose_the_vectors(model: SessionModel) -> None:
    by_artist = model.choice
    assert by_artist.name == "text"
    assert by_artist.evidence["text"] > max(value for name, value in by_artist.evidence.items() if name != "text")
    snapshot, group = hidden()
    learned = SessionModel().fit(snapshot)
    found = learned.choice
    assert set(found.evidence) == {"text", "shares", "item-item", "track2vec"}
    assert found.name in ("item-item", "track2vec")  # their lists say more here than the shares of single tracks
    assert found.evidence[found.name] == max(found.evidence.values()) > found.evidence["text"] + 0.3
    assert f"Vectors of tracks: {found.name}." in learned.told
    chosen = policy("session", learned, Heard((0,), (1.0,)), ())
    same = group[chosen.tracks] == group[0]
    assert chosen.chances[same].sum() > 0.9


def test_sessions_that_all_began_at_once_choose_nothing() -> None:
    learned = SessionModel().fit(logs("PLAYER:session", at_once=True))
    assert (learned.choice.name, dict(learned.choice.evidence)) == ("text", {})


def test_a_source_that_cannot_be_fitted_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    snapshot = hidden()[0]
    learned = SessionModel().fit(snapshot)
    assert "track2vec was not tried: track2vec needs the package gensim" in learned.told
    learned.save(tmp_path / "session")
    kept = json.loads((tmp_path / "session" / "manifest.json").read_text())
    assert kept["vectors"] == learned.choice.name
    assert set(kept["log_likelihoods"]) == {"text", "shares", "item-item"}
    assert SessionModel.load(tmp_path / "session", snapshot).choice.evidence == learned.choice.evidence
    with pytest.raises(ModelError, match="gensim"):
        SessionModel(vectors_by="track2vec").fit(snapshot)


def test_its_own_logs_alone_are_enough(model: SessionModel) -> None:
    assert not model.foreign
    nid = {int(id_.removeprefix("tracks/")): n for n, id_ in enumerate(model.snapshot.contents.ids.to_list())}
    session = Heard((nid[0], nid[55], nid[1]), (1.0, 0.0, 0.8))
    chosen = policy("session", model, session, ())
    assert chosen.chances.sum() == pytest.approx(1.0)
    assert not set(session.tracks) & set(chosen.tracks.tolist())
    same = model.interest.artists[chosen.tracks] == model.interest.artists[nid[0]]
    assert chosen.chances[same].sum() > 0.9
    disliked = model.interest.artists[chosen.tracks] == model.interest.artists[nid[55]]
    assert chosen.expected is not None
    assert chosen.expected[disliked].max() < chosen.expected[same].min()


def test_logs_that_number_tracks_otherwise_are_noticed_and_teach_levels_alone() -> None:
    strange = SessionModel().fit(logs("STICKY_ARTIST:T1", same=0.0))
    assert strange.foreign
    assert "otherwise than the catalogue" in strange.told
    assert not np.any(np.asarray(strange.learned["heard"]))
    usual = logs("STICKY_ARTIST:T1", same=1.0)
    assert not other_numbers(plays_of(usual), artists_of(usual))


def test_of_sessions_with_other_numbers_only_the_shares_count(model: SessionModel) -> None:
    rng = np.random.default_rng(0)
    shares = (1.0, 0.9, 0.1, 0.8)
    told = []
    for _ in range(5):  # whatever tracks the numbers seem to be, and however alike those are
        tracks = tuple(rng.choice(model.snapshot.contents.count, 4, replace=False).tolist())
        told.append(model.interest.estimate(Heard((0,), (1.0,)), [Heard(tracks, shares, foreign=True)]).means())
    np.testing.assert_allclose(told, np.tile(told[0], (5, 1)), rtol=1e-5)
    none = model.interest.estimate(Heard((0,), (1.0,))).means()
    assert np.all(told[0] > none)  # a listener of 90, 10 and 80 % hears more than most


def test_in_a_session_with_other_numbers_all_tracks_are_expected_alike_but_for_their_own_variance(
    model: SessionModel,
) -> None:
    heard = model.interest.estimate(Heard((0, 1, 2), (1.0, 0.9, 0.9), foreign=True))
    silent = model.interest.estimate(Heard((0, 1, 2), (1.0, 0.1, 0.1), foreign=True))
    assert np.ptp(heard.means()) < 1e-5
    assert heard.means()[0] > silent.means()[0]


def test_each_further_track_of_an_artist_counts_less(model: SessionModel) -> None:
    artists = model.interest.artists
    same = np.flatnonzero(artists == artists[0])
    once = model.interest.estimate(Heard((int(same[0]),), (1.0,)))
    last = same[-1:]
    twice = model.interest.estimate(Heard((int(same[0]), int(same[1])), (1.0, 0.8)))
    assert once.expected_of(last)[0] <= 0.8
    assert twice.expected_of(last)[0] <= 0.64


def test_a_choice_is_among_the_tracks_of_the_highest_estimates_that_are_left() -> None:
    rng = np.random.default_rng(1)
    count, pool = 5_000, CORE.session_pool
    interest = Interest(np.arange(count) // 3, rng.normal(size=(count, 8)).astype(np.float32),
                        np.zeros((count, 1), dtype=np.float32), Weights())  # fmt: skip
    left = rng.random(count) < 0.5
    left[[7, 9]] = False
    estimate = interest.estimate(Heard((7, 9), (1.0, 0.3)))
    order = np.argsort(-estimate.means(), kind="stable").tolist()
    best = [track for track in order if left[track]][:pool]
    chosen = estimate.policy(0.01, left)
    assert len(chosen.tracks) == pool
    assert left[chosen.tracks].all()
    assert len(set(best) & set(chosen.tracks.tolist())) >= 0.97 * pool
    exact = interest.alike(np.arange(count), np.array([9, 7])) @ np.append(estimate._alpha, estimate._gains[0])
    level = interest.weights.mean + interest.weights.level * estimate._alpha.sum()
    np.testing.assert_allclose(estimate.means(), exact + level, atol=1e-4)
    few = np.arange(count) < 5
    assert sorted(estimate.policy(0.01, few).tracks.tolist()) == [0, 1, 2, 3, 4]
