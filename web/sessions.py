"""What somebody without an id should see next, by what they have just watched."""

from __future__ import annotations

from typing import Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from recommend.reader import content_ids_of, spelled
from web import feed_schemas
from web.feed_answer import Answer, feed_answer
from web.problems import documented
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = APIBlueprint(
    "sessions",
    __name__,
    url_prefix="/v1/session",
    abp_tags=[Tag(name="Recommendations")],
    abp_responses=documented(415, 422, 429, 500, 503, 504),
)


@blueprint.post(
    "/recommendations",
    operation_id="session_recommendations",
    description="The feed of somebody who has no id, by the contents that they have just watched: the model places "
    "them as it places newcomers, and nothing of it is kept. `unknown` names the contents that the snapshot does not "
    "have; where it has none of them, the feed is what is trending or popular. Reasons are those for anybody.",
    responses={200: feed_schemas.SessionFeed},
)
def session_recommendations(query: feed_schemas.FeedOptions, body: feed_schemas.SessionBody) -> Answer:
    """What to see next, without an id"""
    snapshot = serving().feeds.snapshot
    known: list[str] = []
    unknown: list[str] = []
    for text in body.contents:
        found = spelled(text, snapshot.contents) if snapshot else None
        known.append(found or text)
        if found is None:
            unknown.append(text)
    left_out = {id_ for text in unknown for id_ in content_ids_of(text)}  # what they name may have come since
    answer, status, headers = feed_answer("", query, exclude=body.exclude, session=known, left_out=left_out)
    del answer["user_id"]
    return answer | {"unknown": unknown}, status, headers
