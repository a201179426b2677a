"""A feed from what Neo4j answers to queries: sources → filters → scorer → selector → reasons.

What does not come in time comes from the snapshot. `recommend.live_feed` does the same without a query.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final

from graph.errors import GraphError, GraphTimeout
from recommend import diversity, lookups, reasons, scorer, selector, sources, time_shares
from recommend.diversity import NO_TRAITS, Spread, Traits
from recommend.feed import Recommendation
from recommend.filters import Facts
from recommend.journey import Journey, Proposal, able, named
from recommend.naming import named as with_names
from recommend.new_contents import NEW_CONTENTS
from recommend.questions import Questions
from recommend.reader import GraphReader
from recommend.request import Request
from recommend.restrictions import Recent, Restrictions, by_now
from recommend.scorer import Scored
from recommend.sentences import Reason
from recommend.served_model import ServedModel
from recommend.snapshot_reader import SnapshotReader
from recommend.sources import Candidate, Source

__all__ = ["AskedFeed"]

Offline = Callable[[], SnapshotReader | None]
"""The snapshot, if there is one, with what the person must not be shown; made once something comes too late."""

_log: Final = logging.getLogger("entourage.recommend")


@dataclass(frozen=True)
class AskedFeed:
    """Composes feeds from ``graph`` and ``snapshot``, of which one may be missing."""

    questions: Questions
    graph: GraphReader | None
    snapshot: SnapshotReader | None
    recent: Recent

    def compose(
        self, request: Request, served: ServedModel | None, journey: Journey
    ) -> tuple[list[Scored], tuple[Recommendation, ...]]:
        """What to show, as it was scored and as it is answered.

        Raises GraphUnavailable when there is neither a database nor a snapshot, GraphTimeout or GraphError when no
        source answered.
        """
        with journey.stage("sources"):
            restrictions = self._ask_restrictions(request)
            proposals = self._propose(request, served, journey)
        snapshot = cache(partial(self._offline, request, restrictions, journey))
        with journey.stage("filters"):
            facts = self._facts(request, proposals, snapshot, journey)
            again = {one.content_id for source, those in proposals if source is sources.REPLAYS for one in those}
            facts |= {name: replace(facts[name], replay=True) for name in again & facts.keys()}
            _account(request, proposals, facts, journey)
            allowed = able(request, proposals, facts)
        with journey.stage("last resort"):
            for source in scorer.asked((sources.LAST_RESORT, sources.UNWATCHED), request.composition):
                if len(named(allowed)) < request.n:
                    allowed += self._last_resort(source, request, facts, snapshot, journey)
        with journey.stage("scorer"):
            scored = scorer.score(allowed, request.composition)
        with journey.stage("selector"):
            spread = self._spread(request, scored, facts, served, snapshot, journey)
            chosen = selector.select(scored, facts, request.n, request.composition, request.draw, spread)
        with journey.stage("reasons"):
            why = self._explain(request, chosen, snapshot, journey) if request.explain else {}
        items = selector.items(chosen, facts, why, request.now)
        with journey.stage("names"):
            items = with_names(items, lambda users, those: self._called(users, those, request, snapshot, journey))
        return chosen, items

    @property
    def _asks_graph(self) -> GraphReader | None:
        """Neo4j, unless it did not answer a moment ago."""
        return None if self.questions.graph_is_down else self.graph

    def _ask_restrictions(self, request: Request) -> Future[Restrictions] | None:
        """Begin to ask what the person must not be shown, for when the facts come too late."""
        graph = self._asks_graph
        if not graph or not self.snapshot:
            return None
        return self.questions.of_restrictions(graph.restrictions, request, request.deadline.left_ms(time_shares.REST))

    def _propose(self, request: Request, served: ServedModel | None, journey: Journey) -> list[Proposal]:
        """Ask all sources at once and take what comes in time; the snapshot stands in for what did not."""
        asked: dict[Future[list[Candidate]], Source] = {}
        left, graph, ask = request.deadline.left_ms(time_shares.SOURCES), self._asks_graph, self.questions
        if graph:
            for source in scorer.asked(sources.asked_of_graph(request), request.composition):
                asked[ask.of_graph(graph.candidates, source, request, left)] = source
        if served:
            journey.outcomes.update(dict.fromkeys(served.missing, "failed"))
        if served and request.session:
            asked.update({ask.of_model(one.best_for_session, request): source for source, one in served.voices})
        elif served and served.knows(request.user_id):
            now = None
            if graph:  # without it the models go by their training
                done = ask.of_facts(graph.today, served.snapshot, request, left)
                now = ask.in_time(done, "today", journey, request.deadline.left_ms(time_shares.TODAY))
            asked.update({ask.of_model(one.best, request, now): source for source, one in served.voices})
            if graph and served.new_contents:
                asked[ask.of_model(served.new_contents.ask, NEW_CONTENTS, request)] = NEW_CONTENTS
        elif served and graph:
            asked.update({ask.of_graph(one.best_for_newcomer, request, left): source for source, one in served.voices})
        wait_for(asked, timeout=left / 1000)
        proposals: list[Proposal] = []
        for future, source in asked.items():
            if answer := ask.in_time(future, source.name, journey, left_ms=0):
                proposals.append((source, answer))
        if self.snapshot:
            for source in scorer.asked(sources.SNAPSHOT_SOURCES, request.composition):
                if journey.outcomes.get(source.name) != "answered":
                    proposals.append((source, self.snapshot.candidates(source, request, left)))
        elif journey.graph_down:
            raise lookups.nothing_to_ask()
        elif journey.errors and not journey.those("answered"):
            raise _worst(journey)
        return proposals

    def _offline(self, request: Request, asked: Future[Restrictions] | None, journey: Journey) -> SnapshotReader | None:
        """The snapshot, with what the person must not be shown by now as far as that is known."""
        if not self.snapshot:
            return None
        known = by_now(asked, self.questions, self.recent, request, journey, time_shares.REST)
        return self.snapshot.knowing(known, self.recent.taken_down(), self.recent.private())

    def _last_resort(
        self,
        source: Source,
        request: Request,
        facts: dict[str, Facts],
        snapshot: Offline,
        journey: Journey,
    ) -> list[Proposal]:
        """What is there for everyone, from the graph if it answers, else from the snapshot."""
        candidates: list[Candidate] | None = None
        left = request.deadline.left_ms(time_shares.REST)
        if graph := self._asks_graph:
            asked = self.questions.of_graph(graph.candidates, source, request, left)
            candidates = self.questions.in_time(asked, source.name, journey, left)
        if candidates is None and (reader := snapshot()):
            candidates = reader.candidates(source, request, left)
        proposals: list[Proposal] = [(source, candidates or [])]
        unknown = [(source, [c for c in candidates or [] if c.content_id not in facts])]
        facts |= self._facts(request, unknown, snapshot, journey)
        _account(request, proposals, facts, journey)
        return able(request, proposals, facts)

    def _facts(
        self, request: Request, proposals: Sequence[Proposal], snapshot: Offline, journey: Journey
    ) -> dict[str, Facts]:
        """Facts of all candidates; what neither the graph nor the snapshot knows in time has none, and is not shown."""
        content_ids = {candidate.content_id for _, candidates in proposals for candidate in candidates}
        if not content_ids:
            return {}
        left = request.deadline.left_ms(time_shares.REST)
        if graph := self._asks_graph:
            asked = self.questions.of_facts(graph.facts, request, content_ids, left)
            answer = self.questions.in_time(asked, "filters", journey, left)
            if answer is not None:
                return answer
        if reader := snapshot():
            return reader.facts(request, content_ids, left)
        if journey.graph_down:
            raise lookups.nothing_to_ask()
        raise _worst(journey)

    def _spread(
        self,
        request: Request,
        scored: Sequence[Scored],
        facts: Mapping[str, Facts],
        served: ServedModel | None,
        snapshot: Offline,
        journey: Journey,
    ) -> Spread | None:
        """What spreads the feed, where that is asked for; without traits where nobody tells them in time."""
        less = seen.less if (seen := request.seen.known) else ()
        looks = bool(less) or diversity.wanted(request.composition)
        if not scored or not (looks or request.replays):
            return None
        content_ids = [one.content_id for one in scored]
        asked_for = {*content_ids, *(content_id for content_id, _ in less)}
        left = request.deadline.left_ms(time_shares.REST)
        traits: dict[str, Traits] | None = None if looks else {}
        if looks and (graph := self._asks_graph):
            asked = self.questions.of_facts(graph.traits, request, asked_for, left)
            traits = self.questions.in_time(asked, "traits", journey, left)
        if traits is None and (reader := snapshot()):
            traits = reader.traits(request, asked_for, left)
        known = traits or {}
        told = [(content_id, at, known.get(content_id, NO_TRAITS)) for content_id, at in less]
        return diversity.spread(
            request.composition,
            request.n,
            lambda place: known.get(content_ids[place], NO_TRAITS),
            lambda place: content_ids[place],
            served.vector if served else None,
            diversity.Lessened(request.composition.less, told, request.now) if less else None,
            (lambda place: facts[content_ids[place]].replay) if request.replays else None,
        )

    def _explain(
        self, request: Request, chosen: Sequence[Scored], snapshot: Offline, journey: Journey
    ) -> dict[str, tuple[Reason, ...]]:
        """The reasons of each content, by its id; none where neither the graph nor the snapshot tells any in time."""
        content_ids = [scored.content_id for scored in chosen]
        left = request.deadline.left_ms()
        rows = None
        if content_ids and (graph := self._asks_graph):
            asked = self.questions.of_facts(graph.why, request, content_ids, left)
            rows = self.questions.in_time(asked, "reasons", journey, left)
        if rows is None and (reader := snapshot()):
            rows = reader.why(request, content_ids, left)
        return {
            content_id: reasons.reasons(row, request.now, request.unnamed) for content_id, row in (rows or {}).items()
        }

    def _called(
        self,
        user_ids: Sequence[str],
        content_ids: Sequence[str],
        request: Request,
        snapshot: Offline,
        journey: Journey,
    ) -> dict[str, str]:
        """Names of what a feed mentions; where Neo4j is late, those of the snapshot, else ids stay."""
        names = None
        left = request.deadline.left_ms()
        if graph := self._asks_graph:
            asked = self.questions.of_facts(graph.names, user_ids, content_ids, left)
            names = self.questions.in_time(asked, "names", journey, left)
        if names is None and (reader := snapshot()):
            names = reader.names(user_ids, content_ids)
        return names or {}


def _account(request: Request, proposals: Sequence[Proposal], facts: dict[str, Facts], journey: Journey) -> None:
    """Tell what the sources proposed, where that was asked for."""
    if journey.account is not None:
        for source, candidates in proposals:
            names = [candidate.content_id for candidate in candidates]
            journey.account.filtered(source.name, names, request, facts)


def _worst(journey: Journey) -> Exception:
    """The error to answer with when nothing can be answered: of a failure rather than of a deadline."""
    failed = [error for name, error in journey.errors.items() if journey.outcomes[name] == "failed"]
    if failed:
        return GraphError(f"No part of the answer could be found: {failed[0]}")
    return GraphTimeout("No part of the answer was ready before the deadline.")
