"""What chooses the next track of a session: a user's arm, and the four arms there are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from recommenders.core.top_k import Ints, Mask
from recommenders.interest import Choice, Heard, Interest
from recommenders.session import SessionModel

__all__ = ["ARMS", "arm_of_user", "choose"]

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


def choose(
    arm: str,
    model: SessionModel,
    session: Heard,
    past: list[Heard],
    rng: np.random.Generator,
    allowed: Mask | None = None,
) -> Choice | None:
    """What ``arm`` plays next, with its probability; never a track of this session again. None when all were played.

    ``allowed``, shape (contents,): which contents may be played; None for all.
    """
    interest = model.interest
    left = np.ones(len(interest.artists), dtype=bool) if allowed is None else allowed.copy()
    left[list(session.tracks)] = False
    if arm == "session":
        return interest.estimate(session, past).choose(rng, model.temperature, left)
    if arm == "item-item":
        return _most_alike(interest, session, left)
    if arm == "sticky-artist":
        same = np.flatnonzero(left & (interest.artists == interest.artists[session.tracks[-1]]))
        if len(same):
            return _one_of(same, rng)
    tracks = np.flatnonzero(left)
    return _one_of(tracks, rng) if len(tracks) else None


def _one_of(tracks: Ints, rng: np.random.Generator) -> Choice:
    return Choice(int(rng.choice(tracks)), 1.0 / len(tracks), float("nan"))


def _most_alike(interest: Interest, session: Heard, left: Mask) -> Choice | None:
    """What is most alike to the tracks of the session, each by the share heard of it."""
    tracks = np.array(session.tracks, dtype=np.int64)
    shares = np.array(session.shares, dtype=np.float32)
    found = interest.vectors @ (shares @ interest.vectors[tracks])
    by_artist = np.bincount(interest.artists[tracks], weights=shares, minlength=interest.artist_count)
    found += (interest.weights.artist * by_artist[interest.artists]).astype(np.float32)
    found[~left] = -np.inf
    best = int(found.argmax())
    return Choice(best, 1.0, float("nan")) if np.isfinite(found[best]) else None
