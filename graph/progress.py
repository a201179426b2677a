"""The callback that long steps of every folder report their progress to."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is being done."""
