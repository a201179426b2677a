"""The opaque cursor of a feed: the ids already shown, so that no page repeats one even when the ranking changes."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Final

from web.problems import invalid

__all__ = ["MAX_CHARACTERS", "decode", "encode"]

MAX_CHARACTERS: Final = 6_000
"""Longer ones would not fit into a request line; the feed ends there."""

_MAX_BYTES: Final = 65_536


def encode(shown: Sequence[str]) -> str | None:
    """The cursor after the contents ``shown``, or None when it would be too long to send."""
    packed = zlib.compress("\n".join(shown).encode(), 9)
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    return text if len(text) <= MAX_CHARACTERS else None


def decode(cursor: str) -> tuple[str, ...]:
    """The ids that ``cursor`` holds. Raises the problem naming ``cursor`` when it is none of ours."""
    inflate = zlib.decompressobj()
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = inflate.decompress(packed, _MAX_BYTES).decode()
    except (binascii.Error, zlib.error, ValueError):
        raise invalid("cursor", "is not one that this service gave; leave it out to begin at the top") from None
    if not inflate.eof:
        raise invalid("cursor", "is cut short; leave it out to begin at the top")
    return tuple(text.split("\n"))
