"""Bad rows that an import must refuse, merge or correct, added to clean files on request."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from generator.files import Table

__all__ = ["sprinkle"]

_AT: Final = "2021-05-01T10:00:00.0000000Z"
_NO_TIME: Final = "2022-02-30T25:61:00.0000000Z"
#: Follower, followed, time: oneself, an unknown user, a wrong prefix, no id, no such time.
_FOLLOWS: Final = (
    ("users/1", "users/1", _AT),
    ("users/1", "users/nobody", _AT),
    ("keaks/1", "users/2", _AT),
    ("users/2", "", _AT),
    ("users/3", "users/2", _NO_TIME),
)
#: Unknown content, unknown user, a wrong prefix, progress outside 0..100 (twice), no such time.
_AUDIENCES: Final = (
    ("users/1", "keaks/nothing", _AT, 50, True, False, False),
    ("users/nobody", "keaks/1", _AT, 50, True, False, False),
    ("users/1", "songs/1", _AT, 50, False, False, False),
    ("users/1", "keaks/1", _AT, 725, False, False, False),
    ("users/1", "keaks/1", _AT, -5, False, False, False),
    ("users/2", "beats/1", _NO_TIME, 50, False, True, False),
)
#: A line that ends in the middle, one that is no object, one without an id.
_LINES: Final = (b'{"createdAt": "2021-05-01T10:00:0\n', b"[]\n", b'{"createdAt": null}\n')
_LEAST: Final = 4_000
"""Rows of the file from which on bad rows have two values outside 0..100."""


def sprinkle(table: Table, share: float = 0.001) -> int:
    """Add a bad row for every 1 / ``share`` good ones, at least one of each sort; returns how many were added.

    JSON lines get broken lines, but not in Parquet.
    """
    if table.path.name.startswith("followers"):
        rows: tuple[tuple[object, ...], ...] = _FOLLOWS
    elif table.path.name.startswith("audiences"):
        # More than one in a thousand outside 0..100, and an import refuses to take progress for percent.
        rows = _AUDIENCES if table.rows > _LEAST else tuple(row for row in _AUDIENCES if 0 <= int(str(row[3])) <= 100)
    else:
        return table.write_lines(_LINES)
    again = max(1, round(share * table.rows / len(rows)))
    bad = pl.DataFrame(list(rows), schema=table.schema, orient="row")
    table.write(bad.select(pl.all().gather(np.tile(np.arange(len(rows)), again))))
    return again * len(rows)
