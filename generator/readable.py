"""Names that one can read and tell apart, made of a number alone: no two numbers have the same."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from generator.chance import Array

__all__ = ["people", "titles"]

_SYLLABLES: Final = [first + last for first in "bdfgklmnprstvz" for last in ("a", "e", "i", "o", "u")]
_STEP: Final = 1_000_003
"""Prime, so that neighbours get names that look different and no name comes twice."""
_FIRST: Final = (
    *("amber", "blue", "broken", "city", "cold", "crystal", "dark", "distant", "early", "electric", "empty", "endless"),
    *("golden", "green", "hidden", "late", "little", "lonely", "lost", "midnight", "neon", "open", "paper", "quiet"),
    *("rolling", "sacred", "silver", "slow", "southern", "velvet", "wild", "winter"),
)
_SECOND: Final = (
    *("avenue", "bridge", "circle", "cloud", "corner", "dance", "dream", "echo", "fever", "fire", "flight", "garden"),
    *("harbour", "heart", "horizon", "letter", "light", "mirror", "moon", "morning", "mountain", "ocean", "rain"),
    *("river", "road", "shadow", "signal", "star", "station", "storm", "summer", "window"),
)


def people(numbers: Array) -> pl.Series:
    """A first and a last name for each of ``numbers`` (int64, 0 to 1.6 billion), such as "Kalu Remibo"."""
    size = len(_SYLLABLES)
    rest = np.asarray(numbers, dtype=np.int64) * _STEP % size**5
    parts = []
    for _ in range(5):
        parts.append(pl.Series(_SYLLABLES).gather(rest % size))
        rest = rest // size
    first, last = parts[0] + parts[1], parts[2] + parts[3] + parts[4]
    return first.str.to_titlecase() + " " + last.str.to_titlecase()


def titles(numbers: Array) -> pl.Series:
    """A title for each of ``numbers`` (int64), such as "Velvet River 12"; the first 1,024 have no number."""
    count = len(_FIRST) * len(_SECOND)
    numbers = np.asarray(numbers, dtype=np.int64)
    words, edition = numbers % count * 611 % count, numbers // count
    first = pl.Series(_FIRST).gather(words // len(_SECOND)).str.to_titlecase()
    second = pl.Series(_SECOND).gather(words % len(_SECOND)).str.to_titlecase()
    suffix = pl.Series(np.where(edition > 0, " " + (edition + 1).astype(str), ""), dtype=pl.String)
    return first + " " + second + suffix
