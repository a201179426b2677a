"""Chunks of JSON lines of users, keaks and beats files as frames.

Polars reads most chunks. A chunk that it cannot read is read line by line, and so is one with a value that polars may
have changed without an error.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import polars as pl

from graph.files.json_rows import shown
from graph.files.node_files import NAMED, NodeFile
from graph.files.node_values import NO_ID, elements, value
from graph.files.quarantine import FileReport, Quarantine
from graph.files.text import Lines

__all__ = ["SHOWN", "first_rows", "read_lines"]

SHOWN: Final = 3
"""Rows of the preview."""
_SAMPLED: Final = 5_000
"""Lines of a chunk in which columns are looked for."""
_LITTLE: Final = 1 << 20
"""Bytes that are looked through for repeated names in any case."""
_FLOAT: Final = re.compile(rb":\s*-?(?:\d+(?:\.\d*)?[eE]|\d{16,}\.)")
"""A number in JSON that is a float of many digits, or may be one."""
_HALF: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
"""The first half of a character of two escapes, without the second one. (Polars refuses a second one alone.)"""
_KEY: Final = re.compile(rb'"(\w+)"\s*:')
"""A name in an object. (A quote within a text has a backslash in front, so no text looks like it.)"""
_SHAPE: Final = re.compile(rb'"\w+"\s*:|[{}]')
_ODD: Final = r"^(?:[\[{]|true$|false$)"
"""A text that may be a flag, an object or a list that polars spelled out."""


def first_rows(data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
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
            if len(first) < SHOWN:
                first.append({shown(title): one for title, one in row.items()})
    return [*map(shown, titles)], first


def read_lines(
    lines: Lines, kind: NodeFile, titles: Sequence[str], report: FileReport, quarantine: Quarantine
) -> pl.DataFrame:
    """The columns of ``kind`` that were found, and ``line``; lists hold texts or ``NAMED``.

    ``titles`` are the columns of the first lines.
    """
    count = lines.data.count(b"\n") + (not lines.data.endswith(b"\n"))
    try:
        frame = pl.read_ndjson(lines.data, schema={**kind.columns, **_list_types(lines.data, kind)})
    except pl.exceptions.PolarsError:
        return _line_by_line(lines, kind, report, quarantine)
    if frame.height != count or _doubtful(frame, lines.data, kind, titles):
        return _line_by_line(lines, kind, report, quarantine)
    report.read += count
    return frame.with_row_index("line", lines.first)


def _list_types(data: bytes, kind: NodeFile) -> dict[str, pl.DataType]:
    """Whether each list holds texts or objects, by the first element that any line has."""
    found: dict[str, pl.DataType] = {}
    for name in kind.all_lists:
        element = re.search(rb'"%s"\s*:\s*\[\s*(?:null\s*,\s*)*(?!null)([^\s\]])' % name.encode(), data)
        objects = element is not None and element[1] == b"{"
        found[name] = pl.List(NAMED if objects else pl.String)
    return found


def _doubtful(frame: pl.DataFrame, data: bytes, kind: NodeFile, titles: Sequence[str]) -> bool:
    """Whether polars may have read a value as another one."""
    texts = frame.get_columns()
    values = sum(len(column) - column.null_count() for column in texts)
    for name in kind.all_lists:
        held = frame[name].explode()
        if held.dtype == pl.String:
            texts.append(held)
            continue
        ids, names = held.struct.field("id"), held.struct.field("name")
        if (held.is_not_null() & ids.is_null() & names.is_null()).any():
            return True
        texts += [ids, names]
        values += len(ids) - ids.null_count() + len(names) - names.null_count()
    return (
        any(text.dtype == pl.String and text.str.contains(_ODD).any() for text in texts)
        or _HALF.search(data) is not None
        or _large_floats(frame, data, kind)
        or (_more_keys(data, values, [title for title in titles if title not in kind.types]) and _repeats(data, kind))
    )


def _large_floats(frame: pl.DataFrame, data: bytes, kind: NodeFile) -> bool:
    """Whether an id of many digits may have been a float, which polars spells out like a whole number."""
    long = pl.col(*(c for c in (*kind.ids, *kind.references) if c in frame.columns)).str.contains(r"^-?\d{16,}$")
    return bool(frame.select(pl.any_horizontal(long.any())).item()) and _FLOAT.search(data) is not None


def _more_keys(data: bytes, values: int, ignored: Sequence[str]) -> bool:
    """Whether an object may have a name twice: there are more names than values that were read or need not be.

    This is a fast test for much data, at the price of a second value that is null. Little data always need `_repeats`.
    """
    keys = data.count(b'":') + data.count(b'" :')
    nulls = data.count(b'":null') + data.count(b'": null')
    others = sum(data.count(b'"%s":' % name.encode()) for name in ignored)
    return len(data) < _LITTLE or keys > values + nulls + others


def _repeats(data: bytes, kind: NodeFile) -> bool:
    """Whether an object has one of our names twice: polars takes the first value.

    Lines by the same program have few sequences of names. A name may stand twice because an object is within another
    one, so one line of each such shape is parsed.
    """
    names = frozenset(name.encode() for name in kind.types)

    @cache
    def more_than_once(keys: tuple[bytes, ...], objects: int) -> bool:
        # The elements of lists have an id and a name too.
        return any(n > (objects if key in (b"id", b"name") else 1) for key, n in Counter(keys).items() if key in names)

    lines = data.split(b"\n")
    doubtful = (line for line in lines if more_than_once(tuple(_KEY.findall(line)), line.count(b"{")))
    shapes = {tuple(_SHAPE.findall(line)): line for line in doubtful}
    return any(map(_has_twice, shapes.values()))


def _has_twice(line: bytes) -> bool:
    """Whether an object in the line has a name twice."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(line, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return True
    return found


def _line_by_line(lines: Lines, kind: NodeFile, report: FileReport, quarantine: Quarantine) -> pl.DataFrame:
    """The slow way: what fits is kept, a value that does not is noted, a line that is no object is quarantined."""
    rows: list[dict[str, Any]] = []
    bad: list[tuple[int, str, str]] = []
    noted: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines.data.split(b"\n"), lines.first):
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
                    row[name], reason = kind.without(name)
                    noted.append((number, reason, text))
        for name in kind.all_lists:
            try:
                row[name] = elements(given.get(name))
            except ValueError:
                noted.append((number, f"{name} is no list of texts or {{id, name}} objects: loaded without it", text))
        rows.append(row)
    report.quarantined += len(bad)
    report.noted += len(noted)
    for notes, loaded in ((bad, False), (noted, True)):
        frame = pl.DataFrame(notes, schema=["line", "reason", "raw"], orient="row")
        quarantine.add(report, frame, loaded=loaded)
    return pl.DataFrame(rows, schema={"line": pl.UInt32, **kind.types})
