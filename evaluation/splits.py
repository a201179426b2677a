"""Ways to split watches for a comparison, each a `recommenders.core.holdout.Holdout`.

Counts over the whole graph (such as a keak's likeCount or a user's genres) include the held-out part, so every split
clears them (`graph.snapshot.hindsight`) unless ``keep_counts`` is given.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

import numpy as np
import scipy.sparse as sp

from graph.errors import InputError, SettingsError
from graph.snapshot import NO_TIME, Edges, Snapshot, hindsight
from recommenders.core.holdout import Holdout, drawn, to_judge, users_of
from recommenders.core.top_k import Ints, Mask

__all__ = ["How", "cold_contents", "cold_users", "hold_out", "newcomers", "random", "temporal"]

_NEWEST: Final = 0.2
"""Share of the watches, the newest, on which newcomers are judged."""


class How(StrEnum):
    """The splits, by their names on the command line."""

    RANDOM = "random"
    TIME = "time"
    COLD_USERS = "cold-users"
    COLD_CONTENTS = "cold-contents"
    NEWCOMERS = "newcomers"


def hold_out(
    snapshot: Snapshot, how: How, fraction: float, seed: int = 0, *, known_only: bool = False, keep_counts: bool = False
) -> Holdout:
    """The split called ``how``: `random`, `temporal` (the same for every seed), `cold_users`, `cold_contents`, …"""
    match how:
        case How.RANDOM:
            return random(snapshot, fraction, seed, known_only=known_only, keep_counts=keep_counts)
        case How.TIME:
            whole = temporal(snapshot, fraction, known_only=known_only, keep_counts=keep_counts)
            return replace(whole, seed=seed)
        case How.COLD_USERS:
            return cold_users(snapshot, fraction, seed, keep_counts=keep_counts)
        case How.COLD_CONTENTS:
            return cold_contents(snapshot, fraction, seed, keep_counts=keep_counts)
        case How.NEWCOMERS:
            return newcomers(snapshot, fraction, seed, keep_counts=keep_counts)


def random(
    snapshot: Snapshot, fraction: float = 0.2, seed: int = 0, *, known_only: bool = False, keep_counts: bool = False
) -> Holdout:
    """Hold out a random ``fraction`` of every user's contents, rounded to the nearest whole number.

    A user with a single content keeps it. With ``known_only``, held-out contents without watches in the training part
    are not judged, as in the loaders of SELFRec and QRec. Raises SettingsError if ``fraction`` is not in 0..1 and
    InputError if nothing can be held out.
    """
    _check(fraction)
    watched = snapshot.watched
    degrees = np.diff(watched.indptr)
    quota = np.where(degrees > 1, np.clip(np.floor(fraction * degrees + 0.5), 0, degrees - 1), 0).astype(np.int64)
    held = drawn(np.asarray(watched.indptr), quota, np.random.default_rng(seed))
    name = f"random {fraction:g}"
    return _split(name, snapshot, ~held, held, seed=seed, known_only=known_only, keep_counts=keep_counts)


def temporal(
    snapshot: Snapshot,
    fraction: float = 0.2,
    *,
    cutoff: int | None = None,
    known_only: bool = False,
    keep_counts: bool = False,
) -> Holdout:
    """Hold out everything from a cut-off on, the same for all users: ``cutoff`` (ms), or the newest ``fraction``.

    The training part has only pairs whose last watch was before the cut-off. A pair with watches before and after it is
    neither learned from (its merged properties include later events), nor judged, nor recommended. Follows, blocks and
    hides since the cut-off are dropped; those without a time stay. Raises SettingsError for an invalid ``fraction``,
    and InputError if the snapshot has no times or one side is empty.
    """
    _check(fraction)
    columns = snapshot.watched.columns
    if "lastAt" not in columns:
        raise InputError("This snapshot has no times, so it cannot be cut in time.", do="Use --split random.")
    last = np.asarray(columns["lastAt"])
    timed = last != NO_TIME
    if not timed.any():
        raise InputError("This snapshot has no times, so it cannot be cut in time.", do="Use --split random.")
    first = np.asarray(columns["firstAt"]) if "firstAt" in columns else last
    first = np.where(first == NO_TIME, last, first)
    if cutoff is None:
        newest_first = np.sort(last[timed])[::-1]
        cutoff = int(newest_first[max(0, round(fraction * len(newest_first)) - 1)])
    before = timed & (last < cutoff)
    after = timed & (first >= cutoff)
    return _split(
        "time",
        hindsight.social_until(snapshot, cutoff),
        before,
        after,
        masked=~before & ~after,
        cutoff=cutoff,
        known_only=known_only,
        keep_counts=keep_counts,
    )


def cold_users(snapshot: Snapshot, fraction: float = 0.1, seed: int = 0, *, keep_counts: bool = False) -> Holdout:
    """Hold out every watch of ``fraction`` of the users; their profile and their follows stay.

    They are judged on all their watches of contents that someone else watched too.
    """
    _check(fraction)
    active = np.flatnonzero(np.diff(snapshot.watched.indptr))
    cold = np.zeros(snapshot.users.count, dtype=bool)
    cold[_choose(active, fraction, seed)] = True
    held = cold[snapshot.watched.source]
    name = f"cold users {fraction:g}"
    return _split(name, snapshot, ~held, held, seed=seed, known_only=True, keep_counts=keep_counts)


def cold_contents(snapshot: Snapshot, fraction: float = 0.1, seed: int = 0, *, keep_counts: bool = False) -> Holdout:
    """Hold out every watch of ``fraction`` of the contents, and rank only these, for the users who watched them.

    Users without another watch are not judged, because nothing is known about their taste.
    """
    _check(fraction)
    active = np.flatnonzero(np.bincount(snapshot.watched.target, minlength=snapshot.contents.count))
    cold = np.zeros(snapshot.contents.count, dtype=bool)
    cold[_choose(active, fraction, seed)] = True
    held = cold[snapshot.watched.target]
    warm = np.bincount(snapshot.watched.source[~held], minlength=snapshot.users.count) > 0
    judged = held & warm[snapshot.watched.source]
    name = f"cold contents {fraction:g}"
    return _split(name, snapshot, ~held, judged, seed=seed, allowed=cold, keep_counts=keep_counts)


def newcomers(snapshot: Snapshot, fraction: float = 0.1, seed: int = 0, *, keep_counts: bool = False) -> Holdout:
    """Hold out every watch of ``fraction`` of the users, as `cold_users`, and all since a cut-off, as `temporal`.

    These users are judged on what they watch after the cut-off, the newest fifth of all watches, if someone else
    watched it before: like real newcomers, on what they watch next. What they watched before is neither judged nor
    recommended. Raises the errors of both splits.
    """
    _check(fraction)
    whole = temporal(snapshot, _NEWEST, keep_counts=keep_counts)
    chosen = _choose(np.arange(snapshot.users.count), fraction, seed)  # of all users: being active is known only later
    watched = whole.train.watched
    theirs = np.isin(watched.source, chosen)
    rest = watched.keep(~theirs)
    known = np.bincount(rest.target, minlength=watched.width) > 0
    held_out = whole.held_out.tocoo()
    asked = np.isin(held_out.row, chosen) & known[held_out.col]
    if not asked.any():
        raise InputError("None of the held-out users watched anything later.", do="Choose a larger fraction.")
    judged = sp.csr_array(
        (held_out.data[asked], (held_out.row[asked], held_out.col[asked])), shape=whole.held_out.shape
    )
    before = _matrix(watched, theirs)
    return replace(
        whole,
        name=f"newcomers {fraction:g}",
        train=hindsight.of_watched_pairs(whole.train.with_edges(rest)),
        held_out=judged,
        users=users_of(judged),
        masked=before if whole.masked is None else sp.csr_array(whole.masked + before),
        seed=seed,
    )


def _check(fraction: float) -> None:
    if not 0.0 < fraction < 1.0:
        raise SettingsError(f"The fraction to hold out is {fraction:g}.", do="It must lie between 0 and 1.")


def _choose(population: Ints, fraction: float, seed: int) -> Ints:
    count = round(fraction * len(population))
    return np.sort(np.random.default_rng(seed).choice(population, count, replace=False))


def _split(
    name: str,
    snapshot: Snapshot,
    learned: Mask,
    held: Mask,
    *,
    masked: Mask | None = None,
    allowed: Mask | None = None,
    cutoff: int | None = None,
    seed: int = 0,
    known_only: bool = False,
    keep_counts: bool,
) -> Holdout:
    watched = snapshot.watched
    if known_only:
        held = held & (np.bincount(watched.target[learned], minlength=watched.width) > 0)[watched.target]
    held_out = to_judge(snapshot, learned, held)
    if not held_out.nnz or not learned.any():
        raise InputError(
            f"Nothing is left on one side of the split ({name}).", do="Choose another fraction, or bring more data."
        )
    train = hindsight.of_watched_pairs(snapshot.with_edges(watched.keep(learned)))
    if not keep_counts:
        train = hindsight.emptied(train)
    return Holdout(
        name=name,
        train=train,
        held_out=held_out,
        users=users_of(held_out),
        allowed=allowed,
        masked=None if masked is None or not masked.any() else _matrix(watched, masked),
        cutoff=cutoff,
        seed=seed,
    )


def _matrix(watched: Edges, mask: Mask) -> sp.csr_array:
    rows, columns = watched.source[mask], np.asarray(watched.target)[mask]
    shape = (len(watched.indptr) - 1, watched.width)
    return sp.csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
