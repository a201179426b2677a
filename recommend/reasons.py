"""Reasons: for each content shown, up to three facts of ``cypher/explore/why_this_content``, the strongest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from recommend.sentences import Reason, Verb

__all__ = ["FRESH_DAYS", "MOST", "TRENDING_DAYS", "followed_by", "reasons", "replay"]

Row = Mapping[str, Any]

TRENDING_DAYS: Final = 7
"""Days of watches that the query counts as trending."""
FRESH_DAYS: Final = 7
MOST: Final = 3
_DAY_MS: Final = 86_400_000
_NAMING: Final = ("together", "beats")
"""The columns of facts that name contents."""
_TASTES: Final[tuple[Verb, ...]] = ("watched", "listens to", "creates in", "made")
"""Acts of a person on a genre, strongest first."""


def reasons(row: Row, now: int, unnamed: Collection[str] = ()) -> tuple[Reason, ...]:
    """At most three facts of one row of the query, each of another kind; ``now`` is the query's, in ms.

    ``unnamed``: ids of contents that no fact may name.
    """
    if unnamed:
        row = {**row} | {name: [fact for fact in row[name] if fact["id"] not in unnamed] for name in _NAMING}
    told = [reason for tell in _FACTS if (reason := tell(row, now))]
    return tuple(told[:MOST]) or (_audience(row),)


def followed_by(count: int, people: Sequence[str]) -> Reason:
    """Why somebody is worth following: ``count`` people whom the reader follows follow them."""
    return Reason("friends", "follows", count, people=tuple(people))


def replay(at: int, now: int) -> Reason:
    """Why something comes again: the reader last watched it at a time, ms."""
    return Reason("replay", "watched", at=_time(at), days=max(0, now - at) // _DAY_MS)


def same_taste(count: int, contents: Sequence[str]) -> Reason:
    """Why somebody resembles the reader: both watched ``count`` contents, some of which are named."""
    return Reason("taste", "watched", count, at_least=True, contents=tuple(contents))


def _maker(row: Row, now: int) -> Reason | None:
    makers = row["makers"]
    if not makers["count"]:
        return None
    return Reason("maker", "made", makers["count"], people=tuple(makers["people"]))


def _friends(row: Row, now: int) -> Reason | None:
    """The strongest thing that people one follows did: liking says more than sharing, and watching least."""
    for fact in row["followed"]:
        if fact["count"]:
            return Reason(
                "friends",
                fact["did"],
                fact["count"],
                at_least=fact["atLeast"],
                people=tuple(fact["people"]),
                at=_time(fact["at"]),
            )
    return None


def _because(row: Row, now: int) -> Reason | None:
    for fact in row["together"]:
        return Reason("because", "watched", fact["count"], at_least=fact["atLeast"], contents=(fact["id"],))
    return None


def _beat(row: Row, now: int) -> Reason | None:
    if not (fact := _strongest(row["beats"])):
        return None
    return Reason("beat", fact["did"], fact["count"], at_least=fact["atLeast"], contents=(fact["id"],))


def _genre(row: Row, now: int) -> Reason | None:
    if not (fact := _strongest(row["genres"])):
        return None
    counted = fact["count"] > 0
    return Reason("genre", fact["did"], fact["count"], at_least=counted and fact["atLeast"], names=(fact["id"],))


def _hashtag(row: Row, now: int) -> Reason | None:
    if not (fact := _strongest(row["hashtags"])):
        return None
    return Reason("hashtag", fact["did"], fact["count"], at_least=fact["atLeast"], names=(fact["id"],))


def _trending(row: Row, now: int) -> Reason | None:
    recent = row["recent"]
    if not recent["count"]:
        return None
    return Reason("trending", "watched", recent["count"], at_least=recent["atLeast"], days=TRENDING_DAYS)


def _fresh(row: Row, now: int) -> Reason | None:
    created = row["createdAt"]
    if created is None or not now - FRESH_DAYS * _DAY_MS < created <= now:
        return None
    return Reason("fresh", "published", at=_time(created), days=FRESH_DAYS)


def _audience(row: Row) -> Reason:
    count = max(0, row["watchers"] - row["hiddenWatchers"])  # an import settles audiences at its end
    return Reason("popular", "watched", count) if count else Reason("popular", "none", row["watchers"])


_FACTS: Final[tuple[Callable[[Row, int], Reason | None], ...]] = (
    _maker,
    _friends,
    _because,
    _beat,
    _genre,
    _hashtag,
    _trending,
    _fresh,
)
"""The strongest first: people before what contents have in common, and that before what everybody does."""


def _strongest(facts: Sequence[Row]) -> Row | None:
    return min(facts, key=lambda fact: (_TASTES.index(fact["did"]), -fact["count"], fact["id"]), default=None)


def _time(milliseconds: int | None) -> datetime | None:
    """The time as a datetime; None where it is unknown or outside the calendar."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError):
        return None
