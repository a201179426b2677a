"""What a user should see next, and whom to follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from recommend.feed import Person
from recommend.service import FeedService
from web import feed_schemas, logs, schemas
from web.feed_answer import Answer, feed_answer
from web.problems import documented
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


@blueprint.get(
    "/recommendations", operation_id="recommendations", description=_WHAT, responses={200: feed_schemas.Feed}
)
def recommendations(path: schemas.UserPath, query: feed_schemas.FeedQuery) -> Answer:
    """What to see next"""
    return feed_answer(path.user_id, query, must_be_known=not query.allow_unknown)


@blueprint.post(
    "/recommendations",
    operation_id="recommendations_without",
    description=f"{_WHAT} The same as the GET; a long `exclude` is sent in the body.",
    responses={200: feed_schemas.Feed, **documented(415)},
)
def recommendations_without(
    path: schemas.UserPath, query: feed_schemas.FeedQuery, body: feed_schemas.FeedBody
) -> Answer:
    """What to see next, without many contents"""
    return feed_answer(path.user_id, query, exclude=body.exclude, must_be_known=not query.allow_unknown)


@blueprint.get(
    "/people",
    operation_id="people",
    description="People followed by those the user follows, with a few of those in between, and people "
    "who watch the same; `sources` says which. Nobody whom the user follows already.",
    responses={200: feed_schemas.People},
)
def people(path: schemas.UserPath, query: feed_schemas.PeopleQuery) -> dict[str, Any]:
    """Whom to follow"""
    return _people(path.user_id, lambda feeds: feeds.people(path.user_id, query.n))


@blueprint.get(
    "/similar",
    operation_id="similar_people",
    description="People who watched what the user watched lately, those whom the user follows too. Contents with more "
    "than 1,000 watchers do not count.",
    responses={200: feed_schemas.People},
)
def similar_people(path: schemas.UserPath, query: feed_schemas.PeopleQuery) -> dict[str, Any]:
    """Who resembles a user"""
    return _people(path.user_id, lambda feeds: feeds.similar_people(path.user_id, query.n))


def _people(user_id: str, ask: Callable[[FeedService], Sequence[Person]]) -> dict[str, Any]:
    people = [asdict(person) for person in serving().ask(ask)]
    return {"request_id": logs.request_id(), "user_id": user_id, "people": people}
