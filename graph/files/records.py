"""Split separated text into fields, quoted as in RFC 4180: by polars if quotes are usual, else by a slower parser.

A field that begins with a quote ends with the next quote that is not doubled; separators, quotes and newlines may stand
in between. A quote elsewhere is a character like others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Parsed", "fields", "parse", "records"]

_STAND_IN: Final = "\x1f"
"""One byte for a separator of several bytes, while polars reads."""
_LONGEST: Final = 1 << 20
"""Characters of the longest quoted field; a quote that is not closed within is an error of its line."""


@dataclass(frozen=True)
class Parsed:
    """Rows of separated text, split into fields."""

    frame: pl.DataFrame
    """One column for each field that a row may have, in order, and a last one for the first field beyond them."""
    lines: npt.NDArray[np.int64]
    """The line of the file that each row begins in."""
    starts: npt.NDArray[np.int64]
    """Positions in ``data`` at which rows begin, and the end of the last one."""
    broken: npt.NDArray[np.int64]
    """Rows whose quotes cannot be read."""
    data: bytes
    rest: bytes
    """The beginning of a row that the next chunk finishes."""

    def raw(self, rows: pl.Series) -> pl.Series:
        """The given rows as they stand in the file."""
        texts = [self.data[self.starts[row] : self.starts[row + 1]].decode(errors="replace").strip() for row in rows]
        return pl.Series(texts, dtype=pl.String)


@cache
def _quoted(separator: str) -> re.Pattern[str]:
    """A field that begins with a quote, and white space around it that is no separator; no group where not closed."""
    blanks = rf"(?:(?!{re.escape(separator)})[ \t])*"
    return re.compile(rf'{blanks}"(?:((?:[^"]|"")*)"{blanks})?')


def fields(line: str, separator: str) -> list[str] | None:
    """The fields of a line; None where a quoted one is not closed or is followed by something else."""
    if '"' not in line:
        return [field for field in line.split(" ") if field] if separator == " " else line.split(separator)
    if separator == " ":
        line = line.strip(" ")
    quoted = _quoted(separator)
    found: list[str] = []
    at = 0
    while True:
        if match := quoted.match(line, at):
            at = match.end()
            if match[1] is None or (at < len(line) and not line.startswith(separator, at)):
                return None
            found.append(match[1].replace('""', '"'))
        else:
            end = line.find(separator, at)
            end = len(line) if end < 0 else end
            found.append(line[at:end])
            at = end
        if at >= len(line):
            return found
        at += len(separator)
        while separator == " " and line.startswith(" ", at):
            at += 1


def records(text: str, separator: str, *, final: bool) -> tuple[list[tuple[int, int, list[str] | None]], int]:
    """Every row as (first line from 0, number of lines, fields or None where broken), and the lines they take.

    Unless ``final``, a row at the end whose quote is still open is left for the next chunk.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    quoted = [number for number, line in enumerate(lines) if '"' in line]
    place, at = 0, 0
    found: list[tuple[int, int, list[str] | None]] = []
    while at < len(lines):
        split = fields(lines[at], separator)
        taken = 1
        if split is None and _open(lines[at], separator):
            while place < len(quoted) and quoted[place] <= at:
                place += 1
            text, upto = lines[at], at
            for number in quoted[place:]:
                text = "\n".join((text, *lines[upto + 1 : number + 1]))
                upto = number
                split = fields(text, separator)
                if split is not None:
                    taken = number + 1 - at
                if split is not None or len(text) > _LONGEST or not _open(text, separator):
                    break
            else:
                left = len(text) + sum(len(line) + 1 for line in lines[upto + 1 :])
                if not final and left < _LONGEST:
                    return found, at
        found.append((at, taken, split))
        at += taken
    return found, at


def _open(line: str, separator: str) -> bool:
    """Whether a quoted field begins in this line and does not end in it."""
    return fields(line + '"', separator) is not None


def parse(data: bytes, separator: str, width: int, first: int, *, final: bool) -> Parsed:
    """Rows of up to ``width`` fields; ``first`` is the number of the first line of ``data``."""
    one = separator if len(separator.encode()) == 1 else _STAND_IN
    quotes = b'"' in data
    simple = not quotes and (one == separator or one.encode() not in data)
    if simple or (quotes and one == separator and separator != " "):
        cut = data if simple or final else data[: _last_end(data)]
        if simple or _well_formed(cut, separator):
            starts = _starts(cut, quotes=quotes)
            plain = cut
            if separator == " ":
                plain = re.sub(rb"(?m)^ +| +$", b"", re.sub(rb" +", b" ", cut))
            elif one != separator:
                plain = cut.replace(separator.encode(), one.encode())
            frame = _by_polars(plain, one, width, quotes=quotes)
            if frame is not None and frame.height == len(starts) - 1:
                return Parsed(
                    frame, _line_numbers(cut, starts, first), starts, np.empty(0, np.int64), cut, data[len(cut) :]
                )
    return _slowly(data, separator, width, first, final=final)


def _by_polars(data: bytes, separator: str, width: int, *, quotes: bool) -> pl.DataFrame | None:
    names = [f"c{place}" for place in range(width + 1)]
    if not data:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    try:
        return pl.read_csv(
            data,
            has_header=False,
            separator=separator,
            schema=dict.fromkeys(names, pl.String),
            missing_columns="insert",
            extra_columns="ignore",
            truncate_ragged_lines=True,
            quote_char='"' if quotes else None,
        )
    except pl.exceptions.PolarsError:
        return None


def _slowly(data: bytes, separator: str, width: int, first: int, *, final: bool) -> Parsed:
    found, taken = records(data.decode(), separator, final=final)
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + 1
    begins = np.concatenate(([0], ends, [len(data)] if not data.endswith(b"\n") else []))
    rows = [(split or [])[: width + 1] for _, _, split in found]
    columns = {
        f"c{place}": pl.Series([row[place] if place < len(row) else None for row in rows], dtype=pl.String)
        for place in range(width + 1)
    }
    lines = np.array([line for line, _, _ in found], dtype=np.int64)
    end = int(begins[taken]) if taken < len(begins) else len(data)
    starts = np.concatenate((begins[lines] if len(lines) else [], [end])).astype(np.int64)
    broken = np.array([row for row, (_, _, split) in enumerate(found) if split is None], dtype=np.int64)
    return Parsed(pl.DataFrame(columns), lines + first, starts, broken, data[:end], data[end:])


def _last_end(data: bytes) -> int:
    """The end of the last row, by the parity of quotes."""
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == 10)
    outside = np.searchsorted(np.flatnonzero(array == 34), ends) % 2 == 0
    return int(ends[outside][-1]) + 1 if outside.any() else 0


def _starts(data: bytes, *, quotes: bool) -> npt.NDArray[np.int64]:
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == 10)
    if quotes:
        ends = ends[np.searchsorted(np.flatnonzero(array == 34), ends) % 2 == 0]
    last = [] if not data or data.endswith(b"\n") else [len(data)]
    return np.concatenate(([0], ends + 1, last)).astype(np.int64)


def _line_numbers(data: bytes, starts: npt.NDArray[np.int64], first: int) -> npt.NDArray[np.int64]:
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    return first + np.searchsorted(ends, starts[:-1])


def _well_formed(data: bytes, separator: str) -> bool:
    """Whether each quote opens a field, closes one or is doubled inside one."""
    array = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(array == 34)
    if len(quotes) % 2:
        return False
    edges = (ord(separator), 10, 34)
    padded = np.concatenate(([10], array, [10]))
    before, after = padded[quotes[0::2]], padded[quotes[1::2] + 2]
    doubled = quotes[1:-1:2] + 1 == quotes[2::2]
    opened = np.isin(before[1:], edges[:2]) | doubled
    closed = np.isin(after[:-1], edges[:2]) | doubled
    return bool(
        opened.all() and closed.all() and np.isin(before[:1], edges[:2]).all() and np.isin(after[-1:], edges[:2]).all()
    )
