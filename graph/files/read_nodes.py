"""Read and check users, keaks and beats files: JSON lines or Parquet in, one frame of nodes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.datatypes import DataTypeClass

from graph import schema
from graph.files.canonical import NOTHING, checked, refuse_large_floats
from graph.files.folder import ahead, is_parquet, parquet_batches
from graph.files.json_rows import json_lines, shown
from graph.files.node_files import FRACTIONS, NAMED, NodeFile
from graph.files.node_lines import SHOWN, first_rows, read_lines
from graph.files.node_values import NO_ID, elements, value
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport, Quarantine
from graph.files.times import milliseconds
from graph.progress import Progress

__all__ = ["ID", "read_nodes"]

ID: Final = "__id"
"""The column of bare ids in what ``read_nodes`` returns."""


def read_nodes(
    path: Path,
    kind: NodeFile,
    report: FileReport,
    quarantine: Quarantine,
    options: Options,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """One row a node, the last of its rows in the file: ``ID``, then the columns of ``kind``.

    The flags of ``kind.unread`` are true where any of the rows says so.
    Times are Int64 ms, counts Int64 (Float64 for measures), lists of ``NAMED``, references bare ids.
    """
    parts = []
    for line, frame, raw in _frames(path, kind, report, quarantine, options, progress):
        parts.append(_checked(frame, line, raw, kind, report, quarantine))
    if not parts:
        parts = [
            _checked(
                pl.DataFrame(schema={"line": pl.UInt32, **kind.types}), 1, _raw_lines(b""), kind, report, quarantine
            )
        ]
    nodes = pl.concat(parts)
    unique = nodes.unique(ID, keep="last", maintain_order=True)
    if unique.height < nodes.height:
        for name in sorted(kind.unread):
            said = pl.col(ID).is_in(nodes.filter(pl.col(name))[ID].implode())
            unique = unique.with_columns(pl.when(said).then(statement=True).otherwise(pl.col(name)).alias(name))
    report.merged += nodes.height - unique.height
    report.loaded += unique.height
    return unique


Raw = Callable[[int], str]


def _frames(
    path: Path, kind: NodeFile, report: FileReport, quarantine: Quarantine, options: Options, progress: Progress | None
) -> Iterator[tuple[int, pl.DataFrame, Raw]]:
    """Frames of the file's columns with a column ``line``, and what a line looked like."""
    if is_parquet(path):
        for first, batch in parquet_batches(path, progress):
            _tell(report, kind, batch.columns, batch.head(SHOWN).to_dicts())
            report.read += batch.height
            yield first, _of_parquet(path, batch, first, kind, report, quarantine), partial(_row_as_json, batch)
        return
    for lines in ahead(json_lines(path, options.encoding, progress)):
        titles, rows = first_rows(lines.data)
        _tell(report, kind, titles, rows)
        frame = read_lines(lines, kind, titles, report, quarantine)
        yield lines.first, _typed(frame, kind), _raw_lines(lines.data)


def _tell(report: FileReport, kind: NodeFile, titles: Sequence[str], first: Sequence[Mapping[str, Any]]) -> None:
    """Add the columns that were not seen before, with what is done with them, and once the first rows."""
    seen = {column.title for column in report.columns}
    measured = {name: "number" if name in FRACTIONS else "whole number" for name in kind.counts}
    how = {
        **measured,
        **dict.fromkeys(kind.times, "time"),
        **dict.fromkeys((*kind.flags, *kind.spelled), "true or false"),
        **dict.fromkeys((*kind.texts, *kind.renamed), "text"),
        **dict.fromkeys(kind.references, "id of another node"),
        **dict.fromkeys((*kind.lists, *kind.text_lists), "list"),
        **dict.fromkeys(kind.ids, "id"),
    }
    for title in titles:
        if title not in seen:
            ours = {**kind.renamed, **kind.spelled}.get(title, title) if title in how else None
            if title in kind.ids:
                ours = kind.ids[0]
            report.columns.append(Column(title, ours, how.get(title, "ignored")))
    if not report.preview:
        report.preview = [[shown(row.get(column.title)) for column in report.columns] for row in first]


def _of_parquet(
    path: Path, batch: pl.DataFrame, first: int, kind: NodeFile, report: FileReport, quarantine: Quarantine
) -> pl.DataFrame:
    """The columns of ``kind``; those of an unexpected type are read value by value, and what does not fit is noted."""
    types = kind.types
    frame = batch.select(c for c in batch.columns if c in types)
    for name in frame.columns:
        given, want = frame.schema[name], types[name]
        is_list, is_id = name in kind.all_lists, name in (*kind.ids, *kind.references)
        if _list_fits(given) if is_list else _fits(given, want, time=name in kind.times):
            continue
        if is_id:
            refuse_large_floats(path, name, frame[name])
        values: list[Any] = []
        bad: list[tuple[int, str, str]] = []
        for row, one in enumerate(frame[name].to_list()):
            try:
                values.append(elements(one) if is_list else value(one, want, is_id=is_id))
            except (ValueError, OverflowError):
                instead, reason = kind.without(name)
                values.append(NO_ID if name in kind.ids else instead)
                if name in kind.ids:
                    continue
                bad.append((first + row, reason, _row_as_json(batch, row)))
        report.noted += len(bad)
        rows = pl.DataFrame(bad, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row")
        quarantine.add(report, rows, loaded=True)
        frame = frame.with_columns(pl.Series(name, values, dtype=want))
    return _typed(frame.with_row_index("line", first), kind)


def _fits(given: pl.DataType | DataTypeClass, want: pl.DataType, *, time: bool = False) -> bool:
    """Whether a cast from ``given`` loses nothing."""
    if given == want or given == pl.Null:
        return True
    if want == pl.Float64:
        return given.is_numeric()
    if want == pl.String:
        dated = given == pl.Date or isinstance(given, pl.Datetime)
        return given.is_integer() or (time and dated) or isinstance(given, (pl.Categorical, pl.Enum))
    return False


def _list_fits(given: pl.DataType) -> bool:
    """Whether `_typed` takes all that lists of this type hold, or single texts."""
    if not isinstance(given, pl.List):
        return given in (pl.String, pl.Null)
    if not isinstance(given.inner, pl.Struct):
        return _fits(given.inner, pl.String())
    texts = [field.dtype for field in given.inner.fields if field.name in ("id", "name")]
    return bool(texts) and all(_fits(text, pl.String()) for text in texts)


def _raw_lines(data: bytes) -> Raw:
    """The lines by number, split when the first one is asked for: most chunks have none to show, some have all."""

    @cache
    def lines() -> list[bytes]:
        return data.split(b"\n")

    return lambda row: lines()[row].decode(errors="replace").strip()


def _row_as_json(batch: pl.DataFrame, row: int) -> str:
    return json.dumps(batch.row(row, named=True), default=str)


def _typed(frame: pl.DataFrame, kind: NodeFile) -> pl.DataFrame:
    """Every column of ``kind``, of its type; lists of ``NAMED``. Times keep a time type."""
    columns = []
    for name, dtype in kind.columns.items():
        if name not in frame.columns:
            columns.append(pl.lit(None, dtype=dtype).alias(name))
        elif frame.schema[name].is_temporal():
            columns.append(pl.col(name))
        else:
            columns.append(pl.col(name).cast(dtype, strict=False))
    for name in kind.all_lists:
        given = frame.schema.get(name)
        if given == pl.String:  # one element, not in a list
            one = pl.struct(pl.lit(None, dtype=pl.String).alias("id"), pl.col(name).alias("name"))
            columns.append(pl.when(pl.col(name).is_not_null()).then(pl.concat_list(one)).alias(name))
        elif not isinstance(given, pl.List):
            columns.append(pl.lit(None, dtype=pl.List(NAMED)).alias(name))
        elif given == pl.List(NAMED):
            columns.append(pl.col(name))
        else:
            element = pl.element()
            there = {"name": element}
            if isinstance(given.inner, pl.Struct):
                there = {field.name: element.struct.field(field.name) for field in given.inner.fields}
            fields = (there.get(key, pl.lit(None)).cast(pl.String).alias(key) for key in ("id", "name"))
            columns.append(pl.col(name).list.eval(pl.struct(*fields)))
    return frame.select("line", *columns)


def _checked(
    frame: pl.DataFrame, first: int, raw: Raw, kind: NodeFile, report: FileReport, quarantine: Quarantine
) -> pl.DataFrame:
    """Ids bare, times in milliseconds, counts whole; rows without a usable id go to quarantine."""

    def note(mask: pl.Series, reason: str, *, loaded: bool) -> None:
        rows = frame.filter(mask).select("line", pl.lit(reason).alias("reason"))
        raws = pl.Series("raw", [raw(line - first) for line in rows["line"]], dtype=pl.String)
        quarantine.add(report, rows.with_columns(raws), loaded=loaded)

    given = frame.select(_first_of(*map(pl.col, kind.ids))).to_series()
    ids, why = checked(kind.ids[0], given, (kind.prefix,))
    if (unread := given == NO_ID).any():
        why = pl.select(
            pl.when(unread).then(pl.lit(f"{kind.ids[0]} is neither text nor a whole number")).otherwise(why)
        ).to_series()
    frame = frame.with_columns(ids.str.strip_prefix(kind.prefix).alias(ID))
    wrong = why.is_not_null()
    if wrong.any():
        report.quarantined += int(wrong.sum())
        for reason in why.drop_nulls().unique(maintain_order=True):
            note((why == reason).fill_null(value=False), reason, loaded=False)
    times = {}
    for name in kind.times:
        times[name], unread, doubtful = milliseconds(frame[name])
        report.untimed += int(doubtful.sum())
        if unread.any() and frame[name].dtype == pl.String:
            unread &= ~frame[name].str.strip_chars().str.to_lowercase().is_in(NOTHING).fill_null(value=False)
        if unread.any():
            report.noted += int(unread.sum())
            note(unread, f"{name} is not a time: loaded without it", loaded=True)
    counts = {}
    for name in kind.counts:
        numbers = frame[name].fill_nan(None)
        finite = numbers.is_finite()
        if name in FRACTIONS:
            counts[name] = pl.select(pl.when(finite).then(numbers)).to_series()
        else:
            counts[name] = numbers.round().cast(pl.Int64, strict=False)
        lost = counts[name].is_null() & numbers.is_not_null()
        if lost.any():
            report.noted += int(lost.sum())
            note(lost, f"{name} is too large: loaded without it", loaded=True)
    references = []
    for name in kind.references:
        prefix = _prefix_of(name)
        others, wrong_other = checked(name, frame.select(_first_of(pl.col(name))).to_series(), (prefix,))
        bad = wrong_other.is_not_null() & frame[name].is_not_null() & (frame[name].str.strip_chars() != "")
        if bad.any():
            report.noted += int(bad.sum())
            note(bad, f"{name} is no id: loaded without it", loaded=True)
        others = pl.select(pl.when(wrong_other.is_null()).then(others.str.strip_prefix(prefix))).to_series()
        references.append(others.alias(name))
    spelled: dict[str, list[str]] = {}
    for name, ours in kind.renamed.items():
        spelled.setdefault(ours, [ours]).append(name)
    renamed = [_first_of(*map(pl.col, names)).alias(ours) for ours, names in spelled.items()]
    flags = [
        pl.max_horizontal(ours, *(name for name, one in kind.spelled.items() if one == ours)).alias(ours)
        for ours in dict.fromkeys(kind.spelled.values())
    ]
    texts = [_texts(name) for name in kind.text_lists]
    frame = frame.with_columns(*references, *renamed, *flags, *texts, **times, **counts).filter(~wrong)
    kept = [c for c in kind.columns if c not in (*kind.ids, *kind.renamed, *kind.spelled)]
    return frame.select(ID, *kept, *kind.text_lists, *kind.lists)


def _first_of(*texts: pl.Expr) -> pl.Expr:
    """The first text that is not blank."""
    return pl.coalesce(pl.when(text.str.strip_chars() != "").then(text) for text in texts)


def _texts(name: str) -> pl.Expr:
    """A list of ``NAMED`` as a list of texts, null where it is empty."""
    named = _first_of(pl.element().struct.field("name"), pl.element().struct.field("id"))
    texts = pl.col(name).list.eval(named).list.drop_nulls()
    return pl.when(texts.list.len() > 0).then(texts).alias(name)


def _prefix_of(reference: str) -> str:
    return schema.BEAT_PREFIX if reference == schema.KEAK_BEAT else schema.USER_PREFIX
