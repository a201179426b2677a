"""What the graph holds by now of a pair, a content or a person that was changed: for the ledger and the views."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

__all__ = ["ContentNow", "Fact", "Pair", "PersonNow", "kept", "read"]

Named = Sequence[tuple[str, str | None]]
"""Ids and names of genres or moods."""


@dataclass(frozen=True)
class Pair:
    """What the graph holds of a person and a content, or of two people, at some moment. Times are ms."""

    source: str
    """Bare user id."""
    target: str
    """Prefixed content id, or a bare user id."""
    people: bool
    """Whether both are people."""
    holds: bool = False
    """Whether the source has a ``WATCHED`` to the content, or follows the other."""
    at: int | None = None
    progress: float | None = None
    liked: bool | None = None
    shared: bool | None = None
    commented: bool | None = None
    hid: bool = False
    audience: int = 0
    trend: float | None = None
    blocked: bool = False
    """Whether one of the two blocked the other."""
    watched: bool = True
    """Whether the source watched the content, and did not only like, comment or share it."""
    less: int | None = None
    """When the source asked for less of what is like the content; None where they did not."""


@dataclass(frozen=True)
class ContentNow:
    """A content, as ``lookup/contents_now`` tells it."""

    id: str
    kind: str
    takenDown: bool = False  # noqa: N815 - the query's column
    title: str | None = None
    link: str | None = None
    created: int | None = None
    audience: int = 0
    trend: float | None = None
    makers: Sequence[str] = ()
    uses: Sequence[str] = ()
    hashtags: Sequence[str] = ()
    genres: Named = ()
    moods: Named = ()


@dataclass(frozen=True)
class PersonNow:
    """A person, as ``lookup/people_now`` tells it."""

    id: str
    name: str | None = None
    private: bool = False
    listensTo: Named = ()  # noqa: N815
    createsIn: Named = ()  # noqa: N815


Fact = Pair | ContentNow | PersonNow
_CONTENT: Final = 2
_PERSON: Final = 3
"""Values of the ledger's column ``people`` for a content and a person; a pair has 0 or 1 there."""
_HELD: Final = tuple(field.name for field in fields(Pair) if field.name not in ("people", "source", "target"))


def kept(fact: Fact) -> tuple[int, str, str, str]:
    """A fact as a row of the ledger: people, source, target, held."""
    if isinstance(fact, Pair):
        return fact.people, fact.source, fact.target, json.dumps([getattr(fact, name) for name in _HELD])
    return _CONTENT if isinstance(fact, ContentNow) else _PERSON, "", fact.id, json.dumps(vars(fact))


def read(people: int, source: str, target: str, held: str) -> Fact:
    """The fact of a row."""
    told: Any = json.loads(held)
    if people in (_CONTENT, _PERSON):
        return ContentNow(**told) if people == _CONTENT else PersonNow(**told)
    values: dict[str, Any] = dict(zip(_HELD, told, strict=False))  # older rows hold fewer
    return Pair(source, target, bool(people), **values)
