"""The layout of a text table: separator, header, columns. If one of them is not certain, the file is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from graph.errors import InputError, SettingsError
from graph.files.column_names import Names
from graph.files.comments import above, header_above, is_comment, refuse_doubtful
from graph.files.records import records
from graph.files.times import milliseconds

__all__ = ["Layout", "chosen_columns", "named", "sniff"]

_SEPARATORS: Final = ("\t", "::", ",", ";", "|")
_SAMPLE: Final = 1_000
"""Rows of the sample in which the layout is detected."""
_FITS: Final = 0.9
"""Share of the rows that must have two fields or more."""
_SAID: Final = re.compile(r'"?sep=(.)"?\s*')
"""The line by which spreadsheets say the separator."""
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|\?xml)\b", re.IGNORECASE)
_TYPED: Final = re.compile(r":(?:token|float)(?:_seq)?$")
"""The types that RecBole writes behind the names of a header."""
_NO_WORD: Final = re.compile(r"|true|false|yes|no|[^\d]{0,12}\d.*", re.IGNORECASE)
"""A field with a digit near its begin, a flag, or nothing."""
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
    key of --columns → name or number) is not looked for. Raises InputError where the layout cannot be told.
    """
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
    marked = header_above(path, top, below, separator, partial(_names_both, names, chosen or {}), header=header)
    titled = marked is not None or _header(path, below, names, header, chosen)
    if not titled and header is None:
        refuse_doubtful(path, top, below, separator)
    titles = tuple(f"column {place + 1}" for place in range(max(map(len, below))))
    if marked is not None:
        titles = (*(field.strip() for field in marked), *titles[len(marked) :])
        taken = 0
    elif titled:
        titles = tuple(field.strip() for field in first)
    if chosen:
        columns = chosen_columns(path, titles, names, chosen, titled=titled)
    elif titled:
        unknown = all(place is None for place in _known(titles, names))
        columns = named(path, titles, names, sure=len(titles) == 2 or (header is True and unknown))
    else:
        columns = tuple(positions[place] if place < len(positions) else None for place in range(len(titles)))
        if "timestamp" not in positions:
            _refuse_lists(path, below)
            columns = _with_times(columns, below)
        _refuse_times(path, columns, below)
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
    fields = [row[place].strip() if place < len(row) else "" for row in rows]
    if not all(len(field) >= _SHORTEST_TIME for field in fields):
        return False
    return milliseconds(pl.Series(fields, dtype=pl.String)).at.null_count() == 0


def _refuse_times(path: Path, columns: Sequence[str | None], rows: list[list[str]]) -> None:
    """Raise InputError where one of the ids' columns seems to be the time."""
    timed = [place for place in range(min(2, len(columns))) if _all_times(place, rows)]
    if len(timed) != 1:
        return
    dates = not all(_whole(row[timed[0]]) for row in rows)
    # A column of nothing is none, and by its place a column is called timestamp whatever it holds.
    given = [[row for row in rows if "".join(row[place : place + 1]).strip()] for place in range(len(columns))]
    held = [place for place, filled in enumerate(given) if filled]
    told = any(columns[place] == "timestamp" and _all_times(place, given[place]) for place in held)
    if dates or (len(held) > 2 and not told):
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
        known = bool(rows) and sum(place is not None for place in _known(rows[0], names)[:2]) == 2
        if not several or (not known and len(several) < _FITS * len(rows)):
            continue
        if separator == " " and len({len(row) for row in rows}) > 1:
            continue  # spaces inside names, or several items of one user in a row
        numeric = sum(all(_whole(row[place]) for row in several[1:] or several) for place in (0, 1))
        even = len({len(row) for row in rows}) == 1
        fitting[separator] = (known, numeric, even)
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


def _whole(field: str) -> bool:
    return re.fullmatch(r"\s*\d+(?:\.0+)?\s*", field) is not None


def plain(title: str) -> str:
    """A header's name as it is compared: small letters and digits, without RecBole's type (``user_id:token``)."""
    return re.sub(r"[\W_]", "", _TYPED.sub("", title.strip()).lower().lstrip("\ufeff"))


def _known(titles: Sequence[str], names: Names) -> list[int | None]:
    """The place of the title that stands for each of our columns; None where no title does."""
    found: list[int | None] = []
    spelled = [plain(title) for title in titles]
    for number, aliases in enumerate(names.columns.values()):
        place = next((spelled.index(alias) for alias in aliases if alias in spelled), None)
        if place is None and number == 1:
            weak = [place for place, name in enumerate(spelled) if name in names.weak]
            place = weak[0] if len(weak) == 1 else None
        found.append(place if place not in found else None)
    return found


def _names_both(names: Names, chosen: Mapping[str, str], titles: Sequence[str]) -> bool:
    """Whether titles hold all names that --columns gives, or else a user and an item."""
    wanted = {plain(given) for given in chosen.values() if not given.isdecimal()}
    if wanted:
        return wanted <= {plain(title) for title in titles}
    return all(place is not None for place in _known(titles, names)[:2])


def _header(
    path: Path, rows: list[list[str]], names: Names, asked: bool | None, chosen: Mapping[str, str] | None
) -> bool:
    """Whether the first row is a header."""
    if asked is not None:
        return asked
    first, others = rows[0], rows[1:]
    if chosen and any(not given.isdecimal() for given in chosen.values()):
        return True
    places = _known(first, names)
    if places[0] is not None and places[1] is not None:
        return True
    if any(_names_column(place, rows) for place in places) and not any(_whole(field) for field in first[:2]):
        return True
    if not first[0].strip() and all(row[0].strip() == str(at) for at, row in enumerate(others)) and others:
        raise InputError(
            f"{path}: its first column numbers the rows, and the first row has nothing there.",
            do="Say which columns are which: --header --columns user=2,item=3. Nothing was loaded.",
        )
    words = [not re.search(r"\d|[/@]", field) and bool(field.strip()) for field in first[:2]]
    ids = [[row[place] for row in others if len(row) > place] for place in range(min(2, len(first)))]
    over_numbers = [bool(column) and all(_whole(field) for field in column) for column in ids]
    if all(over_numbers) and not any(_whole(field) or "/" in field for field in first[:2]):
        return True
    if not all(words) or any(first[place].strip() in (f.strip() for f in column) for place, column in enumerate(ids)):
        return False
    if any(len(column) > 1 and all(re.search(r"\d", field) for field in column) for column in ids):
        return True
    raise InputError(
        f"{path}: it cannot be told whether its first row, {', '.join(first)[:80]}, is a header.",
        do="Say --header or --no-header, or name the columns: --columns user=…,item=…. Nothing was loaded.",
    )


def _names_column(place: int | None, rows: list[list[str]]) -> bool:
    """Whether one known name in the first row is enough for a header; ``kate,book`` may well be a row.

    It is where nobody would call a person or a thing so (``user_id``, ``item:token``), or where at least two other rows
    have no word there.
    """
    if place is None:
        return False
    below = [row[place].strip() for row in rows[1:] if len(row) > place]
    title = rows[0][place].strip()
    if _TYPED.search(title) or re.search(r"[a-z]_[a-z]|[a-z]id$", title, re.IGNORECASE):
        return True
    return len(below) > 1 and all(_NO_WORD.fullmatch(field) for field in below)


def named(path: Path, titles: Sequence[str], names: Names, *, sure: bool | None = None) -> tuple[str | None, ...]:
    """Our columns by the titles of a header; raises InputError where one of the first two is not among them.

    ``sure``: the columns that no title names are the first ones left over, as in a table of two columns.
    """
    ours = [*names.columns]
    places = _known(titles, names)
    columns: list[str | None] = [None] * len(titles)
    for name, place in zip(ours, places, strict=True):
        if place is not None:
            _refuse_twice(path, titles, place, _key(names, name))
            columns[place] = name
    missing = [name for name in ours[:2] if name not in columns]
    if missing and sure and columns.count(None) >= len(missing):
        for name in missing:
            columns[columns.index(None)] = name
        missing = []
    if missing:
        raise InputError(
            f"{path} has no column for {' and '.join(_key(names, name) for name in missing)}: "
            f"its header reads {', '.join(titles)}.",
            do=f"Say which it is: --columns {_key(names, ours[0])}=A,{_key(names, ours[1])}=B. Nothing was loaded.",
        )
    return tuple(columns)


def _key(names: Names, ours: str) -> str:
    """The name of our column in --columns."""
    return next(key for key, name in names.keys.items() if name == ours)


def _refuse_twice(path: Path, titles: Sequence[str], place: int, key: str) -> None:
    """Raise InputError where a column that is read has the name of another one."""
    if titles.count(titles[place]) > 1:
        raise InputError(
            f"{path} has several columns called {titles[place]!r}.",
            do=f"Say which one counts by its number: --columns {key}={place + 1}. Nothing was loaded.",
        )


def chosen_columns(
    path: Path, titles: tuple[str, ...], names: Names, chosen: Mapping[str, str], *, titled: bool
) -> tuple[str | None, ...]:
    """Our columns as --columns says; the others by their titles, where there are any."""
    columns: list[str | None] = [None] * len(titles)
    for key, given in chosen.items():
        places = [place for place, title in enumerate(titles) if titled and plain(title) == plain(given)]
        if places:
            _refuse_twice(path, titles, places[0], key)
        else:
            places = [place for place in range(len(titles)) if given == str(place + 1)]
        if not places:
            what = ", ".join(titles) if titled else f"{len(titles)} columns"
            raise InputError(
                f"{path} has no column {given!r}: it has {what}.", do="Give a name of its header, or a number from 1."
            )
        if columns[places[0]]:
            raise SettingsError(
                f"--columns names the column {titles[places[0]]!r} of {path.name} twice.",
                do="Give each key a column of its own, for example --columns user=1,item=2.",
            )
        columns[places[0]] = names.keys[key]
    ours = [*names.columns]
    if titled:
        for name, place in zip(ours, _known(titles, names), strict=True):
            if place is not None and columns[place] is None and name not in columns:
                _refuse_twice(path, titles, place, _key(names, name))
                columns[place] = name
    if missing := [name for name in ours[:2] if name not in columns]:
        raise SettingsError(
            f"--columns leaves out which column holds {' and '.join(missing)} of {path.name}.",
            do="Name both, for example --columns user=1,item=2.",
        )
    return tuple(columns)
