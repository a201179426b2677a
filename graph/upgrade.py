"""Bring a home and its graph up to this version; it may be killed at any point and run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph import home
from graph.database.connection import local_home, running
from graph.database.driver import Graph
from graph.progress import Progress
from graph.server.local_server import LocalServer
from graph.settings import Settings
from graph.snapshot.export import export, exportable

__all__ = ["BEFORE", "Upgrade", "upgrade"]

BEFORE: Final = "before-upgrade"
"""Folder, next to the models, for models that can no longer be read."""
_FORMER: Final = "recent.sqlite3"
"""Blocks and hides, which the fresh snapshot holds too; the outbox has taken its place."""


@dataclass(frozen=True)
class Upgrade:
    """The result of `upgrade`."""

    found: int | None
    """Format of the home before; None for one that held nothing."""
    graph: str | None
    """Address of the graph; None where there is none."""
    applied: tuple[str, ...]
    """Schema files that the graph had not seen."""
    moved: tuple[str, ...]
    """Folders of models that were put aside."""
    exported: bool
    """Whether the snapshot was written anew."""
    put_aside: Path | None
    """The folder to which a snapshot was moved for which the graph holds no data."""

    @property
    def nothing(self) -> bool:
        """Whether everything was as it should be."""
        current = self.found is None or self.found == home.FORMAT
        return current and not (self.applied or self.moved)


def upgrade(settings: Settings, model_format: int, progress: Progress | None = None) -> Upgrade:
    """Bring the home and the graph up to date and say what was done.

    ``model_format``: number that a model's manifest must hold to be read. A local graph is started if need be, and
    stopped again. Raises SettingsError for a home that a newer version made, GraphError when Neo4j does not answer.
    """
    found = home.format_of(settings)
    if found is not None and found >= home.FORMAT:
        home.check(settings)
    with _graph(settings) as graph:
        pending = graph.pending_schema() if graph else []
        behind = bool(pending) or (found is not None and found < home.FORMAT)
        if behind:  # until everything is done, no other command may use what is half done
            home.write(settings, home.UNFINISHED)
        if progress:
            progress(0.0, "bringing the graph up to date")
        applied = graph.apply_schema() if graph and pending else []
        moved = _put_models_aside(settings.home / "models", model_format, behind=behind)
        exported, put_aside = False, None
        if behind and settings.snapshot_path.exists():
            if graph and exportable(graph):
                export(graph, settings.snapshot_path, settings, progress)
                exported = True
            else:
                put_aside = _renamed(settings.snapshot_path, settings.home / f"snapshot-{BEFORE}")
        if behind:
            for former in settings.home.glob(f"{_FORMER}*"):
                former.unlink()
            home.write(settings, home.FORMAT)
    where = graph.where.uri if graph else None
    return Upgrade(found, where, tuple(applied), tuple(moved), exported, put_aside)


@contextmanager
def _graph(settings: Settings) -> Iterator[Graph | None]:
    """The graph of any schema; None where neither ``NEO4J_URI`` nor a local store is there."""
    server = None
    if not settings.neo4j_uri:
        if not (local_home(settings) / "data").exists():
            yield None
            return
        if not running(settings):
            server = LocalServer(settings)
            server.start()
    try:
        with Graph.connect(settings, any_schema=True) as graph:
            yield graph
    finally:
        if server:
            server.stop()


def _put_models_aside(models: Path, model_format: int, *, behind: bool) -> list[str]:
    """Move the models that cannot be read, and with ``behind`` every checkpoint, to a folder beside; their names."""
    moved = []
    for folder in sorted(models.glob("[!.]*/")):
        if folder.name == BEFORE or _readable(folder, model_format):
            continue
        if folder.suffix == ".checkpoint" and not behind:
            continue
        _renamed(folder, models / BEFORE / folder.name)
        moved.append(folder.name)
    return moved


def _readable(folder: Path, model_format: int) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    is_ours = isinstance(manifest, dict) and manifest.get("model") == folder.name
    return is_ours and manifest.get("format") == model_format


def _renamed(folder: Path, target: Path) -> Path:
    """Rename ``folder`` to ``target``, or to that name with a number where it is taken; the new name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    number, free = 2, target
    while free.exists():
        free = target.with_name(f"{target.name}-{number}")
        number += 1
    return folder.rename(free)
