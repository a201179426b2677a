"""Single values of users, keaks and beats files, where a column is not read as a whole."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any, Final, SupportsFloat

import polars as pl

from graph.files.canonical import NOTHING
from graph.files.json_rows import NotOneValue, one_value, unwrapped

__all__ = ["NO_ID", "elements", "value"]

NO_ID: Final = "\x00"
"""Stands for an id that cannot be read."""
_FLAGS: Final = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "y", "t"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "n", "f"), False),
}


def value(given: Any, dtype: pl.DataType, *, is_id: bool = False) -> Any:
    """``given`` as the type the column wants, null where it is missing. Raises ValueError when it is something else."""
    given = unwrapped(given)
    if dtype == pl.String:
        if isinstance(given, (bool, bytes, timedelta)):
            raise NotOneValue("neither text nor number")
        if isinstance(given, (datetime, date)):
            return given.isoformat()
        return one_value(given, is_id=is_id)
    if given is None or (isinstance(given, str) and given.strip().lower() in NOTHING):
        return None
    if isinstance(given, (dict, list, bytes)):
        raise NotOneValue("not a value")
    if dtype == pl.Float64:
        if isinstance(given, bool):
            raise NotOneValue("not a number")
        if isinstance(given, timedelta):
            given = given.total_seconds()
        if not isinstance(given, (str, SupportsFloat)):
            raise NotOneValue("not a number")
        number = float(given)
        if math.isinf(number):
            raise NotOneValue("not a number")
        return None if math.isnan(number) else number
    spelled = str(given).strip().lower()
    if spelled not in _FLAGS:
        raise NotOneValue("neither true nor false")
    return _FLAGS[spelled]


def elements(given: Any) -> list[dict[str, str | None]] | None:
    """A list of texts, numbers or ``{id, name}`` objects as ``NAMED``. Raises ValueError for anything else."""
    given = unwrapped(given)
    if given is None or (isinstance(given, float) and math.isnan(given)):
        return None
    if isinstance(given, str):
        given = [given] if given.strip() else []
    if not isinstance(given, list):
        raise ValueError("not a list")
    found: list[dict[str, str | None]] = []
    for element in given:
        element = unwrapped(element)
        if isinstance(element, dict):
            named = {key: value(element.get(key), pl.String()) for key in ("id", "name")}
            if not any(named.values()) and any(other not in (None, "") for other in element.values()):
                raise NotOneValue("neither id nor name")
            found.append(named)
        elif element is not None:
            found.append({"id": None, "name": value(element, pl.String())})
    return found
