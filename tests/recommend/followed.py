"""The checkerboard in Neo4j with a mirror that follows it, and events that happen there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from graph.database.driver import Graph
from graph.events import Entry, Event
from graph.live import View
from graph.live.mirror import Mirror
from graph.live.record import apply
from graph.settings import Settings
from graph.snapshot.export import export
from tests import checkerboard_graph

__all__ = ["Followed"]


class Followed:
    """The checkerboard in Neo4j, an export of it, and a mirror that follows."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph, self.settings = graph, settings
        export(graph, settings.snapshot_path, settings)
        self.mirror = Mirror(settings)
        self.mirror.refresh(graph)
        self.number = 0

    def happens(self, kind: str, user: str, **about: Any) -> None:
        self.number += 1
        at = datetime.fromtimestamp(checkerboard_graph.DAY / 1_000, UTC) + timedelta(days=1, seconds=self.number)
        event = Event.model_validate(
            {"event_id": f"live-{self.number}", "kind": kind, "user_id": user, "at": at, **about}
        )
        with self.mirror.ledger.turn(60):
            apply(self.graph, self.mirror.ledger, [Entry.of(event)], now=datetime.now(UTC), deadline_ms=60_000)

    @property
    def view(self) -> View:
        self.mirror.refresh(self.graph)
        found = self.mirror.view()
        assert found is not None, "not in step"
        return found
