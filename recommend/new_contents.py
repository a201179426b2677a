"""A source of what came after the training: new contents, placed by the model from their surroundings in the graph."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from baselines.recommender import Ints, NewContent, Placed, Recommender
from graph import schema
from graph.snapshot import Snapshot
from recommend.request import Request
from recommend.sources import Candidate, Source, knows

if TYPE_CHECKING:
    from graph.driver import Graph

__all__ = ["NEW_CONTENTS", "NewContents"]

NEW_CONTENTS: Final = Source("new_contents", "model", 0.8, {"scanned": 300, "watchers": 100})
"""Its caps are those of cypher/lookup/new_contents.cypher."""
_FRESH_S: Final = 60.0
"""How long contents that were placed are proposed before the graph is asked for newer ones."""

#: Column of the query → relationship type, and the label at its other end.
_NEAR: Final[Mapping[str, tuple[str, str]]] = {
    "watched": (schema.WATCHED, schema.USER),
    "made": (schema.MADE, schema.USER),
    "uses": (schema.USES, schema.CONTENT),
    "genres": (schema.HAS_GENRE, schema.GENRE),
    "moods": (schema.HAS_MOOD, schema.MOOD),
    "hashtags": (schema.TAGGED, schema.HASHTAG),
}


@dataclass(frozen=True)
class _Shelf:
    """New contents as of some moment."""

    ids: Sequence[str]
    kinds: Sequence[str]
    placed: Placed
    at: float


class NewContents:
    """Proposes contents that the model's snapshot does not know, to people whom it knows.

    The graph is asked once a minute for all; whoever asks meanwhile gets what was there before. Safe to share between
    threads.
    """

    def __init__(self, model: Recommender, graph: Graph) -> None:
        self._model, self._graph = model, graph
        self._able = model.place([]) is not None
        self._shelf: _Shelf | None = None
        self._asking = Lock()

    def ask(self, source: Source, request: Request, deadline_ms: int) -> list[Candidate]:
        """The new contents that fit somebody best; nothing for people, or from a model, that cannot be told about."""
        snapshot = self._model.snapshot
        if not self._able or not knows(snapshot, request.user_id):
            return []
        shelf = self._stocked(source, request, deadline_ms)
        if shelf is None or not shelf.ids:
            return []
        scores = shelf.placed.scores(int(snapshot.users.nids([request.user_id])[0]))
        wanted = [place for place, kind in enumerate(shelf.kinds) if request.kind in (None, kind)]
        best = sorted(wanted, key=lambda place: -scores[place])[: request.pool]
        return [Candidate(shelf.ids[place], float(scores[place])) for place in best]

    def _stocked(self, source: Source, request: Request, deadline_ms: int) -> _Shelf | None:
        shelf = self._shelf
        if (shelf is None or time.monotonic() - shelf.at > _FRESH_S) and self._asking.acquire(blocking=False):
            try:
                self._shelf = shelf = self._stock(source, request, deadline_ms)
            finally:
                self._asking.release()
        return shelf

    def _stock(self, source: Source, request: Request, deadline_ms: int) -> _Shelf:
        snapshot = self._model.snapshot
        rows = self._graph.read(
            "lookup/new_contents",
            deadline_ms=deadline_ms,
            request_id=request.id,
            since=snapshot.manifest.cutoff or 0,
            **source.caps,
        )
        new = [row for row in rows if row["contentId"] not in snapshot.contents]
        placed = self._model.place([_described(snapshot, row) for row in new])
        assert placed is not None
        known = np.flatnonzero(placed.contents.any(axis=1)).tolist()  # of the others nothing is known
        return _Shelf(
            [new[place]["contentId"] for place in known],
            [new[place]["kind"] for place in known],
            Placed(placed.users, placed.contents[known]),
            time.monotonic(),
        )


def _described(snapshot: Snapshot, row: Mapping[str, Any]) -> NewContent:
    near: dict[str, Ints] = {
        type_: snapshot.nodes[label].known(row[column]) for column, (type_, label) in _NEAR.items()
    }
    return NewContent({**row["properties"], "kind": row["kind"]}, near)
