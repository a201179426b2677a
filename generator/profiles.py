"""The columns of users, keaks and beats: counts that agree with the relationships, and gaps as in real files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from generator import readable
from generator.chance import Array, numbers
from generator.files import moments
from generator.follows import Follows
from generator.sessions import Sessions
from generator.tastes import GENRES, MOODS, SECOND, World
from generator.watching import COMMENTED, LIKED, SHARED, Views
from graph import schema

__all__ = ["Names", "Tally", "beats", "keaks", "users"]

ROWS: Final = 100_000
"""Rows of one frame."""
_TAGS: Final = ("keakr", "freestyle", "challenge", "openmic", "newartist", "studio", "live", "duo")
_TYPES: Final = ("freestyle", "live", "audioFreestyle", "importedVideo", "dance", None)
_TYPE_SHARES: Final = (0.55, 0.05, 0.14, 0.12, 0.06, 0.08)


@dataclass(frozen=True)
class Names:
    """Ids of users and contents in the files: the numbers from 1 in random order, as text."""

    users: Array
    """(n,) int64."""
    contents: Array
    """(m,) int64; keaks and beats are numbered separately."""
    keaks: int

    @classmethod
    def draw(cls, world: World) -> Names:
        """Shuffled numbers, so that the order of ids carries no information."""
        random, sizes = numbers(world.seed, "names"), world.sizes
        contents = np.concatenate([random.permutation(sizes.keaks), random.permutation(sizes.beats)])
        return cls(random.permutation(sizes.users) + 1, contents + 1, sizes.keaks)

    @cached_property
    def prefixed_users(self) -> pl.Series:
        """("users/…",) of every user."""
        return _prefixed(schema.USER_PREFIX, self.users)

    @cached_property
    def prefixed_contents(self) -> pl.Series:
        """("keaks/…" or "beats/…",) of every content."""
        keaks, beats = self.contents[: self.keaks], self.contents[self.keaks :]
        return pl.concat([_prefixed(schema.KEAK_PREFIX, keaks), _prefixed(schema.BEAT_PREFIX, beats)])


@dataclass
class Tally:
    """Sums over the views, by content and by user."""

    world: World
    views: Array = field(init=False)
    likes: Array = field(init=False)
    comments: Array = field(init=False)
    shares: Array = field(init=False)
    progress: Array = field(init=False)
    given: Array = field(init=False)
    """(n,) likes given."""

    def __post_init__(self) -> None:
        contents = self.world.sizes.contents
        self.views, self.likes, self.comments, self.shares = np.zeros((4, contents), dtype=np.int64)
        self.progress = np.zeros(contents)
        self.given = np.zeros(self.world.sizes.users, dtype=np.int64)

    def add(self, views: Views) -> None:
        """Count some more views."""
        size = len(self.views)
        self.views += np.bincount(views.content, minlength=size)
        self.progress += np.bincount(views.content, weights=views.progress, minlength=size)
        for bit, counts in ((LIKED, self.likes), (COMMENTED, self.comments), (SHARED, self.shares)):
            counts += np.bincount(views.content[views.marks & bit > 0], minlength=size)
        self.given += np.bincount(views.user[views.marks & LIKED > 0], minlength=len(self.given))

    def received(self, counts: Array) -> Array:
        """Sums of a count of contents over each user's own ones, shape (n,) int64."""
        made = np.bincount(self.world.catalogue.maker, weights=counts, minlength=len(self.given))
        return made.astype(np.int64)


def users(world: World, names: Names, graph: Follows, visits: Sessions, tally: Tally) -> Iterator[pl.DataFrame]:
    """The rows of users.jsonl."""
    random, count = numbers(world.seed, "users"), world.sizes.users
    sizes, catalogue, people = world.sizes, world.catalogue, world.people
    keaks_made = np.bincount(catalogue.maker[: sizes.keaks], minlength=count)
    used = world.keak_beat[world.keak_beat >= 0]
    battles = random.poisson(0.4 * np.minimum(keaks_made, 40))
    won = random.binomial(battles, 0.5)
    answered = random.binomial(battles, 0.4)
    counts: dict[str, Array] = {
        "battleCreatedCount": battles - answered,
        "battleLostCount": battles - won,
        "battleRespondedCount": answered,
        "battleWonCount": won,
        "friendCount": np.diff(graph.start),
        "keakCount": keaks_made,
        "keakrCoinGiven": random.poisson(0.02 * tally.given),
        "keakCoinReceived": random.poisson(0.02 * tally.received(tally.likes)),
        "likeCount": tally.received(tally.likes),
        "likeGivenCount": tally.given,
        "mutualFollowCount": _mutual(graph),
        "overallBeatUsage": np.bincount(catalogue.maker[sizes.keaks :][used], minlength=count),
        "PlaylistCount": random.poisson(0.6, count),
        "prizeMoneyParticipationCount": random.binomial(battles, 0.3),
        "sessionCount": np.bincount(visits.user, minlength=count).astype(np.float64),
        "shareCount": tally.received(tally.shares),
        "viewCount": tally.received(tally.views),
    }
    winner = (counts["prizeMoneyParticipationCount"] > 0) & (random.random(count) < 0.2)
    gaps = {
        "keakrCoinGiven": 0.3,
        "keakCoinReceived": 0.3,
        "likeGivenCount": 0.2,
        "mutualFollowCount": 0.5,
        "overallBeatUsage": 0.3,
        "PlaylistCount": 0.9,
        "shareCount": 0.9,
    }
    listened = _closest(random, people.vector, world.genres, 3, 0.25)
    listened[random.random(count) < 0.35] = -1
    listened[np.arange(3) >= random.integers(1, 4, count)[:, None]] = -1
    creator = (keaks_made > 0) | (np.bincount(catalogue.maker[sizes.keaks :], minlength=count) > 0)
    creates = _closest(random, people.vector, world.genres, 2, 0.3)
    creates[~creator | (random.random(count) < 0.2)] = -1
    unknown_last, unknown_role = random.random(count) < 0.06, random.random(count) < 0.1
    missing = {key: random.random(count) < gaps.get(key, 0.02) for key in counts}
    for rows in _pieces(count):
        frame = pl.DataFrame({schema.USER_ID: pl.Series(names.users[rows]).cast(pl.String)})
        yield frame.with_columns(
            readable.people(np.arange(count)[rows]).alias("username"),
            moments(people.created[rows]).alias("createdAt"),
            _gaps(moments(people.last[rows]), unknown_last[rows]).alias("lastConnection"),
            _lists(creates[rows], _named(GENRES)).alias("usedGenres"),
            _lists(listened[rows], _named(GENRES)).alias("listenedGenres"),
            *(_gaps(pl.Series(key, counts[key][rows]), missing[key][rows]) for key in schema.USER_COUNTS),
            pl.Series("prizeMoneyWinner", winner[rows]),
            _gaps(pl.Series("isBeatmaker", world.beatmaker[rows]), unknown_role[rows]),
            _gaps(pl.Series("isSinger", world.singer[rows]), unknown_role[rows]),
        )


def keaks(world: World, names: Names, tally: Tally, *, makers: bool = True) -> Iterator[pl.DataFrame]:
    """The rows of keaks.jsonl, with maker and beat if ``makers``."""
    random, count = numbers(world.seed, "keaks"), world.sizes.keaks
    catalogue = world.catalogue
    genre = _closest(random, catalogue.vector[:count], world.genres, 1, 0.15)[:, 0]
    mood = _closest(random, catalogue.vector[:count], world.moods, 1, 0.2)[:, 0]
    tags = _tag_names()
    some = len(GENRES), len(MOODS)
    general = random.integers(0, len(_TAGS), count)
    tagged = np.stack(
        [genre, some[0] + mood, sum(some) + genre * some[1] + mood, len(tags) - len(_TAGS) + general], axis=1
    )
    tagged[random.random((count, 4)) < np.array([0.45, 0.65, 0.75, 0.5])] = -1
    tagged[random.random(count) < 0.25] = -1
    author_unknown, no_views = random.random(count) < 0.02, tally.views[:count] == 0
    duration = np.clip(random.lognormal(3.9, 0.45, count), 8, 240)
    kind = random.choice(len(_TYPES), count, p=_TYPE_SHARES)
    small, no_small, no_link = random.random(count) < 0.7, random.random(count) < 0.1, random.random(count) < 0.03
    progress = tally.progress[:count] / np.maximum(tally.views[:count], 1)
    beat_names = pl.Series(names.contents[count:]).cast(pl.String)
    for rows in _pieces(count):
        beat = world.keak_beat[rows]
        ids = pl.Series(names.contents[:count][rows]).cast(pl.String)
        named = [
            _gaps(_author(names, catalogue.maker[:count][rows]), author_unknown[rows]).alias(schema.KEAK_AUTHOR),
            _gaps(beat_names.gather(np.maximum(beat, 0)), beat < 0).alias(schema.KEAK_BEAT),
        ]
        yield pl.DataFrame({schema.KEAK_ID: ids}).with_columns(
            *(named if makers else ()),
            readable.titles(np.arange(count)[rows]).alias(schema.TITLE),
            moments(catalogue.created[:count][rows]).alias("createdAt"),
            pl.Series("likeCount", tally.likes[:count][rows]),
            pl.Series("commentCount", tally.comments[:count][rows]),
            pl.Series("viewCount", tally.views[:count][rows]),
            _gaps(pl.Series("averageViewProgress", np.round(100 * progress[rows], 1)), no_views[rows]),
            pl.Series("duration", np.round(duration[rows], 2)),
            _lists(tagged[rows], tags).alias("hashtags"),
            pl.Series("contentType", _TYPES).gather(kind[rows]),
            _gaps(pl.Series("hasSmallThumbnail", small[rows]), no_small[rows]),
            _gaps("https://keak.example/" + ids, no_link[rows]).alias("lien"),
        )


def beats(world: World, names: Names, tally: Tally) -> Iterator[pl.DataFrame]:
    """The rows of beats.jsonl."""
    random, first, count = numbers(world.seed, "beats"), world.sizes.keaks, world.sizes.beats
    catalogue = world.catalogue
    tempo = np.array([70 + 5 * (n * 7 % 17) for n in range(len(GENRES))])
    bpm = np.clip(np.round(random.normal(tempo[world.beat_genres[:, 0]], 6.0)), 50, 200)
    created = catalogue.created[first:]
    updated = created + (random.exponential(30.0, count) * 86_400 * SECOND).astype(np.int64)
    uses = np.bincount(world.keak_beat[world.keak_beat >= 0], minlength=count)
    untouched, no_bpm, no_link = random.random(count) < 0.3, random.random(count) < 0.05, random.random(count) < 0.03
    genres, moods = world.beat_genres.copy(), world.beat_moods.copy()
    genres[random.random(count) < 0.06] = -1
    moods[random.random(count) < 0.2] = -1
    licence = np.array(["free", "lease", "exclusive"])[random.choice(3, count, p=[0.6, 0.3, 0.1])]
    duration = np.clip(random.normal(165, 35, count), 30, 400)
    for rows in _pieces(count):
        ids = pl.Series(names.contents[first:][rows]).cast(pl.String)
        yield pl.DataFrame({schema.BEAT_ID: ids}).with_columns(
            _author(names, catalogue.maker[first:][rows]).alias(schema.BEAT_MAKER),
            (readable.titles(np.arange(count)[rows]) + " (beat)").alias(schema.TITLE),
            moments(created[rows]).alias("createdAt"),
            _gaps(moments(updated[rows]), untouched[rows]).alias("updatedAt"),
            _gaps(pl.Series("bpm", bpm[rows]), no_bpm[rows]),
            pl.Series("duration", np.round(duration[rows], 2)),
            pl.Series("nbKeaks", uses[rows]),
            pl.Series("nbLikes", tally.likes[first:][rows]),
            pl.Series("licenceType", licence[rows]).reshape((-1, 1)).arr.to_list().alias("licenceType"),
            _gaps("https://beat.example/" + ids, no_link[rows]).alias("link"),
            _lists(genres[rows], _named(GENRES)).alias("genres"),
            _lists(moods[rows], _named(MOODS)).alias("moods"),
        )


def _prefixed(prefix: str, ids: Array) -> pl.Series:
    return prefix + pl.Series(ids).cast(pl.String)


def _author(names: Names, makers: Array) -> pl.Series:
    return pl.Series(names.users[makers]).cast(pl.String)


def _pieces(count: int) -> Iterator[slice]:
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def _gaps(column: pl.Series, missing: Array) -> pl.Series:
    """The column with null where ``missing``."""
    return column.set(pl.Series(missing), None)


def _named(names: tuple[str, ...]) -> pl.Series:
    """``{id, name}`` of every genre or mood."""
    return pl.DataFrame({"id": [str(n) for n in range(1, len(names) + 1)], "name": names}).to_struct("named")


def _tag_names() -> pl.Series:
    genres = [name.lower().replace(" ", "").replace("&", "n").replace("-", "") for name in GENRES]
    moods = [name.lower() for name in MOODS]
    return pl.Series([*genres, *moods, *(genre + mood for genre in genres for mood in moods), *_TAGS])


def _lists(index: Array, values: pl.Series) -> pl.Series:
    """Rows of ``index``, (n, k) with -1 for none, as lists of values."""
    flat = np.flatnonzero(index.ravel() >= 0)
    ends = np.concatenate([[0], np.cumsum((index >= 0).sum(axis=1))])
    frame = pl.DataFrame({"value": values.gather(index.ravel()[flat])})
    row = np.repeat(np.arange(len(index)), np.diff(ends))
    grouped = frame.with_columns(pl.Series("row", row)).group_by("row", maintain_order=True).agg("value")
    every = pl.DataFrame({"row": np.arange(len(index))}).join(grouped, on="row", how="left", maintain_order="left")
    return every["value"].fill_null([])


def _closest(random: np.random.Generator, vectors: Array, among: Array, count: int, stray: float) -> Array:
    """The ``count`` nearest of ``among`` to each vector, after adding noise of size ``stray``; shape (n, count)."""
    closeness = vectors @ among.T + stray * random.gumbel(size=(len(vectors), len(among))).astype(np.float32)
    return np.argsort(-closeness, axis=1)[:, :count]


def _mutual(graph: Follows) -> Array:
    """The number of followed people who follow back, for each user, shape (n,) int64."""
    count = len(graph.start) - 1
    follower = np.repeat(np.arange(count, dtype=np.int64), np.diff(graph.start))
    pairs = np.sort(follower * count + graph.target)
    back = graph.target.astype(np.int64) * count + follower
    at = np.searchsorted(pairs, back)
    found = pairs[np.minimum(at, len(pairs) - 1)] == back
    return np.bincount(follower[found], minlength=count)
