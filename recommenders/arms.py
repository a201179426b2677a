"""The player's four arms: which arm a user has, and how each arm chooses the next track."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recommenders.core.top_k import Ints, Mask
from recommenders.interest import Heard, Interest, Policy
from recommenders.session import SessionModel

__all__ = ["ARMS", "arm_of_user", "policy"]

ARMS: Final = ("random", "sticky-artist", "item-item", "session")


def arm_of_user(user: int, shares: Mapping[str, float], salt: str) -> str:
    """The arm of a user: the same for the same salt and shares, in proportion to ``shares`` over all users."""
    digest = hashlib.sha256(f"{salt}/{user}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares.values())
    for arm, share in shares.items():
        if point < share:
            return arm
        point -= share
    return list(shares)[-1]


def policy(arm: str, model: SessionModel, session: Heard, past: Sequence[Heard], allowed: Mask | None = None) -> Policy:
    """The probabilities with which ``arm`` plays each track next; tracks of this session are left out.

    ``allowed`` is a mask (contents,) of the contents that may be played; None for all. If none is left, there is no
    track.
    """
    interest = model.interest
    left = np.ones(len(interest.artists), dtype=bool) if allowed is None else allowed.copy()
    left[list(session.tracks)] = False
    if arm == "session":
        return interest.estimate(session, past).policy(model.temperature, left)
    if arm == "item-item":
        return _most_alike(interest, session, left)
    if arm == "sticky-artist":
        same = np.flatnonzero(left & (interest.artists == interest.artists[session.tracks[-1]]))
        if len(same):
            return _uniform(same)
    return _uniform(np.flatnonzero(left))


def _uniform(tracks: Ints) -> Policy:
    return Policy(tracks, np.full(len(tracks), 1.0 / max(1, len(tracks))))


def _most_alike(interest: Interest, session: Heard, left: Mask) -> Policy:
    """The tracks most similar to those of the session, weighted by the share heard of each."""
    tracks = np.array(session.tracks, dtype=np.int64)
    shares = np.array(session.shares, dtype=np.float32)
    found = interest.vectors @ (shares @ interest.vectors[tracks])
    by_artist = np.bincount(interest.artists[tracks], weights=shares, minlength=interest.artist_count)
    found += (interest.weights.artist * by_artist[interest.artists]).astype(np.float32)
    found[~left] = -np.inf
    best = int(found.argmax())
    return _uniform(np.array([best] if np.isfinite(found[best]) else [], dtype=np.int64))
