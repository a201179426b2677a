"""What a user may say about files instead of having it found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graph.files.scale import Scale

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """None, or empty: found from the file."""

    progress: Scale | None = None
    """The scale of progress and averageViewProgress."""
    remembered: Mapping[str, str] = field(default_factory=dict)
    """Column → its scale in earlier imports, as the graph keeps it."""
