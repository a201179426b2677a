"""Tables that fit a terminal: columns that can be spared are left out before a figure is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

__all__ = ["show"]


def show(table: Table, console: Console, spare: Sequence[str] = ()) -> None:
    """Print a table whose cells stay whole, in one line: as long as it is too wide, a column of ``spare`` is left out.

    What is left out is named below it. Where even that is not enough, cells take several lines.
    """
    columns, left_out = list(table.columns), []
    for name in spare:
        if _room(columns, console) >= 0:
            break
        columns = [column for column in columns if column.header != name]
        left_out.append(name)
    room = _room(columns, console)
    widths = [_width(column) for column in columns]
    while room > 0 and max(lines := [len(_lines(*pair)) for pair in zip(columns, widths, strict=True)], default=1) > 2:
        widths[lines.index(max(lines))] += 1
        room -= 1
    shown = Table(title=table.title, box=table.box, pad_edge=table.pad_edge)
    for column, width in zip(columns, widths, strict=True):
        header = "\n".join(_lines(column, width)) if room >= 0 else str(column.header)
        shown.add_column(
            header,
            justify=column.justify,
            overflow="fold",
            width=width if room >= 0 else None,
            no_wrap=room >= 0,
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        shown.add_row(*cells)
    console.print(shown)
    if left_out:
        console.print(f"Too narrow for: {'; '.join(left_out)}. The Markdown has them.")


def _room(columns: Sequence[Column], console: Console) -> int:
    """Characters that are left. Columns have two spaces beside them, and a line between them and at both ends."""
    return console.width - sum(_width(column) + 3 for column in columns) - 1


def _width(column: Column) -> int:
    """The width of the widest cell or of the longest word of the header, whichever is larger."""
    return max(map(cell_len, (*str(column.header).split(), *map(str, column.cells))), default=1)


def _lines(column: Column, width: int) -> list[str]:
    return textwrap.wrap(str(column.header), width, break_long_words=False, break_on_hyphens=False) or [""]
