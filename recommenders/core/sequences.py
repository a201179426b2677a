"""Ordered lists of contents: playlists, the tracks heard in a session, or a user's watches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from graph import schema
from graph.errors import SettingsError
from graph.snapshot import NO_TIME, Edges, Snapshot
from recommenders.core.config import CORE
from recommenders.core.top_k import Ints

__all__ = ["SOURCES", "Sequences", "Source", "entries_of", "first_source", "sequences_of"]

Source = Literal["auto", "playlists", "plays", "watches"]
SOURCES: Final[tuple[Source, ...]] = ("playlists", "plays", "watches")


@dataclass(frozen=True)
class Sequences:
    """n lists of item numbers; list i is ``items[indptr[i]:indptr[i + 1]]``."""

    indptr: Ints
    """Shape (n + 1,)."""
    items: Ints
    """Numbers from 0 to ``width`` - 1, in the order of each list. A list may hold an item twice."""
    width: int
    """Number of items that there are."""

    @classmethod
    def of(cls, lists: Iterable[Sequence[int] | npt.NDArray[np.integer]], width: int) -> Sequences:
        """From lists of item numbers."""
        arrays = [np.asarray(one, dtype=np.int64) for one in lists]
        indptr = np.concatenate(([0], np.cumsum([len(one) for one in arrays]))).astype(np.int64)
        return cls(indptr, np.concatenate([np.empty(0, dtype=np.int64), *arrays]), width)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, row: int) -> Ints:
        return self.items[self.indptr[row] : self.indptr[row + 1]]

    @property
    def lengths(self) -> Ints:
        """Number of items of each list, shape (n,)."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> Ints:
        """The list of each entry of ``items``."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    @property
    def counts(self) -> Ints:
        """How often each item occurs, shape (width,)."""
        return np.bincount(self.items, minlength=self.width).astype(np.int64)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Sequences:
        """Only the entries in ``mask`` (shape of ``items``); lists stay, maybe empty."""
        kept = np.concatenate(([0], np.cumsum(mask))).astype(np.int64)
        return Sequences(kept[self.indptr], self.items[mask], self.width)

    def frequent(self, least: int) -> Sequences:
        """Without the items that occur fewer than ``least`` times."""
        return self.keep(self.counts[self.items] >= least)

    def renumbered(self, items: Ints) -> Sequences:
        """The entries of ``items`` (ascending), which are numbered by their place in it."""
        number = np.full(self.width, -1, dtype=np.int64)
        number[items] = np.arange(len(items))
        kept = self.keep(number[self.items] >= 0)
        return Sequences(kept.indptr, number[kept.items], len(items))

    def take(self, rows: Ints) -> Sequences:
        """The lists ``rows``, in that order; one may be taken twice."""
        lengths = self.lengths[rows]
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        places = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths) + np.repeat(self.indptr[:-1][rows], lengths)
        return Sequences(indptr, self.items[places], self.width)

    def cut(self, count: int = 1) -> tuple[Sequences, Sequences]:
        """All but the last ``count`` items of each list, and these; a shorter list is all in the second."""
        from_end = np.repeat(self.indptr[1:], self.lengths) - np.arange(len(self.items))
        last = from_end <= count
        return self.keep(~last), self.keep(last)

    def last(self) -> Ints:
        """The last item of each list, shape (n,); -1 for an empty list."""
        found = np.full(len(self), -1, dtype=np.int64)
        filled = self.lengths > 0
        found[filled] = self.items[self.indptr[1:][filled] - 1]
        return found

    def matrix(self) -> sp.csr_array:
        """Lists × items: 1 where the list holds the item. float32."""
        found = sp.csr_array(
            (np.ones(len(self.items), dtype=np.float32), self.items, self.indptr),
            shape=(len(self), self.width),
            copy=True,  # what follows sorts in place
        )
        found.sum_duplicates()
        found.data[:] = 1.0
        return found


def sequences_of(snapshot: Snapshot, source: Source = "auto") -> Sequences:
    """The lists of contents that a snapshot holds.

    ``playlists`` are in the order of their places; ``plays`` are the tracks of each session that were heard to at least
    `CoreConfig.heard_share`; ``watches`` are each user's, in the order of time where times are known. With ``auto`` the
    first of these that the snapshot has. Raises SettingsError for a source that it has not.
    """
    source, edges = _edges(snapshot, source)
    frame = pl.DataFrame({"source": edges.source, "target": edges.target})
    if source == "watches":
        times = edges.columns.get("lastAt")
        order = np.full(len(edges), NO_TIME) if times is None else np.asarray(times)
    else:
        order = np.asarray(edges.columns["place"])
    frame = frame.with_columns(pl.Series("order", order))
    if source == "plays":
        frame = frame.filter(pl.Series(_heard(edges)))
    frame = frame.sort("source", "order", maintain_order=True)
    indptr = np.searchsorted(frame["source"].to_numpy(), np.arange(len(edges.indptr))).astype(np.int64)
    return Sequences(indptr, frame["target"].to_numpy().astype(np.int64), snapshot.contents.count)


def entries_of(snapshot: Snapshot, source: Source = "auto") -> int:
    """How many entries the lists of `sequences_of` have in all. Raises SettingsError as it does."""
    source, edges = _edges(snapshot, source)
    return int(_heard(edges).sum()) if source == "plays" else len(edges)


def _edges(snapshot: Snapshot, source: Source) -> tuple[Source, Edges]:
    """What ``source`` stands for, and the edges that hold its lists."""
    if source == "auto":
        source = first_source(snapshot)
    elif source not in SOURCES:
        raise SettingsError(f"There are no sequences {source!r}.", do=f"Choose one of {', '.join(SOURCES)}.")
    type_ = _TYPES.get(source, schema.WATCHED)
    if source != "watches" and not _has(snapshot, type_):
        raise SettingsError(
            f"The snapshot holds no {source}.", do="Import some and run `entourage export`, or choose another source."
        )
    return source, snapshot.edges[type_]


def _heard(edges: Edges) -> npt.NDArray[np.bool_]:
    return np.asarray(np.asarray(edges.columns["share"]) >= CORE.heard_share)


_TYPES: Final[dict[Source, str]] = {"playlists": schema.HOLDS, "plays": schema.PLAYED}


def first_source(snapshot: Snapshot) -> Source:
    """The first of `SOURCES` that the snapshot has."""
    return next((name for name in _TYPES if _has(snapshot, _TYPES[name])), "watches")


def _has(snapshot: Snapshot, type_: str) -> bool:
    return type_ in snapshot.edges and len(snapshot.edges[type_]) > 0
