"""The exploratory report of a folder: the ten sections of the KuaiRec notebook, for anything that can be imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl

from evaluation.describe import pages, pictures
from evaluation.describe.features import (
    MADE_OF_VALUES,
    Totals,
    correlations,
    features_of,
    numbers,
    totals_of,
)
from evaluation.describe.files import QUARTILES, TIMES, files, missing
from evaluation.describe.pages import Section, Table, number
from evaluation.describe.rows import Matrix, Rows, held_out, rows_of, sums
from graph import schema
from graph.files.quarantine import ImportReport
from graph.files.tables import Tables

__all__ = ["Report", "TableKind", "make", "write"]

TableKind = Literal["csv", "parquet"]
_MORE: Final = 10
"""The best and the worst are among those with more rows than this."""
_SHOWN: Final = 10
_FEATURES: Final = 24
"""Most features in a heat map."""
_TOP: Final = 5
_THRESHOLDS: Final = (0.5, 0.8, 1.0, 1.2, 1.5, 2.0)
_SHARES: Final = (0.1, 0.25, 0.5, 0.8, 0.9, 0.95)
_CELL: Final = 40


@dataclass(frozen=True)
class Report:
    """What is written."""

    title: str
    lead: str
    sections: list[Section]
    contents: pl.DataFrame
    users: pl.DataFrame


def make(
    name: str,
    holds: str,
    tables: Tables,
    read: ImportReport,
    *,
    positive: float | None = None,
    daily: pl.DataFrame | None = None,
    beside: Mapping[str, pl.DataFrame] | None = None,
) -> Report:
    """The report of a folder called ``name`` that ``holds`` what these words say.

    ``positive``: a value above it counts as positive; by default 1 for a ratio and .8 for a share. ``daily`` holds
    further features of videos (`graph.files.daily_features`), ``beside`` the rows of files that no import takes.
    """
    rows = rows_of(tables, positive)
    contents = features_of(tables, rows, schema.CONTENT, daily)
    users = features_of(tables, rows, rows.label)
    every = {
        rows.label: totals_of(rows, rows.source, users.height),
        schema.CONTENT: totals_of(rows, rows.target, contents.height),
    }
    totals = every[schema.CONTENT]
    sections = [
        files(tables, read, beside),
        missing(tables, read, beside),
        _side("Users" if rows.label == schema.USER else "Playlists", rows, users, every[rows.label], best=False),
        _side("Contents", rows, contents, totals, best=True),
        _distribution(rows),
        _heat_map(contents),
        _with_value(rows, contents, totals, users, every[rows.label]),
        _components(rows, contents, totals),
        _thresholds(rows),
        _summary(tables, rows, users, contents),
    ]
    value = f"How much of it was watched is said by the {rows.what}." if rows.what else "No row says how much."
    lead = f"{name}, read as {holds}: {len(rows.source):,} rows, each one {rows.one}. {value}"
    return Report(f"What {name} holds", lead, sections, contents, users)


def write(report: Report, folder: Path, kind: TableKind = "parquet") -> None:
    """Write describe.html, describe.md with its pictures, contents and users as tables into an empty ``folder``.

    Times are dates in UTC; lists are texts in CSV, which has none.
    """
    (folder / "describe.html").write_text(pages.html(report.title, report.lead, report.sections), encoding="utf-8")
    text = pages.markdown(report.title, report.lead, report.sections, folder / "pictures")
    (folder / "describe.md").write_text(text, encoding="utf-8")
    for name, told in (("contents", report.contents), ("users", report.users)):
        times = [time for time, dtype in told.schema.items() if time in TIMES and dtype.is_numeric()]
        frame = told.with_columns(pl.from_epoch(pl.col(times).cast(pl.Int64), "ms").dt.replace_time_zone("UTC"))
        if kind == "csv":
            lists = [one for one, dtype in frame.schema.items() if dtype == pl.List]
            frame = frame.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join("; "))
            frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
        else:
            frame.write_parquet(folder / f"{name}.parquet")


def _side(title: str, rows: Rows, frame: pl.DataFrame, totals: Totals, *, best: bool) -> Section:
    """How many rows users, or contents, have, and their mean values."""
    section = Section(title)
    counted = frame["rows"].to_numpy()
    active = counted > 0
    drawn = [(f"rows of each of {int(active.sum()):,}", counted, True)]
    spread = [("rows", *map(number, np.quantile(counted[active], [0, 0.25, 0.5, 0.75, 1])))] if active.any() else []
    mean = totals.mean
    if rows.what and np.isfinite(mean).any():
        drawn.append((f"mean {rows.what} of each", mean, False))
        known = mean[np.isfinite(mean)]
        spread.append((f"mean {rows.what}", *map(number, np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))))
    if len(frame) > active.sum():
        section.parts.append(f"{len(frame) - int(active.sum()):,} of {len(frame):,} have no such row.")
    section.parts.append(Table(f"Each of the {title.lower()}", ("of each", *QUARTILES), spread))
    name = title.lower()
    section.parts.append(pictures.histograms(name, f"Rows, and mean values, of each of the {name}", drawn))
    if best:
        section.parts.append(_ranked("With the most rows", frame, totals, np.argsort(-counted, kind="stable")))
        several = totals.count > _MORE
        if rows.what and several.any():
            order = np.flatnonzero(several)[np.argsort(-mean[several], kind="stable")]
            among = f"among {int(several.sum()):,} with more than {_MORE} values"
            section.parts.append(_ranked(f"Highest mean {rows.what}, {among}", frame, totals, order))
            section.parts.append(_ranked(f"Lowest mean {rows.what}, {among}", frame, totals, order[::-1]))
    return section


def _ranked(title: str, frame: pl.DataFrame, totals: Totals, order: np.ndarray) -> Table:
    named = next((name for name in (schema.TITLE, schema.NAME) if name in frame.columns), None)
    mean, variance = totals.mean, totals.variance
    rows = []
    for place in order[:_SHOWN].tolist():
        shown = frame[named][place] if named else None
        rows.append(
            (
                frame["id"][place] + (f" · {shown[:_CELL]}" if shown else ""),
                f"{frame['rows'][place]:,.0f}",
                number(mean[place]),
                number(variance[place]),
            )
        )
    return Table(title, ("id", "rows", "mean value", "variance"), rows)


def _distribution(rows: Rows) -> Section:
    section = Section("Distribution of the value")
    if not rows.known.any():
        section.parts.append(_no_values(rows))
        return section
    values = rows.values[rows.known].astype(np.float64)
    shown = f"The {rows.what} of all rows, the threshold of a positive one as a line"
    section.parts.append(
        f"A value above {rows.positive:g} counts as positive: {100 * (values > rows.positive).mean():.2f} % of "
        f"{len(values):,} rows. Values are as they are, also above 1; the last bar holds the highest half percent."
    )
    section.parts.append(pictures.histograms("values", shown, [(rows.what, values, False)], rows.positive))
    quantiles = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1]
    header = ("", *(f"{100 * q:g} %" for q in quantiles))
    cells = ("value", *map(number, np.quantile(values, quantiles)))
    section.parts.append(Table("Quantiles", header, [cells]))
    return section


def _heat_map(contents: pl.DataFrame) -> Section:
    section = Section("Correlation of features")
    every = numbers(contents)
    features = dict(list(every.items())[:_FEATURES])
    if len(features) < 2:
        section.parts.append("Contents have fewer than two features that differ between them.")
        return section
    matrix = np.eye(len(features))
    columns = list(features.values())
    for i, one in enumerate(columns):
        for j in range(i):
            both = np.isfinite(one) & np.isfinite(columns[j])
            x, y = one[both], columns[j][both]
            varied = len(x) > 2 and x.std() > 0 and y.std() > 0
            matrix[i, j] = matrix[j, i] = np.corrcoef(x, y)[0, 1] if varied else 0.0
    shows = "Pearson correlation of the features of contents with each other"
    which = f"; the first {len(features)} of {len(every)}, for room" if len(every) > len(features) else ""
    section.parts += [
        f"{shows}, each content once{which}.",
        pictures.heat_map("features", shows, list(features), matrix),
    ]
    return section


def _with_value(rows: Rows, contents: pl.DataFrame, totals: Totals, users: pl.DataFrame, of_users: Totals) -> Section:
    section = Section("What goes with the value, and whether duration is the reason")
    if not rows.known.any():
        section.parts.append(_no_values(rows))
        return section
    features = {name: values for name, values in numbers(contents).items() if name not in MADE_OF_VALUES}
    duration = next((features[name] for name in ("duration", "video_duration") if name in features), None)
    found = correlations(totals, features, duration)
    if not found:
        section.parts.append("No feature differs between contents.")
        return section
    held = (
        "“Duration held” is the correlation that is left within twenty buckets of duration: where it is gone, duration "
        "was the reason; where it stays, look for another."
        if duration is not None
        else "No duration is known, so it cannot be looked at as the reason."
    )
    section.parts.append(
        f"Pearson correlation over rows between the {rows.what} and a feature of their content. Chance: a feature that "
        f"means nothing stays below it nineteen times in twenty. {held}"
    )
    section.parts.append(pictures.correlated("with_value", f"Correlation of features with the {rows.what}", found))
    table: list[tuple[str, ...]] = [
        (one.name, f"{one.r:+.3f}", f"{one.chance:.3f}", "" if one.held is None else f"{one.held:+.3f}", one.verdict)
        for one in found
    ]
    of_contents = ("feature of the content", "correlation", "chance", "duration held", "so")
    section.parts.append(Table(f"Correlation with the {rows.what}", of_contents, table, (0, 4)))
    enough = min(_MORE + 1, np.median(totals.count[totals.count > 0]))
    several = np.where(totals.count >= enough, totals.mean, np.nan)
    top = {one.name: features[one.name] for one in found[:_TOP]}
    shows = f"Mean {rows.what} of contents against the five features that correlate most"
    section.parts.append(pictures.scatters("scatters", shows, rows.what, several, top))
    own = {name: values for name, values in numbers(users).items() if name not in MADE_OF_VALUES}
    of_people = correlations(of_users, own, None)
    if of_people:
        cells = [(one.name, f"{one.r:+.3f}", f"{one.chance:.3f}", one.verdict) for one in of_people]
        of_user = ("feature of the user", "correlation", "chance", "so")
        section.parts.append(Table(f"Correlation with the {rows.what}", of_user, cells, (0, 3)))
    return section


def _components(rows: Rows, contents: pl.DataFrame, totals: Totals) -> Section:
    section = Section("Principal components")
    features = {name: values for name, values in numbers(contents).items() if name not in MADE_OF_VALUES}
    if len(features) < 2:
        section.parts.append("Contents have fewer than two features that differ between them.")
        return section
    stacked = np.stack([np.where(np.isfinite(v), v, np.nanmedian(v)) for v in features.values()], axis=1)
    spread = stacked.std(axis=0)
    standard = (stacked - stacked.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    values, vectors = np.linalg.eigh(np.cov(standard, rowvar=False))
    explained, vectors = values[::-1] / values.sum(), vectors[:, ::-1]
    means = totals.mean if rows.what else np.log1p(contents["rows"].to_numpy())
    value = rows.what or "log of rows"
    shows = f"Contents along their two first components, coloured by {value}, and the variance that each explains"
    section.parts.append("Of the standardised features of contents, unknown values at the median. " + shows + ".")
    section.parts.append(pictures.principal("components", shows, value, standard @ vectors, means, explained))
    table = [(f"{n + 1}", f"{100 * share:.1f} %", _loadings(list(features), vectors[:, n]))
             for n, share in enumerate(explained[:_SHOWN])]  # fmt: skip
    section.parts.append(Table("Components", ("component", "explained", "most of it"), table, (0, 2)))
    return section


def _loadings(names: list[str], vector: Matrix) -> str:
    return ", ".join(f"{names[at]} {vector[at]:+.2f}" for at in np.argsort(-np.abs(vector))[:3])


def _thresholds(rows: Rows) -> Section:
    section = Section("Shares above thresholds")
    if not rows.known.any():
        section.parts.append(_no_values(rows))
        return section
    values = rows.values[rows.known]
    limits = _THRESHOLDS if rows.unclipped else _SHARES
    shares = [float((values > limit).mean()) for limit in limits]
    labels = [f"above {limit:g}" for limit in limits]
    section.parts.append(
        pictures.bars("thresholds", f"Share of rows whose {rows.what} is above each threshold", labels, shares)
    )
    table = [
        (label, f"{(values > limit).sum():,}", f"{100 * share:.2f} %")
        for label, limit, share in zip(labels, limits, shares, strict=True)
    ]
    section.parts.append(Table(f"Rows by {rows.what}", ("", "rows", "share"), table))
    return section


def _summary(tables: Tables, rows: Rows, users: pl.DataFrame, contents: pl.DataFrame) -> Section:
    section = Section("Summary")
    active, seen = int((users["rows"] > 0).sum()), int((contents["rows"] > 0).sum())
    pairs = float(users["distinct contents"].sum() or 0.0)
    who = "users" if rows.label == schema.USER else "playlists"
    told = [
        ("rows", f"{len(rows.source):,}"),
        (f"{who} with a row", f"{active:,} of {users.height:,}"),
        ("contents with a row", f"{seen:,} of {contents.height:,}"),
        ("density: different pairs of all that could be", f"{100 * pairs / max(1, active * seen):.4f} %"),
    ]
    told += [(f"rows with {name}", f"{100 * flag.mean():.2f} %") for name, flag in rows.flags.items()]
    if rows.known.any():
        values = rows.values[rows.known].astype(np.float64)
        told += _values(f"{rows.what}", values, rows.positive)
    judging = held_out(tables).astype(np.float64)
    if len(judging):
        told += _values("held out, which only judges", judging, rows.positive)
    section.parts.append(Table("In short", ("", "figure"), told))
    if rows.known.any():
        totals = totals_of(rows, rows.source, users.height)
        several = np.flatnonzero(totals.count > _MORE)
        order = several[np.argsort(-totals.variance[several], kind="stable")]
        title = f"{who.capitalize()} of the highest variance, among {len(several):,} with more than {_MORE} values"
        section.parts.append(_ranked(title, users, totals, order))
    if schema.FOLLOWS in tables.edges and tables.edges[schema.FOLLOWS].height:
        follows = tables.edges[schema.FOLLOWS]
        out = sums(follows["source"].to_numpy().astype(np.int64), tables.ids[schema.USER].len())
        spread = map(number, np.quantile(out, [0, 0.25, 0.5, 0.75, 1]))
        section.parts.append(Table("Follows", ("of each user", *QUARTILES), [("followed", *spread)]))
    return section


def _values(what: str, values: Matrix, positive: float) -> list[tuple[str, str]]:
    return [
        (f"{what}: rows", f"{len(values):,}"),
        (f"{what}: mean", number(values.mean())),
        (f"{what}: median", number(float(np.median(values)))),
        (f"{what}: positive, above {positive:g}", f"{100 * (values > positive).mean():.2f} %"),
    ]


def _no_values(rows: Rows) -> str:
    return f"No row says how much was watched: a row is one {rows.one}, and counts as such."
