"""The opaque cursor of a feed: what was shown already, so that no page repeats it even when the ranking changes.

It holds a short hash of each content instead of its id, so its length depends on how many were shown, not on their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from graph.shown import PATTERN, packed, unpacked
from recommend.request import DIGEST_BYTES
from web.problems import invalid

__all__ = ["MAX_CHARACTERS", "PATTERN", "decode", "encode"]

MAX_CHARACTERS: Final = 6_000
"""Longer ones would not fit into a request line; the feed ends there."""

_VERSION: Final = b"\x02"


def encode(shown: Iterable[bytes]) -> str | None:
    """The cursor after the contents of which ``shown`` holds the digests, or None when it would be too long to send."""
    text = packed(_VERSION + b"".join(sorted(set(shown))))
    return text if len(text) <= MAX_CHARACTERS else None


def decode(cursor: str) -> Sequence[bytes]:
    """The digests that ``cursor`` holds. Raises the problem naming ``cursor`` when it is none of ours."""
    body = unpacked(cursor)
    if body[:1] != _VERSION or len(body) % DIGEST_BYTES != 1:
        raise invalid("cursor", "is not one that this service gave; leave it out to begin at the top")
    return [body[start : start + DIGEST_BYTES] for start in range(1, len(body), DIGEST_BYTES)]
