"""Read and check users, keaks and beats files: JSON lines or Parquet in, one frame of nodes out.

Most lines go through polars; a chunk in which one line does not fit is read again line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from graph import schema
from graph.files.canonical import checked, refuse_large_floats
from graph.files.folder import ahead, is_parquet, parquet_batches
from graph.files.json_rows import json_lines, shown
from graph.files.node_files import FRACTIONS, NodeFile
from graph.files.node_values import NO_ID, elements, value
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport, Quarantine
from graph.files.read_edges import NOTHING
from graph.files.times import milliseconds
from graph.progress import Progress

__all__ = ["ID", "NAMED", "read_nodes"]

_FLOAT: Final = re.compile(rb":\s*-?(?:\d+(?:\.\d*)?[eE]|\d{16,}\.)")
"""A number in JSON that is a float of many digits, or may be one."""
_SHOWN: Final = 3
"""Rows of the preview."""
_SAMPLED: Final = 5_000
"""Lines of a chunk in which columns and the types of lists are looked for."""
ID: Final = "__id"
"""The column of bare ids in what ``read_nodes`` returns."""
NAMED: Final = pl.Struct({"id": pl.String, "name": pl.String})
"""An element of a list: a genre, mood or hashtag; either field may be null."""


def read_nodes(
    path: Path,
    kind: NodeFile,
    report: FileReport,
    quarantine: Quarantine,
    options: Options,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """One row a node, the last of its rows in the file: ``ID``, then the columns of ``kind``.

    Times are Int64 ms, counts Int64 (Float64 for measures), lists of ``NAMED``, references bare ids.
    """
    parts = []
    for line, frame, raw in _frames(path, kind, report, quarantine, options, progress):
        parts.append(_checked(frame, line, raw, kind, report, quarantine))
    if not parts:
        parts = [_checked(_typed(_empty(kind), kind), 1, partial(_line, b""), kind, report, quarantine)]
    nodes = pl.concat(parts)
    unique = nodes.unique(ID, keep="last", maintain_order=True)
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
            _tell(report, kind, batch.columns, batch.head(_SHOWN).to_dicts())
            report.read += batch.height
            yield first, _of_parquet(path, batch, first, kind, report, quarantine), partial(_row_as_json, batch)
        return
    sniffed: dict[str, pl.DataType] | None = None
    for lines in ahead(json_lines(path, options.encoding, progress)):
        _tell(report, kind, *_first_rows(lines.data))
        sniffed = sniffed or _sniff_lists(lines.data, kind)
        count = lines.data.count(b"\n") + (not lines.data.endswith(b"\n"))
        try:
            frame = pl.read_ndjson(lines.data, schema={**kind.columns, **sniffed})
            if frame.height != count or _doubtful(frame) or _large_floats(frame, lines.data, kind):
                raise pl.exceptions.ComputeError("blank lines, or values that are no texts")
            report.read += count
            frame = frame.with_row_index("line", lines.first)
        except pl.exceptions.PolarsError:
            frame = _line_by_line(lines.data, lines.first, kind, report, quarantine)
        yield lines.first, _typed(frame, kind), partial(_line, lines.data)


def _doubtful(frame: pl.DataFrame) -> bool:
    """Whether a text may be a flag, an object or a list that polars spelled out."""
    texts = frame.select(pl.col(pl.String))
    if not texts.width:
        return False
    odd = pl.all().str.contains(r"^(?:[\[{]|true$|false$)")
    return bool(texts.select(pl.any_horizontal(odd.any())).item())


def _large_floats(frame: pl.DataFrame, data: bytes, kind: NodeFile) -> bool:
    """Whether an id of many digits may have been a float, which polars spells out like a whole number."""
    long = pl.col(*(c for c in (*kind.ids, *kind.references) if c in frame.columns)).str.contains(r"^-?\d{16,}$")
    return bool(frame.select(pl.any_horizontal(long.any())).item()) and _FLOAT.search(data) is not None


def _first_rows(data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns of the first lines in their order, and the first rows."""
    titles: dict[str, None] = {}
    first: list[dict[str, Any]] = []
    for line in data[: 4 << 20].split(b"\n")[:_SAMPLED]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            titles.update(dict.fromkeys(row))
            if len(first) < _SHOWN:
                first.append(row)
    return [*titles], first


def _tell(report: FileReport, kind: NodeFile, titles: Sequence[str], first: Sequence[Mapping[str, Any]]) -> None:
    """Add the columns that were not seen before, with what is done with them, and once the first rows."""
    seen = {column.title for column in report.columns}
    measured = {name: "number" if name in FRACTIONS else "whole number" for name in kind.counts}
    how = {
        **measured,
        **dict.fromkeys(kind.times, "time"),
        **dict.fromkeys(kind.flags, "true or false"),
        **dict.fromkeys((*kind.texts, *kind.renamed), "text"),
        **dict.fromkeys(kind.references, "id of another node"),
        **dict.fromkeys((*kind.lists, *kind.text_lists), "list"),
        **dict.fromkeys(kind.ids, "id"),
    }
    for title in titles:
        if title not in seen:
            ours = kind.renamed.get(title, title) if title in how else None
            if title in kind.ids:
                ours = kind.ids[0]
            report.columns.append(Column(title, ours, how.get(title, "ignored")))
    if not report.preview:
        report.preview = [[shown(row.get(column.title)) for column in report.columns] for row in first]


def _of_parquet(
    path: Path, batch: pl.DataFrame, first: int, kind: NodeFile, report: FileReport, quarantine: Quarantine
) -> pl.DataFrame:
    """The columns of ``kind``; those of an unexpected type are read value by value, and what does not fit is noted."""
    frame = batch.select(c for c in batch.columns if c in (*kind.columns, *kind.lists, *kind.text_lists))
    for name, want in kind.columns.items():
        if name not in frame.columns or _fits(frame.schema[name], want, name in kind.times):
            continue
        is_id = name in (*kind.ids, *kind.references)
        if is_id:
            refuse_large_floats(path, name, frame[name])
        values: list[Any] = []
        bad: list[tuple[int, str, str]] = []
        for row, given in enumerate(frame[name].to_list()):
            try:
                values.append(value(given, want, is_id=is_id))
            except (ValueError, OverflowError):
                values.append(NO_ID if name in kind.ids else None)
                if name in kind.ids:
                    continue
                bad.append((first + row, f"{name} cannot be read: loaded without it", _row_as_json(batch, row)))
        report.noted += len(bad)
        rows = pl.DataFrame(bad, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row")
        quarantine.add(report, rows, loaded=True)
        frame = frame.with_columns(pl.Series(name, values, dtype=want))
    return _typed(frame.with_row_index("line", first), kind)


def _fits(given: pl.DataType, want: pl.DataType, time: bool) -> bool:
    """Whether a cast from ``given`` loses nothing."""
    if given == want or given == pl.Null:
        return True
    if want == pl.Float64:
        return given.is_numeric()
    if want == pl.String:
        dated = given == pl.Date or isinstance(given, pl.Datetime)
        return given.is_integer() or (time and dated) or isinstance(given, (pl.Categorical, pl.Enum))
    return False


def _line(data: bytes, row: int) -> str:
    return data.split(b"\n")[row].decode(errors="replace").strip()


def _row_as_json(batch: pl.DataFrame, row: int) -> str:
    return json.dumps(batch.row(row, named=True), default=str)


def _sniff_lists(data: bytes, kind: NodeFile) -> dict[str, pl.DataType]:
    """Whether each list holds texts or objects, from the first lines."""
    found: dict[str, pl.DataType] = {}
    for line in data[: 4 << 20].split(b"\n")[:_SAMPLED]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for name in (*kind.lists, *kind.text_lists):
            if name not in found and isinstance(row, dict) and isinstance(row.get(name), list) and row[name]:
                found[name] = pl.List(NAMED if isinstance(row[name][0], dict) else pl.String)
        if len(found) == len(kind.lists) + len(kind.text_lists):
            break
    return {name: found.get(name, pl.List(pl.String)) for name in (*kind.lists, *kind.text_lists)}


def _empty(kind: NodeFile) -> pl.DataFrame:
    lists = dict.fromkeys((*kind.lists, *kind.text_lists), pl.List(NAMED))
    return pl.DataFrame(schema={"line": pl.UInt32, **kind.columns, **lists})


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
    for name in (*kind.lists, *kind.text_lists):
        given = frame.schema.get(name)
        if given == pl.String:  # one element, not in a list
            one = pl.struct(pl.lit(None, dtype=pl.String).alias("id"), pl.col(name).alias("name"))
            columns.append(pl.when(pl.col(name).is_not_null()).then(pl.concat_list(one)).alias(name))
        elif not isinstance(given, pl.List):
            columns.append(pl.lit(None, dtype=pl.List(NAMED)).alias(name))
        elif isinstance(given.inner, pl.Struct):
            columns.append(pl.col(name).cast(pl.List(NAMED)))
        else:
            text = pl.element().cast(pl.String)
            named = pl.struct(pl.lit(None, dtype=pl.String).alias("id"), text.alias("name"))
            columns.append(pl.col(name).list.eval(named))
    return frame.select("line", *columns)


def _checked(
    frame: pl.DataFrame, first: int, raw: Raw, kind: NodeFile, report: FileReport, quarantine: Quarantine
) -> pl.DataFrame:
    """Ids bare, times in milliseconds, counts whole; rows without a usable id go to quarantine."""

    def note(mask: pl.Series, reason: str, *, loaded: bool) -> None:
        rows = frame.filter(mask).select("line", pl.lit(reason).alias("reason"))
        raws = pl.Series("raw", [raw(line - first) for line in rows["line"]], dtype=pl.String)
        quarantine.add(report, rows.with_columns(raws), loaded=loaded)

    def first_of(*names: str) -> pl.Expr:
        return pl.coalesce(pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)) for name in names)

    given = frame.select(first_of(*kind.ids)).to_series()
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
        others, wrong_other = checked(name, frame.select(first_of(name)).to_series(), (prefix,))
        bad = wrong_other.is_not_null() & frame[name].is_not_null() & (frame[name].str.strip_chars() != "")
        if bad.any():
            report.noted += int(bad.sum())
            note(bad, f"{name} is no id: loaded without it", loaded=True)
        others = pl.select(pl.when(wrong_other.is_null()).then(others.str.strip_prefix(prefix))).to_series()
        references.append(others.alias(name))
    spelled: dict[str, list[str]] = {}
    for name, ours in kind.renamed.items():
        spelled.setdefault(ours, [ours]).append(name)
    renamed = [pl.coalesce(names).alias(ours) for ours, names in spelled.items()]
    texts = [_texts(name) for name in kind.text_lists]
    frame = frame.with_columns(*references, *renamed, *texts, **times, **counts).filter(~wrong)
    kept = [c for c in kind.columns if c not in (*kind.ids, *kind.renamed)]
    return frame.select(ID, *kept, *kind.text_lists, *kind.lists)


def _texts(name: str) -> pl.Expr:
    """A list of ``NAMED`` as a list of texts, null where it is empty."""
    named = pl.coalesce(pl.element().struct.field("name"), pl.element().struct.field("id"))
    texts = pl.col(name).list.eval(named).list.drop_nulls()
    return pl.when(texts.list.len() > 0).then(texts).alias(name)


def _prefix_of(reference: str) -> str:
    return schema.BEAT_PREFIX if reference == schema.KEAK_BEAT else schema.USER_PREFIX


def _line_by_line(data: bytes, first: int, kind: NodeFile, report: FileReport, quarantine: Quarantine) -> pl.DataFrame:
    """The slow way: what fits is kept, a value that does not is noted, a line that is no object is quarantined."""
    rows: list[dict[str, Any]] = []
    bad: list[tuple[int, str, str]] = []
    noted: list[tuple[int, str, str]] = []
    for number, line in enumerate(data.split(b"\n"), first):
        text = line.decode(errors="replace").strip()
        if not text:
            continue
        report.read += 1
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            bad.append((number, "not valid JSON", text))
            continue
        if not isinstance(given, dict):
            bad.append((number, "not a JSON object", text))
            continue
        row: dict[str, Any] = {"line": number}
        for name, dtype in kind.columns.items():
            is_id = name in (*kind.ids, *kind.references)
            try:
                row[name] = value(given.get(name), dtype, is_id=is_id)
            except (ValueError, OverflowError):
                if name in kind.ids:
                    row[name] = NO_ID
                else:
                    noted.append((number, f"{name} cannot be read: loaded without it", text))
        for name in (*kind.lists, *kind.text_lists):
            try:
                row[name] = elements(given.get(name))
            except ValueError:
                noted.append((number, f"{name} is not a list: loaded without it", text))
        rows.append(row)
    report.quarantined += len(bad)
    report.noted += len(noted)
    for lines, loaded in ((bad, False), (noted, True)):
        frame = pl.DataFrame(lines, schema=["line", "reason", "raw"], orient="row")
        quarantine.add(report, frame, loaded=loaded)
    return pl.DataFrame(rows, schema=_empty(kind).schema)
