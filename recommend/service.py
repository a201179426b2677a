"""From a user id to a ranked, explained feed, and the smaller questions about users and contents.

`recommend.live_feed` shows the way of a feed from the graph in memory, `recommend.asked_feed` that by queries.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from graph.errors import GraphError, GraphTimeout, GraphUnavailable, ModelError
from graph.events import Outbox
from graph.live import View
from graph.live.mirror import Mirror
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend import exploration, live_feed, lookups, selector, time_shares
from recommend.account import Account
from recommend.asked_feed import AskedFeed
from recommend.behind import Behind
from recommend.feed import RUNGS, Feed, Outcome, Person, Recommendation, Rung, Subgraph
from recommend.journey import Journey, Proposal
from recommend.live_reader import LiveReader
from recommend.naming import named as with_names
from recommend.new_contents import NEW_CONTENTS
from recommend.questions import Questions
from recommend.reader import GraphReader, Reader
from recommend.request import Deadline, Request
from recommend.restrictions import Recent, Restrictions
from recommend.scorer import Scored
from recommend.served_model import ServedModel
from recommend.similar import Similar, similar
from recommend.snapshot_reader import SnapshotReader
from recommend.today import today
from recommend.wanted import EVERYTHING, Wanted
from recommenders.core.recommender import Recommender

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["FeedService"]

_log: Final = logging.getLogger("entourage.recommend")
_PAUSE_S: Final = 2.0
"""After a feed by queries that was late: how long a view that is behind answers without a try. Such tries cost more
than the feeds, and while a large graph is read anew they are all late."""
_BESIDE_ITEMS: Final = ("names", "reasons", "traits")
"""Further parts that a feed by queries must have where a view can stand in for it."""


class FeedService:
    """Answers "what should this person see next, and why" from Neo4j, the snapshot and a model, whichever there are.

    Safe to share between threads; make one in each process. ``model_version`` is named in every feed that the model
    took part in. While ``mirror`` is in step with the graph, feeds come from it, and Neo4j is asked about people only
    whom the model does not know; while it is behind, they come from Neo4j, and where that is too slow from the mirror,
    without what the person must not be shown by now. What the ``outbox`` (by default that of the home) holds counts in
    every answer before the graph or the snapshot has it.
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
        outbox: Outbox | None = None,
    ) -> None:
        self.graph = graph
        self.snapshot = snapshot
        self.model = model
        self.settings = settings
        self.model_version = model_version or (model.name if model else None)
        self.mirror = mirror
        self._live: list[LiveReader] = []  # the one in use, shared with who stands in while Neo4j is late
        self.recent = Recent(outbox or Outbox.of(settings))
        implicit = bool(snapshot and snapshot.mode == "implicit")
        self._graph_reader = GraphReader(graph, settings, implicit) if graph else None
        self._snapshot_reader = SnapshotReader(snapshot) if snapshot else None
        self.served = ServedModel(model, self.model_version or model.name, graph) if model else None
        self._questions = Questions(graph=graph is not None)
        self._asked = AskedFeed(self._questions, self._graph_reader, self._snapshot_reader, self.recent)
        self._asked_graph = AskedFeed(self._questions, self._graph_reader, None, self.recent)
        self._behind = (
            Behind(self._questions, self._graph_reader, self.recent, mirror) if self._graph_reader and mirror else None
        )
        self._graph_late = False
        self._tried_late = -_PAUSE_S

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
        served: ServedModel | None = None,
        debug: bool = False,
        wanted: Wanted = EVERYTHING,
        session: Collection[str] = (),
        replays: bool = False,
        hurried: bool = False,
    ) -> Feed:
        """The ``n`` contents that ``user_id`` (bare) should see next, best first.

        ``kind`` is keak, beat or track, None for all; ``exclude`` holds content ids, ``shown`` the `request.digest` of
        contents that earlier pages showed; ``served`` is asked in place of this service's own model; ``debug`` asks for
        an account of how the feed came about; ``wanted`` narrows what may be shown; ``session`` holds ids of contents
        that somebody without an id, whose ``user_id`` is empty, has just watched; ``replays`` lets contents come again
        that ``user_id`` watched; ``hurried`` leaves models and reasons out, which more than halves what a feed costs,
        and the feed says so. A user nobody knows gets the trending or popular rung. Raises GraphUnavailable when there
        is neither a database nor a snapshot, GraphTimeout or GraphError when no source answered.
        """
        deadline = Deadline(deadline_ms or self.settings.service.deadline_ms)
        served, how = served or self.served, self.settings.feed
        version = served.version if served else None
        waiting = self.recent.waiting(user_id)
        request = Request(
            request_id or uuid.uuid4().hex,
            user_id,
            n,
            kind,
            frozenset(exclude) | frozenset(session) | waiting.hidden | waiting.seen,
            explain and not hurried,
            deadline,
            frozenset(shown),
            wanted=wanted,
            composition=how,
            replays=replays,
            hurried=_left_out(served, explain) if hurried else (),
            draw=exploration.key(user_id, version, int(1_000 * time.time())) if how.exploration else "",
            session=tuple(dict.fromkeys(session)),
            blocked=waiting.blocked,
            unnamed=waiting.taken_down,
        )
        return self._answer(request, served, debug)

    def _answer(self, request: Request, served: ServedModel | None, debug: bool) -> Feed:
        journey = _journey(self._questions.graph_is_down and not self._graph_late, request, debug)
        if request.hurried:
            served = None
        try:
            if (view := self.mirror.view() if self.mirror else None) is not None:
                own = _journey(False, request, debug)
                chosen, items = self._from_view(view, request, served, own)
                return _feed(request, items, chosen, own, served)
            view = self.mirror.behind() if self.mirror else None
            if view is not None and self._behind and not journey.graph_down:
                return self._from_either(view, self._behind, request, served, debug)
        except GraphTimeout:
            raise
        except GraphUnavailable:
            journey.graph_down = True
        except Exception as error:  # Neo4j or the snapshot may answer yet
            _log.error("the graph in memory failed", exc_info=error)
            journey.outcomes["memory"] = "failed"
        if request.blocked and self.snapshot and self._graph_reader:  # the graph would name the blocked people
            return self.without_graph.while_late._answer(request, served, debug)
        if self._graph_late:
            journey.outcomes["graph"] = "late"
        chosen, items = self._asked.compose(request, served, journey)
        return _feed(request, items, chosen, journey, served)

    def _from_either(
        self, view: View, behind: Behind, request: Request, served: ServedModel | None, debug: bool
    ) -> Feed:
        """The feed from Neo4j, or where that is too slow from a view that is not in step.

        Raises GraphUnavailable.
        """
        asked = behind.ask(request)
        outcome: Outcome = "late"
        if not self._graph_late and not request.blocked and time.monotonic() >= self._tried_late + _PAUSE_S:
            soon = replace(request, deadline=Deadline(int(time_shares.QUERIES * request.deadline.left_ms())))
            journey = _journey(False, request, debug)
            try:
                chosen, items = self._asked_graph.compose(soon, served, journey)
                if self._questions.graph_is_down:
                    raise lookups.nothing_to_ask()
                late = set(journey.those("late")).difference(request.hurried)
                if not late or (len(items) == request.n and late.isdisjoint(_BESIDE_ITEMS)):
                    asked.cancel()
                    return _feed(request, items, chosen, journey, served)
            except GraphUnavailable:
                raise
            except GraphError as error:
                outcome = "late" if isinstance(error, GraphTimeout) else "failed"
            self._tried_late = time.monotonic()
        journey = _journey(False, request, debug)
        journey.outcomes["graph"] = outcome
        request = behind.restricted(view, request, asked, journey)
        compose = partial(self._from_view, view, request, served, journey)
        chosen, items = behind.without_gone(view, request, journey, compose)
        return _feed(request, items, chosen, journey, served)

    def _from_view(
        self, view: View, request: Request, served: ServedModel | None, journey: Journey
    ) -> tuple[list[Scored], tuple[Recommendation, ...]]:
        """What to show from the graph as it lies in memory, as it was scored and as it is answered."""
        with journey.stage("model"):
            proposals = self._models_proposals(view, request, served, journey) if served else []
        reader = self._live[0] if self._live else None
        if reader is None or reader.view is not view:
            reader = LiveReader(view)
            self._live[:] = [reader]
        chosen, facts, why = live_feed.compose(reader, request, proposals, journey, served)
        with journey.stage("names"):
            items = with_names(selector.items(chosen, facts, why, request.now), reader.names)
        return chosen, items

    def _models_proposals(self, view: View, request: Request, served: ServedModel, journey: Journey) -> list[Proposal]:
        """What the model says by what somebody has done until now, or, for somebody new, of what is around them."""
        left = request.deadline.left_ms(time_shares.SOURCES)
        proposals: list[Proposal] = []
        if not left:  # what is left is for the graph's sources
            journey.outcomes.update({source.name: "late" for source, _ in served.voices})
            return proposals
        journey.outcomes.update(dict.fromkeys(served.missing, "failed"))
        if request.session:
            for source, one in served.voices:
                said = journey.attempt(source.name, partial(one.best_for_session, request))
                proposals.append((source, said or []))
        elif served.knows(request.user_id):
            now = today(view, served.snapshot, request.user_id, left / 1_000)
            for source, one in served.voices:
                said = journey.attempt(source.name, partial(one.best, request, now))
                proposals.append((source, said or []))
            if shelf := served.new_contents:
                said = journey.attempt(NEW_CONTENTS.name, lambda: shelf.ask(NEW_CONTENTS, request))
                proposals.append((NEW_CONTENTS, said or []))
        elif "graph" in journey.outcomes:  # it was late a moment ago
            journey.outcomes.update({source.name: "late" for source, _ in served.voices})
        elif not self._questions.graph_is_down:
            asked = [(self._questions.of_graph(one.best_for_newcomer, request, left), s) for s, one in served.voices]
            for future, source in asked:
                if answer := self._questions.in_time(future, source.name, journey, left):
                    proposals.append((source, answer))
        return [proposal for proposal in proposals if proposal[1]]

    @cached_property
    def while_late(self) -> FeedService:
        """This service, but its feeds say that Neo4j was too slow: they replace an answer that did not come."""
        stand_in = copy(self)
        stand_in._graph_late = True
        return stand_in

    @cached_property
    def without_graph(self) -> FeedService:
        """This service without Neo4j and the graph in memory: it answers from the snapshot."""
        version, outbox = self.model_version, self.recent.outbox
        return FeedService(None, self.snapshot, self.model, self.settings, model_version=version, outbox=outbox)

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        """Whom ``user_id`` may want to follow. Raises UnknownUser."""
        reader = self._reader(user_id)
        return list(with_names(lookups.people(reader, user_id, n, self._going), reader.names))

    def similar_people(self, user_id: str, n: int = 10) -> list[Person]:
        """Who watches what ``user_id`` watches. Raises UnknownUser."""
        reader = self._reader(user_id)
        return list(with_names(lookups.similar_people(reader, user_id, n, self._going), reader.names))

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        """At most ``limit`` relationships within ``depth`` (1 or 2) steps. Raises UnknownUser, GraphUnavailable."""
        return lookups.neighbourhood(self._reader(user_id), user_id, depth, limit, self._going)

    def user(self, user_id: str) -> dict[str, Any]:
        """What is known about a user. Raises UnknownUser."""
        return lookups.user(self._reader(user_id), user_id)

    def check_known(self, user_id: str) -> None:
        """Raise UnknownUser if no user has this id."""
        view = (self.mirror.view() or self.mirror.behind()) if self.mirror else None
        if view is None or user_id not in view.users:
            self.user(user_id)

    def names(self, user_ids: Sequence[str], content_ids: Sequence[str] = ()) -> dict[str, str]:
        """Names of users (bare ids) and contents, by "users/1" and "keaks/1"; of those that have one."""
        return self._reader(None).names(user_ids, content_ids)

    def content(self, content_id: str) -> dict[str, Any]:
        """What is known about a content ("keaks/123"). Raises UnknownContent."""
        return lookups.content(self._reader(None), content_id, self._going)

    def similar(
        self,
        content_id: str,
        n: int = 10,
        kind: str | None = None,
        user_id: str | None = None,
        served: ServedModel | None = None,
    ) -> tuple[str, str, list[Similar]]:
        """The version of the model, the id of a content as the graph spells it, and the ``n`` that resemble it most.

        ``user_id`` (bare) is who asks: what they hid, and what people blocked on either side made, is left out.
        ``served`` is asked in place of this service's own model. Raises UnknownContent, and ModelError without a model.
        """
        served = served or self.served
        if served is None:
            raise ModelError("No model is trained.", do="Run `entourage train`.")
        deadline = Deadline(self.settings.service.deadline_ms)
        left_out = self.recent.waiting(user_id or "").hidden
        request = Request(uuid.uuid4().hex, user_id or "", n, kind, left_out, False, deadline)
        return served.version, *similar(self._reader(user_id), served.model, content_id, request)

    def search(
        self, text: str, n: int = 20, user_id: str | None = None, label: str | None = None
    ) -> list[dict[str, Any]]:
        """Users, contents, genres, moods and hashtags that have the words of ``text``, the largest audience first.

        People marked private are never found, nor people blocked on either side by ``user_id``, who searches.
        """
        going = self._going
        return [row for row in self._reader(user_id).search(text, n, user_id, label) if row["id"] not in going]

    @property
    def _going(self) -> frozenset[str]:
        """Contents whose take-down is not in the graph yet."""
        return self.recent.waiting("").taken_down

    def _reader(self, user_id: str | None) -> Reader:
        """Neo4j where it answers, else the snapshot with what ``user_id`` must not be shown by now."""
        blocks_wait = user_id is not None and self._snapshot_reader and self.recent.waiting(user_id).blocked
        late = self._graph_late and self._snapshot_reader is not None
        if self._graph_reader and not self._questions.graph_is_down and not blocks_wait and not late:
            return self._graph_reader
        if not self._snapshot_reader:
            raise lookups.nothing_to_ask()
        restrictions = Restrictions() if user_id is None else self.recent.with_recent(Restrictions(), user_id)
        return self._snapshot_reader.knowing(restrictions, self.recent.taken_down(), self.recent.private())


def _journey(graph_down: bool, request: Request, debug: bool) -> Journey:
    journey = Journey(graph_down, account=Account() if debug else None)
    journey.outcomes.update(dict.fromkeys(request.hurried, "late"))
    return journey


def _left_out(served: ServedModel | None, explain: bool) -> tuple[str, ...]:
    """The models, and reasons, that a hurried feed does without."""
    models = [source.name for source, _ in served.voices] if served else []
    return (*models, *(("reasons",) if explain else ()))


def _feed(
    request: Request,
    items: tuple[Recommendation, ...],
    chosen: Sequence[Scored],
    journey: Journey,
    served: ServedModel | None,
) -> Feed:
    """The answer; the model is named where it took part."""
    stood_on: set[Rung] = {source.rung for scored in chosen for source, _ in scored.said}
    rung = next((rung for rung in RUNGS if rung in stood_on), RUNGS[-1])
    late, failed = journey.those("late"), journey.those("failed")
    return Feed(
        request_id=request.id,
        user_id=request.user_id,
        items=items,
        model_version=served.version if served and rung == "model" else None,
        rung=rung,
        degraded=bool(journey.graph_down or late or failed),
        graph_down=journey.graph_down,
        late=late,
        failed=failed,
        outcomes=journey.outcomes,
        timings_ms=journey.timings_ms,
        processor_ms=journey.processor_ms,
        debug=journey.account.of(chosen) if journey.account else None,
    )
