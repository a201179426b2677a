"""`Since`: facts from changes of the catalogue after the snapshot that the arrays of a view have no place for."""

from __future__ import annotations

from collections.abc import Iterable

from graph import schema
from graph.live.facts import ContentNow, PersonNow

__all__ = ["Since"]


class Since:
    """Names, links and moods of what changed. Whoever reads it holds the view's lock."""

    def __init__(self) -> None:
        self.touched: set[int] = set()
        """Numbers of contents whose genres, moods, hashtags, makers or time may be others than in the snapshot."""
        self.names: dict[str, str | None] = {}
        """The name of a person or content, by prefixed id; None where there is none to show."""
        self.links: dict[int, str | None] = {}
        """Addresses at which contents play."""
        self.moods: dict[int, frozenset[str]] = {}
        """Ids and names of the moods of contents, in small letters."""

    def content(self, now: ContentNow, touched: list[int]) -> None:
        """Keep what is said of a content, whose number is the first of those ``touched``."""
        number = touched[0]
        self.touched.update(touched)
        self.names[now.id] = now.title or None
        self.links[number] = now.link
        self.moods[number] = frozenset(text.lower() for mood in now.moods for text in mood if text)

    def person(self, now: PersonNow, made: Iterable[int]) -> None:
        """Keep what is said of a person who ``made`` some contents."""
        self.touched.update(made)
        self.names[schema.USER_PREFIX + now.id] = None if now.private else now.name or None
