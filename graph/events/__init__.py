"""What people do, written into the graph as it happens."""

from graph.events.record import HALF_LIFE_MS, MAX_ID, Applied, Event, Kind, apply, forget, pulse

__all__ = ["HALF_LIFE_MS", "MAX_ID", "Applied", "Event", "Kind", "apply", "forget", "pulse"]
