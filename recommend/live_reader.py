"""`LiveReader`: candidates, facts and reasons from a `View`, as the queries of ``cypher/`` would answer them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from graph import schema
from graph.live import View
from graph.live.tops import BEAT, KEAK
from graph.snapshot import NO_TIME
from recommend import kernels as compiled
from recommend import taste_kernels as compiled_taste
from recommend.filters import Facts
from recommend.live_why import Why
from recommend.naming import SnapshotNames
from recommend.request import Request, digest
from recommend.sources import Candidate, Source

__all__ = ["LiveReader"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
kernels: Final[Any] = compiled  # what numba makes of them has no types
taste_kernels: Final[Any] = compiled_taste
_KINDS: Final = {None: 0, "keak": KEAK, "beat": BEAT}


class LiveReader:
    """Answers as of its view. Whoever asks holds the view's lock: the scratch is shared."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._names = SnapshotNames(view.snapshot)
        self.clear()

    def clear(self) -> None:
        """Take new scratch: whatever fails may leave the old one in any state."""
        view = self.view
        self._why = Why(view)
        contents = len(view.contents)
        self._head = np.full(contents, -1, dtype=np.int64)
        self._score = np.zeros(contents)
        self._seen = np.zeros(contents, dtype=bool)
        self._held = np.zeros(contents, dtype=bool)
        self.total = np.zeros(contents)
        """Scratch of one value a content, 0 everywhere."""
        self._followed, self._shut = (np.zeros(len(view.users.rank), dtype=bool) for _ in range(2))

    def candidates(self, source: Source, request: Request) -> list[Candidate]:
        """What a source proposes, its best first."""
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
        if len(self._followed) < len(view.users.rank):
            self._followed, self._shut = (np.zeros(len(view.users.rank), dtype=bool) for _ in range(2))
        blocked = np.fromiter(view.blocked.get(me, ()), dtype=np.int64)
        self._shut[blocked] = True
        kernels.mark(view.watches.view, view.made, me, self._seen, True)
        try:
            found: tuple[Ints, Floats] = self._asked(source, _KINDS[request.kind], me, limit)
            return found
        finally:
            kernels.mark(view.watches.view, view.made, me, self._seen, False)
            self._shut[blocked] = False

    def _asked(self, source: Source, kind: int, me: int, limit: int) -> Any:
        view, caps = self.view, source.caps
        names: tuple[str, ...]
        edges: tuple[Any, ...]
        own: tuple[int, ...]
        watches, watchers, follows = view.watches.view, view.watchers.view, view.follows.view
        scratch = self._head, self._score, self._seen, limit
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
                rest = self._head, self._seen, self._followed, limit
                return kernels.followed_makers(
                    follows, view.made, view.makers, view.created, newest, me, view.kinds, kind, *own, *rest
                )
            case "co_watch":
                names = ("items", "perItem", "perUser", "crowd", "busy")
                return kernels.co_watch(
                    watches, watchers, self._shut, me, view.kinds, kind, *(caps[name] for name in names), *scratch
                )
            case "same_beat":
                names = ("items", "beats", "perBeat")
                edges = watches, view.made, view.uses, view.used_by, view.created, view.audience
                return taste_kernels.same_beat(*edges, me, view.kinds, kind, *(caps[name] for name in names), *scratch)
            case "same_hashtag":
                names = ("items", "hashtags", "perHashtag", "crowd")
                edges = watches, view.made, view.tags, view.tagged, view.created, view.audience
                return taste_kernels.same_hashtag(
                    *edges, me, view.kinds, kind, *(caps[name] for name in names), *scratch
                )
            case "same_genre":
                popular = view.tops.most("audience", "keak")[: caps["walked"]]
                names = ("items", "genres", "perGenre", "perBeat", "crowd")
                edges = watches, view.listens, view.creates, view.uses, view.used_by, view.genres, view.of_genre
                own = tuple(caps[name] for name in names)
                return taste_kernels.same_genre(*edges, view.audience, popular, me, view.kinds, kind, *own, *scratch)
        raise KeyError(source.name)

    def _for_anybody(self, name: str, request: Request, me: int | None) -> tuple[Ints, Floats]:
        view, limit = self.view, request.pool
        kind: Any = request.kind
        if name == "trending":
            best = view.tops.most("trend", kind, whole=limit > 1_000)[:limit]
            best = best[np.isfinite(view.trend[best])]
            return best, np.exp(view.trend[best] - view.trend[best].max(initial=-np.inf))
        if name == "fresh":
            best = view.tops.most("created", kind, whole=limit > 1_000)[:limit]
            best = best[view.created[best] != NO_TIME]
            return best, np.asarray(1.0 / (1.0 + np.arange(len(best))))
        avoided = self._avoided(request, me)
        wanted = request.wanted_in(view.snapshot)
        if name == "popular":
            for whole in (False, True):
                best = view.tops.most("audience", kind, whole=whole)
                able = (view.audience[best] > 0) & ~np.isin(best, avoided)
                left = best[able if wanted is None else able & wanted[best]][:limit]
                if len(left) == limit or whole:
                    break
            return left, view.audience[left] / max(1, int(view.audience[left].max(initial=1)))
        able = (view.audience == 0) & np.isin(view.kinds, (KEAK, BEAT))
        if kind is not None:
            able &= view.kinds == _KINDS[kind]
        if wanted is not None:
            able &= wanted
        able[avoided] = False
        left = np.flatnonzero(able)[:limit]
        return left, np.zeros(len(left))

    def _avoided(self, request: Request, me: int | None) -> Ints:
        """What the queries for anybody leave out: own, seen, hidden and excluded ones, and those of blocked people."""
        view = self.view
        excluded = view.contents.numbers(request.exclude)
        if me is None:
            return excluded
        parts: list[npt.NDArray[Any]] = [
            excluded,
            view.watches.of_node(me),
            view.made.of(me),
            np.fromiter(view.hid.get(me, ()), dtype=np.int64),
        ]
        parts.extend(view.made.of(other) for other in view.blocked.get(me, ()))
        avoided: Ints = np.concatenate(parts).astype(np.int64)
        return avoided

    @contextmanager
    def restricted(self, request: Request) -> Iterator[Callable[[Ints], Ints]]:
        """While the block lasts, a function that takes away contents that no filter lets through."""
        view, held = self.view, self._held
        avoided = self._avoided(request, view.users.number(request.user_id))
        held[avoided] = True
        kind = _KINDS[request.kind]
        wanted = request.wanted_in(view.snapshot)

        def keep(contents: Ints) -> Ints:
            able = ~held[contents]
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

    def facts(self, request: Request, content_ids: Collection[str]) -> dict[str, Facts]:
        """What decides whether each content may be shown; contents that are not known are left out."""
        view, me = self.view, self.view.users.number(request.user_id)
        seen = own = hidden = blocked = frozenset[int]()
        if me is not None:
            seen, own = frozenset(view.watches.of_node(me).tolist()), frozenset(view.made.of(me).tolist())
            hidden, blocked = frozenset(view.hid.get(me, ())), frozenset(view.blocked.get(me, ()))
        wanted = request.wanted_in(view.snapshot)
        facts = {}
        for content_id in content_ids:
            content = view.contents.number(content_id)
            if content is None:
                continue
            makers = view.makers.of(content).tolist()
            facts[content_id] = Facts(
                content_id=content_id,
                kind=schema.KINDS[view.kinds[content] - 1],
                link=None if view.links is None else view.links[content],
                made_by=self.makers(content),
                seen=content in seen,
                own=content in own,
                hidden=content in hidden,
                blocked=any(maker in blocked for maker in makers),
                wanted=wanted is None or bool(wanted[content]),
            )
        return facts

    def names(self, user_ids: Sequence[str], content_ids: Sequence[str]) -> dict[str, str]:
        """Names by id ("users/1", "keaks/1"), as of the snapshot: what changes names ends the use of a view."""
        return self._names(user_ids, content_ids)

    def why(self, request: Request, content_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The row of ``explore/why_this_content`` of each content that is known."""
        view, me = self.view, self.view.users.number(request.user_id)
        blocked = set() if me is None else view.blocked.get(me, set())
        return self._why.rows(me, view.contents.numbers(content_ids), blocked, request.now)
