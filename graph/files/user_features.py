"""What KuaiRec says of its users, from ``user_features.csv``, a row a user; the numbers are those of its export."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files.odd_lines import check_columns, header_line
from graph.files.quarantine import Column, FileReport, Quarantine
from graph.files.records import records
from graph.files.token_lists import unpacked

__all__ = ["USER_FEATURES", "read_user_features"]

USER_FEATURES: Final = "user_features"
_ID: Final = "user_id"
_SCHEMA: Final[dict[str, pl.DataType]] = {
    "user": pl.Int64(),
    **dict.fromkeys(schema.FEATURE_TEXTS, pl.String()),
    **dict.fromkeys((*schema.FEATURE_COUNTS, *schema.FEATURE_CATEGORIES), pl.Int64()),
    **dict.fromkeys(schema.FEATURE_FLAGS, pl.Boolean()),
}
_WHOLE: Final = re.compile(r"(\d{1,19})(?:\.0*)?")
_LARGEST: Final = 2**63 - 1
_UNKNOWN: Final = {"", "nan", "unknown", "-124", "-124.0"}
"""What stands for no value; KuaiRand's description says it of -124."""
_SHOWN: Final = 3

Value = str | int | bool | None


def read_user_features(
    file: Path, report: FileReport | None = None, quarantine: Quarantine | None = None
) -> pl.DataFrame:
    """user (a number) and the columns of ``schema.FEATURE_*`` that the file has, a row a user; nulls where unknown.

    Refused is a row without a whole number from 0 on as user_id, with more or fewer fields than the header names, or
    with a quote that is not closed. Of a user's rows the first counts. A value that is none of its type costs the value
    alone. Raises InputError for a file without user_id or any of the columns, or that cannot be read.
    """
    report = report or FileReport(file.name)
    try:
        text = unpacked(file).decode("utf-8-sig").replace("\r\n", "\n")
        header, separator = header_line(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again; it is UTF-8.") from error
    told = [name for name in _SCHEMA if name in header]
    check_columns(file, header, [_ID, *told])
    if not told:
        raise InputError(f"{file} has none of the columns {', '.join([*_SCHEMA][1:])}.", do="Fetch the file again.")
    lines, found = text.split("\n"), records(text, separator, final=True)[0][1:]
    report.columns = [Column(name, name if name in (_ID, *told) else None) for name in header]
    report.preview = [fields for _, _, fields in found[:_SHOWN] if fields]
    rows: dict[int, list[Value]] = {}
    bad: list[tuple[int, str, str]] = []
    partly: list[tuple[int, str, str]] = []
    for at, taken, fields in found:
        raw = "\n".join(lines[at : at + taken])
        if not raw.strip():
            continue
        report.read += 1
        try:
            user = _user(fields, header)
        except ValueError as error:
            bad.append((at + 1, str(error), raw))
            continue
        if user in rows:
            report.merged += 1
            continue
        assert fields is not None
        rows[user] = [user]
        for name in told:
            try:
                rows[user].append(_value(name, fields[header.index(name)].strip()))
            except ValueError as error:
                rows[user].append(None)
                partly.append((at + 1, str(error), raw))
    report.quarantined, report.noted = len(bad), len(partly)
    report.loaded = len(rows)
    for kept, loaded in ((bad, False), (partly, True)):
        if quarantine:
            frame = pl.DataFrame(kept, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row")
            quarantine.add(report, frame, loaded=loaded)
    return pl.DataFrame([*rows.values()], schema={name: _SCHEMA[name] for name in ("user", *told)}, orient="row")


def _user(fields: list[str] | None, header: list[str]) -> int:
    """The user of a row. Raises ValueError that says what is wrong."""
    if fields is None:
        raise ValueError("a quote is not closed")
    if any(field.strip() for field in fields[len(header) :]):
        raise ValueError("there is more than the header names")
    if len(fields) < len(header):
        raise ValueError("there is less than the header names")
    own = fields[header.index(_ID)].strip()
    if not (whole := _WHOLE.fullmatch(own)) or int(whole[1]) > _LARGEST:
        raise ValueError(f"{_ID} is no whole number from 0 on")
    return int(whole[1])


def _value(name: str, told: str) -> Value:
    """A value of its column's type, None where unknown. Raises ValueError that says what is wrong."""
    if told.lower() in _UNKNOWN:
        return None
    if name in schema.FEATURE_TEXTS:
        return told
    if name in schema.FEATURE_FLAGS:
        if told.lower().removesuffix(".0") not in ("0", "1", "true", "false"):
            raise ValueError(f"{name} is no 0 or 1: loaded without it")
        return told.lower().removesuffix(".0") in ("1", "true")
    if not (whole := _WHOLE.fullmatch(told)) or int(whole[1]) > _LARGEST:
        raise ValueError(f"{name} is no whole number from 0 on: loaded without it")
    return int(whole[1])
