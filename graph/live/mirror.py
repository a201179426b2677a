"""``Mirror``: the view of the graph that a process answers from as long as it is in step with Neo4j.

In step means: a snapshot was made of a known state of the graph, the ledger has all that our own events changed since,
and nobody else changed anything, by Neo4j's own count of transactions, which is looked at every second. Where others
wrote (an import, a query by hand), the view is behind until a new one is made of the graph as it is: by one of the
workers, in a process of its own. A newer export is taken over while the view before it still answers.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from graph import aside, clock
from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import EntourageError, GraphError, SnapshotError
from graph.live.facts import ContentNow, Pair, PersonNow
from graph.live.ledger import Ledger, State
from graph.live.record import check
from graph.live.view import View
from graph.settings import Settings, environment
from graph.snapshot import Snapshot, Step

__all__ = ["Mirror"]

_log: Final = logging.getLogger("entourage.live")

_CHECK_S: Final = 1.0
"""Seconds between two looks at the graph's count of transactions, by whichever worker comes first."""
_STALE_S: Final = 4.0
"""Seconds after which a view is no longer in step: nobody knows what the graph holds by then."""
_ROWS: Final = 3
"""Raised when what `View` keeps in files changes."""
_CALM_S: Final = 3.0
"""How long nobody else has to have written before the graph is read anew."""
_MOST_PATIENT_S: Final = 600.0
_LEARNED: Final = 1_000
"""The most contents of others that a view that is behind learns of: the newest."""
_LEARNED_BEFORE_MS: Final = 86_400_000
"""How long before its snapshot a content may say that it was created, and be learned of."""
_LEARNING_MS: Final = 5_000
_AT_A_TIME: Final = 50
"""Contents that a view learns of before a feed may have its turn."""


class Mirror:
    """Call `refresh` now and then from a thread of its own; `view` costs microseconds and may be called by any."""

    def __init__(self, settings: Settings, prepare: Callable[[View], object] | None = None) -> None:
        """``prepare`` is called with a new view before anybody gets it."""
        self.settings = settings
        self.ledger = Ledger.of(settings)
        self._prepare = prepare
        self._view: View | None = None
        self._step: Step | None = None
        self._base: Step | None = None
        """The step at which the snapshot of the view was made."""
        self._state: State | None = None
        self._following = threading.Lock()
        self._refreshing = threading.Lock()
        self._marks: tuple[str | None, float] = (None, 0.0)
        self._patience = _CALM_S
        self._named = False
        self._learned: str | None = None
        """The graph's mark when the view last learned of the contents of others."""
        self._told: dict[str, ContentNow] = {}
        """The facts of the contents that the view learned of."""
        self._reading: subprocess.Popen[bytes] | None = None

    def view(self) -> View | None:
        """The view with all that is known by now; None while it is not in step with the graph."""
        return self._caught_up()[0]

    def behind(self) -> View | None:
        """The view while it is not in step with Neo4j: it has our own events, and only part of what others wrote.

        None while it is in step, and where there is none.
        """
        return self._caught_up()[1]

    def _caught_up(self) -> tuple[View | None, View | None]:
        """What `view` and `behind` return: the view is one of the two, if there is one."""
        if self._view is None:
            return None, None
        try:
            with self._following:
                view = self._with_news()
                return (view, None) if self._in_step() else (None, view)
        except sqlite3.Error as error:  # Neo4j answers in its place
            _log.error("the ledger cannot be read: %s", error)
            return None, None

    def _with_news(self) -> View | None:
        view = self._view  # read again: another one may have been taken meanwhile
        if view is None:
            return None
        assert self._step is not None
        if news := self.ledger.news(self._step.seq):
            self._state, facts = news
            if self._step.seq < self._state.forgotten or self._step.ledger != self._state.id:
                self._view = None
                return None
            view.apply(facts)
            self._step = self._step.model_copy(update={"seq": self._state.seq})
        return view

    def refresh(self, graph: Graph) -> None:
        """Compare with the graph; open a snapshot that fits it, or have one made. Raises what `Graph.read` raises."""
        if not self._refreshing.acquire(blocking=False):
            return
        try:
            self._refresh(graph)
        finally:
            self._refreshing.release()

    def _refresh(self, graph: Graph) -> None:
        if not self._named:
            self._named = True
            graph.know_names()
        state = self.ledger.state()
        if time.time() - state.checked > _CHECK_S:
            state = check(graph, self.ledger)
        self.view()  # takes over what other workers recorded, before it is forgotten
        with self._following:
            fits = self._view is not None and self._step is not None and _same(self._step, state)
        if state.mark is None:
            return
        if fits:
            self._take_over(state, graph)
            return
        found = [one for path in self._paths() if (one := self._readable(path, state))]
        for snapshot, step in found:
            if _same(step, state) and self._take(snapshot, step, graph):
                check(graph, self.ledger)  # to open it may take longer than a view may go without a look at the graph
                return
        self._have_it_read(state)
        if found and self._view is None:
            newest = max(found, key=lambda one: (one[1].seq, one[0].manifest.begun or 0))
            self._take(*newest, graph)
        self._learn(graph, state.mark)

    def _learn(self, graph: Graph, mark: str | None) -> None:
        """Tell a view that is behind of contents that others published since its snapshot, and have a maker.

        An import writes who made a content after the content: until then nobody knows whether a reader blocked them.
        """
        view, before = self._view, self.ledger.state().seq
        if view is None or mark == self._learned:
            return
        now = clock.now()
        since = (view.snapshot.manifest.begun or now) - _LEARNED_BEFORE_MS
        (newest,) = graph.read(
            "lookup/created", deadline_ms=_LEARNING_MS, since=since, until=now + _LEARNED_BEFORE_MS, scanned=_LEARNED
        )
        those = [one for one in newest["contentIds"] if view.is_new(one)]
        news: list[ContentNow] = []
        if those:
            told = graph.read("lookup/contents_now", deadline_ms=_LEARNING_MS, ids=those)[0]["contents"]
            news = [one for row in told if (one := ContentNow(**row)).makers and self._told.get(one.id) != one]
        makers = sorted({maker for one in news for maker in one.makers if maker not in view.users})
        if makers:
            people = graph.read("lookup/people_now", deadline_ms=_LEARNING_MS, ids=makers)[0]["people"]
            view.apply([PersonNow(**person) for person in people])  # some are private
        try:
            for start in range(0, len(news), _AT_A_TIME):
                some = {one.id: one for one in news[start : start + _AT_A_TIME]}
                self.tell(view, before, partial(_take_over_contents, view, some))
                self._told |= some
        except (TypeError, ValueError, OverflowError) as error:  # a time that is no number, by a query by hand
            _log.error("contents that others wrote cannot be learned of: %s", error)
        self._learned = mark

    def tell(self, view: View, before: int, learn: Callable[[frozenset[str]], object]) -> None:
        """Have ``view`` learn what Neo4j told, unless it is in use no more.

        ``before`` is the ledger's ``seq`` from before Neo4j was asked; ``learn`` is given the ids of people and
        contents of which our own events have changed something since, as the answer may be older.
        """
        with self._following:
            if view is not self._view:
                return
            own: set[str] = set()
            for fact in self.ledger.since(before)[1]:
                own |= {fact.source, fact.target} if isinstance(fact, Pair) else {fact.id}
            learn(frozenset(own))

    def _take_over(self, state: State, graph: Graph) -> None:
        """Take the export over that is newer than the view's, if there is one and no other worker is at it."""
        try:
            snapshot = snapshots.load(self.settings.snapshot_path)
        except SnapshotError:
            return
        view, base, step = self._view, self._base, snapshot.manifest.step
        if view is None or base is None or step is None or snapshot is view.snapshot:
            return
        if not _same(step, state) or step.seq < max(base.seq, state.forgotten):
            return
        with aside.alone(self.settings.home / "takeover.lock") as first, ThreadPoolExecutor(1) as looking:
            if not first:
                return
            done = threading.Event()
            looks = looking.submit(self._keep_looking, graph, done)  # the view before may not go without
            try:
                self._take(snapshot, step, graph)
            finally:
                done.set()
                looks.result()

    def _keep_looking(self, graph: Graph, done: threading.Event) -> None:
        while not done.wait(_CHECK_S):
            with suppress(GraphError):
                check(graph, self.ledger)

    def close(self) -> None:
        """Stop what was started."""
        if self._reading and self._reading.poll() is None:
            self._reading.terminate()
            self._reading.wait()

    def _in_step(self) -> bool:
        state, step = self._state, self._step
        if state is None or step is None or not _same(step, state):
            return False
        return time.time() - state.checked < _STALE_S

    def _paths(self) -> tuple[Path, Path]:
        return self.settings.snapshot_path, self.settings.home / "mirror"

    def _readable(self, path: Path, state: State) -> tuple[Snapshot, Step] | None:
        """The snapshot at a path and its step, if the ledger still has all that our events changed since; else None.

        What others wrote since may be missing.
        """
        try:
            snapshot = snapshots.load(path)
        except SnapshotError:
            return None
        step = snapshot.manifest.step
        if step is None or step.ledger != state.id or step.seq < state.forgotten:
            return None
        return snapshot, step

    def _take(self, snapshot: Snapshot, step: Step, graph: Graph) -> bool:
        view = View(snapshot, self.settings.engagement, self._kept(snapshot))
        if self._prepare:
            self._prepare(view)
        view.want_less(graph.read("lookup/less", deadline_ms=0))  # before the newest facts, which know better
        state, facts = self.ledger.since(step.seq)
        if step.seq < state.forgotten:
            return False
        view.apply(facts)
        with self._following:  # what was recorded meanwhile may have been read for the view before
            state, facts = self.ledger.since(state.seq)
            view.apply(facts)
            self._view, self._state, self._base = view, state, step
            self._step = step.model_copy(update={"seq": state.seq})
            self._learned, self._told = None, {}
        self._patience = _CALM_S
        self.ledger.forget(step.seq)
        return True

    def _kept(self, snapshot: Snapshot) -> Path:
        """The folder of the files that a view computes from this snapshot, made if there is none.

        Folders of other snapshots are deleted; a process that has mapped their files can go on reading them.
        """
        about = f"{_ROWS} {snapshot.manifest.model_dump_json()} {self.settings.engagement.model_dump_json()}"
        with self.ledger.turn(_CALM_S):
            return aside.folder_of(self.settings.home / "rows", about)

    def _have_it_read(self, state: State) -> None:
        """Start an export once nobody has written for a while; where that keeps failing, wait longer and longer."""
        now = time.monotonic()
        if self._marks[0] != state.mark:
            self._marks = (state.mark, now)
            return
        if now - self._marks[1] < self._patience or (self._reading and self._reading.poll() is None):
            return
        self._patience = min(2 * self._patience, _MOST_PATIENT_S)
        self._marks = (state.mark, now)
        self._reading = subprocess.Popen(
            [sys.executable, "-m", "graph.live.mirror"], env=environment(self.settings), stdin=subprocess.DEVNULL
        )


def _take_over_contents(view: View, told: Mapping[str, ContentNow], own: frozenset[str]) -> None:
    view.apply([one for content_id, one in told.items() if content_id not in own])


def _same(step: Step, state: State) -> bool:
    return (step.ledger, step.mark) == (state.id, state.mark)


def main() -> None:
    """``python -m graph.live.mirror``: read the whole graph into the home, unless another process is at it."""
    from graph.settings import load_settings
    from graph.snapshot.export import export

    settings = load_settings()
    os.nice(10)
    settings.home.mkdir(parents=True, exist_ok=True)
    with aside.alone(settings.home / "mirror.lock") as first:
        if not first:
            return
        try:
            with Graph.connect(settings) as graph:
                export(graph, settings.home / "mirror", settings)
        except EntourageError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
