"""What was shown where and why, as the opaque ``context`` that an item of a feed carries and that events bring back.

Whoever reads logs later joins an event to the feed that led to it without a database: everything is in the text.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Final, NamedTuple

from pydantic import FiniteFloat, TypeAdapter, ValidationError

__all__ = ["MAX_CHARACTERS", "MAX_WORDS", "PATTERN", "Shown", "packed", "read", "unpacked"]

PATTERN: Final = r"^[A-Za-z0-9_-]+$"
MAX_CHARACTERS: Final = 2_000
MAX_WORDS: Final = 200
"""Characters of a client's own words."""
_VERSION: Final = b"\x01"
_CHECK_BYTES: Final = 4


class Shown(NamedTuple):
    """One item of one feed."""

    request_id: str
    place: int
    """The place in the feed, from 0 over all pages."""
    model_version: str | None
    """None where no model took part."""
    source: str
    """The source that proposed the item most strongly."""
    propensity: float | None
    """The probability with which it was put at its place; None where nothing is drawn at random."""
    words: str | None
    """The words that the client sent with its request."""

    @property
    def text(self) -> str:
        """Text for an address: a checksum, a version and JSON, in base64. No secret is in it, and no signature."""
        return packed(_VERSION + json.dumps(self, ensure_ascii=False, separators=(",", ":")).encode())


_ADAPTER: Final = TypeAdapter(tuple[str, int, str | None, str, FiniteFloat | None, str | None])


def read(text: str) -> Shown:
    """Read what `Shown.text` wrote. Raises ValueError for any other text."""
    body = unpacked(text)
    try:
        if body[:1] == _VERSION:
            return Shown(*_ADAPTER.validate_json(body[1:], strict=True))
    except ValidationError:
        pass
    raise ValueError("is not one that an item of a feed carried; send it as it came, or leave it out")


def packed(body: bytes) -> str:
    """The bytes and a checksum of them, as text for an address."""
    return base64.urlsafe_b64encode(_check(body) + body).decode().rstrip("=")


def unpacked(text: str) -> bytes:
    """The bytes that ``packed`` made this text of; none where it did not."""
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    check, body = found[:_CHECK_BYTES], found[_CHECK_BYTES:]
    return body if _check(body) == check else b""


def _check(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(_CHECK_BYTES, "big")
