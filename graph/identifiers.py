"""Which texts are valid ids, and their canonical form, the same in files, events, paths of the API and the page.

An id is text of 1 to `MAX_BYTES` bytes of UTF-8 after normalisation to NFC. It may contain slashes, colons, ``@``,
spaces, percent signs and emoji, but no control characters other than newline.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from graph import schema

__all__ = ["MAX_BYTES", "canonical", "canonical_content", "canonical_user", "normal"]

MAX_BYTES: Final = 500
"""Bytes of UTF-8 of the longest id."""


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


def canonical_user(text: str) -> str:
    """`canonical` for the id of a person, without the prefix ``users/``: both spellings name the same person.

    An id with the prefix of a content is refused.
    """
    found = canonical(text.strip().removeprefix(schema.USER_PREFIX))
    if found.startswith(schema.CONTENT_PREFIXES):
        raise ValueError(f"the id of a person does not begin with {', '.join(schema.CONTENT_PREFIXES)}")
    return found


def canonical_content(text: str) -> str:
    """`canonical` for the id of a content; its prefix (``keaks/``, ``beats/``, ``tracks/``) stays, not counted."""
    found = text.strip()
    for prefix in schema.CONTENT_PREFIXES:
        if found.startswith(prefix):
            return prefix + canonical(found.removeprefix(prefix))
    raise ValueError(f"the id of a content begins with {', '.join(schema.CONTENT_PREFIXES)}")
