"""Artists, their listeners in two halves, and who trains, chooses and judges: the data of the suite ``artists``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from evaluation.metrics import average_precision
from graph import schema
from graph.errors import InputError
from graph.files.artist_profiles import Published, holds_artists, read_published
from graph.files.token_lists import unpacked
from graph.files.watch_ratios import named_file
from graph.snapshot import Snapshot
from recommenders.core.ndcg import Judged, Values, ndcg
from recommenders.core.top_k import Floats, Ints, top_k
from recommenders.profile_network import halves, shared_watchers

__all__ = ["AT", "COLUMNS", "Data", "cut", "measure", "open_data"]

COLUMNS: Final = 1_000
"""Artists that are ranked: those of the most listeners among those that are not held out."""
AT: Final = (1, 5, 10, 20)
_HELD_OUT: Final = 0.1
_LEAST: Final = 20
_PAIRS: Final = "interactions"
_FRIENDS: Final = "follows"
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Listens:
    """People × artists (1 where somebody listened, float32), friends, and what the notebook publishes."""

    name: str
    matrix: sp.csr_array
    friends: sp.csr_array
    """People × people; empty where nobody is known to be a friend."""
    published: Published | None = None


@dataclass(frozen=True)
class Data:
    """One cut of the listeners and of the artists."""

    listens: Listens
    people: Ints
    """Of the first half, from whom vectors are made."""
    first: sp.csr_array
    second: sp.csr_array
    """The listens of both halves: people × artists. Targets and what is held out are from the second."""
    train: Ints
    validation: Ints
    test: Ints
    columns: Ints
    seed: int

    @cached_property
    def targets(self) -> Floats:
        """Profiles of the training artists, (train, columns)."""
        return shared_watchers(self.second, self.train, self.columns)

    @cached_property
    def listeners(self) -> Ints:
        """Of each artist in the second half."""
        return np.asarray(np.diff(sp.csc_array(self.second).indptr), dtype=np.int64)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The listens of the first half and all friends, for models that learn from a graph."""
        count = self.listens.matrix.shape
        there = sp.coo_array(self.first)
        friends = sp.coo_array(self.listens.friends)
        return Snapshot.build(
            {
                schema.USER: pl.DataFrame({"userId": [str(one) for one in range(count[0])]}),
                schema.CONTENT: pl.DataFrame({"contentId": [f"tracks/{one}" for one in range(count[1])]}),
            },
            {
                schema.WATCHED: pl.DataFrame(
                    {"source": self.people[there.coords[0]].astype(np.int32), "target": there.coords[1]}
                ),
                schema.FOLLOWS: pl.DataFrame({"source": friends.coords[0], "target": friends.coords[1]}),
            },
        )

    def friends_of_listeners(self) -> sp.csr_array:
        """People × artists: how many listeners of the artist in the first half are friends of the person."""
        return sp.csr_array(self.listens.friends[:, self.people] @ self.first)


def open_data(folder: Path) -> Listens:
    """A folder of the notebook's files, or pairs as Last.fm's. Raises InputError where it holds neither."""
    if holds_artists(folder):
        published = read_published(folder)
        count = len(published.users)
        refused = f"; {published.refused:,} rows cannot be used" if published.refused else ""
        return Listens(f"The notebook's files{refused}", published.listens, sp.csr_array((count, count)), published)
    pairs, friends = (named_file(folder, name) if folder.is_dir() else None for name in (_PAIRS, _FRIENDS))
    if pairs is None:
        raise InputError(
            f"{folder} holds no listeners of artists.",
            do=f"Name with --data a folder with users_artists.csv, or {_PAIRS}.csv (user,item) and {_FRIENDS}.csv.",
        )
    listens = _pairs(pairs)
    other = _pairs(friends) if friends else np.empty((0, 2), dtype=np.int64)
    people, users = np.unique(np.concatenate([listens[:, 0], other.ravel()]), return_inverse=True)
    artists, artist = np.unique(listens[:, 1], return_inverse=True)
    user, friend = np.split(users, [len(listens)])
    shape = len(people), len(artists)
    return Listens(folder.name, _ones(user, artist, shape), _ones(friend[::2], friend[1::2], (len(people),) * 2))


def cut(listens: Listens, seed: int = 0) -> Data:
    """Listeners in two halves; of the artists with a listener in both, a tenth judges and a tenth chooses.

    Raises InputError where there are too few.
    """
    matrix = listens.matrix
    people = np.flatnonzero(np.diff(matrix.indptr)).astype(np.int64)
    one, two = halves(people, seed)
    first, second = sp.csr_array(matrix[one]), sp.csr_array(matrix[two])
    heard = [np.diff(sp.csc_array(part).indptr) > 0 for part in (first, second)]
    both = np.random.default_rng(seed).permutation(np.flatnonzero(heard[0] & heard[1])).astype(np.int64)
    if len(both) < _LEAST:
        raise InputError(
            f"Only {len(both)} artists have a listener in both halves.", do=f"The suite needs {_LEAST} or more."
        )
    tenth = int(_HELD_OUT * len(both))
    test, validation, train = (np.sort(part) for part in np.split(both, [tenth, 2 * tenth]))
    listeners = np.diff(sp.csc_array(second).indptr).astype(np.int64)
    listeners[test] = -1
    columns = np.argsort(-listeners, kind="stable")[: min(COLUMNS, int((listeners > 0).sum()))].astype(np.int64)
    return Data(listens, one, first, second, train, validation, test, columns, seed)


def measure(scores: Floats | Matrix, rows: Ints, data: Data, *, in_order: bool = True) -> dict[str, Values]:
    """MAP@1, 5, 10, 20 and NDCG@20 of each of ``rows``, whose ``scores`` are (rows, columns).

    What is held out for an artist is every other artist with a listener in common in the second half, as in the
    notebook, so also those that are not among the columns; an average precision is divided by min(held out, k). Gains
    of the NDCG are the shares of listeners in common. Equal scores get a random order. Without ``in_order`` the best 21
    are taken unsorted, as the notebook did: their order is not defined, so it is random here.
    """
    random = np.random.default_rng(data.seed)
    most = max(AT)
    others = np.where(rows[:, None] == data.columns[None, :], -np.inf, scores).astype(np.float32)
    best, _ = top_k(others, most + (not in_order), random)
    if not in_order:
        best = random.permuted(best, axis=1)[:, :most]
    shares = shared_watchers(data.second, rows, data.columns).astype(np.float64)
    held = np.asarray((data.second[:, rows].T @ data.second > 0).sum(axis=1)).ravel() - 1  # not the artist itself
    gains = np.where(best >= 0, np.take_along_axis(shares, np.maximum(best, 0), axis=1), 0.0)
    judged = Judged(gains, -np.sort(-shares, axis=1)[:, :most], held)
    found = {f"MAP@{k}": average_precision(judged, k) for k in AT}
    found["NDCG@20"] = ndcg(judged, most, graded=True)
    return {name: np.nan_to_num(values) for name, values in found.items()}  # 0 for an artist with nobody in common


def _pairs(file: Path) -> npt.NDArray[np.int64]:
    try:
        told = pl.read_csv(unpacked(file), infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="It has two columns of whole numbers.") from error
    if told.width < 2:
        raise InputError(f"{file} has one column.", do="It has two columns of whole numbers.")
    rows = told.select(pl.nth(0, 1).str.strip_chars().cast(pl.Int64, strict=False))
    sound = rows.select(pl.all_horizontal((pl.nth(0, 1) >= 0).fill_null(value=False))).to_series()
    if not sound.all():
        line = int((~sound).arg_max() or 0) + 2
        raise InputError(
            f"{file}:{line} has an id that is no whole number from 0 on.", do="Correct or remove the line."
        )
    return rows.to_numpy()


def _ones(source: Ints, target: Ints, shape: tuple[int, int]) -> sp.csr_array:
    found = sp.csr_array((np.ones(len(source), dtype=np.float32), (source, target)), shape=shape)
    found.data[:] = 1.0
    return found
