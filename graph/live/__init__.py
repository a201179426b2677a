"""The graph in memory, kept in step with Neo4j: the snapshot's arrays and what happened since laid over them."""

from graph.live.facts import Pair
from graph.live.view import View

__all__ = ["Pair", "View"]
