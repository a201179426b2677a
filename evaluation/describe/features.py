"""Features of contents and of users, aggregated from rows, and how they correlate with the rows' values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from evaluation.describe.rows import Matrix, Rows, sums
from graph import schema
from graph.files.tables import Tables
from recommenders.core.top_k import Ints

__all__ = ["MADE_OF_VALUES", "Correlation", "Totals", "correlations", "features_of", "numbers", "totals_of"]

MADE_OF_VALUES: Final = ("mean value", "variance of values", "share of positive values")
"""Features that are the value itself, so that their correlation with it says nothing."""
_LISTED: Final = {
    schema.LISTENS_TO: "listenedGenres",
    schema.CREATES_IN: "usedGenres",
    schema.HAS_GENRE: "genres",
    schema.HAS_MOOD: "moods",
    schema.TAGGED: "hashtags",
    schema.PERFORMED_BY: "artists",
}
"""Lists of the files that an import makes relationships of."""
_BUCKETS: Final = 20
"""Buckets of equal numbers of rows within which duration counts as held."""


@dataclass(frozen=True)
class Totals:
    """Of the rows with a value: their number, the sum of values and of squares for each end, shape (ends,) each."""

    count: Matrix
    total: Matrix
    squares: Matrix

    @property
    def mean(self) -> Matrix:
        """NaN where an end has no value."""
        return np.where(self.count > 0, self.total / np.maximum(self.count, 1.0), np.nan)

    @property
    def variance(self) -> Matrix:
        """NaN where an end has fewer than two values."""
        several = self.count > 1
        least = np.maximum(self.count, 2.0)
        return np.where(several, np.maximum(self.squares / least - (self.total / least) ** 2, 0.0), np.nan)


def totals_of(rows: Rows, ends: Ints, count: int) -> Totals:
    """`Totals` of one side of the rows."""
    known = rows.known
    own, values = ends[known], rows.values[known].astype(np.float64)
    return Totals(sums(own, count), sums(own, count, values), sums(own, count, values**2))


def features_of(tables: Tables, rows: Rows, label: str, daily: pl.DataFrame | None = None) -> pl.DataFrame:
    """A row an id of ``label``: every column of its file that has a value, its lists, and what ``rows`` say of it.

    ``daily`` holds further features of videos (`graph.files.daily_features`), by video_id.
    """
    ids = tables.ids[label]
    content = label == schema.CONTENT
    own, others = (rows.target, rows.source) if content else (rows.source, rows.target)
    frame = pl.DataFrame({"id": ids})
    nodes = tables.nodes.get(label)
    if nodes is not None and nodes.height:
        told = [name for name in nodes.columns if nodes[name].null_count() < len(nodes)]
        nodes = nodes.select(told).rename({schema.NODE_KEYS[label]: "id"})
        frame = frame.join(nodes, on="id", how="left", maintain_order="left")
    if content and daily is not None:
        by_id = daily.with_columns(pl.col("video_id").cast(pl.String).alias(schema.KEAK_ID)).drop("video_id")
        frame = frame.join(by_id, on=schema.KEAK_ID, how="left", maintain_order="left")
    frame = frame.with_columns(_lists(tables, label))
    count = len(ids)
    plays = sums(own, count)
    pairs = np.unique(own * (int(others.max(initial=0)) + 1) + others)
    distinct = sums(pairs // (int(others.max(initial=0)) + 1), count)
    columns = {"rows": plays, "distinct users" if content else "distinct contents": distinct}
    for name, flag in rows.flags.items():
        columns[f"share {name}"] = _share(sums(own, count, flag), plays)
    if rows.what:
        totals = totals_of(rows, own, count)
        above = sums(own[rows.known], count, rows.values[rows.known] > rows.positive)
        columns |= dict(zip(MADE_OF_VALUES, (totals.mean, totals.variance, _share(above, totals.count)), strict=True))
    return frame.with_columns(pl.Series(name, values, nan_to_null=True) for name, values in columns.items())


def _lists(tables: Tables, label: str) -> list[pl.Series]:
    """The genres, hashtags and the like of each id, by name; null where it has none."""
    found = []
    for type_, called in _LISTED.items():
        kind, edges = schema.RELATIONSHIPS[type_], tables.edges.get(type_)
        if kind.source != label or edges is None or not edges.height:
            continue
        names = pl.DataFrame({"id": tables.ids[kind.target]})
        nodes, key = tables.nodes.get(kind.target), schema.NODE_KEYS[kind.target]
        if nodes is not None and schema.NAME in nodes.columns and key != schema.NAME:
            nodes = nodes.select(pl.col(key).alias("id"), schema.NAME)
            names = names.join(nodes, on="id", how="left", maintain_order="left")
            names = names.select(pl.coalesce(schema.NAME, "id").alias("id"))
        of_each = edges.select(pl.col("source").cast(pl.Int64), names["id"].gather(edges["target"]).alias(called))
        of_each = of_each.group_by("source").agg(pl.col(called).sort())
        every = pl.DataFrame({"source": np.arange(len(tables.ids[label]))})
        found.append(every.join(of_each, on="source", how="left", maintain_order="left")[called])
    return found


def numbers(frame: pl.DataFrame) -> dict[str, Matrix]:
    """The numeric columns that differ between rows, NaN where unknown; categories have no order."""
    found = {}
    for name, dtype in frame.schema.items():
        if (dtype.is_numeric() or dtype == pl.Boolean) and name not in schema.FEATURE_CATEGORIES:
            values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            known = values[np.isfinite(values)]
            if len(known) and known.min() < known.max():
                found[name] = values
    return found


@dataclass(frozen=True)
class Correlation:
    """Pearson correlation of a feature with the value, over the rows whose feature is known."""

    name: str
    r: float
    chance: float
    """Two standard deviations of what the feature would give if its values were dealt to the ends at random."""
    held: float | None
    """The same within buckets of duration; None where duration is unknown, or is the feature."""

    @property
    def verdict(self) -> str:
        """What the figures say of duration as the reason."""
        if abs(self.r) <= self.chance:
            return "no more than chance"
        if self.held is None:
            return "more than chance"
        if self.r * self.held < 0 and abs(self.held) > self.chance:
            return "duration hides the opposite"
        if abs(self.held) < abs(self.r) / 2:
            return "most of it is duration"
        return "not because of duration"


def correlations(totals: Totals, features: dict[str, Matrix], duration: Matrix | None) -> list[Correlation]:
    """Of each feature of an end with the values of its rows, the strongest first.

    Worked out from the totals of ends, which is the same as over all rows. ``duration`` (ends,) is held by taking
    from values and feature their means within `_BUCKETS` buckets of it: a partial correlation that assumes no line.
    """
    found = []
    for name, feature in features.items():
        known = np.isfinite(feature) & (totals.count > 0)
        if known.sum() < 3:
            continue
        one = np.zeros(len(feature), dtype=np.int64)
        r, chance = _within(totals, feature, known, one)
        held = None
        if duration is not None and not _same(feature, duration, known):
            timed = known & np.isfinite(duration)
            if timed.sum() > _BUCKETS:
                held = _within(totals, feature, timed, _buckets(duration, totals.count, timed))[0]
        found.append(Correlation(name, r, chance, held))
    return sorted(found, key=lambda one: -abs(one.r))


def _within(totals: Totals, feature: Matrix, known: np.ndarray, bucket: Ints) -> tuple[float, float]:
    """The correlation of rows' values with their end's feature once the means of buckets are taken away."""
    count, own = totals.count[known], bucket[known]
    mean, x = totals.total[known] / count, feature[known]
    buckets = int(own.max()) + 1
    weight = np.maximum(np.bincount(own, weights=count, minlength=buckets), 1.0)
    x = x - (np.bincount(own, weights=count * x, minlength=buckets) / weight)[own]
    level = np.bincount(own, weights=count * mean, minlength=buckets) / weight
    rest = mean - level[own]
    spread = (totals.squares[known].sum() - (weight * level**2).sum()) * (count * x**2).sum()
    if spread <= 0:
        return 0.0, 0.0
    r = float((count * x * rest).sum() / np.sqrt(spread))
    all_of_it = count.sum() * (totals.squares[known].sum() - (weight * level**2).sum())
    return r, float(2.0 * np.sqrt(((count * rest) ** 2).sum() / all_of_it))


def _buckets(duration: Matrix, count: Matrix, known: np.ndarray) -> Ints:
    """Buckets of about equal numbers of rows, by duration."""
    order = np.argsort(duration[known], kind="stable")
    passed = np.cumsum(count[known][order])
    edges = duration[known][order][np.searchsorted(passed, passed[-1] * np.arange(1, _BUCKETS) / _BUCKETS)]
    return np.searchsorted(np.unique(edges), np.nan_to_num(duration), side="right").astype(np.int64)


def _same(feature: Matrix, duration: Matrix, known: np.ndarray) -> bool:
    """Whether the feature is the duration, in whatever unit."""
    both = known & np.isfinite(duration)
    if both.sum() < 3 or np.ptp(duration[both]) == 0:
        return False
    return bool(abs(np.corrcoef(feature[both], duration[both])[0, 1]) > 0.999)


def _share(part: Matrix, of: Matrix) -> Matrix:
    return np.where(of > 0, part / np.maximum(of, 1.0), np.nan)
