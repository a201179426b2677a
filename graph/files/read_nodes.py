"""Read and check users, keaks and beats files: JSON lines or Parquet in, one frame of nodes out.

Most lines go through polars; a chunk in which one line does not fit is read again line by line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from graph import schema
from graph.files.folder import Progress, ahead, is_parquet, line_chunks, parquet_batches
from graph.files.quarantine import FileReport, Quarantine
from graph.files.read_edges import NOTHING
from graph.files.times import milliseconds

__all__ = ["BEATS", "FRACTIONS", "ID", "KEAKS", "NAMED", "USERS", "NodeFile", "read_nodes"]

_CHUNK: Final = 32 << 20
ID: Final = "__id"
"""The column of bare ids in what ``read_nodes`` returns."""
NAMED: Final = pl.Struct({"id": pl.String, "name": pl.String})
"""An element of a list: a genre, mood or hashtag; either field may be null."""


@dataclass(frozen=True)
class NodeFile:
    """Column names of one node file, by type, spelled as in the file."""

    prefix: str
    ids: tuple[str, ...]
    """The id's spellings, best first."""
    times: tuple[str, ...]
    counts: tuple[str, ...]
    flags: tuple[str, ...]
    texts: tuple[str, ...]
    lists: tuple[str, ...]
    references: tuple[str, ...]
    """Columns that hold another node's id."""
    text_lists: tuple[str, ...] = ()
    """Lists of texts that stay a property."""
    renamed: tuple[str, ...] = ()
    """Columns of texts that the graph keeps under another name (`schema.RENAMED`)."""

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """Every column and its type in the file, lists left out."""
        texts = dict.fromkeys((*self.ids, *self.times, *self.texts, *self.references, *self.renamed), pl.String())
        return texts | dict.fromkeys(self.counts, pl.Float64()) | dict.fromkeys(self.flags, pl.Boolean())


_ANY_ID: Final = ("id", "_key", "_id")
USERS: Final = NodeFile(
    schema.USER_PREFIX,
    (schema.USER_ID, *_ANY_ID),
    schema.USER_TIMES,
    schema.USER_COUNTS,
    (*schema.USER_FLAGS, schema.PRIVATE),
    (),
    schema.USER_LISTS,
    (),
)
KEAKS: Final = NodeFile(
    schema.KEAK_PREFIX,
    (schema.KEAK_ID, "contentId", *_ANY_ID),
    schema.KEAK_TIMES,
    schema.KEAK_COUNTS,
    schema.KEAK_FLAGS,
    schema.KEAK_TEXTS,
    (*schema.KEAK_LISTS, *schema.BEAT_LISTS),
    (schema.KEAK_AUTHOR, schema.KEAK_BEAT),
    renamed=tuple(schema.RENAMED),
)
BEATS: Final = NodeFile(
    schema.BEAT_PREFIX,
    (schema.BEAT_ID, "contentId", *_ANY_ID),
    schema.BEAT_TIMES,
    schema.BEAT_COUNTS,
    (),
    schema.BEAT_TEXTS,
    (*schema.BEAT_LISTS, *schema.KEAK_LISTS),
    (schema.BEAT_MAKER,),
    schema.BEAT_TEXT_LISTS,
    tuple(schema.RENAMED),
)

#: Measured rather than counted: these stay fractions.
FRACTIONS: Final = {"averageViewProgress", "duration", "bpm"}


def read_nodes(
    path: Path, kind: NodeFile, report: FileReport, quarantine: Quarantine, progress: Progress | None = None
) -> pl.DataFrame:
    """One row a node, the last of its rows in the file: ``ID``, then the columns of ``kind``.

    Times are Int64 ms, counts Int64 (Float64 for measures), lists of ``NAMED``, references bare ids.
    """
    parts = []
    for line, frame, raw in _frames(path, kind, report, quarantine, progress):
        parts.append(_checked(frame, line, raw, kind, report, quarantine))
    if not parts:
        parts = [_typed(_empty(kind), kind)]
    nodes = pl.concat(parts)
    unique = nodes.unique(ID, keep="last", maintain_order=True)
    report.merged += nodes.height - unique.height
    report.loaded += unique.height
    return unique


Raw = Callable[[int], str]


def _frames(
    path: Path, kind: NodeFile, report: FileReport, quarantine: Quarantine, progress: Progress | None
) -> Iterator[tuple[int, pl.DataFrame, Raw]]:
    """Frames of the file's columns with a column ``line``, and what a line looked like."""
    if is_parquet(path):
        for first, batch in parquet_batches(path, progress):
            report.read += batch.height
            frame = batch.select(c for c in batch.columns if c in kind.columns or c in (*kind.lists, *kind.text_lists))
            yield first, _typed(frame.with_row_index("line", first), kind), partial(_row_as_json, batch)
        return
    sniffed: dict[str, pl.DataType] | None = None
    for lines in ahead(line_chunks(path, _CHUNK, progress)):
        sniffed = sniffed or _sniff_lists(lines.data, kind)
        count = lines.data.count(b"\n") + (not lines.data.endswith(b"\n"))
        try:
            frame = pl.read_ndjson(lines.data, schema={**kind.columns, **sniffed})
            if frame.height != count:
                raise pl.exceptions.ComputeError("blank lines")
            report.read += count
            frame = frame.with_row_index("line", lines.first)
        except pl.exceptions.PolarsError:
            frame = _line_by_line(lines.data, lines.first, kind, report, quarantine)
        yield lines.first, _typed(frame, kind), partial(_line, lines.data)


def _line(data: bytes, row: int) -> str:
    return data.split(b"\n")[row].decode(errors="replace").strip()


def _row_as_json(batch: pl.DataFrame, row: int) -> str:
    return json.dumps(batch.row(row, named=True), default=str)


def _sniff_lists(data: bytes, kind: NodeFile) -> dict[str, pl.DataType]:
    """Whether each list holds texts or objects, from the first lines."""
    found: dict[str, pl.DataType] = {}
    for line in data[: 4 << 20].split(b"\n")[:5000]:
        try:
            row = json.loads(line)
        except ValueError:
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
        quarantine.add(report.file, rows.with_columns(raws), loaded=loaded)

    def bare(*names: str, prefix: str) -> pl.Expr:
        text = pl.coalesce(pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)) for name in names)
        return text.str.strip_chars().str.strip_prefix(prefix).str.replace(r"^(\d+)\.0$", "$1")

    frame = frame.with_columns(bare(*kind.ids, prefix=kind.prefix).alias(ID))
    missing = frame[ID].is_null() | frame[ID].str.to_lowercase().is_in(NOTHING)
    wrong = frame[ID].str.contains("/", literal=True).fill_null(value=False)
    for mask, reason in ((missing, f"{kind.ids[0]} is missing"), (wrong, f"wrong prefix, expected {kind.prefix}")):
        report.quarantined += int(mask.sum())
        if mask.any():
            note(mask, reason, loaded=False)
    times = {}
    for name in kind.times:
        times[name], unread = milliseconds(frame[name])
        if unread.any():
            report.noted += int(unread.sum())
            note(unread, f"{name} is not a time: loaded without it", loaded=True)
    counts = [pl.col(name).round().cast(pl.Int64, strict=False) for name in kind.counts if name not in FRACTIONS]
    references = [bare(name, prefix=_prefix_of(name)).alias(name) for name in kind.references]
    renamed = [pl.coalesce(schema.RENAMED[name], name).alias(schema.RENAMED[name]) for name in kind.renamed]
    texts = [_texts(name) for name in kind.text_lists]
    frame = frame.with_columns(*counts, *references, *renamed, *texts, **times).filter(~(missing | wrong))
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
            try:
                row[name] = _value(given.get(name), dtype)
            except (ValueError, OverflowError):
                noted.append((number, f"{name} cannot be read: loaded without it", text))
        for name in (*kind.lists, *kind.text_lists):
            try:
                row[name] = _elements(given.get(name))
            except ValueError:
                noted.append((number, f"{name} is not a list: loaded without it", text))
        rows.append(row)
    report.quarantined += len(bad)
    report.noted += len(noted)
    for lines, loaded in ((bad, False), (noted, True)):
        frame = pl.DataFrame(lines, schema=["line", "reason", "raw"], orient="row")
        quarantine.add(report.file, frame, loaded=loaded)
    return pl.DataFrame(rows, schema=_empty(kind).schema)


def _value(given: Any, dtype: pl.DataType) -> Any:
    """``given`` as the type the column wants. Raises ValueError when it is something else."""
    if given is None or (isinstance(given, str) and given.strip().lower() in NOTHING):
        return None
    if isinstance(given, (dict, list)):
        raise ValueError("not a value")
    if dtype == pl.Float64:
        return float(given)
    if dtype == pl.Boolean:
        spelled = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
        if str(given).strip().lower() not in spelled:
            raise ValueError("neither true nor false")
        return spelled[str(given).strip().lower()]
    return str(given)


def _elements(given: Any) -> list[dict[str, str | None]] | None:
    """A list of texts, numbers or ``{id, name}`` objects as ``NAMED``. Raises ValueError for anything else."""
    if given is None:
        return None
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise ValueError("not a list")
    elements: list[dict[str, str | None]] = []
    for element in given:
        if isinstance(element, dict):
            elements.append({key: _value(element.get(key), pl.String()) for key in ("id", "name")})
        elif element is not None:
            elements.append({"id": None, "name": _value(element, pl.String())})
    return elements
