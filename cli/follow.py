"""``entourage train --follow``: export and train again whenever the graph has changed by a stated share."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graph import aside
from graph.database.doctor import counts
from graph.database.driver import Graph
from graph.errors import GraphError
from graph.settings import Settings
from graph.snapshot.export import export

__all__ = ["Follower"]

Counts = Mapping[str, int]


class _Terminated(BaseException):
    """SIGTERM."""


class Follower:
    """Looks at the graph every ``minutes`` and trains when ``changed`` of it is other than at the last training.

    What is compared are the numbers of nodes by label and of relationships by type, which Neo4j keeps itself. They and
    those of the export lie in ``state``, so that a start after a kill knows what was trained, and goes on with a
    training that was interrupted instead of beginning another.
    """

    wait: Callable[[float], object] = staticmethod(time.sleep)

    def __init__(
        self,
        settings: Settings,
        state: Path,
        train: Callable[[], object],
        say: Callable[..., object],
        *,
        changed: float,
        minutes: float,
    ) -> None:
        """``say`` takes an event's name and its facts."""
        self.settings, self.state, self.train, self.say = settings, state, train, say
        self.changed, self.minutes = changed, minutes

    def run(self) -> None:
        """Train again whenever the graph changed, until SIGTERM. Raises the error of a training that fails."""
        doing = "training"
        try:
            with _on_sigterm():
                if self._known["exported"] != self._known["trained"]:
                    self._train()
                while True:
                    doing = "looking"
                    if self._look():
                        doing = "training"
                        self._train()
                    doing = "waiting"
                    self.wait(60.0 * self.minutes)
        except _Terminated:
            self.say("stopped", during=doing)

    def _look(self) -> bool:
        """Whether the graph changed by as much; if so, a fresh snapshot of it is written."""
        try:
            with Graph.connect(self.settings) as graph:
                now = counts(graph)
                share = _share(self._known["trained"], now)
                self.say("looked", changed=round(share, 6))
                if not now or share < self.changed:
                    return False
                manifest = export(graph, self.settings.snapshot_path, self.settings)
        except GraphError as error:
            self.say("unavailable", why=str(error))  # it is looked again
            return False
        self._keep(self._known | {"exported": now})
        self.say("exported", cutoff=manifest.cutoff, **manifest.nodes, **manifest.edges)
        return True

    def _train(self) -> None:
        self.train()
        self._keep(self._known | {"trained": self._known["exported"]})

    @property
    def _known(self) -> dict[str, Any]:
        try:
            known: dict[str, Any] = json.loads(self.state.read_text("utf-8"))
        except (OSError, ValueError):
            return {"exported": None, "trained": None}
        return known

    def _keep(self, known: dict[str, Any]) -> None:
        with aside.file(self.state) as fresh:
            fresh.write_text(json.dumps(known), "utf-8")


def _share(then: Counts | None, now: Counts) -> float:
    """How many more or fewer nodes and relationships there are, by kind, as a share of all; 1 if nothing is known."""
    if then is None:
        return 1.0
    moved = sum(abs(now.get(name, 0) - then.get(name, 0)) for name in {*then, *now})
    return moved / max(1, sum(then.values()))


@contextmanager
def _on_sigterm() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
