"""Users, what surrounds them, and how to find them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from graph import schema
from graph.catalogue.change import PublishedUser, change_of_user
from web import catalogue, logs, schemas
from web.jsonable import snake_case
from web.problems import documented
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = APIBlueprint(
    "users",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="Graph", description="What is known: users, contents and what lies around them.")],
    abp_responses=documented(422, 429, 500, 503, 504),
)


@blueprint.get("/users/<id:user_id>", responses={200: schemas.User, **documented(404)}, operation_id="user")
def user(path: schemas.UserPath) -> dict[str, Any]:
    """What is known about a user"""
    return snake_case(serving().ask(lambda feeds: feeds.user(path.user_id)))


@blueprint.put(
    "/users/<whole:user_id>",
    operation_id="publish_user",
    description="Makes a person known, or corrects what is known. A field that is left out stays as it is; null takes "
    "a value away.",
    tags=catalogue.TAGS,
    responses={200: schemas.UserChanged, **catalogue.REFUSED},
)
def publish_user(path: schemas.UserPath, body: PublishedUser) -> dict[str, Any]:
    """Make a person known"""
    return catalogue.accepted(change_of_user(path.user_id, body)) | {"user_id": path.user_id}


@blueprint.get(
    "/users/<id:user_id>/change",
    operation_id="user_change",
    description="Of the last PUT that waits or was made since the snapshot in use.",
    tags=catalogue.TAGS,
    responses={200: schemas.UserChange, **documented(404)},
)
def change(path: schemas.UserPath) -> dict[str, Any]:
    """What became of a change of a person"""
    return catalogue.became(f"{schema.USER_PREFIX}{path.user_id}") | {"user_id": path.user_id}


@blueprint.get(
    "/users/<id:user_id>/neighbourhood",
    responses={200: schemas.Subgraph, **documented(404)},
    operation_id="neighbourhood",
    description="A sample of the nodes within one or two steps, for drawing.",
)
def neighbourhood(path: schemas.UserPath, query: schemas.NeighbourhoodQuery) -> dict[str, Any]:
    """What surrounds a user"""
    found = serving().ask(lambda feeds: feeds.neighbourhood(path.user_id, query.depth, query.limit))
    return {
        "request_id": logs.request_id(),
        "user_id": path.user_id,
        "nodes": [asdict(node) for node in found.nodes],
        "links": [asdict(link) | {"properties": snake_case(link.properties)} for link in found.links],
    }


@blueprint.get(
    "/search",
    operation_id="search",
    description="Case and accents do not matter, and a word may be cut short. All of the words are looked for, then "
    "any. What has exactly this id comes first, then what has the largest audience. People marked private are not "
    "found.",
    responses={200: schemas.SearchResults},
)
def search(query: schemas.SearchQuery) -> dict[str, Any]:
    """Users, contents, genres, moods and hashtags that have some words in their id or name"""
    return {"results": serving().ask(lambda feeds: feeds.search(query.q, query.n, query.user_id, query.label))}


@blueprint.get("/examples", responses={200: schemas.Examples}, operation_id="examples")
def examples() -> dict[str, Any]:
    """A few users to try"""
    private = serving().feeds.recent.private()  # who was marked so since the snapshot
    ids = [user_id for user_id in serving().examples if not private.get(user_id)]
    return {"user_ids": ids, "display_names": serving().ask(lambda feeds: feeds.names(ids)) if ids else {}}
