"""Lines of a separated text that are no row of its header: blank, too long, too short, or with an open quote.

Columns are told by their place, so a line with another number of fields says other things than its header.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from graph.errors import InputError
from graph.files.token_lists import unpacked

__all__ = ["HEAD", "OPEN", "check_columns", "header_line", "odd_lines"]

HEAD: Final = 1 << 16
"""Bytes in which the first lines are looked for."""
OPEN: Final = "a quote is not closed in its line"
_LONGER: Final = "there is more than the header names"
_SHORTER: Final = "there is less than the header names"
_NEVER: Final = "\x1f"
"""A separator that no file has, so that a line is one field."""


def header_line(file: Path) -> tuple[list[str], str]:
    """The names in the first line, and what separates them. Raises OSError or UnicodeDecodeError."""
    line = unpacked(file, HEAD).split(b"\n", 1)[0].decode("utf-8-sig").strip()
    separator = "\t" if "\t" in line else ","
    return [name.strip().strip('"') for name in line.split(separator)], separator


def check_columns(file: Path, header: list[str], wanted: list[str]) -> None:
    """Raises InputError for a file that lacks one of the columns, or has one twice."""
    if missing := [name for name in wanted if name not in header]:
        raise InputError(f"{file} lacks the columns {', '.join(missing)}.", do="Fetch the file again.")
    if twice := [name for name in wanted if header.count(name) > 1]:
        raise InputError(f"{file} has the columns {', '.join(twice)} twice.", do="Fetch the file again.")


def odd_lines(file: Path, separator: str, width: int, *, quotes: bool) -> pl.DataFrame:
    """place (from 0 after the header) and reason of the lines that have not ``width`` fields.

    The reason of a blank line is null. Separators at the end of a line, with nothing behind them, make no field too
    many. With ``quotes`` a separator between two quotes is none, and a quote that is open at the end of its line is a
    reason; without, a quote is a character like others. Raises PolarsError or OSError for a file that cannot be read.
    """
    lines = pl.scan_csv(
        file,
        separator=_NEVER,
        has_header=False,
        skip_lines=1,
        quote_char=None,
        schema={"line": pl.String()},
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        row_index_name="place",
    ).with_columns(pl.col("line").fill_null(""))
    line = pl.col("line")
    fields = line.str.count_matches(separator, literal=True) + 1
    quoted = line.str.contains('"', literal=True) if quotes else pl.lit(value=False)
    lines = lines.filter((fields != width) | quoted)
    if quotes:
        lines = lines.with_columns(line.str.replace_all('"[^"]*"', ""))
    said = line.str.strip_chars_end(f"{separator} \t\r")
    odd = lines.select(
        "place",
        (said == "").alias("blank"),
        pl.when(said == "")
        .then(None)
        .when(quoted)
        .then(pl.lit(OPEN))
        .when(said.str.count_matches(separator, literal=True) >= width)
        .then(pl.lit(_LONGER))
        .when(fields < width)
        .then(pl.lit(_SHORTER))
        .alias("reason"),
    )
    told = odd.filter(pl.col("blank") | pl.col("reason").is_not_null())
    return told.select("place", "reason").collect(engine="streaming")
