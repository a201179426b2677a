"""``feedback.jsonl`` in the home: events that name the item of a feed which led to them, and what was shown to people.

The graph folds all watches of a pair into one relationship, which has no place for the feed of each; a line has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from graph import aside, shown
from graph.events.event import IMPRESSION, Entry

__all__ = ["LOG", "log"]

LOG: Final = "feedback.jsonl"


def log(home: Path, entries: Iterable[Entry], received: int) -> None:
    """Append a line for each impression and each event with a context; ``received`` in ms. Raises OSError."""
    lines = [_line(one, received) for one in entries if one.context or one.kind == IMPRESSION]
    if lines:
        aside.append_line(home / LOG, "\n".join(lines))


def _line(entry: Entry, received: int) -> str:
    said: dict[str, Any] = {**entry._asdict(), "received": received}
    context = said.pop("context")
    if context:
        said |= shown.read(context)._asdict()
    return json.dumps(said, ensure_ascii=False)
