"""Lines with ``#`` or ``%`` in front: comments, a header that is written as one, or rows of ids that begin so."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from graph.errors import InputError
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
    rows: Sequence[list[str]],
    separator: str,
    names_both: Callable[[Sequence[str]], bool],
    *,
    header: bool | None,
) -> list[str] | None:
    """The titles of the header among the ``lines`` above the rows; None where none is.

    The last line, or one that looks like a row, is the header where it names a user and an item, with the separator of
    the rows or with spaces between, and the first row does not; and, where ``header`` is asked for, the last one that
    looks like a row. Raises InputError where the first row may be that header too.
    """
    written = [line for line in lines if line.strip()]
    if header is False or not written or names_both(rows[0]):
        return None
    doubtful = [line for line in reversed(written) if _like_a_row(line, separator, rows)]
    for line in (written[-1], *doubtful):
        bare = _MARKS.sub("", line, count=1)
        with_spaces = bare.split()
        for titles in (fields(bare, separator), with_spaces if len(with_spaces) == len(rows[0]) else None):
            if titles and names_both(titles):
                return titles
    if not header or not doubtful:
        return None
    if not any(re.search(r"\d", field) for field in rows[0][:2]):
        raise InputError(
            f"{path}: either {doubtful[0][:80]!r} or the row below the comments, {', '.join(rows[0])[:80]}, "
            "is its header.",
            do="Take the other line away, or write a space behind the mark of a comment. Nothing was loaded.",
        )
    return fields(_MARKS.sub("", doubtful[0], count=1), separator)


def refuse_doubtful(path: Path, lines: Sequence[str], rows: Sequence[list[str]], separator: str) -> None:
    """Raise InputError where one of the ``lines`` above rows without a header may be a row itself."""
    found = next((line for line in lines if _like_a_row(line, separator, rows)), None)
    if found is not None:
        raise InputError(
            f"{path}: it cannot be told whether {found[:80]!r} is a comment, a row or the header.",
            do="Say --no-header if it is a row, or --header if it names the columns; write a space behind its mark, or "
            "take the line away, if it is a comment. Nothing was loaded.",
        )


def _like_a_row(line: str, separator: str, rows: Sequence[list[str]]) -> bool:
    """Whether a line has as many fields as the first row, and no space behind its mark."""
    return not _COMMENT.match(line) and len(fields(line, separator) or []) == len(rows[0]) > 1
