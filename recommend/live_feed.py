"""A feed from the graph as it lies in memory: sources → filters → scorer → selector → reasons, without a query."""

from __future__ import annotations

from typing import Final

from graph.errors import GraphTimeout
from graph.live import View
from recommend import reasons, scorer, selector, sources
from recommend.filters import Facts
from recommend.journey import Journey, Proposal, able, named
from recommend.live_reader import LiveReader
from recommend.request import Deadline, Request
from recommend.scorer import Scored
from recommend.sentences import Reason

__all__ = ["compose", "rehearse"]

_REHEARSED: Final = 20
"""People for whom a rehearsal composes feeds."""
_SHARE: Final = 0.9
"""Share of the deadline after which a request that still waits for its turn is not begun."""


def rehearse(view: View) -> None:
    """Compose feeds for a few people of a view, so that the first who asks waits for no compiler and no disk."""
    reader, users = LiveReader(view), view.snapshot.users.ids
    for user_id in users.gather_every(max(1, len(users) // _REHEARSED)).to_list():
        for kind in (None, "keak", "beat"):
            request = Request("rehearsal", user_id, 20, kind, frozenset(), True, Deadline(60_000))
            compose(reader, request, [], Journey(graph_down=False))


def compose(
    reader: LiveReader, request: Request, proposals: list[Proposal], journey: Journey
) -> tuple[list[Scored], dict[str, Facts], dict[str, tuple[Reason, ...]]]:
    """What to show, its facts and its reasons, from the model's ``proposals`` and what the view knows.

    One request at a time: all of it is work of the processor. Raises GraphTimeout for one that waits for too long.
    """
    with journey.stage("wait"):
        held = reader.view.lock.acquire(timeout=request.deadline.left_ms(_SHARE) / 1_000)
    if not held:
        raise GraphTimeout("The service has more to do than it can do before the deadline.")
    try:
        with journey.stage("sources"):
            for source in sources.GRAPH_SOURCES:
                proposals.append((source, reader.candidates(source, request)))
                journey.outcomes[source.name] = "answered"
        with journey.stage("filters"):
            facts = reader.facts(request, named(proposals))
            allowed = able(request, proposals, facts)
            journey.outcomes["filters"] = "answered"
        with journey.stage("last resort"):
            for source in (sources.LAST_RESORT, sources.UNWATCHED):
                if len(named(allowed)) < request.n:
                    more: list[Proposal] = [(source, reader.candidates(source, request))]
                    facts |= reader.facts(request, named(more) - facts.keys())
                    allowed += able(request, more, facts)
                    journey.outcomes[source.name] = "answered"
        with journey.stage("scorer"):
            scored = scorer.score(allowed)
        with journey.stage("selector"):
            chosen = selector.select(scored, facts, request.n)
        why: dict[str, tuple[Reason, ...]] = {}
        with journey.stage("reasons"):
            if request.explain and chosen:
                rows = reader.why(request, [one.content_id for one in chosen])
                why = {content_id: reasons.reasons(row, request.now) for content_id, row in rows.items()}
                journey.outcomes["reasons"] = "answered"
    finally:
        reader.view.lock.release()
    return chosen, facts, why
