"""Fit the weights of `recommenders.interest`: the likeliest ones on sessions that taught no vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from recommenders.core.config import CORE
from recommenders.core.top_k import Floats, Ints, Mask
from recommenders.interest import Weights, logit
from recommenders.plays import Plays, adjusted
from recommenders.track_vectors import heard_vectors

__all__ = ["ALL", "evidence", "fit_weights", "heard_of", "own_choices", "same_artist_share"]

ALL: Final = frozenset({"mean", "level", "artist", "text", "heard", "noise", "start"})
"""Names of all weights."""


def heard_of(plays: Plays, artists: Ints, weights: Weights, dim: int, seed: int = 0) -> Floats:
    """`heard_vectors` from what was heard above what the user hears of an average track."""
    share, _ = adjusted(plays, artists)
    value = np.where(plays.place == 0, weights.start, logit(share) - weights.mean)
    known = np.isfinite(value)
    chosen = known & (plays.place > 0)
    users = int(plays.user.max(initial=0)) + 1
    count = np.bincount(plays.user[chosen], minlength=users)
    total = np.bincount(plays.user[chosen], weights=value[chosen], minlength=users)
    level = total / (count + CORE.level_plays)
    value = value - np.where(plays.place == 0, 0.0, level[plays.user])
    return heard_vectors(
        plays.session[known], plays.track[known], value[known].astype(np.float32), artists, dim, seed=seed
    )


@dataclass(frozen=True)
class _Part:
    """The plays of one session and how similar they are to one another, before the similarities are weighted."""

    value: Floats
    artist: Floats
    text: Floats
    heard: Floats
    first: tuple[Floats, Floats, Floats]
    """Similarity of each play to the first track of the session: by artist, text, heard."""
    own: tuple[float, float, float]
    """Similarity of the first track to itself, likewise."""


def fit_weights(
    plays: Plays, artists: Ints, text: Floats, heard: Floats, start: Weights, *, free: frozenset[str], seed: int = 0
) -> Weights:
    """The likeliest weights of these sessions, each near its default where the sessions say little.

    Only the ``free`` ones are moved. ``heard`` must not have been learned from these plays.
    """
    parts = _parts(plays, artists, text, heard, seed)
    best = start
    if not parts:
        return best
    score = _score(parts, best, start)
    for _ in range(CORE.weights_rounds):
        for factor in CORE.weights_factors:
            for name in ("mean", "level", "heard", "noise", "start", "artist", "text"):
                if name not in free:
                    continue
                for direction in (1, -1):
                    while True:
                        changed = best.but(**{name: _moved(name, getattr(best, name), factor, direction)})
                        found = _score(parts, changed, start)
                        if found <= score + 1e-6:
                            break
                        best, score = changed, found
    return best


def evidence(plays: Plays, artists: Ints, text: Floats, heard: Floats, weights: Weights, seed: int = 0) -> float:
    """Mean log-likelihood of a play in these sessions, given the plays before it in its session."""
    parts = _parts(plays, artists, text, heard, seed)
    return _likelihood(parts, weights) / max(1, sum(len(part.value) for part in parts))


def own_choices(plays: Plays, name: str) -> Mask:
    """Mask of the plays in sessions where an arm of the experiment ``name`` chose."""
    told = np.array([bool(arm) and str(arm).startswith(f"{name}:") for arm in plays.arm], dtype=bool)
    count = np.bincount(plays.session, weights=told, minlength=int(plays.session.max(initial=0)) + 1)
    return np.asarray(count[plays.session] > 0)


def same_artist_share(plays: Plays, artists: Ints) -> tuple[int, float]:
    """How many tracks arms with "artist" in their name chose, without repeats, and the share by the artist of the one
    before."""
    before = np.concatenate(([-1], plays.track[:-1]))
    named = np.array(
        [bool(arm) and "artist" in str(arm).lower() and ":c" not in str(arm).lower() for arm in plays.arm], dtype=bool
    )
    moved = named & (plays.place > 0) & (before != plays.track)
    if not moved.any():
        return 0, 0.0
    return int(moved.sum()), float(np.mean(artists[plays.track[moved]] == artists[before[moved]]))


def _moved(name: str, value: float, factor: float, direction: int) -> float:
    if name == "mean":
        return value + direction * CORE.weights_mean * (factor - 1.0)
    return float(max(value * factor**direction, CORE.weights_least))


def _parts(plays: Plays, artists: Ints, text: Floats, heard: Floats, seed: int) -> list[_Part]:
    share, _ = adjusted(plays, artists)
    first = plays.first
    used = (plays.place > 0) & np.isfinite(share)
    sessions = np.unique(plays.session[used])
    if len(sessions) > CORE.weighed_sessions:
        sessions = np.sort(np.random.default_rng(seed).choice(sessions, CORE.weighed_sessions, replace=False))
    parts = []
    rows = np.flatnonzero(used)
    starts, stops = (
        np.searchsorted(plays.session[rows], sessions),
        np.searchsorted(plays.session[rows], sessions, "right"),
    )
    for start, stop in zip(starts, stops, strict=True):
        own = rows[start:stop]
        track, opener = plays.track[own], int(first[own[0]])
        same = (artists[track][:, None] == artists[track][None, :]).astype(np.float64)
        with_first = (artists[track] == artists[opener]).astype(np.float64)
        parts.append(
            _Part(
                logit(share[own]).astype(np.float64),
                same,
                (text[track] @ text[track].T).astype(np.float64),
                (heard[track] @ heard[track].T).astype(np.float64),
                (with_first, text[track] @ text[opener], heard[track] @ heard[opener]),
                (1.0, float(text[opener] @ text[opener]), float(heard[opener] @ heard[opener])),
            )
        )
    return parts


def _score(parts: list[_Part], weights: Weights, prior: Weights) -> float:
    moved = [
        np.log(getattr(weights, name) / getattr(prior, name)) / CORE.weights_deviation
        for name in ("level", "artist", "text", "heard", "noise", "start")
    ]
    return _likelihood(parts, weights) - 0.5 * float(np.sum(np.square(moved)))


def _likelihood(parts: list[_Part], w: Weights) -> float:
    total = 0.0
    for part in parts:
        own = w.artist * part.own[0] + w.text * part.own[1] + w.heard * part.own[2]
        with_first = w.artist * part.first[0] + w.text * part.first[1] + w.heard * part.first[2]
        left = part.value - w.mean - w.start / max(own, 1e-6) * with_first
        kernel = w.level + w.artist * part.artist + w.text * part.text + w.heard * part.heard
        kernel[np.diag_indices(len(left))] += w.noise
        factor = np.linalg.cholesky(kernel)
        whitened = np.linalg.solve(factor, left)
        total -= 0.5 * float(whitened @ whitened) + float(np.log(np.diag(factor)).sum()) + 0.919 * len(left)
    return total
