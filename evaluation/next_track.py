"""The protocol of the playlist notebook: predict the last item of a list from the items before it.

Items that occur at least twice are kept. Models learn from all lists without their last items. Lists of more than three
kept items are judged by their last item: test lists are drawn *with* replacement, and the first lists among the others
are the validation lists. Settings are chosen on validation lists only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl
import scipy.sparse as sp

from evaluation.metrics import hit_rate
from graph import schema
from graph.errors import InputError
from graph.snapshot import Snapshot
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import Values, judge, ndcg
from recommenders.core.recommender import Recommender
from recommenders.core.sequences import Sequences
from recommenders.core.top_k import Ints

__all__ = ["CLICKS_OF", "LEAST", "Completion", "NextTrack", "Titles", "clicks", "hide", "r_precision", "split"]

LEAST: Final = 2
"""Fewest occurrences of an item that is kept."""
SHORTEST: Final = 4
TEST: Final = 20_000
VALIDATION: Final = 10_000
"""Most test lists and most validation lists: the notebook's numbers."""
CLICKS_OF: Final = 500
"""Tracks that are recommended for the metrics of the Million Playlist Dataset."""
_CLICK: Final = 10
_MOST_HIDDEN: Final = 2_000
"""Most lists that are held out for completion. By hand, for time."""


@dataclass(frozen=True)
class Titles:
    """The items' ids and artists."""

    ids: pl.Series
    """Content ids, each once, in the order of the item numbers."""
    artists: pl.Series
    """Artist of each item; null if unknown."""

    def take(self, items: Ints) -> Titles:
        """Those of ``items``, in that order."""
        return Titles(self.ids[items], self.artists[items])


@dataclass(frozen=True)
class NextTrack:
    """Lists split by the protocol."""

    ordered: Snapshot
    """The training part for models of sequences: lists are users, and an item's place in its list is its time."""
    plain: Snapshot
    """The same without times, for models that would treat a place as a date."""
    contexts: Sequences
    """All but the last kept item of each list."""
    held_out: Ints
    """The last kept item of each list; -1 for an empty one."""
    test: Ints
    """Numbers of the lists that are judged, drawn with replacement."""
    validation: Ints
    """Numbers of the lists that choose settings; none of them is a test list."""

    def train(self, model: type[Recommender]) -> Snapshot:
        """The snapshot that a model of this kind learns from."""
        return self.ordered if model.learns_from_lists else self.plain

    def holdout(self, model: type[Recommender], rows: Ints | None = None) -> Holdout:
        """The validation lists, or those of ``rows``, as `recommenders.core.search` judges by."""
        rows = np.unique(self.validation if rows is None else rows)
        ones = np.ones(len(rows), dtype=np.float32)
        held_out = sp.csr_array((ones, (rows, self.held_out[rows])), shape=(len(self.contexts), self.contexts.width))
        return Holdout("next track", self.train(model), held_out, rows)

    def rank(self, model: Recommender, k: int, exclude: Literal["all", "last"] = "all") -> Ints:
        """The ``k`` best next tracks of each test list, shape (tests, k); each distinct list is ranked once.

        Items of the list are left out; with ``exclude`` "last" only its last item, as in the notebook. Only models of
        sequences can do the latter.
        """
        rows, back = np.unique(self.test, return_inverse=True)
        if model.learns_from_lists:
            ids, _ = model.complete(self.contexts.take(rows), k, exclude=exclude)
        else:
            ids, _ = model.recommend(rows, k)
        return np.asarray(ids[back])

    def judge(self, ids: Ints) -> dict[str, Values]:
        """HR and NDCG at 10 of each test list, shape (tests,)."""
        last = self.held_out[self.test]
        held_out = sp.csr_array(
            (np.ones(len(last), dtype=np.float32), last, np.arange(len(last) + 1)),
            shape=(len(last), self.contexts.width),
        )
        judged = judge(ids[:, :10], held_out)
        return {"HR@10": hit_rate(judged, 10), "NDCG@10": ndcg(judged, 10)}


def split(lists: Sequences, titles: Titles, *, seed: int = 0) -> NextTrack:
    """Split lists by the protocol, with at most half as many test lists as there are lists that can be judged.

    Raises InputError if fewer than four lists can be judged.
    """
    kept = lists.frequent(LEAST)
    judged = np.flatnonzero(kept.lengths >= SHORTEST)
    if len(judged) < 4:
        raise InputError(
            f"Only {len(judged)} lists have {SHORTEST} items that occur twice.",
            do="Next tracks can be judged on more or longer lists.",
        )
    drawn = np.random.default_rng(seed).choice(judged, min(TEST, len(judged) // 2), replace=True)
    rest = np.setdiff1d(judged, drawn)
    contexts, last = kept.cut()
    ordered = _snapshot(contexts, titles, timed=True)
    plain = _snapshot(contexts, titles, timed=False)
    return NextTrack(ordered, plain, contexts, last.last(), drawn, rest[:VALIDATION])


@dataclass(frozen=True)
class Completion:
    """Held-out lists, as in the challenge of the Million Playlist Dataset: the first half of each is given."""

    ordered: Snapshot
    plain: Snapshot
    given: Sequences
    held_out: sp.csr_array
    """Judged lists × items: 1 for an item that is in the second half but not in the first."""

    def train(self, model: type[Recommender]) -> Snapshot:
        """The snapshot that a model of this kind learns from."""
        return self.ordered if model.learns_from_lists else self.plain

    def judge(self, ids: Ints) -> dict[str, Values]:
        """R-precision, NDCG and clicks of each list, shape (lists,); ``ids`` has `CLICKS_OF` columns."""
        judged = judge(ids, self.held_out)
        return {
            "R-precision": r_precision(ids, self.held_out),
            "NDCG@500": ndcg(judged, CLICKS_OF),
            "clicks": clicks(judged.gains > 0),
        }


def hide(lists: Sequences, titles: Titles, *, seed: int = 0, share: float = 0.1) -> Completion:
    """Hold out a share of the lists that can be judged, drawn without replacement; the others are learned from."""
    kept = lists.frequent(LEAST)
    judged = np.flatnonzero(kept.lengths >= SHORTEST)
    count = min(_MOST_HIDDEN, max(1, round(share * len(judged))))
    drawn = np.sort(np.random.default_rng(seed).choice(judged, count, replace=False))
    others = kept.take(np.setdiff1d(np.arange(len(kept)), drawn))
    asked = kept.take(drawn)
    place = np.arange(len(asked.items)) - np.repeat(asked.indptr[:-1], asked.lengths)
    first = place < np.repeat((asked.lengths + 1) // 2, asked.lengths)
    given, rest = asked.keep(first), asked.keep(~first)
    held_out = rest.matrix() - rest.matrix().multiply(given.matrix())
    held_out = sp.csr_array(held_out)
    held_out.eliminate_zeros()
    some = np.flatnonzero(np.diff(held_out.indptr))
    return Completion(
        _snapshot(others, titles, timed=True),
        _snapshot(others, titles, timed=False),
        given.take(some),
        sp.csr_array(held_out[some]),
    )


def r_precision(ids: Ints, held_out: sp.csr_array) -> Values:
    """Hits among the first r places divided by r, the number held out, shape (lists,).

    Only tracks count; the challenge also gives a quarter point for the right artist.
    """
    held = np.diff(held_out.indptr)
    hits = judge(ids, held_out).gains > 0
    within = np.arange(ids.shape[1])[None, :] < held[:, None]
    return np.asarray((hits & within).sum(axis=1) / np.maximum(held, 1), dtype=np.float64)


def clicks(hits: np.typing.NDArray[np.bool_]) -> Values:
    """Pages of ten to turn before the first hit, shape (lists,); 51 without a hit among 500 places."""
    found = hits.any(axis=1)
    return np.where(found, hits.argmax(axis=1) // _CLICK, CLICKS_OF // _CLICK + 1).astype(np.float64)


def _snapshot(lists: Sequences, titles: Titles, *, timed: bool) -> Snapshot:
    watched = pl.DataFrame({"source": lists.rows.astype(np.int32), "target": lists.items.astype(np.int32)})
    if timed:
        place = np.arange(len(lists.items), dtype=np.int64) - np.repeat(lists.indptr[:-1], lists.lengths)
        watched = watched.with_columns(pl.Series("lastAt", place + 1))
    else:
        watched = watched.unique(maintain_order=True)
    nodes = {
        schema.USER: pl.DataFrame({"userId": [str(row) for row in range(len(lists))]}, schema={"userId": pl.String}),
        schema.CONTENT: pl.DataFrame({"contentId": titles.ids, "artist": titles.artists}),
    }
    return Snapshot.build(nodes, {schema.WATCHED: watched})
