"""What Neo4j is asked for a feed from a view that is behind: the view does not know all that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from graph.errors import Overloaded
from graph.live import View
from graph.live.mirror import Mirror
from recommend import time_shares
from recommend.account import Account
from recommend.feed import Recommendation
from recommend.journey import Journey
from recommend.questions import Questions
from recommend.reader import GraphReader
from recommend.request import Request
from recommend.restrictions import Recent, Restrictions, by_now
from recommend.scorer import Scored

__all__ = ["Behind"]

Shown = tuple[list[Scored], tuple[Recommendation, ...]]
_MOST_FOLLOWS: Final = 5_000
"""A reader who follows more people sees follows that others wrote only once the graph is read anew."""
_TRIES: Final = 3


@dataclass(frozen=True)
class Behind:
    """Asks small questions, which Neo4j answers in time even when it is too slow for those of a whole feed."""

    questions: Questions
    graph: GraphReader
    recent: Recent
    mirror: Mirror

    def ask(self, request: Request) -> Future[Restrictions]:
        """Begin to ask what the reader must not be shown."""
        return self.questions.of_restrictions(self.graph.restrictions, request, request.deadline.left_ms())

    def restricted(self, view: View, request: Request, asked: Future[Restrictions], journey: Journey) -> Request:
        """The request with what its reader must not be shown by now; the view learns whom they follow.

        The journey says ``restrictions`` where Neo4j told nothing in time; what the outbox knows counts even then.
        """
        known = by_now(asked, self.questions, self.recent, request, journey, time_shares.RESTRICTIONS)
        if known.follows is not None:
            self._learn_follows(view, request, known.follows, journey)
        exclude = request.exclude | known.hidden
        return replace(request, exclude=exclude, blocked=request.blocked | known.blocked, watched=known.seen)

    def _learn_follows(self, view: View, request: Request, follows: int, journey: Journey) -> None:
        """Copy the reader's follows into the view if their number differs from the view's."""
        if follows == view.follows_of(request.user_id) or follows > _MOST_FOLLOWS:
            return
        left, before = request.deadline.left_ms(time_shares.RESTRICTIONS), self.mirror.ledger.state().seq
        asked = self.questions.of_facts(self.graph.followed, request, left)
        followed = self.questions.in_time(asked, "follows", journey, left)
        if followed is not None:
            me = request.user_id
            self.mirror.tell(view, before, lambda own: None if me in own else view.follow_only(me, followed))

    def without_gone(self, view: View, request: Request, journey: Journey, compose: Callable[[], Shown]) -> Shown:
        """The feed that ``compose`` makes, without contents that others took down or deleted.

        Neo4j is asked about the contents of the feed and of its reasons; the view learns which of them are gone, and
        ``compose`` makes another feed. The third feed, and any for which no time is left, is only cut: it is shorter
        then. The journey says ``taken_down`` where Neo4j told nothing in time.
        """
        chosen, items = compose()
        for again in reversed(range(_TRIES)):
            gone = self._gone(view, request, items, journey)
            if not gone:
                break
            items = tuple(one for one in items if one.content_id not in gone and gone.isdisjoint(_named(one)))
            left_over = {one.content_id for one in items}
            chosen = [one for one in chosen if one.content_id in left_over]
            if again and request.deadline.left_ms(time_shares.RESTRICTIONS):
                if journey.account is not None:
                    journey.account = Account()
                with suppress(Overloaded):  # then what is left over is shown
                    chosen, items = compose()
        return chosen, items

    def _gone(
        self, view: View, request: Request, items: Sequence[Recommendation], journey: Journey
    ) -> frozenset[str] | None:
        """Contents of the items and of their reasons that must not be shown any more."""
        left, before = request.deadline.left_ms(time_shares.GONE), self.mirror.ledger.state().seq
        content_ids = sorted({content_id for one in items for content_id in (one.content_id, *_named(one))})
        asked = self.questions.of_facts(self.graph.gone, request, content_ids, left)
        gone = self.questions.in_time(asked, "taken_down", journey, left)
        if gone:
            self.mirror.tell(view, before, lambda own: view.take_down(gone - own))
        return gone


def _named(item: Recommendation) -> set[str]:
    """The contents that its reasons name."""
    return {content_id for reason in item.reasons for content_id in reason.contents}
