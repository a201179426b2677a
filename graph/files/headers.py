"""The header of a text table: whether the first row is one, and which of our columns its names stand for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from graph.errors import InputError, SettingsError
from graph.files.column_names import Names
from graph.files.options import NO_COLUMN

__all__ = ["asked_for", "chosen_columns", "is_header", "is_whole", "known", "named", "names_both", "titled_columns"]

_TYPED: Final = re.compile(r":(?:token|float)(?:_seq)?$")
"""The types that RecBole writes behind the names of a header."""
_NUMBER: Final = re.compile(r"[-+]?\d[\d.,:/TZ +-]*")
"""A number, or a date or time of digits."""
_NO_WORD: Final = re.compile(r"|true|false|yes|no|[^\d]{0,12}\d.*", re.IGNORECASE)
"""A field with a digit near its begin, a flag, or nothing."""


def is_whole(field: str) -> bool:
    """Whether the field is a whole number, also as a float is written."""
    return re.fullmatch(r"\s*\d+(?:\.0+)?\s*", field) is not None


def plain(title: str) -> str:
    """A header's name as it is compared: small letters and digits, without RecBole's type (``user_id:token``)."""
    return re.sub(r"[\W_]", "", _TYPED.sub("", title.strip()).lower().lstrip("\ufeff"))


def known(titles: Sequence[str], names: Names) -> list[int | None]:
    """The place of the title that stands for each of our columns; None where no title does."""
    found: list[int | None] = []
    spelled = [plain(title) for title in titles]
    second = [*names.columns.values()][1]
    ignored = names.lone if any(alias in spelled for alias in second) else ()
    for number, aliases in enumerate(names.columns.values()):
        held = (alias for alias in aliases if alias in spelled and alias not in ignored)
        place = next((spelled.index(alias) for alias in held), None)
        if place is None and number == 1:
            weak = [place for place, name in enumerate(spelled) if name in names.weak]
            place = weak[0] if len(weak) == 1 else None
        found.append(place if place not in found else None)
    return found


def names_both(names: Names, chosen: Mapping[str, str], titles: Sequence[str], *, only: bool = False) -> bool:
    """Whether titles hold all names that --columns gives, or else a user and an item; and, with ``only``, no others."""
    wanted = {plain(given) for given in chosen.values() if not given.isdecimal()}
    if only:
        ours = known(titles, names)
        if not all(place in ours or plain(title) in wanted for place, title in enumerate(titles)):
            return False
    if wanted:
        return wanted <= {plain(title) for title in titles}
    return all(place is not None for place in known(titles, names)[:2])


def is_header(path: Path, rows: list[list[str]], names: Names, asked: bool | None, chosen: Mapping[str, str]) -> bool:
    """Whether the first row is a header."""
    if asked is not None:
        return asked
    first, others = rows[0], rows[1:]
    if any(not given.isdecimal() for given in chosen.values()):
        return True
    places = known(first, names)
    if places[0] is not None and places[1] is not None:
        return True
    if any(_names_column(place, rows) for place in places) and not any(is_whole(field) for field in first[:2]):
        return True
    if not first[0].strip() and all(row[0].strip() == str(at) for at, row in enumerate(others)) and others:
        raise InputError(
            f"{path}: its first column numbers the rows, and the first row has nothing there.",
            do="Say which columns are which: --header --columns user=2,item=3. Nothing was loaded.",
        )
    words = [not re.search(r"\d|[/@]", field) and bool(field.strip()) for field in first[:2]]
    ids = [[row[place] for row in others if len(row) > place] for place in range(min(2, len(first)))]
    over_numbers = [bool(column) and all(is_whole(field) for field in column) for column in ids]
    if all(over_numbers) and not any(is_whole(field) or "/" in field for field in first[:2]):
        return True
    if not all(words) or any(first[place].strip() in (f.strip() for f in column) for place, column in enumerate(ids)):
        return False
    digits = [len(column) > 1 and all(re.search(r"\d", field) for field in column) for column in ids]
    # One of several titles or names may well be without a digit (``alice,Intro`` above ``bob,Song 2``).
    sure = any(place is not None and place < len(ids) for place in places[:2]) or any(
        _word_over_numbers(place, rows) for place in range(len(first))
    )
    if all(digits) or (any(digits) and sure):
        return True
    raise InputError(
        f"{path}: it cannot be told whether its first row, {', '.join(first)[:80]}, is a header.",
        do="Say --header or --no-header, or name the columns: --columns user=…,item=…. Nothing was loaded.",
    )


def _word_over_numbers(place: int, rows: list[list[str]]) -> bool:
    """Whether the first row has a word where the others, two at least, have numbers or dates, or nothing."""
    title, *below = (row[place].strip() if len(row) > place else "" for row in rows)
    held = [field for field in below if field]
    word = bool(title) and not re.search(r"\d", title)
    return word and len(held) > 1 and all(_NUMBER.fullmatch(field) for field in held)


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


def asked_for(names: Names, chosen: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """The columns that --columns gives, and those of ours for which it says that there is none."""
    ignored = {names.keys[key] for key, given in chosen.items() if given == NO_COLUMN}
    return {key: given for key, given in chosen.items() if given != NO_COLUMN}, ignored


def titled_columns(
    path: Path, titles: Sequence[str], names: Names, chosen: Mapping[str, str]
) -> tuple[str | None, ...]:
    """Our columns of a file whose columns have names, with what --columns says. Raises InputError where one lacks."""
    chosen, ignored = asked_for(names, chosen)
    if not chosen:
        return named(path, titles, names, ignored, sure=len(titles) == 2)
    return chosen_columns(path, tuple(titles), names, chosen, ignored, titled=True)


def named(
    path: Path, titles: Sequence[str], names: Names, ignored: Collection[str], *, sure: bool
) -> tuple[str | None, ...]:
    """Our columns by the titles of a header; raises InputError where one of the first two is not among them.

    ``sure``: the columns that no title names are the first ones left over, as in a table of two columns.
    """
    ours = [*names.columns]
    places = known(titles, names)
    columns: list[str | None] = [None] * len(titles)
    for name, place in zip(ours, places, strict=True):
        if place is not None:
            if name not in ignored:
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
    return tuple(None if name in ignored else name for name in columns)


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
    path: Path,
    titles: tuple[str, ...],
    names: Names,
    chosen: Mapping[str, str],
    ignored: Collection[str],
    *,
    titled: bool,
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
        for name, place in zip(ours, known(titles, names), strict=True):
            if place is not None and columns[place] is None and name not in columns and name not in ignored:
                _refuse_twice(path, titles, place, _key(names, name))
                columns[place] = name
    if missing := [name for name in ours[:2] if name not in columns]:
        raise SettingsError(
            f"--columns leaves out which column holds {' and '.join(missing)} of {path.name}.",
            do="Name both, for example --columns user=1,item=2.",
        )
    return tuple(columns)
