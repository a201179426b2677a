"""The feed service in use, and a thread that replaces it when a newer snapshot, model or graph appears.

A request uses the ``Serving.feeds`` that it started with, so a replacement drops no request. Each worker of the server
opens its own after the fork, because drivers and threads do not survive a fork.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import flask

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import EntourageError, GraphError, GraphTimeout, GraphUnavailable, NotFound
from graph.events import Outbox, milliseconds
from graph.live.drain import drain_due, drain_own
from graph.live.ledger import Ledger
from graph.live.mirror import Mirror
from graph.live.publish import publish, publish_due
from graph.settings import Settings
from graph.snapshot import Snapshot, derived
from recommend import live_feed, time_shares
from recommend.player import Player
from recommend.request import Deadline
from recommend.restrictions import Blocks
from recommend.served_model import ServedModel
from recommend.service import FeedService
from recommenders.core.recommender import Recommender
from web import admission, logs
from web.drains import Drains
from web.examples import example_users
from web.models import Models, Stamp, load_model, stamp
from web.newest_player import NewestPlayer
from web.warming import read_ahead, warm, warm_graph, warm_model

__all__ = ["Serving", "serving"]

POLL_S: Final = 2.0
_FOLLOW_S: Final = 1.0
_DRAIN_S: Final = 1.0
_BETWEEN_S: Final = 0.01
"""Pause between two batches of waiting events: longer than requests sleep while they wait for their turn."""
_DRAIN_MS: Final = 30_000
_LATELY_MS: Final = 300_000
"""How far back published contents are looked for: a change is settled with the time at which its request began."""
_FIRST_S: Final = 45.0
"""How long a start waits for the mirror; after it feeds come from Cypher until it is there. The very first start of an
installation compiles loops meanwhile. gunicorn ends a worker that is not there after a minute."""
_THREADS: Final = 32
_TURNS: Final = 4
"""Feeds of a worker that may be asking Neo4j at a time: each asks eleven questions."""
_PING_S: Final = 5.0

T = TypeVar("T")


@dataclass
class Serving:
    """Holds the feed service in use; ``watch`` keeps it fresh."""

    settings: Settings
    feeds: FeedService
    graph_up: bool
    offline: FeedService | None = None
    """Answers from the snapshot alone when the graph fails the other one."""
    examples: list[str] = field(default_factory=list)
    player: Player | None = None
    """None until a catalogue with integer ids and a model for the player are there."""
    mirror: Mirror | None = None
    """The graph in memory; None where it is not followed."""
    ledger: Ledger = field(init=False)
    outbox: Outbox = field(init=False)
    _trouble: str = ""
    _published: dict[str, int] = field(default_factory=dict)
    """The published contents that the model knows of (`Changes.published`)."""
    _newest: Snapshot | None = None
    """The newest snapshot that could be read; feeds may still be of an older one, which their model fits."""
    _stamps: tuple[Stamp, Stamp] = (None, None)
    _blocks: Blocks = field(init=False)
    _models: Models = field(init=False)
    _drains: Drains = field(init=False)
    _players: NewestPlayer = field(init=False)
    _started: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "ask"))
    _turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_TURNS))

    def __post_init__(self) -> None:
        self.ledger = self.mirror.ledger if self.mirror else Ledger.of(self.settings)
        self.outbox = self.feeds.recent.outbox
        self._blocks = Blocks(self.outbox)
        self._models = Models(self.settings, self.feeds)
        self._drains = Drains(self._drain_own)
        self._players = NewestPlayer(self.settings, self.feeds.recent.taken_down)

    @classmethod
    def open(cls, settings: Settings) -> Serving:
        """Open whatever there is: a missing graph, snapshot or model is logged and looked for again later."""
        began = time.monotonic()
        mirror = Mirror(settings, live_feed.rehearse)
        opened = cls(settings, FeedService(None, None, None, settings), graph_up=False, mirror=mirror)
        opened.refresh()
        first = threading.Thread(target=opened.follow, name="entourage-first", daemon=True)
        first.start()
        first.join(max(0.0, _FIRST_S - (time.monotonic() - began)))
        if opened.graph_up and opened.feeds.served and opened.examples:
            warm_model(opened.feeds.served, opened.examples[0])
        opened._started = True
        about = (opened.feeds, settings, opened.examples)
        threading.Thread(target=warm_graph, args=about, name="entourage-warm", daemon=True).start()
        return opened

    @classmethod
    def of(cls, feeds: FeedService, settings: Settings) -> Serving:
        """Serve one given feed service, without a watch."""
        private = feeds.recent.private()
        examples = example_users(feeds.snapshot, private_since=private) if feeds.snapshot else []
        return cls(settings, feeds, feeds.graph is not None, _offline(feeds), examples)

    def watch(self) -> None:
        """Refresh, follow and drain every second or two, each from a thread of its own, until ``stop``."""
        for seconds, work in ((POLL_S, self.refresh), (_FOLLOW_S, self.follow), (_DRAIN_S, self.drain)):
            threading.Thread(target=self._watch, args=(seconds, work), name="entourage-watch", daemon=True).start()

    def stop(self) -> None:
        """End the watch and close the graph."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._drains.close()
        self._models.close()
        if self.mirror:
            self.mirror.close()
        if self.feeds.graph:
            self.feeds.graph.close()
        self.outbox.close()

    def ask(self, question: Callable[[FeedService], T], *, in_memory: bool = False) -> T:
        """The feed service's answer, or that of the snapshot alone when the graph is down, hangs or is too slow.

        ``in_memory``: whether the question needs no more than the mirror while that is in step with the graph. Of such
        questions only a few are asked of the graph at a time, since all together would make all of them late; the
        others are answered from a mirror that is behind, or from the snapshot.
        Within the deadline of the request, whatever hangs. Raises the first try's error when the snapshot cannot answer
        the question either.
        """
        if self.feeds.graph is None or (in_memory and self.mirror and self.mirror.view()):
            return question(self.feeds)  # nothing that could hang
        try:
            if self.offline and not self.graph_up:
                raise GraphUnavailable("The graph did not answer when last asked.")
            left = admission.deadline().left_ms(time_shares.GRAPH)
            return self._in_turn(question, left) if in_memory and self.offline else self.in_time(question, left)
        except GraphError as error:
            if not self.offline:
                raise
            if not isinstance(error, (GraphTimeout, GraphUnavailable)):
                logs.log.error("graph failed", exc_info=error)
            late = isinstance(error, GraphTimeout)
            stands_in = self.feeds if late and in_memory and self.mirror and self.mirror.behind() else self.offline
            try:
                return question(stands_in.while_late if late else stands_in)
            except (GraphError, NotFound):  # what is newer than the snapshot is not unknown
                raise error from None

    def model(self, name: str, deadline: Deadline) -> ServedModel:
        """A trained model of the home by its name. Raises the problem of a name that cannot be used."""
        return self._models.get(name, deadline.left_ms(time_shares.GRAPH) / 1_000)

    def together(self, deadline: Deadline) -> ServedModel | None:
        """The models that feed a page together; None where the settings name none, or none of them is there."""
        return self._models.together(lambda: deadline.left_ms(time_shares.GRAPH) / 1_000)

    def _in_turn(self, question: Callable[[FeedService], T], milliseconds: float) -> T:
        """Do what `in_time` does, a few at a time, counting those that hang. Raises GraphTimeout if no turn comes."""
        began = time.monotonic()
        if not self._turns.acquire(timeout=time_shares.TURN * milliseconds / 1_000):
            raise GraphTimeout("Others were asking the graph already.")
        milliseconds -= 1_000 * (time.monotonic() - began)
        return self.in_time(question, milliseconds, lambda _: self._turns.release())

    def in_time(
        self,
        question: Callable[[FeedService], T],
        milliseconds: float,
        ended: Callable[[Future[T]], object] = lambda _: None,
    ) -> T:
        """The feed service's answer, whatever hangs; ``ended`` is called when it does not any more.

        Raises GraphTimeout.
        """
        asked: Future[T] = self._pool.submit(copy_context().run, question, self.feeds)
        asked.add_done_callback(ended)
        try:
            return asked.result(milliseconds / 1_000)
        except TimeoutError:
            asked.cancel()  # what runs already ends unheard
            raise GraphTimeout("The answer was not ready before the deadline.") from None

    def refresh(self) -> None:
        """Look for a graph that came or went and for newer folders; load them aside, then swap."""
        self._refresh_graph()
        self._refresh_blocks()
        self._refresh_folders()
        self._refresh_player()

    def follow(self) -> None:
        """Keep the mirror in step with the graph; while the graph does not answer there is none."""
        if self.mirror and self.feeds.graph:
            with suppress(GraphError):
                self.mirror.refresh(self.feeds.graph)
        self._place_new()

    def drain(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Write into the graph what waits in the outbox and is due: changes of the catalogue, then events."""
        waits = timedelta(hours=self.settings.service.events_wait_h)
        self._drain_changes(now, waits)
        while self.feeds.graph and self.graph_up and self.outbox.due(milliseconds(now()), 1):
            try:
                options: Any = {"now": now(), "deadline_ms": _DRAIN_MS, "waits": waits}
                drained = drain_due(self.feeds.graph, self.ledger, self.outbox, **options)
            except GraphError as error:
                logs.log.warning("events wait", error=str(error))
                return
            if drained:
                logs.log.info("events drained", events=drained)
            if self._stopped.wait(_BETWEEN_S):
                return

    def apply_now(self, seqs: Sequence[int], now: datetime) -> None:
        """Write accepted events into the graph; their sender waits for that no longer than ``service.events_ms``."""
        if not self.feeds.graph or not self.graph_up:  # nobody has to wait for the driver to find that out again
            return
        service = self.settings.service
        with suppress(TimeoutError, CancelledError):
            drained = self._drains.ask(seqs, now, logs.request_id())
            drained.result(min(service.events_ms, service.deadline_ms) / 1_000)

    def _drain_own(self, seqs: Sequence[int], now: datetime, request_id: str) -> None:
        if self.feeds.graph:
            waits = timedelta(hours=self.settings.service.events_wait_h)
            options: Any = {"deadline_ms": self.settings.service.deadline_ms, "waits": waits, "request_id": request_id}
            drain_own(self.feeds.graph, self.ledger, self.outbox, seqs, now=now, **options)

    def publish_now(self, seq: int, now: datetime) -> None:
        """Write an accepted change into the graph within the deadline; what cannot be written now waits."""
        graph = self.feeds.graph
        if not graph or not self.graph_up:
            return
        deadline_ms = max(1, admission.deadline().left_ms())
        waits = timedelta(hours=self.settings.service.events_wait_h)
        options: Any = {"now": now, "deadline_ms": deadline_ms, "waits": waits, "request_id": logs.request_id()}
        try:
            self.in_time(lambda _: publish(graph, self.ledger, self.outbox.changes, [seq], **options), deadline_ms)
        except GraphError as error:
            logs.log.warning("a change waits", error=str(error))
        self._place_new()

    def _place_new(self) -> None:
        """Have the models place what any worker published since asked last."""
        before = self._published
        with suppress(OSError, sqlite3.Error):
            self._published = self.outbox.changes.published(milliseconds(datetime.now(UTC)) - _LATELY_MS)
        contents = [content_id for content_id, seq in self._published.items() if before.get(content_id) != seq]
        own = (self.feeds.served,) if self.feeds.served else ()
        for one in (*own, *self._models.loaded()) if contents else ():
            if one.new_contents:
                one.new_contents.add(contents)

    def _drain_changes(self, now: Callable[[], datetime], waits: timedelta) -> None:
        changes = self.outbox.changes
        while self.feeds.graph and self.graph_up and changes.due(milliseconds(now()), 1):
            options: Any = {"now": now(), "deadline_ms": _DRAIN_MS, "waits": waits}
            try:
                drained = publish_due(self.feeds.graph, self.ledger, changes, **options)
            except GraphError as error:
                logs.log.warning("changes wait", error=str(error))
                return
            logs.log.info("changes drained", changes=drained)
            if not drained or self._stopped.wait(_BETWEEN_S):
                return

    def _watch(self, seconds: float, work: Callable[[], object]) -> None:
        while not self._stopped.wait(seconds):
            try:
                work()
            except Exception as error:  # the watch must outlive whatever it meets
                logs.log.error("watch", exc_info=error)

    def _refresh_graph(self) -> None:
        graph = self.feeds.graph
        if graph and self._answers(graph):
            self.graph_up = True
            return
        try:
            fresh = Graph.connect(self.settings)
        except EntourageError as error:
            self.graph_up = False
            if str(error) != self._trouble:  # once, not every two seconds
                logs.log.warning("graph down", error=str(error))
                self._trouble = str(error)
            return
        self._swap(fresh, self.feeds.snapshot, self.feeds.model, self.feeds.model_version)
        self.graph_up, self._trouble = True, ""
        logs.log.info("graph up")
        if graph:
            self._close_later(graph.close)

    def _refresh_blocks(self) -> None:
        """Know the blocks that others wrote into the graph, for when it does not answer."""
        if not (self.feeds.graph and self.graph_up):
            return
        try:
            self._blocks.refresh(self.feeds.graph, self.ledger.state().mark)
        except (EntourageError, OSError, sqlite3.Error) as error:
            logs.log.warning("blocks", error=str(error))

    def _answers(self, graph: Graph) -> bool:
        try:
            self._pool.submit(graph.read, "schema/ping").result(_PING_S)
        except GraphTimeout:
            return True  # busy is not down
        except (EntourageError, TimeoutError):
            return False
        return True

    def _refresh_folders(self) -> None:
        model_path = self.settings.model_path(self.settings.service.model)
        stamps = (stamp(self.settings.snapshot_path), stamp(model_path))
        if stamps == self._stamps or (self._stamps[0] and not stamps[0]):
            return  # nothing new; or one is being renamed into place this moment
        self._stamps = stamps
        try:
            snapshot = snapshots.load(self.settings.snapshot_path)
            with suppress(OSError):  # then each worker has its own
                derived.share(snapshot, self.settings.home / "derived")
            read_ahead(snapshot)
            self._newest = snapshot
        except Exception as error:  # whatever a damaged file raises: the service must outlive it
            logs.log.warning("no snapshot", error=str(error))
            return
        model, version = None, None
        try:
            model, version = load_model(self.settings.service.model, self.settings, snapshot)
        except Exception as error:
            logs.log.warning("no model", error=str(error))
            if self.feeds.model:
                return  # the old pair still fits together; the new model will come with a stamp of its own
        self.examples = example_users(snapshot, private_since=self.feeds.recent.private())
        self._swap(self.feeds.graph, snapshot, model, version)
        logs.log.info("swapped", model_version=version, users=snapshot.users.count, contents=snapshot.contents.count)

    def _refresh_player(self) -> None:
        if player := self._players.refresh(self._newest, self._stamps[0]):
            self.player = player

    def _swap(
        self, graph: Graph | None, snapshot: Snapshot | None, model: Recommender | None, version: str | None
    ) -> None:
        own: Any = {"model_version": version, "mirror": self.mirror, "outbox": self.outbox}
        fresh = FeedService(graph, snapshot, model, self.settings, **own)
        if self._started:
            for user_id in self.examples[:1]:
                warm(fresh, user_id)
        before, self._models = self._models, Models(self.settings, fresh)
        self.feeds, self.offline = fresh, _offline(fresh)
        self._close_later(before.close)

    def _close_later(self, close: Callable[[], None]) -> None:
        """Call ``close`` once every request that may still use it has reached its deadline."""
        timer = threading.Timer(self.settings.service.deadline_ms / 1_000 + 1.0, close)
        timer.daemon = True
        timer.start()


def serving() -> Serving:
    """The one of the app that answers this request."""
    held: Serving = flask.current_app.extensions["entourage.serving"]
    return held


def _offline(feeds: FeedService) -> FeedService | None:
    return feeds.without_graph if feeds.graph and feeds.snapshot else None
