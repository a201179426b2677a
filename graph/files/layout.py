"""The layout of a text table: separator, header, columns. If one of them is not certain, the file is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from graph.errors import InputError
from graph.files.canonical import NOTHING
from graph.files.column_names import Names
from graph.files.comments import above, header_above, is_comment, refuse_doubtful
from graph.files.headers import asked_for, chosen_columns, is_header, is_whole, known, named, names_both
from graph.files.records import records
from graph.files.times import milliseconds

__all__ = ["Layout", "sniff"]

_SEPARATORS: Final = ("\t", "::", ",", ";", "|")
_SAMPLE: Final = 1_000
"""Rows of the sample in which the layout is detected."""
_FITS: Final = 0.9
"""Share of the rows that must have two fields or more."""
_SAID: Final = re.compile(r'"?sep=(.)"?\s*')
"""The line by which spreadsheets say the separator."""
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|\?xml)\b", re.IGNORECASE)
_SECTION: Final = re.compile(r"\s*\d+:\s*")
"""A row that says to what the rows below it belong."""
_SHORTEST_TIME: Final = 8
"""Characters of a field without a name that may be a time."""


@dataclass(frozen=True)
class Layout:
    """The layout of one table."""

    separator: str
    header: bool
    skipped: int
    """Lines before the first row: comments, blank ones and the header."""
    titles: tuple[str, ...]
    """The header's names, or the columns' numbers."""
    columns: tuple[str | None, ...]
    """Ours by position, None for what is ignored."""
    example: tuple[tuple[str, ...], ...]
    """The first three rows."""
    comments: int = 0
    """Comments above the rows."""


def sniff(
    path: Path,
    head: str,
    names: Names,
    *,
    whole: bool,
    positions: Sequence[str],
    separator: str | None = None,
    header: bool | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Layout | None:
    """The layout of the table that begins with ``head``; None where it holds no row and no header.

    ``positions``: our columns of a table without a header. ``whole``: ``head`` is all of it. What is given (``chosen``:
    key of --columns → name, number or `NO_COLUMN`) is not looked for. Raises InputError where the layout cannot be
    told.
    """
    chosen, ignored = asked_for(names, chosen or {})
    lines = head.split("\n")
    if not whole:
        lines.pop()
    comments = above(lines, header=header)
    if comments == len(lines):
        written = [at for at, line in enumerate(lines) if line.strip()]
        if len(written) < 2:
            _refuse_unfinished(path, head, whole=whole)
            return None
        comments = written[0]
    if lines[0].startswith("%%MatrixMarket"):
        raise InputError(
            f"{path} is a MatrixMarket file, whose first row says its size.",
            do="Write its entries alone as user,item. Nothing was loaded.",
        )
    top = lines[:comments]
    if said := _SAID.fullmatch(lines[comments]):
        separator, comments = separator or said[1], comments + 1
    body = "\n".join(lines[comments:])
    if _MARKUP.match(body):
        raise InputError(f"{path} is HTML or XML, and no table.", do="Is it the right file? Nothing was loaded.")
    if not header and separator != ":":
        _refuse_sections(path, [[body.split("\n", 1)[0]]])
    if separator is None:
        separator = _separator(path, body, names)
    sample = _sample(body, separator)
    rows = [(end, row) for end, row in sample if row is not None]
    if sample and (not rows or (header and sample[0][1] is None)):
        raise InputError(
            f"{path}: the quotes of its first row are not closed, or have text after them.",
            do="Mend that row, or say with --separator what stands between its fields. Nothing was loaded.",
        )
    if not rows:
        _refuse_unfinished(path, head, whole=whole)
        return None
    taken, first = rows[0]
    below = [row for _, row in rows]
    marked = header_above(path, top, below, separator, names, chosen, header=header)
    titled = marked is not None or is_header(path, below, names, header, chosen)
    if not titled and header is None:
        refuse_doubtful(path, top, below, separator)
    if not titled:
        _refuse_sections(path, below)
    titles = tuple(f"column {place + 1}" for place in range(max(map(len, below))))
    if marked is not None:
        titles = (*(field.strip() for field in marked), *titles[len(marked) :])
        taken = 0
    elif titled:
        titles = tuple(field.strip() for field in first)
    if chosen:
        columns = chosen_columns(path, titles, names, chosen, ignored, titled=titled)
    elif titled:
        unknown = all(place is None for place in known(titles, names))
        columns = named(path, titles, names, ignored, sure=len(titles) == 2 or (header is True and unknown))
    else:
        columns = tuple(positions[place] if place < len(positions) else None for place in range(len(titles)))
        if "timestamp" not in positions:
            _refuse_lists(path, below)
            columns = _with_times(columns, below)
        _refuse_times(path, columns, below)
        columns = tuple(None if ours in ignored else ours for ours in columns)
    example = tuple(tuple(row) for row in below[1 if titled and taken else 0 :][:3])
    dropped = sum(bool(line.strip()) for line in top) - (marked is not None)
    return Layout(separator, titled, comments + (taken if titled else 0), titles, columns, example, dropped)


def _refuse_unfinished(path: Path, head: str, *, whole: bool) -> None:
    """Raise InputError where rows may come after a ``head`` that holds none."""
    if not whole:
        raise InputError(
            f"The first {len(head):,} characters of {path} hold no row that ends within them.",
            do="Is it the right file? A row is one line of a few fields. Nothing was loaded.",
        )


def _refuse_sections(path: Path, rows: list[list[str]]) -> None:
    """Raise InputError where rows are a number with a colon, to which those below belong: the first one, or several."""
    found = [at for at, row in enumerate(rows) if len(row) == 1 and _SECTION.fullmatch(row[0])]
    # A single one further down may be a row that was cut off; it is quarantined as such.
    if found and (found[0] == 0 or len(found) > 1):
        title = rows[found[0]][0].strip()
        raise InputError(
            f"{path} has a row {title}, to which the rows below it seem to belong, as in the Netflix Prize's files.",
            do="Write both ids in every row, as user,item,time: of the Netflix Prize the number with the colon is the "
            "item, and below it stand user, rating and time. Nothing was loaded.",
        )


def _with_times(columns: tuple[str | None, ...], rows: list[list[str]]) -> tuple[str | None, ...]:
    """The first column that is left over and holds a credible time in every row, is the timestamp."""
    for place, ours in enumerate(columns):
        if ours is None and _all_times(place, rows):
            return (*columns[:place], "timestamp", *columns[place + 1 :])
    return columns


def _refuse_lists(path: Path, rows: list[list[str]]) -> None:
    """Raise InputError where rows without a header seem to list several items of one user each."""
    lengths = {len(row) for row in rows if len(row) > 1}
    if len(lengths) > 2:
        raise InputError(
            f"{path} has no header, and rows of {min(lengths)} to {max(lengths)} fields.",
            do="Write one user and one item a row, or say what counts: --columns user=1,item=2. Nothing was loaded.",
        )


def _all_times(place: int, rows: list[list[str]]) -> bool:
    """Whether the column holds a credible time in every row."""
    return all(_credible(row[place].strip() if place < len(row) else "" for row in rows))


def _credible(fields: Iterable[str]) -> list[bool]:
    """Whether each field is a credible time that is long enough to be told from a number."""
    given = pl.Series([*fields], dtype=pl.String)
    return (milliseconds(given).at.is_not_null() & (given.str.len_chars() >= _SHORTEST_TIME)).to_list()


def _refuse_times(path: Path, columns: Sequence[str | None], rows: list[list[str]]) -> None:
    """Raise InputError where one of the ids' columns seems to be the time."""
    timed = [place for place in range(min(2, len(columns))) if _all_times(place, rows)]
    if len(timed) != 1:
        return
    dates = not all(is_whole(row[timed[0]]) for row in rows)
    given = [[row[place].strip() for row in rows if place < len(row)] for place in range(len(columns))]
    held = [[field for field in fields if field.lower() not in NOTHING] for fields in given]
    if "timestamp" in columns:
        # By its place a column is called so whatever it holds; a few times may be missing or wrong.
        times = held[columns.index("timestamp")]
        told = not times or any(_credible(times))
    else:
        told = sum(bool(fields) for fields in held) <= 2
    if dates or not told:
        raise InputError(
            f"{path} has no header, and its column {timed[0] + 1} holds times where an id is expected.",
            do="Say which columns are which, for example --columns user=1,item=3,time=2. Nothing was loaded.",
        )


def _sample(body: str, separator: str) -> list[tuple[int, list[str] | None]]:
    """Rows of the sample with the lines up to their end, no blank ones and no comments; None where not readable."""
    found, _ = records(body, separator, final=True)
    return [
        (number + count, split)
        for number, count, split in found[: _SAMPLE + 1]
        if split is None or (any(field.strip() for field in split) and not is_comment(split[0]))
    ]


def _separator(path: Path, body: str, names: Names) -> str:
    """The separator that gives nearly all rows the same fields; two that do are told apart by header and numbers."""
    fitting: dict[str, tuple[bool, int, bool]] = {}
    for separator in (*_SEPARATORS, " "):
        if separator == " " and fitting:
            break
        rows = [row for _, row in _sample(body, separator) if row is not None]
        several = [row for row in rows if len(row) > 1]
        both = bool(rows) and names_both(names, {}, rows[0])
        if not several or (not both and len(several) < _FITS * len(rows)):
            continue
        if separator == " " and len({len(row) for row in rows}) > 1:
            continue  # spaces inside names, or several items of one user in a row
        numeric = sum(all(is_whole(row[place]) for row in several[1:] or several) for place in (0, 1))
        even = len({len(row) for row in rows}) == 1
        fitting[separator] = (both, numeric, even)
    if "\t" in fitting and fitting["\t"][:2] == max(fit[:2] for fit in fitting.values()):
        return "\t"
    best = max(fitting.values(), default=None)
    found = [separator for separator, fit in fitting.items() if fit == best]
    if len(found) == 1:
        return found[0]
    if not found:
        first = body.split("\n", 1)[0]
        raise InputError(
            f"{path}: no separator gives nine rows in ten two fields or more; the first one reads {first[:80]!r}.",
            do="Name it with --separator, for example --separator ';'. Nothing was loaded.",
        )
    raise InputError(
        f"{path} may be separated by any of {' '.join(repr(separator) for separator in found)}.",
        do=f"Name it, for example --separator '{found[0]}'. Nothing was loaded.",
    )
