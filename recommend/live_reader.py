"""`LiveReader`: candidates, facts and reasons from a `View`, as the queries of ``cypher/`` would answer them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.live import View
from graph.live.tops import BEAT, KEAK, TRACK
from graph.snapshot import NO_TIME
from recommend import kernels as compiled
from recommend import live_wanted
from recommend import taste_kernels as compiled_taste
from recommend.diversity import MOST_MADE, Traits
from recommend.filters import Facts
from recommend.live_why import Why
from recommend.naming import SnapshotNames
from recommend.request import Request, digest
from recommend.sources import REPLAYS, Candidate, Source

__all__ = ["LiveReader"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
kernels: Final[Any] = compiled  # what numba makes of them has no types
taste_kernels: Final[Any] = compiled_taste
_KINDS: Final = {None: 0, "keak": KEAK, "beat": BEAT, "track": TRACK}


class LiveReader:
    """Answers as of its view. Whoever asks holds the view's lock: the scratch is shared."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._names = SnapshotNames(view.snapshot)
        self.clear()

    def fit(self) -> None:
        """Have scratch for the contents that came since."""
        if len(self._head) < len(self.view.contents.rank):
            self.clear()

    def clear(self) -> None:
        """Take new scratch: whatever fails may leave the old one in any state."""
        view = self.view
        self._why = Why(view)
        contents = len(view.contents.rank)
        self._head = np.full(contents, -1, dtype=np.int64)
        self._score = np.zeros(contents)
        self._seen = np.zeros(contents, dtype=bool)
        self._held = np.zeros(contents, dtype=bool)
        self.total = np.zeros(contents)
        """Scratch of one value a content, 0 everywhere."""
        self._followed, self._shut = (np.zeros(len(view.users.rank), dtype=bool) for _ in range(2))

    def candidates(self, source: Source, request: Request) -> list[Candidate]:
        """The proposals of a source, best first."""
        contents, scores = self.ranked(source, request)
        names = self.view.contents.names(contents.tolist())
        return [Candidate(name, score) for name, score in zip(names, scores.tolist(), strict=True)]

    def ranked(self, source: Source, request: Request) -> tuple[Ints, Floats]:
        """The same as numbers of contents and their scores."""
        view, me, limit = self.view, self.view.users.number(request.user_id), request.pool
        if source.name in ("trending", "fresh", "popular", "unwatched"):
            return self._for_anybody(source.name, request, me)
        if me is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        self.fit()
        if source is REPLAYS:
            return self._replays(request, me)
        if len(self._followed) < len(view.users.rank):
            self._followed, self._shut = (np.zeros(len(view.users.rank), dtype=bool) for _ in range(2))
        blocked = np.fromiter(self._blocked(request, me), dtype=np.int64)
        self._shut[blocked] = True
        kernels.mark(view.watches.view, view.made.view, me, self._seen, True)
        try:
            found: tuple[Ints, Floats] = self._asked(source, _KINDS[request.kind], me, limit)
            return found
        finally:
            kernels.mark(view.watches.view, view.made.view, me, self._seen, False)
            self._shut[blocked] = False

    def _replays(self, request: Request, me: int) -> tuple[Ints, Floats]:
        view, kind = self.view, _KINDS[request.kind]
        contents, at, engagement = view.watches.of_node(me), view.watches.at_of(me), view.watches.engagement_of(me)
        able = (at != NO_TIME) & (at <= request.replayed_before)
        if kind:
            able &= view.kinds[contents] == kind
        places = np.flatnonzero(able)
        ranks = view.contents.rank[contents]
        places = places[np.lexsort((ranks[places], -at[places]))][: REPLAYS.caps["items"]]
        places = places[engagement[places] >= request.composition.replay_engagement]
        places = places[np.lexsort((ranks[places], -at[places], -engagement[places]))][: request.pool]
        return contents[places].astype(np.int64), engagement[places]

    def watched_at(self, request: Request, content: int) -> int | None:
        """When the person last watched a content, ms."""
        me = self.view.users.number(request.user_id)
        if me is None:
            return None
        found = self.view.watches.at_of(me)[self.view.watches.of_node(me) == content]
        return int(found[0]) if len(found) else None

    def _asked(self, source: Source, kind: int, me: int, limit: int) -> Any:
        view, caps = self.view, source.caps
        names: tuple[str, ...]
        edges: tuple[Any, ...]
        own: tuple[int, ...]
        watches, watchers, follows = view.watches.view, view.watchers.view, view.follows.view
        ranks = view.contents.rank
        scratch = ranks, self._head, self._score, self._seen, limit
        match source.name:
            case "followed_activity":
                own = caps["friends"], caps["perFriend"]
                return kernels.followed_activity(
                    watches, follows, view.users.rank, self._shut, me, view.kinds, kind, *own, *scratch
                )
            case "followed_makers":
                newest = view.tops.most("created", None)[: caps["scanned"]]
                newest = newest[view.created[newest] != NO_TIME]
                own = caps["friends"], caps["perFriend"]
                rest = ranks, self._head, self._seen, self._followed, limit
                return kernels.followed_makers(
                    follows, view.made.view, view.makers.view, view.created, newest, me, view.kinds, kind, *own, *rest
                )
            case "co_watch":
                names = ("items", "perItem", "perUser", "crowd", "busy")
                return kernels.co_watch(
                    watches, watchers, self._shut, me, view.kinds, kind, *(caps[name] for name in names), *scratch
                )
            case "same_beat":
                names = ("items", "beats", "perBeat")
                edges = watches, view.made.view, view.uses.view, view.used_by.view, view.created, view.audience
                return taste_kernels.same_beat(*edges, me, view.kinds, kind, *(caps[name] for name in names), *scratch)
            case "same_hashtag":
                names = ("items", "hashtags", "perHashtag", "crowd")
                edges = watches, view.made.view, view.tags.view, view.tagged.view, view.created, view.audience
                own = tuple(caps[name] for name in names)
                return taste_kernels.same_hashtag(
                    *edges, me, view.kinds, kind, *own, ranks, view.hashtags.rank, *scratch[1:]
                )
            case "same_genre":
                popular = view.tops.most("audience", "keak")[: caps["walked"]]
                names = ("items", "genres", "perGenre", "perBeat", "crowd")
                links = view.listens, view.creates, view.uses, view.used_by, view.genres, view.of_genre
                own = tuple(caps[name] for name in names)
                return taste_kernels.same_genre(
                    watches,
                    *(one.view for one in links),
                    view.audience,
                    popular,
                    me,
                    view.kinds,
                    kind,
                    *own,
                    ranks,
                    view.genre_ids.rank,
                    *scratch[1:],
                )
        raise KeyError(source.name)

    def _for_anybody(self, name: str, request: Request, me: int | None) -> tuple[Ints, Floats]:
        view, limit = self.view, request.pool
        kind = request.kind
        if name == "trending":
            best = self._first("trend", kind, limit)
            best = best[np.isfinite(view.trend[best])]
            return best, np.exp(view.trend[best] - view.trend[best].max(initial=-np.inf))
        if name == "fresh":
            best = self._first("created", kind, limit)
            best = best[view.created[best] != NO_TIME]
            return best, np.asarray(1.0 / (1.0 + np.arange(len(best))))
        avoided = self._avoided(request, me)
        wanted = live_wanted.mask(view, request.wanted)
        if name == "popular":
            for whole in (False, True):
                best = view.tops.most("audience", kind, whole=whole)
                able = (view.audience[best] > 0) & ~np.isin(best, avoided) & ~view.taken_down[best]
                left = best[able if wanted is None else able & wanted[best]][:limit]
                if len(left) == limit or not len(best) or view.audience[best[-1]] == 0:  # the others have none either
                    break
            return left, view.audience[left] / max(1, int(view.audience[left].max(initial=1)))
        able = (view.audience == 0) & (view.kinds > 0)
        if kind is not None:
            able &= view.kinds == _KINDS[kind]
        if wanted is not None:
            able &= wanted
        able[avoided] = False
        able &= ~view.taken_down
        found, base = np.flatnonzero(able), view.snapshot.contents.count
        fresh = found[np.searchsorted(found, base) :]  # numbers of the snapshot are in the order of their ids
        found = np.concatenate((found[: min(limit, len(found) - len(fresh))], fresh))
        left = found[np.argsort(view.contents.rank[found], kind="stable")][:limit]
        return left, np.zeros(len(left))

    def _first(self, name: Literal["trend", "created"], kind: str | None, limit: int) -> Ints:
        """The ``limit`` contents with the highest values that are not taken down."""
        for whole in (False, True):
            best = self.view.tops.most(name, kind, whole=whole)
            best = best[~self.view.taken_down[best]][:limit]
            if len(best) == limit:
                break
        return best

    def _avoided(self, request: Request, me: int | None, *, seen: bool = True) -> Ints:
        """What the queries for anybody leave out: own, seen, hidden and excluded ones, and those of blocked people."""
        view = self.view
        parts: list[npt.NDArray[Any]] = [view.contents.numbers(request.exclude)]
        if seen:
            parts.append(view.contents.numbers(request.watched))
        if me is not None:
            parts += [view.made.of(me), np.fromiter(view.hid.get(me, ()), dtype=np.int64)]
            parts += [view.watches.of_node(me)] if seen else []
        parts += [view.made.of(other) for other in self._blocked(request, me)]
        avoided: Ints = np.concatenate(parts).astype(np.int64)
        return avoided

    def _blocked(self, request: Request, me: int | None) -> set[int]:
        """People who are blocked on either side."""
        known: set[int] = set() if me is None else self.view.blocked.get(me, set())
        return known | set(self.view.users.numbers(request.blocked).tolist()) if request.blocked else known

    @contextmanager
    def restricted(self, request: Request) -> Iterator[Callable[[Ints], Ints]]:
        """Give a function that takes away contents that no filter lets through; it works until the block ends."""
        self.fit()
        view, held = self.view, self._held
        me = view.users.number(request.user_id)
        avoided = self._avoided(request, me)
        held[avoided] = True
        if request.replays and me is not None:
            again, _ = self._replays(request, me)
            held[np.setdiff1d(again, self._avoided(request, me, seen=False))] = False
        kind = _KINDS[request.kind]
        wanted = live_wanted.mask(view, request.wanted)

        def keep(contents: Ints) -> Ints:
            able = ~held[contents] & ~view.taken_down[contents]
            if kind:
                able &= view.kinds[contents] == kind
            if wanted is not None:
                able &= wanted[contents]
            left: Ints = contents[able]
            if request.shown:
                names = view.contents.names(left.tolist())
                left = left[[digest(name) not in request.shown for name in names]]
            return left

        try:
            yield keep
        finally:
            held[avoided] = False

    def makers(self, content: int) -> tuple[str, ...]:
        """The ids of the makers of a content, those who are marked private left out."""
        view = self.view
        return tuple(view.users.names(one for one in view.makers.of(content).tolist() if not view.private[one]))

    def less(self, request: Request) -> list[tuple[int, int]]:
        """Contents of which the person wants to see less, and since when, ms."""
        me = self.view.users.number(request.user_id)
        return [] if me is None else [*self.view.less.get(me, {}).items()]

    def traits(self, content: int, *, counted: bool) -> Traits:
        """What a content may have in common with others, as numbers; the watchers of its makers where ``counted``."""
        view = self.view
        beats, makers = view.uses.of(content).tolist(), view.makers.of(content).tolist()
        genres = {genre for one in (content, *beats) for genre in view.genres.of(one).tolist()}
        watchers = None
        if counted and makers:
            theirs = [view.made.of(maker) for maker in makers]
            if max(map(len, theirs)) <= MOST_MADE:
                watchers = max(int(view.audience[those].sum()) for those in theirs)
        named = tuple(maker for maker in makers if not view.private[maker])
        return Traits(tuple(beats), tuple(genres), tuple(view.tags.of(content).tolist()), named, watchers)

    def facts(self, request: Request, content_ids: Collection[str]) -> dict[str, Facts]:
        """What decides whether each content may be shown; contents that are not known are left out."""
        view, me = self.view, self.view.users.number(request.user_id)
        seen = own = hidden = again = frozenset[int]()
        blocked = self._blocked(request, me)
        if me is not None:
            if request.replays:
                again = frozenset(self._replays(request, me)[0].tolist())
            seen, own = frozenset(view.watches.of_node(me).tolist()), frozenset(view.made.of(me).tolist())
            hidden = frozenset(view.hid.get(me, ()))
        wanted = live_wanted.mask(view, request.wanted)
        facts = {}
        for content_id in content_ids:
            content = view.contents.number(content_id)
            if content is None:
                continue
            makers = view.makers.of(content).tolist()
            facts[content_id] = Facts(
                content_id=content_id,
                kind=schema.KINDS[view.kinds[content] - 1],
                link=self._link(content),
                made_by=self.makers(content),
                seen=content in seen or content_id in request.watched,
                replay=content in again,
                own=content in own,
                hidden=content in hidden,
                blocked=any(maker in blocked for maker in makers),
                taken_down=bool(view.taken_down[content]),
                wanted=wanted is None or bool(wanted[content]),
            )
        return facts

    def _link(self, content: int) -> str | None:
        view = self.view
        if content in view.since.links:
            return view.since.links[content]
        return None if view.links is None or content >= len(view.links) else view.links[content]

    def names(self, user_ids: Sequence[str], content_ids: Sequence[str]) -> dict[str, str]:
        """Names by id ("users/1", "keaks/1")."""
        names, since = self._names(user_ids, content_ids), self.view.since.names
        if since:
            for id_ in (*(schema.USER_PREFIX + user for user in user_ids), *content_ids):
                if id_ in since:
                    names.pop(id_, None)
                    names |= {id_: name} if (name := since[id_]) else {}
        return names

    def why(self, request: Request, content_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The row of ``explore/why_this_content`` of each content that is known."""
        view, me = self.view, self.view.users.number(request.user_id)
        return self._why.rows(me, view.contents.numbers(content_ids), self._blocked(request, me), request.now)
