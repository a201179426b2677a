"""What a feed from a view that others wrote past asks of Neo4j, so that it is right for its reader all the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from graph.live import View
from recommend.account import Account
from recommend.feed import Recommendation
from recommend.journey import Journey
from recommend.questions import Questions
from recommend.reader import GraphReader
from recommend.request import Request
from recommend.restrictions import Recent, Restrictions
from recommend.scorer import Scored

__all__ = ["Behind"]

Shown = tuple[list[Scored], tuple[Recommendation, ...]]
_SHARE: Final = 0.8
"""Of the deadline: until then a feed waits for what its reader must not be shown and whom they follow."""
_LAST_SHARE: Final = 0.95
"""Until then it waits to hear which contents are gone."""
_MOST_FOLLOWS: Final = 5_000
"""Of somebody who follows more than that, new follows by others show once the graph is read anew."""
_TRIES: Final = 3


@dataclass(frozen=True)
class Behind:
    """Small questions, answered in time also where those of a whole feed are not."""

    questions: Questions
    graph: GraphReader
    recent: Recent

    def ask(self, request: Request) -> Future[Restrictions]:
        """Begin to ask what the reader must not be shown."""
        return self.questions.of_restrictions(self.graph.restrictions, request, request.deadline.left_ms())

    def restricted(self, view: View, request: Request, asked: Future[Restrictions], journey: Journey) -> Request:
        """The request with what its reader must not be shown by now; the view learns whom they follow.

        The journey says ``restrictions`` where Neo4j told nothing in time; what the outbox knows counts even then.
        """
        told = self.questions.in_time(asked, "restrictions", journey, request.deadline.left_ms(_SHARE))
        if told and told.follows is not None:
            self._learn_follows(view, request, told.follows, journey)
        known = self.recent.with_recent(told or Restrictions(), request.user_id)
        exclude = request.exclude | known.hidden
        return replace(request, exclude=exclude, blocked=request.blocked | known.blocked, watched=known.seen)

    def _learn_follows(self, view: View, request: Request, follows: int, journey: Journey) -> None:
        """Have the view follow whom the reader follows, where their number is another one than there."""
        if follows == view.follows_of(request.user_id) or follows > _MOST_FOLLOWS:
            return
        left = request.deadline.left_ms(_SHARE)
        asked = self.questions.of_restrictions(self.graph.followed, request, left)
        followed = self.questions.in_time(asked, "follows", journey, left)
        if followed is not None:
            view.follow_only(request.user_id, followed)

    def without_gone(self, view: View, request: Request, journey: Journey, compose: Callable[[], Shown]) -> Shown:
        """What ``compose`` would show without what others took down or deleted, of which the view then knows."""
        chosen, items = compose()
        for _ in range(_TRIES):
            left = request.deadline.left_ms(_LAST_SHARE)
            names = [one.content_id for one in items]
            asked = self.questions.of_restrictions(self.graph.gone, request, names, left)
            gone = self.questions.in_time(asked, "taken_down", journey, left)
            if not gone:
                break
            view.take_down(gone)
            if journey.account is not None:
                journey.account = Account()
            chosen, items = compose()
        return chosen, items
