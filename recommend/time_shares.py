"""The shares of a request's time: until when each part of an answer is waited for.

A request has ``service.deadline_ms``, counted from when it came. `REFUSED`, `HURRIED`, `GRAPH` and `FEED` are shares
of that. A feed has a deadline of its own, the share `FEED`; `TURN` and `QUERIES` are shares of the time that is left
then, and the others are shares of the feed's deadline.
"""

from __future__ import annotations

from typing import Final

REFUSED: Final = 0.5
"""A request that waited longer than this for a thread is refused."""
HURRIED: Final = 0.25
"""A request that waited longer than this for a thread is answered without models and reasons."""
GRAPH: Final = 0.9
"""Neo4j, and the loading of a model, are waited for until then; what is left is for the snapshot's answer."""
TURN: Final = 0.25
"""Share of what is left until `GRAPH` for which a feed waits for its turn to ask Neo4j."""
FEED: Final = 0.75
"""The deadline of a feed, so that it comes without a late source rather than not at all."""

TODAY: Final = 0.3
"""What a known user did since the model learned is waited for until then; later, the model is asked without it."""
SOURCES: Final = 0.6
"""Sources are waited for until then."""
REST: Final = 0.9
"""Facts, restrictions, reasons and names are waited for until then."""
IN_MEMORY: Final = 0.9
"""A feed from the graph in memory that has not had its turn until then is not begun."""

QUERIES: Final = 0.6
"""Where the graph in memory is behind: share of what is left for a feed by queries, before that graph stands in."""
RESTRICTIONS: Final = 0.8
"""The graph in memory that stands in waits until then for what its reader must not be shown and whom they follow."""
GONE: Final = 0.95
"""The graph in memory that stands in waits until then to hear which contents are gone."""
