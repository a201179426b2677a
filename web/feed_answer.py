"""Makes a feed's answer from its parameters, for somebody with an id and for a session without one."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, Final

from graph import schema
from graph.identifiers import canonical, canonical_content
from graph.schema import CONTENT_PREFIXES, USER_PREFIX
from graph.shown import Shown
from graph.snapshot.ages import DAY
from recommend import exploration, time_shares
from recommend.feed import Feed
from recommend.reader import content_ids_of
from recommend.request import digest
from recommend.served_model import ServedModel
from recommend.service import FeedService
from recommend.wanted import Wanted, small
from web import admission, cursor, feed_schemas, logs, metrics
from web.problems import invalid
from web.serving import serving

__all__ = ["Answer", "content_ids", "feed_answer"]

Answer = tuple[dict[str, Any], int, dict[str, str]]

_COLD_RUNGS: Final = ("trending", "popular")
_MAX_IDS: Final = 2_000
_SIMILAR: Final = 100
"""Genres or moods of similar names that are looked at, at most."""


def feed_answer(
    user_id: str,
    query: feed_schemas.FeedOptions,
    *,
    exclude: Sequence[str] = (),
    session: Collection[str] = (),
    left_out: Collection[str] = (),
    must_be_known: bool = False,
) -> Answer:
    """Body, status and headers. ``exclude`` are the ids of a body, ``left_out`` further ones in the graph's spelling.

    Raises UnknownUser for somebody whom nobody knows where that ``must_be_known``.
    """
    shown = cursor.decode(query.cursor) if query.cursor else ()
    excluded = content_ids("exclude", query.exclude, exclude).union(left_out)
    request_id = logs.request_id()
    deadline = admission.deadline()
    hurried = not deadline.left_ms(time_shares.HURRIED)
    served = None
    if query.model is not None:
        served = serving().model(query.model, deadline)
    elif not hurried:
        served = serving().together(deadline)
    wanted = _wanted(query)

    def recommend(feeds: FeedService) -> Feed:
        # Asked a second time, of the snapshot alone, only what the first try left may be spent.
        deadline_ms = max(1, min(int(time_shares.FEED * deadline.milliseconds), deadline.left_ms()))
        feed = feeds.recommend(
            user_id,
            query.n,
            query.kind,
            excluded,
            query.explain,
            deadline_ms=deadline_ms,
            request_id=request_id,
            shown=shown,
            served=served,
            debug=query.debug,
            wanted=wanted,
            session=session,
            replays=query.replays,
            hurried=hurried,
        )
        if not feed.items and not feed.degraded:
            _check_tags(feeds, query)
        if must_be_known and feed.rung in _COLD_RUNGS:
            feeds.check_known(user_id)  # an unknown id is more often a mistake than a newcomer
        return feed

    feed = serving().ask(recommend, in_memory=True)
    _log_draws(feed, served)
    metrics.count_feed(feed.rung, feed.degraded)
    metrics.count_sources(feed.outcomes)
    body = dict(vars(feed))  # JSON of the items is made from the dataclasses themselves
    del body["outcomes"]
    if not query.debug:
        del body["debug"]
    if query.context is not None or serving().settings.feed.context:
        _carry_context(body, feed, query.context, len(shown))
    timings, processor = body.pop("timings_ms"), body.pop("processor_ms")
    full = len(feed.items) == query.n
    body["next_cursor"] = cursor.encode([*shown, *(digest(item.content_id) for item in feed.items)]) if full else None
    stages = [
        f"{stage};dur={ms:.1f}" + (f";cpu={processor[stage]:.1f}" if stage in processor else "")
        for stage, ms in timings.items()
    ]
    return body, 200, {"Server-Timing": ", ".join(stages)}


def _log_draws(feed: Feed, served: ServedModel | None) -> None:
    """Keep what was drawn at random, once it is sure that the person gets to see it."""
    settings, own = serving().settings, served or serving().feeds.served
    if settings.feed.exploration and feed.user_id:
        try:
            exploration.log(settings.home, feed, own.version if own else None)
        except OSError as error:  # a feed without a line is better than none
            logs.log.error("what was explored cannot be logged", error=str(error))


def _carry_context(body: dict[str, Any], feed: Feed, words: str | None, before: int) -> None:
    """Give every item its context; ``before`` is how many contents earlier pages showed."""
    if words is not None:
        body["context"] = words
    items = []
    for place, one in enumerate(feed.items, start=before):
        source = one.sources[0] if one.sources else ""
        shown = Shown(feed.request_id, place, feed.model_version, source, one.propensity, words)
        items.append(vars(one) | {"context": shown.text})
    body["items"] = items


def content_ids(field: str, values: Sequence[str], listed: Sequence[str] = ()) -> frozenset[str]:
    """The content ids of a parameter, in every spelling; raises the problem of a value that is none.

    In ``values``, those of an address, a comma separates ids and may stand in one, so a value counts as a whole and in
    parts. Each of ``listed`` is one id.
    """
    told = [*listed, *(part for value in values for part in value.split(","))]
    parts = {part for part in told if part.strip()}
    if len(parts) > _MAX_IDS:
        raise invalid(field, f"holds more than {_MAX_IDS} ids")
    ids: set[str] = set()
    for text in parts.union(value for value in values if value.strip()):
        if text.startswith(USER_PREFIX):
            raise invalid(field, f"{text!r} is the id of a user; name contents, such as keaks/123")
        try:
            if text.strip().startswith(CONTENT_PREFIXES):
                ids.add(canonical_content(text))
            else:
                ids.update(content_ids_of(canonical(text)))
        except ValueError as error:
            if text not in values or "," not in text:  # a long list is no id, and need not be one
                raise invalid(field, f"{text[:40]!r} is no content id: {error}") from None
    return frozenset(ids)


def _wanted(query: feed_schemas.FeedOptions) -> Wanted:
    since = None if query.max_age_days is None else int(time.time() * 1_000 - query.max_age_days * DAY)
    return Wanted.of(query.genre, query.mood, query.hashtag, query.maker, since)


def _check_tags(feeds: FeedService, query: feed_schemas.FeedOptions) -> None:
    """Refuse a genre or mood that does not exist, which is more often a mistake than an empty feed is."""
    for field, label in (("genre", schema.GENRE), ("mood", schema.MOOD)):
        for name in getattr(query, field):
            rows = feeds.search(name, _SIMILAR, label=label)
            known = {row[key].lower() for row in rows for key in ("id", "name")}
            if len(rows) < _SIMILAR and small(name, label) not in known:
                near = "".join(f", but {row['name']!r} is" for row in rows[:1])
                raise invalid(
                    field, f"no {field} is called {name[:40]!r}{near}; GET /v1/search?label={label}&q= finds them"
                )
