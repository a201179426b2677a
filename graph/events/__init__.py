"""What people do, kept in the outbox and written into the graph as it happens."""

from graph.events.event import AHEAD, IMPRESSION, KINDS, Entry, Event, milliseconds
from graph.events.outbox import Kept, Outbox, Status
from graph.events.record import KEPT, Outcome, apply, forget

__all__ = [
    "AHEAD",
    "IMPRESSION",
    "KEPT",
    "KINDS",
    "Entry",
    "Event",
    "Kept",
    "Outbox",
    "Outcome",
    "Status",
    "apply",
    "forget",
    "milliseconds",
]
