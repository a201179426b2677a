"""A listener's interest in a session: estimates for all tracks from the shares heard of a few.

The logit of a heard share is modelled as a Gaussian process over tracks (Rasmussen and Williams, 2006, chapter 2). The
covariance of two tracks has a constant for all plays of a user, and parts for the same artist, similar texts and the
same listeners. Plays of two sessions of a user are related as far as the sessions' first tracks are similar. The first
track of a session shows what the user wants, because no recommender chose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

import numba
import numpy as np

from recommenders.core.config import CORE
from recommenders.core.top_k import Floats, Ints, Mask
from recommenders.plays import REPEAT_DISCOUNT

__all__ = ["Choice", "Heard", "Interest", "Policy", "Weights", "logit"]


def logit(share: Floats) -> Floats:
    """The logit of shares, clipped first (`CoreConfig.share_floor`)."""
    bounded = np.clip(share, CORE.share_floor, 1.0 - CORE.share_floor)
    return np.asarray(np.log(bounded / (1.0 - bounded)))


@dataclass(frozen=True)
class Weights:
    """Variances in squared logits; ``mean`` and ``start`` are logits. Defaults by hand; `fit_weights` moves them."""

    mean: float = -2.0
    """The logit of an average track for an average user."""
    level: float = 2.5
    """Between users."""
    artist: float = 2.0
    text: float = 1.0
    heard: float = 1.5
    """Variance of the similarity by vectors that are learned from plays."""
    noise: float = 1.5
    start: float = 4.0
    """How much the first track of a session raises tracks that are similar to it."""

    def vector(self) -> list[float]:
        return [float(getattr(self, field.name)) for field in fields(self)]

    def but(self, **changes: float) -> Weights:
        return replace(self, **changes)

    def dump(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Heard:
    """A session: its tracks in order (content nids; nobody recommended the first) and the share heard of each, 0..1."""

    tracks: tuple[int, ...]
    shares: tuple[float, ...]
    foreign: bool = False
    """Whether its tracks have other numbers, so that only the user's level can be learned from it, or told of it."""
    began: int = 0
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class Policy:
    """The probability of each track to come next; all arrays have shape (tracks,)."""

    tracks: Ints
    chances: Floats
    expected: Floats | None = None
    """Expected share heard of each track; None if the arm does not estimate it."""

    def draw(self, rng: np.random.Generator) -> Choice | None:
        """Draw one of the tracks; None if there is none."""
        if not len(self.tracks):
            return None
        at = min(int(np.searchsorted(np.cumsum(self.chances), rng.random())), len(self.tracks) - 1)
        return Choice(int(self.tracks[at]), float(self.chances[at]))

    def chance(self, track: int) -> float:
        """The probability of a track; 0 if it cannot come next."""
        return float(self.chances[self.tracks == track].sum())


@dataclass(frozen=True)
class Choice:
    """A track, and the probability with which it was chosen."""

    track: int
    propensity: float


class Interest:
    """The model. ``artists`` is the artist's number of each content; ``text`` and ``heard`` are vectors of contents."""

    def __init__(self, artists: Ints, text: Floats, heard: Floats, weights: Weights) -> None:
        self.artists = artists
        self.weights = weights
        self.artist_count = int(artists.max(initial=0)) + 1
        scale = np.sqrt(np.array([weights.text, weights.heard], dtype=np.float32))
        self.vectors = np.ascontiguousarray(np.hstack([scale[0] * text, scale[1] * heard]), dtype=np.float32)
        self.own = (weights.artist + np.einsum("nd,nd->n", self.vectors, self.vectors)).astype(np.float64)
        """Prior variance of each track."""

    def alike(self, some: Ints, others: Ints) -> Floats:
        """Covariance of two tracks without the level, shape (some, others)."""
        same = self.artists[some][:, None] == self.artists[others][None, :]
        return np.asarray(self.weights.artist * same + self.vectors[some] @ self.vectors[others].T, dtype=np.float64)

    def estimate(self, session: Heard, past: Sequence[Heard] = ()) -> Estimate:
        """The estimate for every track in this session of a user with these earlier sessions."""
        return Estimate(self, session, past)


class Estimate:
    """Mean and variance of the logit of the share of tracks in one session."""

    def __init__(self, interest: Interest, session: Heard, past: Sequence[Heard]) -> None:
        self._interest = interest
        weights = interest.weights
        self.played = np.array(session.tracks, dtype=np.int64)
        sessions = [session, *past]
        tracks, values, number = [], [], []
        for place, one in enumerate(sessions):
            counts: dict[int, int] = {}
            seen: set[int] = set()
            own_tracks: list[tuple[int, float]] = []
            for at, (track, share) in enumerate(zip(one.tracks, one.shares, strict=True)):
                artist = -1 - at if one.foreign else int(interest.artists[track])  # no two alike where unknown
                before = counts.get(artist, 0)
                counts[artist] = before + 1
                if at and track not in seen:
                    own_tracks.append((track, min(1.0, share / REPEAT_DISCOUNT**before)))
                seen.add(track)
            for track, value in reversed(own_tracks):
                tracks.append(track)
                values.append(value)
                number.append(place)
        earlier = np.bincount(interest.artists[self.played], minlength=interest.artist_count)
        self._before = np.zeros_like(earlier) if session.foreign else earlier
        most = CORE.session_plays
        tracks, values, number = tracks[:most], values[:most], number[:most]
        firsts = np.array([one.tracks[0] for one in sessions], dtype=np.int64)
        self._gains = weights.start / np.maximum(interest.own[firsts], 1e-6)
        foreign = np.array([one.foreign for one in sessions])
        self._gains[foreign] = 0.0
        self._first = int(firsts[0])
        self.tracks = np.array(tracks, dtype=np.int64)
        own = np.array(number, dtype=np.int64)
        ties = interest.alike(firsts, firsts) / np.sqrt(np.outer(interest.own[firsts], interest.own[firsts]) + 1e-9)
        ties = np.clip(ties, 0.0, 1.0)
        ties[foreign] = ties[:, foreign] = 0.0
        np.fill_diagonal(ties, ~foreign)
        self._ties = ties[0][own]
        """Similarity of each earlier play's session to this one, 0..1."""
        if len(tracks):
            alike = interest.alike(self.tracks, self.tracks) * ties[np.ix_(own, own)]
            start = self._gains[own] * _pairs(interest, self.tracks, firsts[own])
            unknown = np.flatnonzero(foreign[own])
            alike[unknown, unknown] = weights.artist  # of tracks without a number only their own variance is known
            kernel = weights.level + alike + weights.noise * np.eye(len(tracks))
            self._inverse = np.linalg.inv(kernel)
            self._alpha = self._inverse @ (logit(np.array(values)) - weights.mean - start)
        else:
            self._inverse, self._alpha = np.zeros((0, 0)), np.zeros(0)

    def means(self) -> Floats:
        """The expected logit of every track, shape (contents,)."""
        interest, weights = self._interest, self._interest.weights
        tracks = np.append(self.tracks, self._first)
        share = np.append(self._alpha * self._ties, self._gains[0])
        wanted = (share @ interest.vectors[tracks]).astype(np.float32)
        by_artist = np.bincount(
            interest.artists[tracks], weights=weights.artist * share, minlength=interest.artist_count
        ).astype(np.float32)
        level = np.float32(weights.mean + weights.level * self._alpha.sum())
        return np.asarray(_sums(interest.vectors, wanted, interest.artists, by_artist, level))

    def variances(self, tracks: Ints) -> Floats:
        """The variance of the logit of these tracks, without the noise of a play."""
        interest, weights = self._interest, self._interest.weights
        prior = weights.level + interest.own[tracks]
        if not len(self.tracks):
            return np.asarray(prior)
        cross = weights.level + interest.alike(tracks, self.tracks) * self._ties
        return np.asarray(np.maximum(prior - ((cross @ self._inverse) * cross).sum(axis=1), 1e-6))

    def expected(self, means: Floats, tracks: Ints) -> Floats:
        """Expected share heard of these tracks, with the discount for earlier tracks of the same artist."""
        variance = self.variances(tracks) + self._interest.weights.noise
        share = 1.0 / (1.0 + np.exp(-means[tracks] / np.sqrt(1.0 + np.pi / 8.0 * variance)))
        return np.asarray(share * REPEAT_DISCOUNT ** self._before[self._interest.artists[tracks]])

    def expected_of(self, tracks: Ints) -> Floats:
        """`expected` of some tracks, without the means of all."""
        interest, weights = self._interest, self._interest.weights
        told = np.append(self.tracks, self._first)
        share = np.append(self._alpha * self._ties, self._gains[0])
        means: Floats = np.zeros(len(interest.artists), dtype=np.float32)
        means[tracks] = interest.alike(tracks, told) @ share + weights.mean + weights.level * self._alpha.sum()
        return self.expected(means, tracks)

    def policy(self, temperature: float, left: Mask) -> Policy:
        """Probabilities of the tracks in the mask ``left`` (contents,), higher for a better estimate; may be empty."""
        means = self.means()
        pool = _highest(means, left, CORE.session_pool)
        share = self.expected(means, pool)
        if not len(pool) or temperature <= 0:
            return Policy(
                pool, (np.arange(len(pool)) == share.argmax()).astype(np.float64) if len(pool) else share, share
            )
        chance = np.exp((share - share.max()) / temperature)
        return Policy(pool, chance / chance.sum(), share)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _sums(vectors, wanted, artists, by_artist, level):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """For each track the product of its vector with ``wanted``, plus its artist's part, plus ``level``. float32."""
    found = np.empty(len(vectors), dtype=np.float32)
    for track in range(len(vectors)):
        total = np.float32(0.0)
        for dim in range(vectors.shape[1]):
            total += vectors[track, dim] * wanted[dim]
        found[track] = total + by_artist[artists[track]] + level
    return found


@numba.njit(cache=True, nogil=True)
def _highest(means, left, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The ``count`` tracks in ``left`` with the highest means, in the order of their nids.

    Means that differ by less than 1 % may change places at the end.
    """
    bits = means.view(np.uint32)
    buckets = np.zeros(1 << 16, dtype=np.int64)
    for track in range(len(means)):
        if left[track]:
            buckets[_bucket(bits[track])] += 1
    bar = len(buckets) - 1
    above = 0
    while bar > 0 and above + buckets[bar] < count:
        above += buckets[bar]
        bar -= 1
    at_bar = count - above  # of the bar's own bucket
    found = np.empty(min(count, above + buckets[bar]), dtype=np.int64)
    end = 0
    for track in range(len(means)):
        if left[track]:
            bucket = _bucket(bits[track])
            if bucket > bar or (bucket == bar and at_bar > 0):
                at_bar -= bucket == bar
                found[end] = track
                end += 1
    return found[:end]


@numba.njit(cache=True, nogil=True)
def _bucket(bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The upper half of a float's bits, changed so that it ascends with the float."""
    upper = np.int64(bits >> np.uint32(16))
    return upper + 0x8000 if upper < 0x8000 else 0xFFFF - upper


def _pairs(interest: Interest, some: Ints, others: Ints) -> Floats:
    """Covariance of ``some[i]`` and ``others[i]`` by artist and vectors, for every i."""
    same = interest.artists[some] == interest.artists[others]
    return np.asarray(
        interest.weights.artist * same + np.einsum("nd,nd->n", interest.vectors[some], interest.vectors[others])
    )
