"""From a user id to a ranked, explained feed: sources → filters → scorer → selector → reasons.

``FeedService.recommend`` shows the whole way: read it from top to bottom.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from graph.errors import GraphError, GraphTimeout, GraphUnavailable
from graph.live import View
from graph.live.mirror import Mirror
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend import live_feed, lookups, reasons, scorer, selector, sources
from recommend.feed import RUNGS, Feed, Person, Recommendation, Rung, Subgraph
from recommend.filters import Facts
from recommend.journey import Journey, Proposal, able, named
from recommend.live_reader import LiveReader
from recommend.naming import named as with_names
from recommend.new_contents import NEW_CONTENTS, NewContents
from recommend.reader import GraphReader, Reader
from recommend.request import Deadline, Request
from recommend.restrictions import Recent, Restrictions
from recommend.scorer import Scored
from recommend.sentences import Reason
from recommend.snapshot_reader import SnapshotReader
from recommend.sources import Candidate, Source
from recommenders.core.recommender import Recommender

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["FeedService"]

T = TypeVar("T")

_log: Final = logging.getLogger("entourage.recommend")
_SOURCES_SHARE: Final = 0.6
"""Share of the deadline after which sources are no longer waited for."""
_REST_SHARE: Final = 0.9
_MEND_SECONDS: Final = 2.0
"""How long Neo4j is not queried after it did not answer, so that not every request waits for it."""
_THREADS: Final = 16
_MODEL_THREADS: Final = 2


class FeedService:
    """Answers "what should this person see next, and why" from Neo4j, the snapshot and a model, whichever there are.

    Safe to share between threads; make one in each process. ``model_version`` is named in every feed that the model
    took part in. While ``mirror`` is in step with the graph, feeds come from it, and Neo4j is asked about people only
    whom the model does not know. ``recent`` holds for answers from a snapshot that is older than it; by default it lies
    in the home.
    """

    def __init__(
        self,
        graph: Graph | None,
        snapshot: Snapshot | None,
        model: Recommender | None,
        settings: Settings,
        *,
        model_version: str | None = None,
        mirror: Mirror | None = None,
    ) -> None:
        self.graph = graph
        self.snapshot = snapshot
        self.model = model
        self.settings = settings
        self.model_version = model_version or (model.name if model else None)
        self.mirror = mirror
        self._live: LiveReader | None = None
        self.recent = Recent.of(settings)
        implicit = bool(snapshot and snapshot.mode == "implicit")
        self._graph_reader = GraphReader(graph, settings, implicit) if graph else None
        self._snapshot_reader = SnapshotReader(snapshot) if snapshot else None
        self._ask_model = sources.model_source(model) if model else None
        self._ask_for_newcomer = sources.newcomer_source(model, graph) if model and graph else None
        self._ask_new = NewContents(model, graph).ask if model and graph else None
        self._broken_until = 0.0
        self._graph_late = False

    def recommend(
        self,
        user_id: str,
        n: int = 20,
        kind: str | None = None,
        exclude: Collection[str] = (),
        explain: bool = True,
        deadline_ms: int | None = None,
        request_id: str | None = None,
        shown: Collection[bytes] = (),
    ) -> Feed:
        """The ``n`` contents that ``user_id`` (bare) should see next, best first.

        ``kind`` is keak or beat, None for both; ``exclude`` holds content ids, ``shown`` the `request.digest` of
        contents that earlier pages showed. A user nobody knows gets the trending or popular rung. Raises
        GraphUnavailable when there is neither a database nor a snapshot, GraphTimeout or GraphError when no source
        answered.
        """
        deadline = Deadline(deadline_ms or self.settings.service.deadline_ms)
        request = Request(
            request_id or uuid.uuid4().hex,
            user_id,
            n,
            kind,
            frozenset(exclude),
            explain,
            deadline,
            frozenset(shown),
        )
        journey = Journey(self._graph_is_down and not self._graph_late)
        if (view := self.mirror.view() if self.mirror else None) is not None:
            try:
                return self._from_view(view, request)
            except GraphTimeout:
                raise
            except Exception as error:  # Neo4j or the snapshot may answer yet
                _log.error("the graph in memory failed", exc_info=error)
                journey.outcomes["memory"] = "failed"
        if self._graph_late:
            journey.outcomes["graph"] = "late"

        with journey.stage("sources"):
            restrictions = self._ask_restrictions(request)
            proposals = self._propose(request, journey)
        snapshot = self._offline(request, restrictions, journey)
        with journey.stage("filters"):
            facts = self._facts(request, proposals, snapshot, journey)
            allowed = able(request, proposals, facts)
        with journey.stage("last resort"):
            for source in (sources.LAST_RESORT, sources.UNWATCHED):
                if len(named(allowed)) < n:
                    allowed += self._last_resort(source, request, facts, snapshot, journey)
        with journey.stage("scorer"):
            scored = scorer.score(allowed)
        with journey.stage("selector"):
            chosen = selector.select(scored, facts, n)
        with journey.stage("reasons"):
            why = self._explain(request, chosen, snapshot, journey) if explain else {}
        items = selector.items(chosen, facts, why)
        with journey.stage("names"):
            items = with_names(items, lambda users, those: self._called(users, those, request, snapshot, journey))
        return self._feed(request, items, chosen, journey)

    def _from_view(self, view: View, request: Request) -> Feed:
        """The feed from the graph as it lies in memory."""
        journey = Journey(graph_down=False)
        with journey.stage("model"):
            proposals = self._models_proposals(request, journey)
        reader = self._live
        if reader is None or reader.view is not view:
            reader = self._live = LiveReader(view)
        chosen, facts, why = live_feed.compose(reader, request, proposals, journey)
        with journey.stage("names"):
            items = with_names(selector.items(chosen, facts, why), reader.names)
        return self._feed(request, items, chosen, journey)

    def _models_proposals(self, request: Request, journey: Journey) -> list[Proposal]:
        """What the model says, of itself or, for somebody new, of what the graph has around them."""
        left = request.deadline.left_ms(_SOURCES_SHARE)
        proposals: list[Proposal] = []
        if self._ask_model and self.model and sources.knows(self.model.snapshot, request.user_id):
            ask, ask_new = self._ask_model, self._ask_new
            said = journey.attempt(sources.MODEL.name, lambda: ask(sources.MODEL, request, left))
            proposals.append((sources.MODEL, said or []))
            if ask_new:
                said = journey.attempt(NEW_CONTENTS.name, lambda: ask_new(NEW_CONTENTS, request))
                proposals.append((NEW_CONTENTS, said or []))
        elif self._ask_for_newcomer and not self._graph_is_down:
            asked = self._pool.submit(self._ask_for_newcomer, sources.MODEL, request, left)
            if answer := self._in_time(asked, sources.MODEL.name, journey, left):
                proposals.append((sources.MODEL, answer))
        return [proposal for proposal in proposals if proposal[1]]

    def while_late(self) -> FeedService:
        """The same for an answer that takes the place of one for which Neo4j was too slow: its feeds say just that."""
        _ = self._pool, self._model_pool  # shared with the copy
        stand_in = copy(self)
        stand_in._graph_late = True
        return stand_in

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        """Whom ``user_id`` may want to follow. Raises UnknownUser."""
        reader = self._reader(user_id)
        return list(with_names(lookups.people(reader, user_id, n), reader.names))

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        """At most ``limit`` relationships within ``depth`` (1 or 2) steps. Raises UnknownUser, GraphUnavailable."""
        return lookups.neighbourhood(self._reader(user_id), user_id, depth, limit)

    def user(self, user_id: str) -> dict[str, Any]:
        """What is known about a user. Raises UnknownUser."""
        return lookups.user(self._reader(user_id), user_id)

    def check_known(self, user_id: str) -> None:
        """Raises UnknownUser for somebody whom nobody knows."""
        view = self.mirror.view() if self.mirror else None
        if view is None or user_id not in view.users:
            self.user(user_id)

    def names(self, user_ids: Sequence[str], content_ids: Sequence[str] = ()) -> dict[str, str]:
        """Names of users (bare ids) and contents, by "users/1" and "keaks/1"; of those that have one."""
        return self._reader(None).names(user_ids, content_ids)

    def content(self, content_id: str) -> dict[str, Any]:
        """What is known about a content ("keaks/123"). Raises UnknownContent."""
        return lookups.content(self._reader(None), content_id)

    def search(
        self, text: str, n: int = 20, user_id: str | None = None, label: str | None = None
    ) -> list[dict[str, Any]]:
        """Users, contents, genres, moods and hashtags that have the words of ``text``, the largest audience first.

        People marked private are never found, nor people blocked on either side by ``user_id``, who searches.
        """
        return self._reader(user_id).search(text, n, user_id, label)

    def _ask_restrictions(self, request: Request) -> Future[Restrictions] | None:
        """Begin to ask what the person must not be shown, for when the facts come too late."""
        if not self._graph_reader or self._graph_is_down or not self._snapshot_reader:
            return None
        return self._pool.submit(self._graph_reader.restrictions, request, request.deadline.left_ms(_SOURCES_SHARE))

    def _propose(self, request: Request, journey: Journey) -> list[Proposal]:
        """Ask all sources at once and take what comes in time; the snapshot stands in for what did not."""
        asked: dict[Future[list[Candidate]], Source] = {}
        left = request.deadline.left_ms(_SOURCES_SHARE)
        known = self.model is not None and sources.knows(self.model.snapshot, request.user_id)
        if self._ask_model and known:
            asked[self._model_pool.submit(self._ask_model, sources.MODEL, request, left)] = sources.MODEL
        if self._ask_for_newcomer and not known and not self._graph_is_down:
            asked[self._pool.submit(self._ask_for_newcomer, sources.MODEL, request, left)] = sources.MODEL
        if self._ask_new and known and not self._graph_is_down:
            asked[self._model_pool.submit(self._ask_new, NEW_CONTENTS, request)] = NEW_CONTENTS
        if self._graph_reader and not self._graph_is_down:
            for source in sources.GRAPH_SOURCES:
                asked[self._pool.submit(self._graph_reader.candidates, source, request, left)] = source
        wait_for(asked, timeout=left / 1000)
        proposals: list[Proposal] = []
        for future, source in asked.items():
            if answer := self._in_time(future, source.name, journey, left_ms=0):
                proposals.append((source, answer))
        if self._snapshot_reader:
            for source in sources.SNAPSHOT_SOURCES:
                if journey.outcomes.get(source.name) != "answered":
                    proposals.append((source, self._snapshot_reader.candidates(source, request, left)))
        elif journey.graph_down:
            raise lookups.nothing_to_ask()
        elif journey.errors and not journey.those("answered"):
            raise _worst(journey)
        return proposals

    def _offline(self, request: Request, asked: Future[Restrictions] | None, journey: Journey) -> SnapshotReader | None:
        """The snapshot, with what the person must not be shown by now as far as that is known."""
        if not self._snapshot_reader:
            return None
        restrictions = Restrictions()
        if asked:
            restrictions = self._in_time(asked, "restrictions", journey, left_ms=0) or restrictions
        return self._snapshot_reader.knowing(self._with_recent(restrictions, request.user_id))

    def _with_recent(self, restrictions: Restrictions, user_id: str) -> Restrictions:
        try:
            return self.recent.with_recent(restrictions, user_id)
        except sqlite3.Error as error:
            _log.error("recent blocks and hides cannot be read: %s", error)
            return restrictions

    def _last_resort(
        self,
        source: Source,
        request: Request,
        facts: dict[str, Facts],
        snapshot: SnapshotReader | None,
        journey: Journey,
    ) -> list[Proposal]:
        """What is there for everyone, from the graph if it answers, else from the snapshot."""
        candidates: list[Candidate] | None = None
        left = request.deadline.left_ms(_REST_SHARE)
        if self._graph_reader and not self._graph_is_down:
            asked = self._pool.submit(self._graph_reader.candidates, source, request, left)
            candidates = self._in_time(asked, source.name, journey, left)
        if candidates is None and snapshot:
            candidates = snapshot.candidates(source, request, left)
        proposals: list[Proposal] = [(source, candidates or [])]
        unknown = [(source, [c for c in candidates or [] if c.content_id not in facts])]
        facts |= self._facts(request, unknown, snapshot, journey)
        return able(request, proposals, facts)

    def _facts(
        self, request: Request, proposals: Sequence[Proposal], snapshot: SnapshotReader | None, journey: Journey
    ) -> dict[str, Facts]:
        """Facts of all candidates; what neither the graph nor the snapshot knows in time has none, and is not shown."""
        content_ids = {candidate.content_id for _, candidates in proposals for candidate in candidates}
        if not content_ids:
            return {}
        left = request.deadline.left_ms(_REST_SHARE)
        if self._graph_reader and not self._graph_is_down:
            asked = self._pool.submit(self._graph_reader.facts, request, content_ids, left)
            answer = self._in_time(asked, "filters", journey, left)
            if answer is not None:
                return answer
        if snapshot:
            return snapshot.facts(request, content_ids, left)
        if journey.graph_down:
            raise lookups.nothing_to_ask()
        raise _worst(journey)

    def _explain(
        self, request: Request, chosen: Sequence[Scored], snapshot: SnapshotReader | None, journey: Journey
    ) -> dict[str, tuple[Reason, ...]]:
        """The reasons of each content, by its id; none where neither the graph nor the snapshot tells any in time."""
        content_ids = [scored.content_id for scored in chosen]
        left = request.deadline.left_ms()
        rows = None
        if self._graph_reader and not self._graph_is_down and content_ids:
            asked = self._pool.submit(self._graph_reader.why, request, content_ids, left)
            rows = self._in_time(asked, "reasons", journey, left)
        if rows is None and snapshot:
            rows = snapshot.why(request, content_ids, left)
        return {content_id: reasons.reasons(row, request.now) for content_id, row in (rows or {}).items()}

    def _called(
        self,
        user_ids: Sequence[str],
        content_ids: Sequence[str],
        request: Request,
        snapshot: SnapshotReader | None,
        journey: Journey,
    ) -> dict[str, str]:
        """Names of what a feed mentions; where Neo4j is late, those of the snapshot, else ids stay."""
        names = None
        left = request.deadline.left_ms()
        if self._graph_reader and not self._graph_is_down:
            asked = self._pool.submit(self._graph_reader.names, user_ids, content_ids, left)
            names = self._in_time(asked, "names", journey, left)
        if names is None and snapshot:
            names = snapshot.names(user_ids, content_ids)
        return names or {}

    def _feed(
        self, request: Request, items: tuple[Recommendation, ...], chosen: Sequence[Scored], journey: Journey
    ) -> Feed:
        stood_on: set[Rung] = {source.rung for scored in chosen for source, _ in scored.said}
        rung = next((rung for rung in RUNGS if rung in stood_on), RUNGS[-1])
        late, failed = journey.those("late"), journey.those("failed")
        return Feed(
            request_id=request.id,
            user_id=request.user_id,
            items=items,
            model_version=self.model_version if rung == "model" else None,
            rung=rung,
            degraded=bool(journey.graph_down or late or failed),
            graph_down=journey.graph_down,
            late=late,
            failed=failed,
            outcomes=journey.outcomes,
            timings_ms=journey.timings_ms,
        )

    def _in_time(self, asked: Future[T], name: str, journey: Journey, left_ms: int) -> T | None:
        """The answer, or None when it did not come in time or was an error, which the journey then says."""
        try:
            answer = asked.result(timeout=left_ms / 1000)
            journey.outcomes[name] = "answered"
            return answer
        except TimeoutError as error:
            asked.cancel()
            journey.outcomes[name], journey.errors[name] = "late", error
        except GraphTimeout as error:
            journey.outcomes[name], journey.errors[name] = "late", error
        except GraphUnavailable as error:
            self._broken_until = time.monotonic() + _MEND_SECONDS
            journey.graph_down = True
            journey.outcomes[name], journey.errors[name] = "unavailable", error
        except Exception as error:  # one question that fails must not cost the whole answer
            _log.error("%s failed", name, exc_info=error)
            journey.outcomes[name], journey.errors[name] = "failed", error
        return None

    @property
    def _graph_is_down(self) -> bool:
        return self.graph is None or time.monotonic() < self._broken_until

    def _reader(self, user_id: str | None) -> Reader:
        """Neo4j where it answers, else the snapshot with what ``user_id`` must not be shown by now."""
        if self._graph_reader and not self._graph_is_down:
            return self._graph_reader
        if not self._snapshot_reader:
            raise lookups.nothing_to_ask()
        if user_id is None:
            return self._snapshot_reader
        return self._snapshot_reader.knowing(self._with_recent(Restrictions(), user_id))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="graph")

    @cached_property
    def _model_pool(self) -> ThreadPoolExecutor:
        """Apart from the graph's, so that a Neo4j that hangs does not keep the model from answering."""
        return ThreadPoolExecutor(_MODEL_THREADS, thread_name_prefix="model")


def _worst(journey: Journey) -> Exception:
    """The error to answer with when nothing can be answered: of a failure rather than of a deadline."""
    failed = [error for name, error in journey.errors.items() if journey.outcomes[name] == "failed"]
    if failed:
        return GraphError(f"No part of the answer could be found: {failed[0]}")
    return GraphTimeout("No part of the answer was ready before the deadline.")
