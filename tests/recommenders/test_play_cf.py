"""play-cf against the notebook's formula in plain loops, and its lists as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recommenders.play_cf import cosines, normalised, recommend_all, write_lists

USERS, TRACKS = 30, 40


def plays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plays with repeats, users without any, and users who always heard the same share."""
    rng = np.random.default_rng(3)
    users = rng.integers(0, USERS - 3, 400)
    tracks = np.minimum(rng.integers(0, TRACKS, 400), rng.integers(0, TRACKS, 400))
    shares = rng.beta(0.4, 0.9, 400).round(2)
    shares[users == 5] = 0.25
    return users, tracks, shares.astype(np.float32)


def by_loops(users: np.ndarray, tracks: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Users × tracks: mean over repeats of share minus the mean of all the user's rows; 0 where missing."""
    found = np.zeros((USERS, TRACKS))
    for user in range(USERS):
        rows = [at for at in range(len(users)) if users[at] == user]
        for track in range(TRACKS):
            repeats = [shares[at] for at in rows if tracks[at] == track]
            if repeats:
                found[user, track] = np.mean(repeats) - np.mean([shares[at] for at in rows])
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 1e-6 else 0.0


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return by_loops(*plays())


@pytest.fixture(scope="module")
def alike(exact: np.ndarray) -> np.ndarray:
    return np.array([[0.0 if a == b else cosine(exact[a], exact[b]) for b in range(USERS)] for a in range(USERS)])


def test_values_and_similarities_are_those_of_the_formula(exact: np.ndarray, alike: np.ndarray) -> None:
    values = normalised(*plays(), (USERS, TRACKS))
    np.testing.assert_allclose(values.toarray(), exact, atol=1e-6)
    np.testing.assert_allclose(cosines(values).toarray(), alike, atol=1e-5)


def test_few_neighbours_and_few_tracks_in_common(exact: np.ndarray, alike: np.ndarray) -> None:
    values = normalised(*plays(), (USERS, TRACKS))
    few = cosines(values, neighbours=4).toarray()
    for user in range(USERS):
        best = np.argsort(-alike[user], kind="stable")[:4]
        wanted = np.zeros(USERS)
        wanted[best] = np.maximum(alike[user][best], 0.0)
        np.testing.assert_allclose(few[user], wanted, atol=1e-5)
    played = values.copy()
    played.data[:] = 1.0
    common = (played @ played.T).toarray()
    weighted = cosines(values, significance=6.0).toarray()
    np.testing.assert_allclose(weighted, alike * np.minimum(common, 6.0) / 6.0, atol=1e-5)


@pytest.mark.parametrize("heard", [True, False])
def test_lists_are_those_of_the_formula_then_filled(exact: np.ndarray, alike: np.ndarray, heard: bool) -> None:
    users, tracks, shares = plays()
    values = normalised(users, tracks, shares, (USERS, TRACKS))
    fill = np.arange(TRACKS)[::-1]
    lists = recommend_all(cosines(values), values, fill, 25, heard=heard)
    scores = alike @ exact
    for user in range(USERS):
        mine = set(tracks[users == user].tolist())
        wanted = [int(track) for track in np.argsort(-scores[user], kind="stable") if scores[user, track] > 1e-5]
        wanted = [track for track in wanted if heard or track not in mine][:25]
        assert np.allclose(scores[user][lists[user][: len(wanted)]], scores[user][wanted], atol=1e-5)
        rest = [track for track in fill if track not in lists[user][: len(wanted)] and (heard or track not in mine)]
        assert lists[user][len(wanted) :].tolist() == (rest + [-1] * 25)[: 25 - len(wanted)]


def test_all_neighbours_need_no_denominator(alike: np.ndarray, exact: np.ndarray) -> None:
    total = np.abs(alike).sum(axis=1, keepdims=True)
    divided = alike @ exact / np.where(total > 0, total, 1.0)
    for plain, other in zip(alike @ exact, divided, strict=True):
        assert np.argsort(-plain, kind="stable").tolist() == np.argsort(-other, kind="stable").tolist()


def test_lines_are_written_as_numbers(tmp_path: Path) -> None:
    lists = np.array([[2, 0], [1, -1], [-1, -1]])
    write_lists(tmp_path / "lists.jsonl", ["7", "0", "123"], ["10", "2", "33333"], lists)
    rows = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    assert rows == [{"user": 7, "tracks": [33333, 10]}, {"user": 0, "tracks": [2]}, {"user": 123, "tracks": []}]
