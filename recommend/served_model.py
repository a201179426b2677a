"""A trained model as feeds use it: what it proposes to people it knows, to newcomers, and of new contents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.snapshot import Snapshot
from recommend.new_contents import NewContents
from recommend.request import Request
from recommend.sources import Candidate, best_for_known, best_for_newcomer, best_for_session, knows
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["ServedModel"]


class ServedModel:
    """One model and its ``version``, which every feed names that the model took part in.

    Safe to share between threads; kept as long as the model is, because it remembers the new contents. Without a
    ``graph`` newcomers get nothing, and there are no new contents.
    """

    def __init__(self, model: Recommender, version: str, graph: Graph | None) -> None:
        self.model = model
        self.version = version
        self.new_contents = NewContents(model, graph) if graph else None
        """Contents that came after the training."""
        self._graph = graph

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the model was loaded with."""
        return self.model.snapshot

    def knows(self, user_id: str) -> bool:
        """Whether the model's snapshot has a watch or a follow of somebody."""
        return knows(self.snapshot, user_id)

    def best(self, request: Request, today: Today | None = None) -> list[Candidate]:
        """The best contents for somebody known, by ``today`` where it is given; empty for others."""
        return best_for_known(self.model, request, today)

    def best_for_newcomer(self, request: Request, deadline_ms: int) -> list[Candidate]:
        """The best contents for somebody who came after the training. Raises the errors of `Graph.read`."""
        return best_for_newcomer(self.model, self._graph, request, deadline_ms) if self._graph else []

    def best_for_session(self, request: Request) -> list[Candidate]:
        """The best contents for somebody without an id, by the contents of ``request.session``; needs no graph."""
        return best_for_session(self.model, request)
