"""The clock; tests replace `now`."""

from __future__ import annotations

import time

__all__ = ["now"]


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
