"""Options that describe files; what is not given is detected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from graph.files.scale import Scale

__all__ = ["NO_COLUMN", "Options"]

NO_COLUMN: Final = "-"
"""Says that no column is taken for a key of --columns, whatever the header says."""


@dataclass(frozen=True)
class Options:
    """Descriptions of a file. None, or empty, means: detect it."""

    separator: str | None = None
    header: bool | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Key of --columns (user, item, time, follower, friend …) → a header's name, a number from 1, or `NO_COLUMN`."""
    encoding: str | None = None
    progress: Scale | None = None
    """The scale of progress and averageViewProgress."""
    remembered: Mapping[str, Scale] = field(default_factory=dict)
    """Column → its scale in earlier imports, as the graph keeps it."""
    dry: bool = False
    """Whether nothing is to be written, not even a quarantine file."""
