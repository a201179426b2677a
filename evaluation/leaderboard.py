"""Fit contenders on the same splits, judge them on the same users, and test which differences are significant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from pydantic import BaseModel

from evaluation import breakdown, metrics
from evaluation.contenders import Contender
from evaluation.cost import Cost
from evaluation.saved_rankings import Ranking, SavedRankings
from evaluation.significance import bootstrap_interval, compare, holm
from recommenders.core.effort import Cap
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import Values, judge, ndcg
from recommenders.core.options import FitOptions, part_of
from recommenders.core.top_k import Ints

__all__ = ["Difference", "Estimate", "GroupRow", "Leaderboard", "Row", "evaluate", "measure"]


class Estimate(BaseModel):
    """A mean over users and splits."""

    mean: float
    sd: float | None
    """Standard deviation between splits; None for a single split."""
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % bootstrap interval over users, each user's values averaged over splits first."""


class Row(BaseModel):
    """One contender's results."""

    model: str
    metrics: dict[str, Estimate]
    """Metrics by name and list length, such as ``NDCG@10``."""
    fit_seconds: float
    fit_processor_seconds: float
    """Of all threads together."""
    rank_seconds: float
    peak_mib: float
    """Peak memory of the whole process during the fit."""
    settings: list[dict[str, Any]]
    """Settings of each split."""
    capped: bool = False
    """Whether a fit reached its budget in minutes."""


class Difference(BaseModel):
    """The reference (the best contender, unless another was named) compared with another one on the same users."""

    reference: str
    other: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    """Paired t-test, corrected for the number of comparisons (Holm)."""


class GroupRow(BaseModel):
    """Results of one group of a breakdown."""

    breakdown: str
    metric: str
    group: str
    judged: int
    """Users judged in this group, over all splits."""
    values: dict[str, float]
    """By model."""


class Leaderboard(BaseModel):
    """The results of `evaluate`, best model first."""

    split: str
    splits: int
    users: int
    """Judged users, on average over splits."""
    contents: int
    train_watches: int
    held_out: float
    """Held-out contents of a judged user, on average."""
    ks: list[int]
    rows: list[Row]
    differences: list[Difference]
    groups: list[GroupRow]

    @property
    def lead_metric(self) -> str:
        """The metric by which rows are ordered and differences are tested."""
        return f"NDCG@{self.ks[0]}"


@dataclass
class _Trials:
    """The results of one contender, split after split."""

    means: dict[str, list[float]] = field(default_factory=dict)
    by_user: dict[str, list[Values]] = field(default_factory=dict)
    """Per metric and split, shape (all users,), NaN for the others."""
    groups: dict[tuple[str, str, str], list[Values]] = field(default_factory=dict)
    rankings: list[Ranking] = field(default_factory=list)


def evaluate(
    contenders: Sequence[Contender],
    splits: Sequence[Holdout],
    ks: Sequence[int] = (10, 20),
    options: FitOptions | None = None,
    reference: str | None = None,
    saved: SavedRankings | None = None,
) -> Leaderboard:
    """Fit every contender on every split, rank for its judged users, and measure at every length in ``ks``.

    The first length is used for the order of the table, the tests and the breakdowns. The tests compare the contender
    labelled ``reference``, or the best one, with each other one. Rankings found in ``saved`` are not computed again;
    new ones are added to it.
    """
    options = options or FitOptions()
    trials = {contender.label: _Trials() for contender in contenders}
    steps = len(splits) * len(contenders)
    for number, split in enumerate(splits):
        for place, contender in enumerate(contenders):
            done = number * len(contenders) + place

            def report(share: float, what: str, done: int = done, label: str = contender.label) -> None:
                options.progress((done + share) / steps, f"{label}: {what}")

            report(0.0, "fitting")
            ranking = _rank(contender, split, max(ks), options.but(seed=split.seed, progress=report), saved)
            _add(ranking, split, ks, trials[contender.label])
    options.progress(1.0, "done")
    return _summarise(trials, splits, ks, reference)


def _rank(contender: Contender, split: Holdout, k: int, options: FitOptions, saved: SavedRankings | None) -> Ranking:
    what = f"{contender.label} {contender.recipe} {options.effort} {options.cap.minutes}"
    found = saved.find(what, split, k) if saved else None
    if found is not None:
        return found
    with Cost() as fit:
        own = options.but(cap=Cap(options.cap.minutes), progress=part_of(options.progress, 0.0, 0.9))
        model = contender.fit(split.train, own)
    with Cost() as ranking:
        ids = contender.rank(model, split, k, seed=split.seed, progress=part_of(options.progress, 0.9, 1.0))
    made = Ranking(ids, fit.seconds, fit.processor_seconds, ranking.seconds, fit.peak_mib, model.settings, own.cap.hit)
    if saved:
        saved.save(what, split, k, made)
    return made


def _add(ranking: Ranking, split: Holdout, ks: Sequence[int], trials: _Trials) -> None:
    trials.rankings.append(ranking)
    for name, values in measure(ranking.ids, split, ks).items():
        if np.isnan(values).all():  # no list has two contents, so there is no diversity
            continue
        trials.means.setdefault(name, []).append(float(np.nanmean(values)))
        if len(values) == len(split.users):
            spread = np.full(split.train.users.count, np.nan)
            spread[split.users] = values
            trials.by_user.setdefault(name, []).append(spread)
    _break_down(ranking.ids[:, : ks[0]], split, ks[0], trials)


def measure(ids: Ints, split: Holdout, ks: Sequence[int]) -> dict[str, Values]:
    """Every metric at every list length: a value for each judged user, or one value for a metric over all lists."""
    judged = judge(ids, split.held_out[split.users])
    train = split.train
    watchers = np.bincount(train.watched.target, minlength=train.contents.count)
    vectors = sp.csr_array(train.interactions().T)
    found: dict[str, Values] = {}
    for k in ks:
        lists = ids[:, :k]
        for name, metric in metrics.PER_USER.items():
            if name != "NDCG graded" or train.mode == "engagement":
                found[f"{name}@{k}"] = metric(judged, k)
        found[f"Coverage@{k}"] = np.array([metrics.coverage(lists, train.contents.count)])
        found[f"Gini@{k}"] = np.array([metrics.gini(lists, train.contents.count)])
        found[f"Novelty@{k}"] = metrics.novelty(lists, watchers, train.users.count)
        found[f"Popularity@{k}"] = metrics.average_popularity(lists, watchers)
        found[f"Diversity@{k}"] = metrics.intra_list_diversity(lists, vectors)
    return found


def _break_down(ids: Ints, split: Holdout, k: int, trials: _Trials) -> None:
    held_out = split.held_out[split.users]
    by_person = ndcg(judge(ids, held_out), k)
    by_user = {
        "Watches in training": breakdown.by_activity(split),
        "People followed": breakdown.by_friends(split),
    }
    for title, groups in by_user.items():
        for group in groups:
            trials.groups.setdefault((title, f"NDCG@{k}", group.name), []).append(by_person[group.members])
    for name, contents in breakdown.by_popularity(split).items():
        recall = breakdown.recall_in(ids, held_out, contents)
        trials.groups.setdefault(("Popularity of what was held out", f"Recall@{k}", name), []).append(
            recall[~np.isnan(recall)]
        )


def _summarise(
    trials: Mapping[str, _Trials], splits: Sequence[Holdout], ks: Sequence[int], reference: str | None
) -> Leaderboard:
    lead = f"NDCG@{ks[0]}"
    ranked = sorted(trials, key=lambda label: -float(np.mean(trials[label].means[lead])))
    return Leaderboard(
        split=splits[0].name,
        splits=len(splits),
        users=round(np.mean([len(split.users) for split in splits])),
        contents=splits[0].train.contents.count,
        train_watches=round(np.mean([len(split.train.watched) for split in splits])),
        held_out=float(np.mean([split.held_out[split.users].nnz / len(split.users) for split in splits])),
        ks=list(ks),
        rows=[_row(label, trials[label]) for label in ranked],
        differences=_differences(reference or ranked[0], ranked, trials, lead),
        groups=_groups(ranked, trials),
    )


def _row(label: str, trials: _Trials) -> Row:
    found = {}
    for name, means in trials.means.items():
        low = high = None
        if name in trials.by_user:
            values = _over_splits(trials.by_user[name])
            low, high = bootstrap_interval(values[~np.isnan(values)])
        sd = float(np.std(means, ddof=1)) if len(means) > 1 else None
        found[name] = Estimate(mean=float(np.mean(means)), sd=sd, low=low, high=high)
    return Row(
        model=label,
        metrics=found,
        fit_seconds=float(np.mean([ranking.fit_seconds for ranking in trials.rankings])),
        fit_processor_seconds=float(np.mean([ranking.fit_processor_seconds for ranking in trials.rankings])),
        rank_seconds=float(np.mean([ranking.rank_seconds for ranking in trials.rankings])),
        peak_mib=max(ranking.peak_mib for ranking in trials.rankings),
        settings=[ranking.settings for ranking in trials.rankings],
        capped=any(ranking.capped for ranking in trials.rankings),
    )


def _differences(reference: str, ranked: Sequence[str], trials: Mapping[str, _Trials], metric: str) -> list[Difference]:
    values = {label: _over_splits(trials[label].by_user[metric]) for label in ranked}
    others = [label for label in ranked if label != reference]
    judged = ~np.isnan(values[reference])
    found = [compare(values[reference][judged], values[other][judged]) for other in others]
    corrected = holm([comparison.p_value for comparison in found])
    return [
        Difference(
            reference=reference,
            other=other,
            metric=metric,
            difference=comparison.difference,
            low=comparison.low,
            high=comparison.high,
            p_value=p_value,
        )
        for other, comparison, p_value in zip(others, found, corrected, strict=True)
    ]


def _groups(ranked: Sequence[str], trials: Mapping[str, _Trials]) -> list[GroupRow]:
    rows = []
    for key, parts in trials[ranked[0]].groups.items():
        title, metric, group = key
        values = {label: float(np.concatenate(trials[label].groups[key]).mean()) for label in ranked}
        judged = sum(len(part) for part in parts)
        rows.append(GroupRow(breakdown=title, metric=metric, group=group, judged=judged, values=values))
    return sorted(rows, key=lambda row: row.breakdown)  # a stable sort keeps the order of the groups


def _over_splits(values: Sequence[Values]) -> Values:
    """Each user's mean over the splits in which they are judged, NaN for users who are judged in none."""
    stacked = np.stack(values)
    judged = (~np.isnan(stacked)).sum(axis=0)
    return np.where(judged > 0, np.nansum(stacked, axis=0) / np.maximum(judged, 1), np.nan)
