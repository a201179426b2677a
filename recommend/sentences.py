"""A reason: typed facts, and the sentence that says them. The text is made of the facts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from graph.schema import USER_PREFIX

__all__ = ["Reason", "ReasonKind", "Verb"]

ReasonKind = Literal[
    "replay", "maker", "friends", "because", "taste", "beat", "genre", "hashtag", "trending", "fresh", "popular"
]
Verb = Literal[
    "made", "liked", "shared", "commented", "watched", "follows", "listens to", "creates in", "published", "none"
]


@dataclass(frozen=True)
class Reason:
    """One fact for which a content or a person is recommended."""

    kind: ReasonKind
    verb: Verb
    """What was done: by people of the graph (maker, friends, trending, popular), by the reader (because, beat, genre,
    hashtag); published for fresh; none where nobody did anything yet."""
    count: int = 0
    """How many people (maker, friends, because, trending, popular) or contents of the reader (taste, beat, genre,
    hashtag)."""
    at_least: bool = False
    """Whether there may be more than ``count``: not all were looked at."""
    people: tuple[str, ...] = ()
    """Bare ids of up to three of those who did it; people marked private are counted but never named."""
    contents: tuple[str, ...] = ()
    """The content (because), contents (taste) or beat (beat) that the fact is about."""
    names: tuple[str, ...] = ()
    """The genre or hashtag that the fact is about."""
    at: datetime | None = None
    """When it was published (fresh), or the newest time at which one of these people (friends) or the reader
    (replay) watched it."""
    days: int | None = None
    """The length of time, until now, that a trending, fresh or replay fact is about."""
    text: str = field(init=False)
    """The facts in one sentence, with ids until `called` gives it names."""
    evidence: tuple[str, ...] = field(init=False)
    """``people``, ``contents`` and ``names`` in one list."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _sentence(self, self.people, self.contents))
        object.__setattr__(self, "evidence", (*self.people, *self.contents, *self.names))

    def called(self, names: Mapping[str, str]) -> Reason:
        """The same fact with names in its text, for those of "users/1" and "keaks/1" that ``names`` has."""
        people = [names.get(USER_PREFIX + person, person) for person in self.people]
        contents = [f"“{names[content]}”" if content in names else content for content in self.contents]
        # A copy. Those of `copy` and `replace` take ten times as long, and a feed has fifty.
        told = object.__new__(Reason)
        told.__dict__.update(self.__dict__, text=_sentence(self, people, contents))
        return told


def _sentence(reason: Reason, people: Sequence[str], contents: Sequence[str]) -> str:
    """The fact about ``people`` and ``contents``, by the words that a person reads for them."""
    match reason.kind:
        case "maker":
            return _made_by(reason, people)
        case "friends" if reason.verb == "follows":
            follow = "follows" if reason.count == 1 else "follow"
            return f"{_capital(_people(reason))} you follow {follow} them{_named(reason, people)}"
        case "friends":
            did = "commented on" if reason.verb == "commented" else reason.verb
            return f"{_capital(_people(reason))} you follow {did} it{_named(reason, people)}"
        case "because":
            others = f"{_people(reason)} who watched it watched this too"
            return f"Because you watched {_joined(contents)}: {others}"
        case "taste":
            return f"You both watched {_contents(reason)}: {_joined(contents, reason.count - len(contents))}"
        case "beat":
            return f"More of {_joined(contents)}: you {reason.verb} {_contents(reason)} with this beat"
        case "genre" if reason.verb == "listens to":
            return f"In {_joined(reason.names)}, which you listen to"
        case "genre" if reason.verb == "creates in":
            return f"In {_joined(reason.names)}, which you create in"
        case "genre":
            return f"In {_joined(reason.names)}: you {reason.verb} {_contents(reason)} of this genre"
        case "hashtag":
            tags = _joined([f"#{name.removeprefix('#')}" for name in reason.names])
            return f"Tagged {tags} like {_contents(reason)} you {reason.verb}"
        case "replay":
            return f"You watched it {reason.days} {'day' if reason.days == 1 else 'days'} ago"
        case "trending":
            return f"{_capital(_people(reason))} watched it in the last {reason.days} days"
        case "fresh":
            return f"Published in the last {reason.days} days"
        case "popular" if reason.verb == "none":
            return "Nobody has watched it yet" if not reason.count else "You have not watched it yet"
        case "popular":
            return f"{_capital(_people(reason))} watched it"


def _made_by(reason: Reason, people: Sequence[str]) -> str:
    if not people:
        return f"Made by {_people(reason)} you follow"
    return f"Made by {_joined(people, reason.count - len(people))}, whom you follow"


def _named(reason: Reason, people: Sequence[str]) -> str:
    if not people:
        return ""
    if reason.at_least:
        return f": {', '.join(people)} and more"
    return f": {_joined(people, reason.count - len(people))}"


def _people(reason: Reason) -> str:
    return f"{_number(reason)} {'person' if reason.count == 1 else 'people'}"


def _contents(reason: Reason) -> str:
    return f"{_number(reason)} {'content' if reason.count == 1 else 'contents'}"


def _number(reason: Reason) -> str:
    return f"{'at least ' if reason.at_least else ''}{reason.count:,}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _joined(names: Sequence[str], more: int = 0) -> str:
    shown = [*names, f"{more} more"] if more else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
