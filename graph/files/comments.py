"""Lines with ``#`` or ``%`` in front: comments, a header that is written as one, or rows of ids that begin so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from graph.errors import InputError
from graph.files.column_names import Names
from graph.files.headers import is_header, names_both
from graph.files.records import fields

__all__ = ["above", "header_above", "is_comment", "refuse_doubtful"]

_COMMENT: Final = re.compile(r"\s*(?:[#%](?:[\s#%]|$)|$)")
"""The begin of a line that is no row in any case: the mark alone, or before a space or another mark; or blank."""
_MARK: Final = re.compile(r"\s*[#%]")
_MARKS: Final = re.compile(r"[\s#%]+")


def is_comment(first: str) -> bool:
    """Whether a row with this first field is a comment: ``#`` alone, or before a space or another ``#``."""
    return re.match(r"#(?:$|[\s#])", first) is not None


def above(lines: Sequence[str], *, header: bool | None) -> int:
    """How many lines stand above the rows: blank ones and comments.

    ``#alice,10`` may be either. It is a row where ``header`` says that no header stands above the rows.
    """
    count = 0
    while count < len(lines):
        comment = _COMMENT.match(lines[count]) or (header is not False and _MARK.match(lines[count]))
        if not comment:
            break
        count += 1
    return count


def header_above(
    path: Path,
    lines: Sequence[str],
    rows: list[list[str]],
    separator: str,
    names: Names,
    chosen: Mapping[str, str],
    *,
    header: bool | None,
) -> list[str] | None:
    """The titles of the header among the ``lines`` above the rows; None where none is.

    The last line, or one that looks like a row, is the header where it names a user and an item, and the first row
    below is none. Raises InputError where the first row may be one.
    """
    written = [line for line in lines if line.strip()]
    if header is False or not written or names_both(names, chosen, rows[0]):
        return None
    doubtful = (line for line in reversed(written) if _like_a_row(line, separator, rows))
    for line in (written[-1], *doubtful):
        if titles := _titles(line, separator, len(rows[0]), names, chosen):
            # A comment may describe columns that the row below calls by other names.
            return None if _is_header_too(path, line, rows, names) else titles
    return None


def _titles(line: str, separator: str, width: int, names: Names, chosen: Mapping[str, str]) -> list[str] | None:
    """The names in a line above the rows, where a user and an item are among them."""
    bare = _MARKS.sub("", line, count=1)
    titles = fields(bare, separator)
    if separator != " " and titles and names_both(names, chosen, titles):
        return titles
    # Words between spaces may be prose: "from 2020 to 2021". So all of them must be names, one for each column.
    words = (titles if separator == " " else bare.split() if separator == "\t" else None) or []
    return words if len(words) == width and names_both(names, chosen, words, only=True) else None


def _is_header_too(path: Path, line: str, rows: list[list[str]], names: Names) -> bool:
    """Whether the first row is a header though the ``line`` above names the columns; raises where it cannot be told."""
    try:
        return is_header(path, rows, names, None, {})
    except InputError as error:
        raise InputError(
            f"{path}: either {line[:80]!r} or the row below the comments, {', '.join(rows[0])[:80]}, is its header.",
            do="Take the mark in front of the line away if that is the header, and else the whole line. "
            "Nothing was loaded.",
        ) from error


def refuse_doubtful(path: Path, lines: Sequence[str], rows: Sequence[list[str]], separator: str) -> None:
    """Raise InputError where one of the ``lines`` above rows without a header may be a row itself."""
    found = next((line for line in lines if _like_a_row(line, separator, rows)), None)
    if found is not None:
        raise InputError(
            f"{path}: it cannot be told whether {found[:80]!r} is a comment, a row or the header.",
            do="Say --no-header if it is a row; take its mark away if it names the columns; write a space behind its "
            "mark, or take the line away, if it is a comment. Nothing was loaded.",
        )


def _like_a_row(line: str, separator: str, rows: Sequence[list[str]]) -> bool:
    """Whether a line has as many fields as the first row, and no space behind its mark."""
    return not _COMMENT.match(line) and len(fields(line, separator) or []) == len(rows[0]) > 1
