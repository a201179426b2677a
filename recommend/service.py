"""One request's way from a user id to a ranked, explained feed: sources → filters → scorer → selector.

``FeedService.recommend`` is the map of the folder: read it from top to bottom.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from graph.errors import GraphError, GraphTimeout, GraphUnavailable
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend import filters, lookups, reasons, scorer, selector, sources
from recommend.feed import RUNGS, Feed, Person, Reason, Recommendation, Rung, Subgraph
from recommend.filters import Facts
from recommend.new_contents import NEW_CONTENTS, NewContents
from recommend.request import Deadline, Request
from recommend.scorer import Scored
from recommend.snapshot_source import SnapshotAnswers
from recommend.sources import Candidate, Source
from recommenders.core.recommender import Recommender

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["FeedService"]

T = TypeVar("T")
Proposal = tuple[Source, Sequence[Candidate]]

_SOURCES_SHARE: Final = 0.6
"""Share of the deadline after which sources are no longer waited for."""
_REST_SHARE: Final = 0.9
_MEND_SECONDS: Final = 2.0
"""How long Neo4j is left alone after it failed to answer: one request pays for finding out, not all."""
_THREADS: Final = 16
_MODEL_THREADS: Final = 2


@dataclass
class _Journey:
    """What happens to one request on the way, for the feed's own account of it."""

    late: list[str] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    degraded: bool = False

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.timings_ms[name] = round(self.timings_ms.get(name, 0.0) + spent, 2)


class FeedService:
    """Answers "what should this person see next, and why" from Neo4j, the snapshot and a model, whichever there are.

    Safe to share between threads; make one in each process. ``model_version`` is named in every feed that the model
    took part in.
    """

    def __init__(
        self,
        graph: Graph | None,
        snapshot: Snapshot | None,
        model: Recommender | None,
        settings: Settings,
        *,
        model_version: str | None = None,
    ) -> None:
        self.graph = graph
        self.snapshot = snapshot
        self.model = model
        self.settings = settings
        self.model_version = model_version or (model.name if model else None)
        self._answers = SnapshotAnswers(snapshot) if snapshot else None
        self._ask_model = sources.model_source(model) if model else None
        self._ask_for_newcomer = sources.newcomer_source(model, graph) if model and graph else None
        self._ask_new = NewContents(model, graph).ask if model and graph else None
        self._ask_graph = (
            sources.bind(graph, settings, implicit=bool(snapshot and snapshot.mode == "implicit")) if graph else None
        )
        self._broken_until = 0.0

    def recommend(
        self,
        user_id: str,
        n: int = 20,
        kind: str | None = None,
        exclude: Collection[str] = (),
        explain: bool = True,
        deadline_ms: int | None = None,
        request_id: str | None = None,
    ) -> Feed:
        """The ``n`` contents that ``user_id`` (bare) should see next, best first.

        ``kind`` is keak or beat, None for both; ``exclude`` holds prefixed content ids. A user nobody knows gets the
        trending or popular rung. Raises GraphUnavailable when there is neither a database nor a snapshot.
        """
        deadline = Deadline(deadline_ms or self.settings.service.deadline_ms)
        request = Request(request_id or uuid.uuid4().hex, user_id, n, kind, frozenset(exclude), explain, deadline)
        journey = _Journey(degraded=self._graph_is_down)

        with journey.stage("sources"):
            proposals = self._propose(request, journey)
        with journey.stage("filters"):
            facts = self._facts(request, proposals, journey)
            allowed = _keep(request, proposals, facts)
        with journey.stage("last resort"):
            if _distinct(allowed) < n:
                allowed += self._last_resort(request, facts, journey)
        with journey.stage("scorer"):
            scored = scorer.score(allowed)
        with journey.stage("selector"):
            chosen = selector.select(scored, facts, n)
        with journey.stage("reasons"):
            why = self._explain(request, chosen, facts, journey) if explain else [()] * len(chosen)
        return self._feed(request, chosen, facts, why, journey)

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        """Whom ``user_id`` may want to follow. Raises UnknownUser."""
        return lookups.people(self._live_graph, self.snapshot, self._answers, user_id, n)

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        """At most ``limit`` relationships within ``depth`` (1 or 2) steps. Raises UnknownUser, GraphUnavailable."""
        return lookups.neighbourhood(self._needed_graph, user_id, depth, limit)

    def user(self, user_id: str) -> dict[str, Any]:
        """What is known about a user. Raises UnknownUser."""
        return lookups.user(self._live_graph, self.snapshot, user_id)

    def content(self, content_id: str) -> dict[str, Any]:
        """What is known about a content ("keaks/123"). Raises UnknownContent."""
        return lookups.content(self._live_graph, self.snapshot, content_id)

    def search(self, text: str, n: int = 20) -> list[dict[str, Any]]:
        """Users, contents, hashtags and genres that begin with ``text``. Raises GraphUnavailable."""
        return self._needed_graph.read("lookup/search", text=text, limit=n)[:n]

    def _propose(self, request: Request, journey: _Journey) -> list[Proposal]:
        """Ask all sources at once and take what comes in time."""
        asked: dict[Future[list[Candidate]], Source] = {}
        left = request.deadline.left_ms(_SOURCES_SHARE)
        known = self.model is not None and sources.knows(self.model.snapshot, request.user_id)
        if self._ask_model and known:
            asked[self._model_pool.submit(self._ask_model, sources.MODEL, request, left)] = sources.MODEL
        if self._ask_for_newcomer and not known and not self._graph_is_down:
            asked[self._pool.submit(self._ask_for_newcomer, sources.MODEL, request, left)] = sources.MODEL
        if self._ask_new and known and not self._graph_is_down:
            asked[self._model_pool.submit(self._ask_new, NEW_CONTENTS, request)] = NEW_CONTENTS
        if self._ask_graph and not self._graph_is_down:
            for source in sources.GRAPH_SOURCES:
                asked[self._pool.submit(self._ask_graph, source, request, left)] = source
        wait_for(asked, timeout=left / 1000)
        proposals: list[Proposal] = []
        for future, source in asked.items():
            if answer := self._in_time(future, source.name, journey, left_ms=0):
                proposals.append((source, answer))
        if journey.degraded and not self._answers:
            raise lookups.nothing_to_ask()
        if journey.degraded:
            proposals += [(source, self._ask_snapshot(source, request)) for source in sources.SNAPSHOT_SOURCES]
        return proposals

    def _last_resort(self, request: Request, facts: dict[str, Facts], journey: _Journey) -> list[Proposal]:
        """What is popular with everyone, from the graph if it answers, else from the snapshot."""
        source = sources.LAST_RESORT
        candidates: list[Candidate] | None = None
        if self._ask_graph and not self._graph_is_down:
            left = request.deadline.left_ms(_REST_SHARE)
            candidates = self._in_time(
                self._pool.submit(self._ask_graph, source, request, left), source.name, journey, left
            )
        if not candidates:
            candidates = self._ask_snapshot(source, request)
        proposals: list[Proposal] = [(source, candidates)]
        fresh = [(source, [c for c in candidates if c.content_id not in facts])]
        facts |= self._facts(request, fresh, journey)
        return _keep(request, proposals, facts)

    def _facts(self, request: Request, proposals: Sequence[Proposal], journey: _Journey) -> dict[str, Facts]:
        content_ids = {candidate.content_id for _, candidates in proposals for candidate in candidates}
        if not content_ids:
            return {}
        graph, left = self._live_graph, request.deadline.left_ms(_REST_SHARE)
        if graph and left:
            asked = self._pool.submit(filters.facts_from_graph, graph, request, content_ids, left)
            answer = self._in_time(asked, "filters", journey, left)
            if answer is not None:
                return answer
        journey.degraded = True  # facts younger than the snapshot are missing
        return filters.facts_from_snapshot(self._known_snapshot, request, content_ids)

    def _explain(
        self, request: Request, chosen: Sequence[Scored], facts: dict[str, Facts], journey: _Journey
    ) -> list[tuple[Reason, ...]]:
        connections: dict[str, Any] | None = None
        graph, left = self._live_graph, request.deadline.left_ms()
        if graph and left and chosen:
            ids = [scored.content_id for scored in chosen]
            asked = self._pool.submit(reasons.facts_from_graph, graph, request, ids, left)
            connections = self._in_time(asked, "reasons", journey, left)
        return reasons.explain(chosen, facts, connections or {}, request, self.model)

    def _feed(
        self,
        request: Request,
        chosen: Sequence[Scored],
        facts: dict[str, Facts],
        why: Sequence[tuple[Reason, ...]],
        journey: _Journey,
    ) -> Feed:
        items = []
        for scored, because in zip(chosen, why, strict=True):
            known = facts[scored.content_id]
            items.append(
                Recommendation(
                    content_id=scored.content_id,
                    kind=known.kind,
                    score=round(scored.score, 6),
                    sources=tuple(source.name for source, _ in scored.said),
                    reasons=because,
                    link=known.link,
                    made_by=known.made_by,
                )
            )
        stood_on: set[Rung] = {source.rung for scored in chosen for source, _ in scored.said}
        rung = next((rung for rung in RUNGS if rung in stood_on), RUNGS[-1])
        return Feed(
            request_id=request.id,
            user_id=request.user_id,
            items=tuple(items),
            model_version=self.model_version if rung == "model" else None,
            rung=rung,
            degraded=journey.degraded,
            late=tuple(journey.late),
            timings_ms=journey.timings_ms,
        )

    def _ask_snapshot(self, source: Source, request: Request) -> list[Candidate]:
        if not self._answers:
            return []
        rows = self._answers.candidates(source.name, request.user_id, request.kind, request.pool, **source.caps)
        return [Candidate(row["contentId"], row["score"], row["count"], tuple(row["evidence"])) for row in rows]

    def _in_time(self, asked: Future[T], name: str, journey: _Journey, left_ms: int) -> T | None:
        """The answer, or None when it came too late or Neo4j is down, which the journey then says."""
        try:
            return asked.result(timeout=left_ms / 1000)
        except TimeoutError:
            asked.cancel()
            journey.late.append(name)
        except GraphTimeout:
            journey.late.append(name)
        except GraphUnavailable:
            self._broken_until = time.monotonic() + _MEND_SECONDS
            journey.degraded = True
        except GraphError:
            # One question that fails must not cost the whole answer.
            journey.late.append(name)
        return None

    @property
    def _graph_is_down(self) -> bool:
        return self.graph is None or time.monotonic() < self._broken_until

    @property
    def _live_graph(self) -> Graph | None:
        return None if self._graph_is_down else self.graph

    @property
    def _needed_graph(self) -> Graph:
        if self.graph is None:
            raise GraphUnavailable("There is no Neo4j to ask.", do="Start it with `entourage up`, or set NEO4J_URI.")
        return self.graph

    @property
    def _known_snapshot(self) -> Snapshot:
        if self.snapshot is None:
            raise lookups.nothing_to_ask()
        return self.snapshot

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="graph")

    @cached_property
    def _model_pool(self) -> ThreadPoolExecutor:
        """Apart from the graph's, so that a Neo4j that hangs does not keep the model from answering."""
        return ThreadPoolExecutor(_MODEL_THREADS, thread_name_prefix="model")


def _keep(request: Request, proposals: Sequence[Proposal], facts: dict[str, Facts]) -> list[Proposal]:
    """The proposals without the candidates that a filter holds back."""
    kept: list[Proposal] = []
    able = {content_id for content_id, known in facts.items() if filters.allowed(request, known)}
    for source, candidates in proposals:
        kept.append((source, [candidate for candidate in candidates if candidate.content_id in able]))
    return kept


def _distinct(proposals: Sequence[Proposal]) -> int:
    return len({candidate.content_id for _, candidates in proposals for candidate in candidates})
