"""Progress bars for steps that report the share done and what they do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from graph.progress import Progress as Report

__all__ = ["Log", "bar", "bars"]


@contextmanager
def bar(console: Console) -> Iterator[Report]:
    """A function to call with the share done (0..1) and what is being done: a single bar for everything."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share, what: progress.update(task, completed=share, description=what)


class Log:
    """JSON lines on standard output, for programs: an object with ``at`` and ``event`` a line."""

    def __init__(self) -> None:
        self._last = (-1.0, "")

    def __call__(self, event: str, **values: Any) -> None:
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **values}
        sys.stdout.write(json.dumps(line, default=float, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def progress(self, share: float, what: str) -> None:
        """A line where something else is done, and for every twentieth."""
        if what != self._last[1] or share >= self._last[0] + 0.05:
            self._last = share, what
            self("progress", share=round(share, 3), what=what)


@contextmanager
def bars(console: Console) -> Iterator[Report]:
    """A function to call with the share done (0..1) and what is being done: a bar for each step."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(share: float, what: str) -> None:
            if what not in tasks:
                for task in tasks.values():
                    progress.update(task, completed=1.0)
                tasks[what] = progress.add_task(what, total=1.0)
            progress.update(tasks[what], completed=share)

        yield report
