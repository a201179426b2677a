"""What people do, written into the graph as it happens."""

from graph.events.event import AHEAD, KINDS, Event
from graph.events.record import KEPT, Applied, Outcome, apply, forget

__all__ = ["AHEAD", "KEPT", "KINDS", "Applied", "Event", "Outcome", "apply", "forget"]
