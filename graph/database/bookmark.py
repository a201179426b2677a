"""The number of the last transaction of a database, from the bookmark that Neo4j hands out after every query.

Neo4j Community tells this number nowhere else. A bookmark is ``FB:`` and, in base64, a list in PackStream of the
database's id (16 bytes) and the number. Every transaction that changed something counts one up; one that changed
nothing does not.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

__all__ = ["Transaction", "transaction"]

_PREFIX: Final = "FB:"
_WIDTHS: Final = {0xC8: 1, 0xC9: 2, 0xCA: 4, 0xCB: 8}


@dataclass(frozen=True)
class Transaction:
    """The last one of a database."""

    database: str
    """The id of the database's store, in hexadecimal digits."""
    number: int


def transaction(bookmark: str) -> Transaction | None:
    """What a bookmark says; None for one of several databases or in another notation."""
    if not bookmark.startswith(_PREFIX):
        return None
    try:
        found = base64.b64decode(bookmark.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return None
    # A list of lists of two, and one of nothing: 0x9n, bytes of 16 (0xCC 0x10), an integer, 0x90.
    if len(found) < 20 or found[1:3] != b"\xcc\x10" or found[-1] != 0x90:
        return None
    number, rest = found[19:-1], found[3:19]
    if len(number) == 1 and (number[0] < 0x80):
        return Transaction(rest.hex(), number[0])
    if number and _WIDTHS.get(number[0]) == len(number) - 1:
        return Transaction(rest.hex(), int.from_bytes(number[1:], "big", signed=True))
    return None
