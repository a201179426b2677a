"""A trained model as feeds use it: what it proposes to people it knows, to newcomers, and of new contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from graph.settings import Composition
from graph.snapshot import Snapshot
from recommend.new_contents import NewContents
from recommend.request import Request
from recommend.sources import MODEL, Candidate, Source, best_for_known, best_for_newcomer, best_for_session, knows
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats

if TYPE_CHECKING:
    from graph.database.driver import Graph

__all__ = ["ServedModel", "Together"]


_MODEL: Final = MODEL.name


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

    missing: tuple[str, ...] = ()
    """Sources that no model answers, because none is trained or it is not loaded yet."""

    @property
    def voices(self) -> tuple[tuple[Source, ServedModel], ...]:
        """The sources that it is asked as, and which model answers each."""
        return ((MODEL, self),)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the model was loaded with."""
        return self.model.snapshot

    def knows(self, user_id: str) -> bool:
        """Whether the model's snapshot has a watch or a follow of somebody."""
        return knows(self.snapshot, user_id)

    def vector(self, content_id: str) -> Floats | None:
        """The model's vector of a content; None where it has none."""
        contents, vectors = self.snapshot.contents, self.model.content_vectors
        if vectors is None or content_id not in contents:
            return None
        return np.asarray(vectors[int(contents.nids([content_id])[0])])

    def best(self, request: Request, today: Today | None = None) -> list[Candidate]:
        """The best contents for somebody known, by ``today`` where it is given; empty for others."""
        return best_for_known(self.model, request, today)

    def best_for_newcomer(self, request: Request, deadline_ms: int) -> list[Candidate]:
        """The best contents for somebody who came after the training. Raises the errors of `Graph.read`."""
        return best_for_newcomer(self.model, self._graph, request, deadline_ms) if self._graph else []

    def best_for_session(self, request: Request) -> list[Candidate]:
        """The best contents for somebody without an id, by the contents of ``request.session``; needs no graph."""
        return best_for_session(self.model, request)


class Together(ServedModel):
    """Several models of one snapshot, each a source with its share of the model's weight.

    A page needs some things once, such as the vectors by which contents are alike: these are the first model's.
    """

    def __init__(self, those: Mapping[str, ServedModel | None], composition: Composition) -> None:
        """``those`` by name, at least one of them not None, with their shares in ``composition``."""
        there = {name: one for name, one in those.items() if one is not None}
        first = next(iter(there.values()))
        super().__init__(first.model, " + ".join(one.version for one in there.values()), None)
        self.new_contents = first.new_contents
        self.missing = tuple(f"{_MODEL}/{name}" for name in those if name not in there)
        whole = sum(composition.recommenders[name] for name in there)
        weight = composition.weights.get("model", MODEL.weight)
        self._voices = tuple(
            (Source(f"{_MODEL}/{name}", MODEL.rung, weight * composition.recommenders[name] / whole), one)
            for name, one in there.items()
        )

    @property
    def voices(self) -> tuple[tuple[Source, ServedModel], ...]:
        return self._voices
