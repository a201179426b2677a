"""What a user should see next, and whom to follow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from graph.identifiers import canonical
from graph.schema import USER_PREFIX
from graph.snapshot.ages import DAY
from recommend.feed import Feed
from recommend.reader import content_ids_of
from recommend.request import digest
from recommend.service import FeedService
from recommend.wanted import Wanted
from web import admission, cursor, logs, metrics, schemas
from web.jsonable import plain
from web.problems import documented, invalid
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = APIBlueprint(
    "feeds",
    __name__,
    url_prefix="/v1/users/<id:user_id>",
    abp_tags=[Tag(name="Recommendations", description="What to see next, and whom to follow.")],
    abp_responses=documented(404, 422, 429, 500, 503, 504),
)

_WHAT: Final = (
    "Ranked contents with their score, sources and reasons. What the user has seen, made or hidden, and what comes "
    "from somebody who is blocked on either side, is left out."
)
_COLD_RUNGS: Final = ("trending", "popular")
_MAX_EXCLUDED: Final = 2_000
_PIPELINES_SHARE: Final = 0.75
"""Share of the deadline for the pipeline: a feed without a late source is better than none."""


@blueprint.get("/recommendations", operation_id="recommendations", description=_WHAT, responses={200: schemas.Feed})
def recommendations(path: schemas.UserPath, query: schemas.FeedQuery) -> tuple[dict[str, Any], int, dict[str, str]]:
    """What to see next"""
    return _answer(path.user_id, query, query.exclude)


@blueprint.post(
    "/recommendations",
    operation_id="recommendations_without",
    description=f"{_WHAT} The same as the GET; a long `exclude` is sent in the body.",
    responses={200: schemas.Feed, **documented(415)},
)
def recommendations_without(
    path: schemas.UserPath, query: schemas.FeedQuery, body: schemas.FeedBody
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """What to see next, without many contents"""
    return _answer(path.user_id, query, [*query.exclude, *body.exclude])


def _answer(
    user_id: str, query: schemas.FeedQuery, exclude: Sequence[str]
) -> tuple[dict[str, Any], int, dict[str, str]]:
    shown = cursor.decode(query.cursor) if query.cursor else ()
    excluded = _excluded(exclude)
    request_id = logs.request_id()
    deadline = admission.deadline()
    served = None if query.model is None else serving().model(query.model)
    wanted = _wanted(query)

    def recommend(feeds: FeedService) -> Feed:
        # Asked a second time, of the snapshot alone, only what the first try left may be spent.
        deadline_ms = max(1, min(int(_PIPELINES_SHARE * deadline.milliseconds), deadline.left_ms()))
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
        )
        if not feed.items:
            _check_tags(feeds, query)
        if feed.rung in _COLD_RUNGS and not query.allow_unknown:
            feeds.check_known(user_id)  # an unknown id is more often a mistake than a newcomer
        return feed

    feed = serving().ask(recommend, in_memory=True)
    metrics.count_feed(feed.rung, feed.degraded)
    metrics.count_sources(feed.outcomes)
    body = plain(feed)
    del body["outcomes"]
    if not query.debug:
        del body["debug"]
    timings = body.pop("timings_ms")
    full = len(feed.items) == query.n
    body["next_cursor"] = cursor.encode([*shown, *(digest(item.content_id) for item in feed.items)]) if full else None
    return body, 200, {"Server-Timing": ", ".join(f"{stage};dur={ms:.1f}" for stage, ms in timings.items())}


@blueprint.get(
    "/people",
    operation_id="people",
    description="People followed by those the user follows, with a few of those in between, and people "
    "who watch the same; `sources` says which. Nobody whom the user follows already.",
    responses={200: schemas.People},
)
def people(path: schemas.UserPath, query: schemas.PeopleQuery) -> dict[str, Any]:
    """Whom to follow"""
    found = serving().ask(lambda feeds: feeds.people(path.user_id, query.n))
    return {"request_id": logs.request_id(), "user_id": path.user_id, "people": [asdict(person) for person in found]}


@blueprint.get(
    "/similar",
    operation_id="similar_people",
    description="People who watched what the user watched lately, those whom the user follows too. Contents with more "
    "than 1,000 watchers do not count.",
    responses={200: schemas.People},
)
def similar_people(path: schemas.UserPath, query: schemas.PeopleQuery) -> dict[str, Any]:
    """Who resembles a user"""
    found = serving().ask(lambda feeds: feeds.similar_people(path.user_id, query.n))
    return {"request_id": logs.request_id(), "user_id": path.user_id, "people": [asdict(person) for person in found]}


def _wanted(query: schemas.FeedQuery) -> Wanted:
    since = None if query.max_age_days is None else int(time.time() * 1_000 - query.max_age_days * DAY)
    return Wanted.of(query.genre, query.mood, query.hashtag, query.maker, since)


def _check_tags(feeds: FeedService, query: schemas.FeedQuery) -> None:
    """Refuse the name of a genre or mood that nobody has, which is more often a mistake than an empty feed is."""
    for field, label in (("genre", "Genre"), ("mood", "Mood")):
        for name in getattr(query, field):
            if not feeds.search(name, 1, label=label):
                raise invalid(field, f"no {field} is called {name[:40]!r}; GET /v1/search?label={label}&q= finds them")


def _excluded(values: Sequence[str]) -> frozenset[str]:
    """The ids to leave out. A comma separates ids and may stand in one, so a value counts as a whole and in parts."""
    texts = {text for value in values for text in (value, *value.split(",")) if text.strip()}
    if len(texts) > _MAX_EXCLUDED:
        raise invalid("exclude", f"holds more than {_MAX_EXCLUDED} ids")
    ids: set[str] = set()
    for text in texts:
        if text.startswith(USER_PREFIX):
            raise invalid("exclude", f"{text!r} is the id of a user; name contents, such as keaks/123")
        try:
            ids.update(content_ids_of(canonical(text)))
        except ValueError as error:
            if text not in values or "," not in text:  # a long list is no id, and need not be one
                raise invalid("exclude", f"{text[:40]!r} is no content id: {error}") from None
    return frozenset(ids)
