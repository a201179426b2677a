"""One request's way from a user id to a ranked, explained feed: sources → filters → scorer → selector."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from baselines.recommender import Recommender
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.feed import Feed, Person, Subgraph

if TYPE_CHECKING:
    from graph.driver import Graph

__all__ = ["Pipeline"]


class Pipeline:
    """Answers "what should this person see next, and why" from Neo4j, the snapshot and a model, whichever there are.

    ``model_version`` is named in every feed the model took part in.
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
        raise NotImplementedError

    def people(self, user_id: str, n: int = 10) -> list[Person]:
        """Whom ``user_id`` may want to follow. Raises UnknownUser."""
        raise NotImplementedError

    def neighbourhood(self, user_id: str, depth: int = 2, limit: int = 200) -> Subgraph:
        """At most ``limit`` nodes within ``depth`` (1 or 2) steps. Raises UnknownUser."""
        raise NotImplementedError

    def user(self, user_id: str) -> dict[str, Any]:
        """What is known about a user. Raises UnknownUser."""
        raise NotImplementedError

    def content(self, content_id: str) -> dict[str, Any]:
        """What is known about a content ("keaks/123"). Raises UnknownContent."""
        raise NotImplementedError

    def search(self, text: str, n: int = 20) -> list[dict[str, Any]]:
        """Users, contents and hashtags whose id or name begins with ``text``."""
        raise NotImplementedError
