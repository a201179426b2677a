"""The suite ``botify``: how well models predict the share of a track that is heard, with sessions split in time.

An arm chose each next track, so predicting the next track would measure the arm. The share heard is judged instead.
Models learn from the oldest sessions, the next ones calibrate scores to shares, and the newest are judged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from evaluation.off_policy import Logged, logged
from evaluation.significance import bootstrap_interval
from graph import schema
from graph.errors import EntourageError
from graph.settings import Engagement
from graph.snapshot import Edges, Snapshot
from graph.snapshot.engagement import engagement
from ranking import registry
from ranking.player import PlayerModel
from recommenders.arms import ARMS
from recommenders.core.effort import Cap, Effort
from recommenders.core.ndcg import Values, ndcg_of_rows, places
from recommenders.core.options import FitOptions, Progress, part_of, silent
from recommenders.core.recommender import Recommender
from recommenders.interest import Heard
from recommenders.interest_fit import own_choices
from recommenders.plays import Plays, plays_of
from recommenders.session import EXPERIMENT, SessionModel

__all__ = ["MODELS", "Board", "Row", "run", "until"]

MODELS: Final = ("user mean", "play-cf", "item-knn", "pipeline", "session")
"""Rows of the table, in the order in which they are fitted."""
_LEARNED: Final = 0.68
_CALIBRATED: Final = 0.80
"""Shares of the sessions, oldest first: models learn until the first, scores are calibrated until the second. By
hand."""
_FEWEST: Final = 20
"""Times at which sessions began. By hand: of fewer, a part of the split may have none."""
_BLOCK: Final = 256


@dataclass(frozen=True)
class Row:
    """One model's figures."""

    model: str
    error: Values
    """Mean absolute error of the share, of each user."""
    ndcg: Values
    """Mean over the sessions of each user, the share as gain; users without a session to rank are missing."""
    seconds: float
    capped: bool = False
    """Whether the fit reached its budget in minutes."""


@dataclass(frozen=True)
class Board:
    """All rows, and what they were judged by."""

    rows: tuple[Row, ...]
    left_out: dict[str, str]
    """Models that could not be fitted, and why."""
    sessions: tuple[int, int, int]
    """Learned from, calibrated by, judged."""
    plays: int
    told: str
    """Shape and density of the matrix of users and tracks, and the neighbours of a user."""
    off_policy: dict[str, Logged] = field(default_factory=dict)
    """For each arm, the newest logged choices; empty where the logs hold no propensities."""

    @staticmethod
    def interval(values: Values) -> tuple[float, float]:
        """Ends of the 95 % bootstrap interval of the mean over users."""
        return bootstrap_interval(values)


def run(
    snapshot: Snapshot, *, models: tuple[str, ...] = MODELS, effort: Effort = Effort.QUICK, seed: int = 0,
    budget: float | None = None, progress: Progress = silent,
) -> Board:  # fmt: skip
    """Fit and judge; ``budget`` is the most minutes of each fit. Raises EntourageError when there are few sessions.

    The work is that of quick effort, whatever the machine: 40 s of the reference machine for the logs at hand, 84 s for
    any that are not large, so that the table is there within minutes. The scores take time beside that;
    docs/listening.md says what fit and scores took.
    """
    plays = plays_of(snapshot)
    starts = np.unique(plays.began)
    if len(starts) < _FEWEST:
        raise EntourageError(
            f"These data hold sessions of {len(starts):,} different times, too few to split: {_FEWEST} are needed.",
            do="Take logs of more sessions, as `entourage import` reads them, or a snapshot that was exported after.",
        )
    first, second = (int(np.quantile(plays.began[plays.place == 0], share)) for share in (_LEARNED, _CALIBRATED))
    past = until(snapshot, first)
    learned, later = plays.until(first), plays.keep(plays.began >= first)
    kept = later.keep(later.place > 0)
    means = _user_means(learned, snapshot.users.count)
    rows, left_out, told = [], {}, ""
    session: SessionModel | None = None
    for number, name in enumerate(models):
        began = time.monotonic()
        report = part_of(progress, number / len(models), (number + 1) / len(models))
        options = FitOptions(effort=effort, seed=seed, cap=Cap(budget), progress=report)
        try:
            if name == "user mean":
                scores, opening = np.zeros(len(kept)), np.zeros(len(kept))
            elif name == "session":
                session = PlayerModel().fit(past, options)
                scores, opening = _as_it_played(session, later)
            else:
                model = registry.make(name).fit(past, options)
                scores = opening = _scores(model, kept)
                told = model.told if name == "play-cf" else told
        except EntourageError as error:
            left_out[name] = str(error)
            continue
        weights = _calibrated(kept.keep(kept.began < second), means, scores[kept.began < second])
        opened = _calibrated(kept.keep(kept.began < second), means, opening[kept.began < second])
        judged = kept.began >= second
        test = kept.keep(judged)
        predicted = np.clip(_design(test, means, scores[judged]) @ weights, 0.0, 1.0)
        ranked = _design(test, means, opening[judged]) @ opened
        seconds = time.monotonic() - began
        off = _by_user(test.user, np.abs(predicted - test.share))
        rows.append(Row(name, off, _ndcg(test, ranked, seed), seconds, options.cap.hit))
    newest = plays.keep(plays.began >= second)
    policies = logged(session, newest, ARMS, seed=seed) if session is not None else {}
    counts = [len(np.unique(part.session)) for part in (learned, later.until(second), newest)]
    return Board(
        tuple(rows),
        left_out,
        (counts[0], counts[1], counts[2]),
        int((kept.began >= second).sum()),
        told,
        {arm: log for arm, log in policies.items() if len(log.reward)},
    )


def until(snapshot: Snapshot, cutoff: int) -> Snapshot:
    """The snapshot of what was played in sessions that began before ``cutoff``; nodes stay."""
    kept = plays_of(snapshot).until(cutoff)
    frame = pl.DataFrame({"source": kept.user, "target": kept.track, "progress": kept.share, "at": kept.at})
    pairs = frame.group_by("source", "target").agg(
        pl.col("progress").max(), pl.col("at").min().alias("firstAt"), pl.col("at").max().alias("lastAt")
    )
    pairs = pairs.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in ("liked", "commented", "shared"))
    label = engagement(pairs, Engagement(), implicit=False)
    columns = {"engagement": label, **{name: pairs[name] for name in ("progress", "firstAt", "lastAt")}}
    watched = _edges(snapshot, schema.WATCHED, pairs["source"].to_numpy(), pairs["target"].to_numpy(), columns)
    told = {"place": kept.place, "share": kept.share, "at": kept.at, "arm": kept.arm, "propensity": kept.propensity}
    return snapshot.with_edges(watched, _edges(snapshot, schema.PLAYED, kept.session, kept.track, told))


def _edges(snapshot: Snapshot, type_: str, source: Any, target: Any, columns: Mapping[str, Any]) -> Edges:
    ends = schema.RELATIONSHIPS[type_]
    shape = snapshot.nodes[ends.source].count, snapshot.nodes[ends.target].count
    return Edges.build(type_, source, target, shape, {name: np.asarray(values) for name, values in columns.items()})


def _user_means(plays: Plays, users: int) -> Values:
    """Mean share of what was chosen for each user; of those without, the mean of all."""
    chosen = plays.place > 0
    count = np.bincount(plays.user[chosen], minlength=users)
    total = np.bincount(plays.user[chosen], weights=plays.share[chosen], minlength=users)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), total.sum() / max(1, count.sum())))


def _scores(model: Recommender, plays: Plays) -> Values:
    """The model's score of each play's track for its user; 0 for users that it does not know."""
    users = np.unique(plays.user)
    found = np.zeros(len(plays))
    known = model.known_users(users)
    for start in range(0, len(users), _BLOCK):
        block = users[start : start + _BLOCK]
        scores = np.asarray(model.scores(block))
        mine = np.flatnonzero((plays.user >= block[0]) & (plays.user <= block[-1]))
        row = np.searchsorted(block, plays.user[mine])
        found[mine] = np.where(known[start : start + _BLOCK][row], scores[row, plays.track[mine]], 0.0)
    return np.nan_to_num(found, posinf=0.0, neginf=0.0)


def _as_it_played(model: SessionModel, plays: Plays) -> tuple[Values, Values]:
    """The expected share of each play after the first: given all plays before it, and given the first track alone."""
    after: list[Values] = []
    opening: list[Values] = []
    starts = np.flatnonzero(plays.place == 0)
    strange = ~own_choices(plays, EXPERIMENT) if model.foreign else np.zeros(len(plays), dtype=bool)
    for start, stop in zip(starts, np.append(starts[1:], len(plays)), strict=True):
        before = [one for one in model.past.get(int(plays.user[start]), []) if one.began < plays.at[start]]
        tracks, shares = plays.track[start:stop], plays.share[start:stop]
        for at in range(1, len(tracks)):
            session = Heard(tuple(tracks[:at].tolist()), tuple(shares[:at].tolist()), bool(strange[start]))
            known = model.interest.estimate(session, before)
            repeated = tracks[at] in tracks[:at]
            after.append(np.zeros(1) if repeated else known.expected_of(tracks[at : at + 1]).astype(np.float64))
            if at == 1:
                opening.append(known.expected_of(tracks[1:]).astype(np.float64))
    none = np.zeros(0)
    return np.concatenate(after or [none]), np.concatenate(opening or [none])


def _design(plays: Plays, means: Values, scores: Values) -> Values:
    return np.column_stack([np.ones(len(plays)), means[plays.user], scores])


def _calibrated(plays: Plays, means: Values, scores: Values) -> Values:
    """The weights of 1, the user's mean and the score that give the share best, by least squares."""
    return np.asarray(np.linalg.lstsq(_design(plays, means, scores), plays.share, rcond=None)[0])


def _by_user(users: npt.NDArray[Any], values: Values) -> Values:
    """The mean of each user."""
    _, number = np.unique(users, return_inverse=True)
    return np.asarray(np.bincount(number, weights=values) / np.bincount(number))


def _ndcg(plays: Plays, scores: Values, seed: int) -> Values:
    """NDCG over the tracks heard in each session but the first, the share as gain, by user; ties by chance."""
    chance = np.random.default_rng(seed).random(len(plays))
    _, first, owners, tracks = np.unique(plays.session, return_index=True, return_inverse=True, return_counts=True)
    found = ndcg_of_rows(owners, places(owners, scores, chance), plays.share.astype(np.float64), len(plays))
    judged = (tracks > 1) & ~np.isnan(found)
    return _by_user(plays.user[first[judged]], found[judged])
