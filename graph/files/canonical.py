"""`graph.identifiers.whole` for whole columns: the same rule, by polars."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from graph import schema
from graph.errors import InputError
from graph.identifiers import (
    BROKEN,
    EXPONENT,
    EXPONENT_DIGITS,
    MAX_BYTES,
    NULL,
    POINT,
    PRINTED_FROM,
    ROUNDED,
    SHOWN_FROM,
)

__all__ = ["CONTROL", "NOTHING", "checked", "in_one_spelling", "refuse_large_floats"]

_SPACE: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Characters that ``str.strip`` takes for white space."""
CONTROL: Final = r"[\x00-\x09\x0b-\x1f\x7f-\x9f]"
NOTHING: Final = ("", "null", "none", "nan", "na", "n/a", "undefined", "\\n", "nat")
"""Spellings of a missing value, in lower case; in ids only the empty one is missing."""
_PREFIXES: Final = (schema.USER_PREFIX, *schema.CONTENT_PREFIXES)
_EXACT: Final[dict[pl.DataType, int]] = {pl.Float64(): 2**53, pl.Float32(): 2**24}
"""Type → the number from which on it lacks some whole numbers."""


def refuse_large_floats(path: Path, name: str, values: pl.Series) -> None:
    """Raise InputError where a Parquet column of ids holds floats that do not say which whole number is meant."""
    if values.dtype.is_float() and (values.is_finite() & (values.abs() >= _EXACT.get(values.dtype, 2**11))).any():
        raise InputError(
            f"{path}: the floats of {name} are too large to be whole ids; digits are lost.",
            do="Write ids as text or as integers. Nothing was loaded.",
        )


def checked(column: str, raw: pl.Series, prefixes: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """Two series: the ids in their one spelling, with the prefix they came with; and why not, null where one can be.

    Whole floats (``1.0``, ``1e+05``) become whole numbers. ``prefixes`` are those allowed; another node's is a fault.
    """
    text = raw.str.normalize("NFC").str.strip_chars(_SPACE)
    used = text.str.extract(f"^({'|'.join(prefixes)})").fill_null("")
    t = pl.col("t")
    bare = (
        text.to_frame("t")
        .select(
            pl.coalesce(
                *(pl.when(t.str.starts_with(prefix)).then(t.str.strip_prefix(prefix)) for prefix in prefixes), t
            )
        )
        .to_series()
        .str.strip_chars(_SPACE)
    )
    rounded = _rounded(bare)
    bare = _whole(bare)
    foreign = [prefix for prefix in _PREFIXES if prefix not in prefixes]
    other = pl.any_horizontal(t.str.starts_with(prefix) for prefix in foreign)
    expected = " or ".join(prefixes)
    why = (
        bare.to_frame("t")
        .select(
            pl.when(t.is_null() | t.is_in(["", NULL]))
            .then(pl.lit(f"{column} is missing"))
            .when(other)
            .then(pl.lit(f"{column} has a wrong prefix, expected {expected}"))
            .when(t.str.contains(CONTROL))
            .then(pl.lit(f"{column} holds control characters"))
            .when(t.str.len_bytes() > MAX_BYTES)
            .then(pl.lit(f"{column} has more than {MAX_BYTES} bytes"))
            .when(rounded)
            .then(pl.lit(f"{column} is a number whose last digits were rounded away"))
            .when(t.str.contains(BROKEN))
            .then(pl.lit(f"{column} is a number that is not whole"))
        )
        .to_series()
    )
    return pl.select(used + bare).to_series(), why


def in_one_spelling(ids: pl.Series, prefix: str) -> pl.Series:
    """Without the prefix, those of the graph's ids that begin with it and are spelled as files spell them.

    Events once brought others, such as ``1.0``: a row that says ``1.0`` means 1, also where such a person is there.
    """
    ids = ids.filter(ids.str.starts_with(prefix))
    spelled, why = checked("id", ids, (prefix,))
    return ids.filter(why.is_null() & (spelled == ids)).str.strip_prefix(prefix)


def _rounded(bare: pl.Series) -> pl.Series:
    """Whether a number was written with fewer digits than it has: two ids may look the same."""
    if not bare.str.contains("+", literal=True).any():
        return pl.repeat(value=False, n=len(bare), dtype=pl.Boolean, eager=True)
    part = bare.str.extract_groups(ROUNDED).struct
    spreadsheet, printed, exponent = (part.field(str(n)) for n in (1, 2, 3))
    power = exponent.cast(pl.Int64, strict=False)
    shown = (power >= SHOWN_FROM) & (spreadsheet.str.len_bytes() < power)
    return (
        shown.fill_null(value=False) | (printed.is_not_null() & (power >= PRINTED_FROM)).fill_null(value=False)
    ).alias("rounded")


def _whole(bare: pl.Series) -> pl.Series:
    """``1.0`` and ``1e+05`` as whole numbers, where the float says exactly which."""
    if bare.str.contains(".", literal=True).any():
        bare = bare.str.replace(POINT, "${1}")
    exponents = bare.str.contains(EXPONENT).fill_null(value=False)
    if exponents.any():
        values = bare.filter(exponents).cast(pl.Float64, strict=False)
        exact = (values == values.floor()) & (values.abs() < 10**EXPONENT_DIGITS)
        whole = values.cast(pl.Int64, strict=False).cast(pl.String)
        bare = bare.scatter(
            exponents.arg_true(), pl.select(pl.when(exact).then(whole).otherwise(bare.filter(exponents))).to_series()
        )
    return bare
