"""An observed network, generated or real, and statistics of it."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import scipy.sparse as sp

from generator.chance import Array
from graph import schema
from graph.errors import InputError

__all__ = ["Network", "deezer", "generated", "lastfm", "scan", "shared_data"]

SAMPLED: Final = 3_000
"""People whose clustering is measured; ten times as many pairs are compared."""


@dataclass(frozen=True)
class Network:
    """People, who follows whom, and what they watched, listened to or like."""

    name: str
    follower: Array
    """(e,) rows."""
    followed: Array
    """(e,) rows."""
    people: int
    activity: Array
    """(people,) int64: views of each person, repetitions included; empty if unknown."""
    popularity: Array
    """(contents,) int64: views of each content; empty if unknown."""
    liked: sp.csr_array
    """(people, contents): contents that each person watched or likes."""
    directed: bool

    @cached_property
    def followers(self) -> Array:
        """(people,) int64."""
        return np.bincount(self.followed, minlength=self.people)

    @cached_property
    def following(self) -> Array:
        """(people,) int64."""
        return np.bincount(self.follower, minlength=self.people)

    @cached_property
    def circles(self) -> sp.csr_array:
        """People × people: 1 where either follows the other; symmetric."""
        shape = (self.people, self.people)
        ones = np.ones(len(self.follower), dtype=np.float32)
        one_way = sp.csr_array(sp.coo_array((ones, (self.follower, self.followed)), shape=shape))
        both = sp.csr_array(one_way + one_way.T)
        both.data[:] = 1.0
        return both

    def clustering(self, sample: int = SAMPLED) -> tuple[Array, Array]:
        """Degrees of sampled people, and share of pairs of their contacts that are connected (Watts, Strogatz 1998).

        People with fewer than 2 contacts are left out; of more than 300 contacts, 300 are sampled.
        """
        random, circles = np.random.default_rng(0), self.circles
        degree = np.diff(circles.indptr)
        chosen = random.permutation(np.flatnonzero(degree > 1))[:sample]
        shares = np.empty(len(chosen))
        for place, person in enumerate(chosen):
            around = circles.indices[circles.indptr[person] : circles.indptr[person + 1]]
            if len(around) > 300:
                around = random.permutation(around)[:300]
            links = np.isin(_rows(circles, around), around).sum()
            shares[place] = links / (len(around) * (len(around) - 1))
        return degree[chosen], shares

    @property
    def clustering_by_chance(self) -> float:
        """Expected ``clustering`` if the same number of contacts were drawn uniformly."""
        return float(np.diff(self.circles.indptr).mean() / max(self.people - 1, 1))

    @property
    def reciprocity(self) -> float:
        """Share of follows that are mutual."""
        code = np.sort(self.follower.astype(np.int64) * self.people + self.followed)
        back = self.followed.astype(np.int64) * self.people + self.follower
        found = np.minimum(np.searchsorted(code, back), len(code) - 1)
        return float((code[found] == back).mean())

    def likeness(self, pairs: int = 10 * SAMPLED) -> tuple[float, float]:
        """Mean cosine of the watches of two people: of connected people, and of randomly matched people.

        The second matches the same followers and followed people at random, so that both sides have the same activity.
        Both are NaN where no two connected people watched anything.
        """
        random = np.random.default_rng(0)
        active = np.diff(self.liked.indptr) > 0
        both = np.flatnonzero(active[self.follower] & active[self.followed])
        chosen = random.permutation(both)[:pairs]
        left, right = self.follower[chosen], self.followed[chosen]
        return self._cosine(left, right), self._cosine(left, random.permutation(right))

    def _cosine(self, left: Array, right: Array) -> float:
        if not len(left):
            return float("nan")
        lengths = np.diff(self.liked.indptr)
        common = np.asarray(self.liked[left].multiply(self.liked[right]).sum(axis=1)).ravel()
        return float((common / np.sqrt(lengths[left] * lengths[right])).mean())


def generated(folder: Path) -> Network:
    """The network in a folder of the five files. Raises InputError where followers or audiences are missing."""
    users = scan(folder, "users.jsonl").select(pl.col(schema.USER_ID).cast(pl.Int64, strict=False)).collect()
    ids = users.to_series().drop_nulls()
    people = int(ids.max() or 0) + 1  # type: ignore[arg-type]

    def number(column: str) -> pl.Expr:
        return pl.col(column).str.extract(r"(\d+)$").cast(pl.Int32, strict=False).alias(column)

    follower, followed, _ = schema.FOLLOWER_COLUMNS
    pairs = scan(folder, "followers.csv").select(number(follower), number(followed)).drop_nulls()
    follows = pairs.filter((pl.col(follower) < people) & (pl.col(followed) < people)).collect(engine="streaming")
    user, content = schema.AUDIENCE_COLUMNS[:2]
    is_beat = pl.col(content).str.starts_with(schema.BEAT_PREFIX).cast(pl.Int32)
    views = scan(folder, "audiences.csv").select(number(user), (2 * number(content) + is_beat).alias(content))
    counted = views.drop_nulls().group_by(user, content).len("views").collect(engine="streaming")
    counted = counted.filter(pl.col(user) < people).sort(user, content)
    rows, columns, count = (counted[name].to_numpy() for name in (user, content, "views"))
    return _compact(
        folder.name, follows[follower].to_numpy(), follows[followed].to_numpy(), rows, columns, count, ids.to_numpy()
    )


def lastfm(data: Path) -> Network:
    """The friendships and listens of HetRec 2011 Last.fm."""
    follows = pl.read_csv(data / "lastfm" / "follows.csv")
    listens = pl.read_csv(data / "lastfm" / "interactions.csv")
    left, right = follows["user"].to_numpy(), follows["friend"].to_numpy()
    rows, columns = listens["user"].to_numpy(), listens["item"].to_numpy()
    people = int(max(left.max(), right.max(), rows.max())) + 1
    return _compact("Last.fm", left, right, rows, columns, np.ones(len(rows)), np.arange(people), directed=False)


def deezer(data: Path) -> Network:
    """The friendships of Deezer in Hungary, and the genres that people like."""
    with gzip.open(data / "deezer-hu" / "edges.csv.gz") as stream:
        edges = pl.read_csv(stream.read())
    one, other = edges[:, 0].to_numpy(), edges[:, 1].to_numpy()
    with gzip.open(data / "deezer-hu" / "genres.json.gz") as stream:
        genres: dict[str, list[str]] = json.load(stream)
    column = {name: place for place, name in enumerate(sorted({name for names in genres.values() for name in names}))}
    rows = np.repeat([int(person) for person in genres], [len(names) for names in genres.values()])
    columns = np.array([column[name] for names in genres.values() for name in names])
    people = int(max(one.max(), other.max(), rows.max())) + 1
    liked = _matrix(rows, columns, people)
    empty = np.empty(0, dtype=np.int64)
    left, right = np.concatenate([one, other]), np.concatenate([other, one])
    return Network("Deezer Hungary", left, right, people, empty, empty, liked, directed=False)


def shared_data() -> Path | None:
    """The folder of real data sets: ``ENTOURAGE_DATA``, or beside the repository; None where there is none."""
    place = Path(os.environ.get("ENTOURAGE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    return place if place.is_dir() else None


def scan(folder: Path, name: str) -> pl.LazyFrame:
    """One of the five files, with any compression. Raises InputError if it is missing."""
    stem, suffix = name.split(".")
    packed = folder / f"{stem}.parquet"
    if packed.exists():
        return pl.scan_parquet(packed)
    for path in (folder / name, folder / f"{name}.gz", folder / f"{name}.zst"):
        if path.exists():
            break
    else:
        raise InputError(f"{folder} has no {name}.", do="Name a folder of `entourage generate`.")
    if suffix == "jsonl":
        return pl.scan_ndjson(path, schema={schema.USER_ID: pl.String}, ignore_errors=True)
    if stem == "followers":
        return pl.scan_csv(path, has_header=False, new_columns=list(schema.FOLLOWER_COLUMNS), ignore_errors=True)
    return pl.scan_csv(path, ignore_errors=True)


def _compact(
    name: str,
    follower: Array,
    followed: Array,
    rows: Array,
    columns: Array,
    count: Array,
    ids: Array,
    directed: bool = True,
) -> Network:
    """A network with people numbered from 0 in the order of ``ids``, and watched contents in the order of their ids."""
    place = np.full(int(ids.max()) + 1, -1, dtype=np.int64)
    place[ids] = np.arange(len(ids))
    contents, column = np.unique(columns, return_inverse=True)
    known = place[rows] >= 0
    rows, column, count = place[rows[known]], column[known], count[known]
    left, right = place[follower], place[followed]
    real = (left >= 0) & (right >= 0) & (left != right)
    return Network(
        name=name,
        follower=left[real],
        followed=right[real],
        people=len(ids),
        activity=np.bincount(rows, weights=count, minlength=len(ids)).astype(np.int64),
        popularity=np.bincount(column, weights=count, minlength=len(contents)).astype(np.int64),
        liked=_matrix(rows, column, len(ids)),
        directed=directed,
    )


def _matrix(rows: Array, columns: Array, people: int) -> sp.csr_array:
    shape = people, int(columns.max()) + 1
    matrix = sp.csr_array(sp.coo_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape))
    matrix.data[:] = 1.0
    return matrix


def _rows(matrix: sp.csr_array, rows: Array) -> Array:
    """The columns of all entries in ``rows``, one after the other."""
    begin, length = matrix.indptr[rows], matrix.indptr[rows + 1] - matrix.indptr[rows]
    offset = np.repeat(begin - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    columns: Array = matrix.indices[offset + np.arange(int(length.sum()))]
    return columns
