"""Latent tastes: vectors of genres, moods, communities, people and contents.

Every taste is a unit vector of ``WIDTH`` numbers; the affinity of two of them is their cosine, in -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from generator.chance import Array, numbers
from generator.sizes import Sizes

__all__ = ["END", "GENRES", "MOODS", "SECOND", "START", "Catalogue", "People", "World", "world"]

WIDTH: Final = 16
SECOND: Final = 10_000_000
"""Times are counted in steps of 100 ns since 1970, the files' seven fractional digits."""
START: Final = 1_609_459_200 * SECOND
"""2021-01-01: when watching begins."""
END: Final = START + 730 * 86_400 * SECOND

GENRES: Final = (
    "Trap", "Drill", "Boom Bap", "Cloud Rap", "Old School", "R&B", "Soul", "Afrobeat", "Dancehall", "Reggaeton",
    "Pop", "Electro", "House", "Lo-fi", "Rock", "Jazz", "Funk", "Gospel", "Phonk", "Zouk",
)  # fmt: skip
MOODS: Final = (
    "Dark", "Happy", "Sad", "Chill", "Angry", "Romantic", "Epic", "Festive", "Dreamy", "Melancholic", "Confident",
    "Raw",
)  # fmt: skip


class People(NamedTuple):
    """The users, one row each."""

    vector: Array
    """(n, WIDTH) float32."""
    community: Array
    """(n, 3) int32: three communities of each user, the main one first."""
    share: Array
    """(n, 3) float32: cumulative shares of these communities."""
    created: Array
    """(n,) int64."""
    last: Array
    """(n,) int64: the end of each user's time on the network."""
    sociability: Array
    """(n,) float32: share of the contents a user comes across that come from followed people."""
    generosity: Array
    """(n,) float32: tendency to like, comment and share."""


class Catalogue(NamedTuple):
    """The contents, keaks before beats, each kind in order of creation."""

    vector: Array
    """(m, WIDTH) float32."""
    quality: Array
    """(m,) float32, standard normal."""
    created: Array
    """(m,) int64."""
    maker: Array
    """(m,) int32: the user who made it."""
    community: Array
    """(m,) int32: the community it is closest to."""
    by_time: Array
    """(m,) int32: contents in order of creation."""
    group_start: Array
    """(communities + 1,) int64 into ``group``."""
    group: Array
    """(m,) int32: contents by community, then by creation."""
    made_start: Array
    """(n + 1,) int64 into ``made``."""
    made: Array
    """(m,) int32: contents by maker, then by creation."""


@dataclass(frozen=True)
class World:
    """Everything that is drawn before people follow and watch."""

    sizes: Sizes
    seed: int
    genres: Array
    """(genres, WIDTH) float32."""
    moods: Array
    """(moods, WIDTH) float32."""
    communities: Array
    """(communities, WIDTH) float32."""
    people: People
    catalogue: Catalogue
    fame: Array
    """(n,) float64: probability that a stranger's follow goes to each user; adds up to 1."""
    singer: Array
    """(n,) bool."""
    beatmaker: Array
    """(n,) bool."""
    keak_beat: Array
    """(keaks,) int32: index of the beat each keak is sung over, -1 for none."""
    beat_genres: Array
    """(beats, 3) int8, -1 for none."""
    beat_moods: Array
    """(beats, 2) int8, -1 for none."""


def world(sizes: Sizes, seed: int) -> World:
    """Draw the tastes, the people and the catalogue."""
    random = numbers(seed, "tastes")
    genres, moods = _unit(random.normal(size=(len(GENRES), WIDTH))), _unit(random.normal(size=(len(MOODS), WIDTH)))
    count = max(6, round(sizes.users**0.35))
    loved = np.argsort(random.random((count, len(GENRES))), axis=1)[:, :2]
    centres = _unit(genres[loved[:, 0]] + 0.6 * genres[loved[:, 1]] + 0.8 * _unit(random.normal(size=(count, WIDTH))))
    people = _people(random, sizes.users, centres)
    singer, beatmaker, fame = _roles(random, sizes, people)
    beats = _beats(random, sizes.beats, genres, moods, people, fame * beatmaker)
    keaks = _keaks(random, sizes.keaks, beats, people, fame * singer)
    vector = np.concatenate([keaks.vector, beats.vector])
    created = np.concatenate([keaks.created, beats.created])
    maker = np.concatenate([keaks.maker, beats.maker])
    catalogue = _catalogue(random, vector, created, maker, centres, sizes.users)
    return World(
        sizes, seed, genres, moods, centres, people, catalogue, fame, singer, beatmaker,
        keaks.beat, beats.genres, beats.moods,
    )  # fmt: skip


class _Beats(NamedTuple):
    vector: Array
    created: Array
    maker: Array
    genres: Array
    moods: Array


class _Keaks(NamedTuple):
    vector: Array
    created: Array
    maker: Array
    beat: Array


def _unit(vectors: Array) -> Array:
    scaled: Array = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return scaled


def _pick(random: np.random.Generator, weights: Array, count: int) -> Array:
    """``count`` indices drawn in proportion to ``weights``."""
    cumulative = np.cumsum(weights)
    picked: Array = np.searchsorted(cumulative, random.random(count) * cumulative[-1], side="right").astype(np.int32)
    return picked


def _people(random: np.random.Generator, count: int, centres: Array) -> People:
    sizes = random.gamma(2.0, size=len(centres))
    community = np.stack([_pick(random, sizes, count) for _ in range(3)], axis=1)
    weight = random.dirichlet((3.0, 1.2, 0.5), size=count).astype(np.float32)
    vector = np.einsum("nc,ncd->nd", weight, centres[community]).astype(np.float32)
    vector = _unit(_unit(vector) + np.float32(0.55) * _unit(random.normal(size=(count, WIDTH)).astype(np.float32)))
    # A third joined before the first recorded watch; the others join at a falling rate.
    early = random.random(count) < 0.34
    span = END - START
    joined = START + (random.beta(1.0, 1.35, count) * (span - 40 * 86_400 * SECOND)).astype(np.int64)
    created = np.where(early, START - (random.random(count) * 365 * 86_400 * SECOND).astype(np.int64), joined)
    begin = np.maximum(created, START)
    left = random.random(count) < 0.55  # the others stay to the end
    last = np.where(left, begin + ((END - begin) * random.beta(1.2, 0.9, count)).astype(np.int64), END)
    return People(
        vector=vector,
        community=community,
        share=np.cumsum(weight, axis=1).astype(np.float32),
        created=created,
        last=np.maximum(last, begin + 3600 * SECOND),
        sociability=random.beta(3.0, 2.4, count).astype(np.float32),
        generosity=random.normal(0.0, 0.9, count).astype(np.float32),
    )


def _roles(random: np.random.Generator, sizes: Sizes, people: People) -> tuple[Array, Array, Array]:
    """Masks of singers and beatmakers, and the fame of each user: a Zipf law over a mostly random order."""
    singer = random.random(sizes.users) < 0.22
    beatmaker = random.random(sizes.users) < 0.06
    singer[0], beatmaker[1] = True, True
    standing = random.gumbel(size=sizes.users) + 1.6 * singer + 1.2 * beatmaker
    standing += 1.5 * (END - people.created) / (END - START)
    rank = np.empty(sizes.users)
    rank[np.argsort(-standing, kind="stable")] = np.arange(sizes.users)
    fame = (rank + 4.0) ** -1.1
    return singer, beatmaker, fame / fame.sum()


def _creation_times(random: np.random.Generator, makers: Array, people: People) -> Array:
    """Sorted times of creation, each after its maker joined; two fifths are older than the first watch."""
    begin = people.created[makers]
    old = random.random(len(makers)) < 0.4
    soon = begin + ((END - begin) * random.beta(0.9, 1.6, len(makers))).astype(np.int64)
    return np.where(
        old & (begin < START), begin + ((START - begin) * random.random(len(makers))).astype(np.int64), soon
    )


def _beats(
    random: np.random.Generator, count: int, genres: Array, moods: Array, people: People, weights: Array
) -> _Beats:
    maker = _pick(random, weights**0.75, count)
    created = _creation_times(random, maker, people)
    order = np.argsort(created, kind="stable")
    maker, created = maker[order], created[order]
    own = people.vector[maker]
    # A maker uses the genres and moods closest to their own taste, with some noise.
    genre = np.argsort(-(own @ genres.T + 0.35 * random.gumbel(size=(count, len(genres)))), axis=1)[:, :3]
    mood = np.argsort(-(own @ moods.T + 0.5 * random.gumbel(size=(count, len(moods)))), axis=1)[:, :2]
    vector = _unit(
        0.75 * genres[genre[:, 0]]
        + 0.35 * genres[genre[:, 1]]
        + 0.3 * moods[mood[:, 0]]
        + 0.45 * own
        + 0.45 * _unit(random.normal(size=(count, WIDTH)))
    )
    genre, mood = genre.astype(np.int8), mood.astype(np.int8)
    genre[random.random(count) < 0.35, 1] = -1
    genre[(random.random(count) < 0.7) | (genre[:, 1] < 0), 2] = -1
    mood[random.random(count) < 0.5, 1] = -1
    return _Beats(vector, created, maker, genre, mood)


def _keaks(random: np.random.Generator, count: int, beats: _Beats, people: People, weights: Array) -> _Keaks:
    maker = _pick(random, weights**0.75, count)
    created = _creation_times(random, maker, people)
    order = np.argsort(created, kind="stable")
    maker, created = maker[order], created[order]
    own = people.vector[maker]
    # A singer draws eight existing beats, popular ones more often, and uses the one closest to their own taste.
    there = np.searchsorted(beats.created, created)
    popularity = random.pareto(1.1, len(beats.maker)) + 0.2
    cumulative = np.concatenate([[0.0], np.cumsum(popularity)])
    draws = np.searchsorted(cumulative, random.random((count, 8)) * cumulative[there][:, None], side="right") - 1
    draws = np.clip(draws, 0, len(beats.maker) - 1)
    closeness = np.einsum("nd,nkd->nk", own, beats.vector[draws])
    beat = draws[np.arange(count), closeness.argmax(axis=1)].astype(np.int32)
    beat[(there == 0) | (random.random(count) < 0.25)] = -1
    over = np.where(beat[:, None] >= 0, beats.vector[beat], people.vector[maker])
    vector = _unit(0.55 * own + 0.55 * over + 0.65 * _unit(random.normal(size=(count, WIDTH)).astype(np.float32)))
    return _Keaks(vector, created, maker, beat)


def _catalogue(
    random: np.random.Generator, vector: Array, created: Array, maker: Array, centres: Array, users: int
) -> Catalogue:
    community = (vector @ centres.T).argmax(axis=1).astype(np.int32)
    by_time = np.argsort(created, kind="stable").astype(np.int32)

    def grouped(key: Array, groups: int) -> tuple[Array, Array]:
        start = np.zeros(groups + 1, dtype=np.int64)
        np.cumsum(np.bincount(key, minlength=groups), out=start[1:])
        return start, np.lexsort((created, key)).astype(np.int32)

    group_start, group = grouped(community, len(centres))
    made_start, made = grouped(maker, users)
    quality = random.normal(size=len(created)).astype(np.float32)
    return Catalogue(vector, quality, created, maker, community, by_time, group_start, group, made_start, made)
