"""Which texts are valid ids, and their canonical form, the same in files, events, paths of the API and the page.

An id is text of 1 to `MAX_BYTES` bytes of UTF-8 after normalisation to NFC. It may contain slashes, colons, ``@``,
spaces, percent signs and emoji, but no control characters other than newline.

Ids of people, keaks and beats are often numbers that another program made floats of: `whole` has the rule for them.
Files read whole columns by the same patterns (`graph.files.canonical`). Ids of tracks may be names of artists, so that
``tracks/2.5`` is a text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from graph import schema

__all__ = [
    "BROKEN",
    "EXPONENT",
    "EXPONENT_DIGITS",
    "MAX_BYTES",
    "NULL",
    "POINT",
    "PRINTED_FROM",
    "ROUNDED",
    "SHOWN_FROM",
    "canonical",
    "canonical_content",
    "canonical_user",
    "normal",
    "whole",
]

MAX_BYTES: Final = 500
"""Bytes of UTF-8 of the longest id."""
NULL: Final = r"\N"
"""How databases write that nothing is there; nobody is called so."""
POINT: Final = r"^(-?[0-9]+)\.0+$"
"""A whole number as a float, ``1.0``; group 1 is the number. These patterns mean the same to Python and to polars."""
EXPONENT: Final = r"^-?[0-9]+(?:\.[0-9]*)?[eE]\+[0-9]+$|^-?[0-9]\.[0-9]+E[0-9]+$"
"""Floats as languages write them: ``1e+05``, and Java's ``1.0E10``."""
BROKEN: Final = rf"^-?[0-9]+\.[0-9]+$|{EXPONENT}|^-?[0-9]*\.?[0-9]+[eE]-[0-9]+$"
"""A float, which is no id where it is not whole."""
ROUNDED: Final = r"^-?[0-9]\.(?:([0-9]+)E\+|([0-9]{6})e\+)0*([0-9]+)$"
"""What a spreadsheet shows of a large number (``1.23457E+12``: groups 1 and 3) and what C prints (``1.234568e+12``:
groups 2 and 3)."""
SHOWN_FROM: Final = 11
"""The exponent from which on spreadsheets show large numbers so."""
PRINTED_FROM: Final = 7
"""The exponent from which on C leaves out digits."""
EXPONENT_DIGITS: Final = 15
"""Digits up to which a float says exactly which whole number is meant."""
_POINT, _EXPONENT, _BROKEN, _ROUNDED = map(re.compile, (POINT, EXPONENT, BROKEN, ROUNDED))


def normal(text: str) -> str:
    """A text in NFC, without white space around it: how ids are spelled, and what they are looked up by."""
    return unicodedata.normalize("NFC", text).strip()


def canonical(text: str) -> str:
    """The one spelling of an id: in NFC, without white space around it.

    Raises ValueError that says what is wrong with a text that cannot be an id.
    """
    found = normal(text)
    if not found:
        raise ValueError("an id is not empty")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in found):
        raise ValueError("an id holds no control characters")
    if len(found.encode()) > MAX_BYTES:
        raise ValueError(f"an id has at most {MAX_BYTES} bytes of UTF-8")
    return found


def whole(text: str) -> str:
    """`canonical` for the bare id of a person, a keak or a beat: ``1.0`` and ``1e+05`` are whole numbers.

    Raises ValueError also for a number that is not whole, or whose last digits are lost, and for a database's null.
    """
    found = canonical(text)
    if found == NULL:
        raise ValueError(rf"an id is missing: {NULL} is how databases write that nothing is there")
    if _is_rounded(found):
        raise ValueError("an id that is a number has all of its digits; the last ones of this were rounded away")
    if point := _POINT.fullmatch(found):
        return point[1]
    if _EXPONENT.fullmatch(found):
        value = float(found)
        if value.is_integer() and abs(value) < 10**EXPONENT_DIGITS:
            return str(int(value))
    if _BROKEN.fullmatch(found):
        raise ValueError("an id that is a number is whole")
    return found


def _is_rounded(text: str) -> bool:
    """Whether a number was written with fewer digits than it has: two ids may look the same."""
    if not (found := _ROUNDED.fullmatch(text)):
        return False
    spreadsheet, printed, power = found[1], found[2], float(found[3])
    if printed is not None:
        return power >= PRINTED_FROM
    return power >= SHOWN_FROM and len(spreadsheet) < power


def canonical_user(text: str) -> str:
    """`whole` for the id of a person, without the prefix ``users/``: both spellings name the same person.

    An id with the prefix of a content is refused.
    """
    found = whole(text.strip().removeprefix(schema.USER_PREFIX))
    if found.startswith(schema.CONTENT_PREFIXES):
        raise ValueError(f"the id of a person does not begin with {', '.join(schema.CONTENT_PREFIXES)}")
    return found


def canonical_content(text: str) -> str:
    """The one spelling of the id of a content; its prefix (``keaks/``, ``beats/``, ``tracks/``) stays, not counted.

    Keaks and beats are spelled by `whole`, tracks by `canonical`.
    """
    found = text.strip()
    for prefix in schema.CONTENT_PREFIXES:
        if found.startswith(prefix):
            bare = found.removeprefix(prefix)
            return prefix + (canonical(bare) if prefix == schema.TRACK_PREFIX else whole(bare))
    raise ValueError(f"the id of a content begins with {', '.join(schema.CONTENT_PREFIXES)}")
