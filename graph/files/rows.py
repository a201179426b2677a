"""Relationship tables as frames of wanted columns, chunk by chunk: separated text, JSON or Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.errors import InputError
from graph.files.canonical import refuse_large_floats
from graph.files.column_names import Names
from graph.files.folder import is_parquet, parquet_batches
from graph.files.headers import titled_columns
from graph.files.json_rows import NotOneValue, is_json, objects, one_value, shown
from graph.files.layout import Layout, sniff
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport
from graph.files.records import parse
from graph.files.text import line_chunks
from graph.progress import Progress

__all__ = ["Rows", "rows"]

_CHUNK: Final = 64 << 20
_HEAD: Final = 1 << 17
_JSON_ROWS: Final = 200_000
_IDS: Final = ("userId", "contentId", "follower", "followed")


@dataclass(frozen=True)
class Rows:
    """Some rows of a table: the wanted columns as text (times may keep their own type), null where missing."""

    frame: pl.DataFrame
    lines: npt.NDArray[np.int64]
    """The line number of each row in the file."""
    faults: list[tuple[npt.NDArray[np.int64], str]]
    """Rows that could not be split, and why."""
    raw: Callable[[pl.Series], pl.Series]
    """The given rows as they stand in the file."""
    plain: bool
    """Whether all text is ASCII without spaces and control characters."""


def rows(
    path: Path,
    names: Names,
    positions: Sequence[str],
    report: FileReport,
    options: Options,
    progress: Progress | None = None,
) -> Iterator[Rows]:
    """All rows of the file; ``report`` is told the layout. Raises InputError where it cannot be told."""
    if is_parquet(path):
        yield from _parquet(path, names, report, options, progress)
    elif is_json(path, options.encoding):
        yield from _json(path, names, report, options, progress)
    else:
        yield from _text(path, names, positions, report, options, progress)


def _text(
    path: Path,
    names: Names,
    positions: Sequence[str],
    report: FileReport,
    options: Options,
    progress: Progress | None,
) -> Iterator[Rows]:
    layout: Layout | None = None
    rest, rest_line = b"", 1
    chunks = line_chunks(path, _CHUNK, progress, options.encoding)
    coming = next(chunks, None)
    while coming is not None:
        lines, coming = coming, next(chunks, None)
        final = coming is None
        data, line = rest + lines.data, rest_line if rest else lines.first
        if layout is None:
            head = data[:_HEAD].decode(errors="ignore")
            layout = sniff(
                path,
                head,
                names,
                whole=final and len(data) <= _HEAD,
                positions=positions,
                separator=options.separator,
                header=options.header,
                chosen={key: given for key, given in options.columns.items() if key in names.keys},
            )
            if layout is None:
                continue
            _tell(report, layout)
            data, line = _without(data, layout.skipped), line + layout.skipped
        parsed = parse(data, layout.separator, len(layout.columns), line, final=final)
        rest, rest_line = parsed.rest, line + parsed.data.count(b"\n")
        if parsed.frame.is_empty():
            continue
        simple = parsed.data.isascii() and not parsed.data.translate(None, _PLAIN)
        frame, faults = _tidied(parsed.frame, layout, simple=simple)
        faults += _repeated_headers(frame, layout, parsed.data)
        keep = ~(frame.select(pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else pl.Series([]))
        comments = pl.Series(np.zeros(frame.height, dtype=bool))
        if b"#" in parsed.data:
            first = parsed.frame["c0"].str.strip_chars_start(" \t").fill_null("")
            comments = first.str.contains(r"^#(?:$|[\s#])")
            report.comments += int(comments.sum())
        broken = np.zeros(frame.height, dtype=bool)
        broken[parsed.broken] = True
        kept = np.flatnonzero(((keep & ~comments) | pl.Series(broken)).to_numpy())
        place = np.full(frame.height, -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        faults = [(place[found][place[found] >= 0], why) for found, why in faults]
        faults.insert(0, (place[parsed.broken], "quotes that are not closed, or with text after them"))
        whole = len(kept) == frame.height
        report_rows = frame if whole else frame[kept]
        wanted = [name for name in layout.columns if name]
        yield Rows(
            _complete(report_rows.select(wanted), names),
            parsed.lines if whole else parsed.lines[kept],
            faults,
            partial(_raw_of, parsed.raw, kept),
            simple,
        )
    if layout is None:
        report.empty = True


_PLAIN: Final = bytes(range(33, 127)) + b"\n"


def _raw_of(raw: Callable[[pl.Series], pl.Series], kept: npt.NDArray[np.int64], wanted: pl.Series) -> pl.Series:
    return raw(pl.Series(kept[wanted.to_numpy()]))


def _without(data: bytes, lines: int) -> bytes:
    at = 0
    for _ in range(lines):
        at = data.find(b"\n", at) + 1 or len(data)
    return data[at:]


def _tidied(
    frame: pl.DataFrame, layout: Layout, *, simple: bool
) -> tuple[pl.DataFrame, list[tuple[npt.NDArray[np.int64], str]]]:
    """Columns under our names, empty fields as nulls; and the rows with too many fields."""
    width = len(layout.columns)
    extra = frame[f"c{width}"]
    faults = []
    if extra.null_count() < len(extra):
        surplus = (extra.is_not_null() & (extra.str.strip_chars() != "")).to_numpy()
        faults.append((np.flatnonzero(surplus), "more fields than columns"))
    frame = frame.drop(f"c{width}").rename({f"c{n}": name for n, name in enumerate(layout.columns) if name})
    text = pl.all() if simple else pl.all().str.strip_chars(" \t")
    return frame.select(pl.when(text != "").then(text).name.keep()), faults


def _repeated_headers(frame: pl.DataFrame, layout: Layout, data: bytes) -> list[tuple[npt.NDArray[np.int64], str]]:
    """The rows that say the header once more, as in tables that were joined end to end."""
    titles = {name: title for name, title in zip(layout.columns, layout.titles, strict=True) if name}
    if not layout.header or not all(title.encode() in data for title in titles.values()):
        return []
    same = [
        pl.col(name).str.strip_chars("\ufeff \t").str.strip_chars_start("#") == title.lstrip("#")
        for name, title in titles.items()
    ]
    found = frame.select(pl.all_horizontal(same).fill_null(value=False)).to_series().arg_true()
    return [(found.to_numpy().astype(np.int64), "repeats the header")] if len(found) else []


def _tell(report: FileReport, layout: Layout) -> None:
    report.separator = layout.separator
    report.header = layout.header
    report.comments += layout.comments
    report.preview = [list(row) for row in layout.example]
    report.columns = [
        Column(title, ours, "ignored" if ours is None else "")
        for title, ours in zip(layout.titles, layout.columns, strict=True)
    ]


def _complete(frame: pl.DataFrame, names: Names) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=pl.String).alias(name) for name in names.columns if name not in frame.columns]
    return frame.with_columns(missing)


def _chosen_or_named(path: Path, titles: Sequence[str], names: Names, options: Options) -> tuple[str | None, ...]:
    chosen = {key: given for key, given in options.columns.items() if key in names.keys}
    return titled_columns(path, titles, names, chosen)


def _parquet(
    path: Path, names: Names, report: FileReport, options: Options, progress: Progress | None
) -> Iterator[Rows]:
    for first, batch in parquet_batches(path, progress):
        columns = _chosen_or_named(path, batch.columns, names, options)
        if not report.columns:
            report.columns = [
                Column(title, ours, "ignored" if ours is None else str(batch.schema[title]))
                for title, ours in zip(batch.columns, columns, strict=True)
            ]
            report.preview = [[*map(shown, row)] for row in batch.head(3).rows()]
        wanted = {title: ours for title, ours in zip(batch.columns, columns, strict=True) if ours}
        frame = batch.select(_column(path, ours, batch[title]).alias(ours) for title, ours in wanted.items())
        lines = np.arange(first, first + batch.height, dtype=np.int64)
        yield Rows(_complete(frame, names), lines, [], partial(_as_json, batch), plain=False)


def _as_json(batch: pl.DataFrame, wanted: pl.Series) -> pl.Series:
    found = [json.dumps(batch.row(int(row), named=True), default=str, ensure_ascii=False) for row in wanted]
    return pl.Series(found, dtype=pl.String)


def _column(path: Path, name: str, values: pl.Series) -> pl.Series:
    """A Parquet column as text; times keep a type of time, whole floats lose their fraction."""
    dtype = values.dtype
    if name == "timestamp" and (dtype == pl.Date or isinstance(dtype, pl.Datetime)):
        return values
    if dtype.is_float():
        whole = values.is_finite() & (values == values.floor())
        if name in _IDS:
            refuse_large_floats(path, name, values)
        text = pl.when(whole & (values.abs() < 2**53)).then(values.cast(pl.Int64, strict=False).cast(pl.String))
        return pl.select(text.when(values.is_finite()).then(values.cast(pl.String))).to_series()
    if dtype == pl.Boolean and name in ("liked", "commented", "shared"):
        return values.cast(pl.String)
    if dtype in (pl.String, pl.Null) or dtype.is_integer() or dtype.is_decimal():
        return values.cast(pl.String)
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        return values.cast(pl.String)
    if dtype == pl.Binary:
        try:
            return values.cast(pl.String)
        except pl.exceptions.PolarsError:
            pass
    raise InputError(
        f"{path}: the column for {name} is of type {dtype}.", do="Write it as text or numbers. Nothing was loaded."
    )


def _json(path: Path, names: Names, report: FileReport, options: Options, progress: Progress | None) -> Iterator[Rows]:
    """Rows of objects; their keys are the header."""
    titles: list[str] | None = None
    ours: dict[str, str] = {}
    for found in objects(path, options.encoding, _JSON_ROWS, progress):
        good = [row for _, row, _ in found if isinstance(row, dict)]
        if titles is None:
            titles = [*dict.fromkeys(key for row in good for key in row)]
            if not titles:
                raise InputError(f"{path} holds no JSON objects.", do="Nothing was loaded.")
            columns = _chosen_or_named(path, titles, names, options)
            ours = {name: title for title, name in zip(titles, columns, strict=True) if name}
            report.columns = [
                Column(title, name, "ignored" if name is None else "")
                for title, name in zip(titles, columns, strict=True)
            ]
            report.preview = [[shown(row.get(title)) for title in titles] for row in good[:3]]
        values: dict[str, list[str | None]] = {name: [] for name in ours}
        faults: dict[str, list[int]] = {}
        for number, (_, row, _) in enumerate(found):
            for name, title in ours.items():
                value: Any = row.get(title) if isinstance(row, dict) else None
                try:
                    values[name].append(one_value(value, is_id=name in _IDS))
                except NotOneValue as error:
                    values[name].append(None)
                    faults.setdefault(f"{title} {error}", []).append(number)
            if not isinstance(row, dict):
                faults.setdefault("not a JSON object", []).append(number)
        frame = pl.DataFrame({name: pl.Series(column, dtype=pl.String) for name, column in values.items()})
        raws = [raw for _, _, raw in found]
        yield Rows(
            _complete(frame, names),
            np.array([line for line, _, _ in found], dtype=np.int64),
            [(np.array(where), why) for why, where in faults.items()],
            partial(_listed, raws),
            plain=False,
        )


def _listed(raws: list[str], wanted: pl.Series) -> pl.Series:
    return pl.Series([raws[int(row)] for row in wanted], dtype=pl.String)
