"""How a feed is spread over beats, genres and what is alike, and places kept for makers whom few people watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from graph.settings import Composition, Less
from graph.snapshot.ages import DAY
from recommenders.core.top_k import Floats

__all__ = ["MOST_MADE", "NO_TRAITS", "Alike", "Lessened", "Spread", "Traits", "spread", "wanted"]


@dataclass(frozen=True)
class Traits:
    """What a content may have in common with others; ids or numbers, of one kind within a request."""

    beats: tuple[Hashable, ...] = ()
    """The beats that the content uses."""
    genres: tuple[Hashable, ...] = ()
    """The genres of the content and of its beats."""
    hashtags: tuple[Hashable, ...] = ()
    makers: tuple[Hashable, ...] = ()
    """The makers who are not marked private."""
    watchers: int | None = None
    """Watchers of all that a maker of it made, added up, of the maker with most; None where that is not counted."""

    @cached_property
    def all(self) -> frozenset[tuple[str, Hashable]]:
        """Every trait with its sort."""
        sorts = {"beat": self.beats, "genre": self.genres, "hashtag": self.hashtags, "maker": self.makers}
        return frozenset((sort, one) for sort, those in sorts.items() for one in those)


NO_TRAITS: Final = Traits()
MOST_LESS: Final = 100
"""Contents of which somebody wants to see less that count, the newest."""
MOST_MADE: Final = 1_000
"""A maker of more contents than this never counts as new, however few people watched them."""


def wanted(composition: Composition) -> bool:
    """Whether a feed with these settings looks at traits at all."""
    return (
        composition.most_of_beat < 1.0
        or composition.most_of_genre < 1.0
        or composition.mmr < 1.0
        or composition.new_makers > 0.0
    )


class Alike:
    """How alike two contents are, 0 to 1: by the cosine of a model's vectors where it has both, else by traits.

    By traits it is the share of all traits of the two that both have.
    """

    def __init__(self, vector: Callable[[str], Floats | None]) -> None:
        self._vector = vector
        self._vectors: dict[str, Floats | None] = {}

    def __call__(self, one: str, other: str, traits: Callable[[], tuple[Traits, Traits]]) -> float:
        first, second = self._unit(one), self._unit(other)
        if first is not None and second is not None:
            return max(0.0, float(first @ second))
        left, right = (those.all for those in traits())
        every = len(left | right)
        return len(left & right) / every if every else 0.0

    def _unit(self, content_id: str) -> Floats | None:
        if content_id not in self._vectors:
            vector = self._vector(content_id)
            length = 0.0 if vector is None else float(np.linalg.norm(vector))
            self._vectors[content_id] = None if vector is None or not length else np.asarray(vector / length)
        return self._vectors[content_id]


class Lessened:
    """What somebody wants to see less of, and how far a candidate with something in common goes down."""

    def __init__(self, settings: Less, those: Iterable[tuple[str, int, Traits]], now: int) -> None:
        """``those``: id, time of the wish (ms) and traits of each content. Only the newest `MOST_LESS` count."""
        newest = sorted(those, key=lambda one: (-one[1], one[0]))[:MOST_LESS]
        self._weights = {"maker": settings.maker, "beat": settings.beat, "genre": settings.genre}
        self._weights["hashtag"] = settings.hashtag
        half_life = settings.half_life_days * DAY
        self._those = [
            (content_id, traits.all, 0.5 ** (max(0, now - at) / half_life)) for content_id, at, traits in newest
        ]

    def share(self, content_id: str, traits: Traits) -> float:
        """What is left of the worth of a content: for each sort of trait in common its weight is taken off.

        The content itself has every sort in common.
        """
        left = 1.0
        for other, theirs, fade in self._those:
            common = {sort for sort, _ in theirs & traits.all}
            for sort, weight in self._weights.items():
                if sort in common or content_id == other:
                    left *= 1.0 - weight * fade
        return left


class Spread:
    """One page as it is filled: what its contents have in common with the next candidate.

    Candidates are named by their places in a list, best first; ``traits`` and ``names`` are asked of those alone that
    come up.
    """

    def __init__(
        self,
        composition: Composition,
        n: int,
        traits: Callable[[int], Traits],
        names: Callable[[int], str],
        alike: Alike,
        less: Lessened | None = None,
        is_replay: Callable[[int], bool] | None = None,
    ) -> None:
        self._relevance = composition.mmr
        self._traits, self._names, self._alike, self._less = traits, names, alike, less
        shares = {"beats": composition.most_of_beat, "genres": composition.most_of_genre}
        self._caps = {sort: max(1, int(n * share + 1e-9)) for sort, share in shares.items() if share < 1.0}
        self._is_replay, self._replayed = is_replay, 0
        self._most_replays = max(1, int(n * composition.replays + 1e-9))
        self._new_places = max(1, int(n * composition.new_makers + 1e-9)) if composition.new_makers else 0
        self._few = composition.new_maker_watchers
        self._counts = Counter[tuple[str, Hashable]]()
        self._chosen: list[int] = []
        self._known: dict[int, Traits] = {}
        self._nearest: dict[int, tuple[int, float]] = {}

    def worth(self, place: int, relevance: float) -> float:
        """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), less what the person wants less of.

        It only falls as the page fills.
        """
        if self._less:
            relevance *= self._less.share(self._names(place), self._of(place))
        if self._relevance >= 1.0:
            return relevance
        looked, most = self._nearest.get(place, (0, 0.0))
        for other in self._chosen[looked:]:
            traits = lambda other=other: (self._of(place), self._of(other))  # noqa: E731
            most = max(most, self._alike(self._names(place), self._names(other), traits))
        self._nearest[place] = len(self._chosen), most
        return self._relevance * relevance - (1.0 - self._relevance) * most

    def full(self, place: int) -> bool:
        """Whether a beat or a genre of a candidate has its share of the page, or replays have theirs."""
        if self._is_replay and self._replayed >= self._most_replays and self._is_replay(place):
            return True
        return any(
            self._counts[sort, one] >= most
            for sort, most in self._caps.items()
            for one in getattr(self._of(place), sort)
        )

    def take(self, place: int) -> None:
        """The candidate stands in the page."""
        self._chosen.append(place)
        self._replayed += bool(self._is_replay and self._is_replay(place))
        for sort in self._caps:
            self._counts.update((sort, one) for one in getattr(self._of(place), sort))

    def with_new_makers(self, taken: Sequence[int], scores: Sequence[float]) -> list[int]:
        """The page with the best contents of new makers in place of its last others, where it has too few of them."""
        page = list(taken)
        missing = self._new_places - sum(map(self._is_new, page)) if self._new_places else 0
        if missing <= 0:
            return page
        inside, best_first = set(page), sorted(range(len(scores)), key=lambda place: (-scores[place], place))
        others = [at for at in reversed(range(len(page))) if not self._is_new(page[at])]
        new = (place for place in best_first if place not in inside and self._is_new(place))
        for at, place in sorted(zip(others[:missing], new, strict=False)):
            page[at] = place
        return page

    def _is_new(self, place: int) -> bool:
        watchers = self._of(place).watchers
        return watchers is not None and watchers < self._few

    def _of(self, place: int) -> Traits:
        if place not in self._known:
            self._known[place] = self._traits(place)
        return self._known[place]


def spread(
    composition: Composition,
    n: int,
    traits: Callable[[int], Traits],
    names: Callable[[int], str],
    vector: Callable[[str], Floats | None] | None,
    less: Lessened | None = None,
    is_replay: Callable[[int], bool] | None = None,
) -> Spread | None:
    """What spreads a page, by a model's ``vector`` of a content where there is one; None where nothing is asked for."""
    if not wanted(composition) and less is None and is_replay is None:
        return None
    return Spread(composition, n, traits, names, Alike(vector or (lambda _: None)), less, is_replay)
