"""Contents: keaks, beats and tracks, and what resembles them."""

from __future__ import annotations

from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from graph import schema
from graph.catalogue.change import PublishedContent, change_of_content
from graph.catalogue.changes import Change
from recommend.service import FeedService
from web import admission, catalogue, logs, schemas
from web.jsonable import snake_case
from web.problems import documented, invalid
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = APIBlueprint(
    "contents",
    __name__,
    url_prefix="/v1/contents",
    abp_tags=[Tag(name="Graph")],
    abp_responses=documented(404, 422, 429, 500, 503, 504),
)


@blueprint.get(
    "/<id:content_id>",
    operation_id="content",
    description="By its id, whose prefix (`keaks/`, `beats/`) may be left out.",
    responses={200: schemas.Content},
)
def content(path: schemas.ContentPath) -> dict[str, Any]:
    """What is known about a content"""
    known = dict(serving().ask(lambda feeds: feeds.content(path.content_id)))
    names = known.pop("displayNames", {})  # its keys are ids
    return snake_case(known) | {"display_names": names}


@blueprint.put(
    "/<whole:content_id>",
    operation_id="publish",
    description="Publishes a content, corrects it, or brings back one that was taken down. A field that is left out "
    "stays as it is; null takes a value away. It is on disk when the answer comes, also while the graph is down. "
    "Makers become known by it; while a beat that it uses is not there, all of it waits, for 24 hours at most.",
    tags=catalogue.TAGS,
    responses={200: schemas.ContentChanged, **catalogue.REFUSED},
)
def publish(path: schemas.ContentPath, body: PublishedContent) -> dict[str, Any]:
    """Publish a content"""
    try:
        change = change_of_content(path.content_id, body)
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        raise invalid(field, message, "path" if field == "content_id" else "body") from None
    return catalogue.accepted(change) | {"content_id": change.target}


@blueprint.delete(
    "/<whole:content_id>",
    operation_id="take_down",
    description="The content is shown nowhere from now on. It stays in the graph, with what people did with it, and a "
    "later PUT, also with an empty object, brings it back.",
    tags=catalogue.TAGS,
    responses={200: schemas.ContentChanged, **catalogue.REFUSED},
)
def take_down(path: schemas.ContentPath) -> dict[str, Any]:
    """Take a content down"""
    _with_kind(path.content_id)
    return catalogue.accepted(Change(path.content_id, {}, taken_down=True)) | {"content_id": path.content_id}


@blueprint.get(
    "/<id:content_id>/change",
    operation_id="content_change",
    description="Of the last PUT or DELETE that waits or was made since the snapshot in use.",
    tags=catalogue.TAGS,
    responses={200: schemas.ContentChange},
)
def change(path: schemas.ContentPath) -> dict[str, Any]:
    """What became of a change of a content"""
    _with_kind(path.content_id)
    return catalogue.became(path.content_id) | {"content_id": path.content_id}


@blueprint.get(
    "/<id:content_id>/similar",
    operation_id="similar_contents",
    description="The nearest contents by the trained model, or by another one that `model` names. A content that came "
    "after the training has none.",
    responses={200: schemas.SimilarContents},
)
def similar(path: schemas.ContentPath, query: schemas.SimilarQuery) -> dict[str, Any]:
    """What resembles a content"""
    served = None if query.model is None else serving().model(query.model, admission.deadline())
    about = path.content_id, query.n, query.kind, query.user_id, served

    def ask(feeds: FeedService) -> dict[str, Any]:
        version, content_id, items = feeds.similar(*about)
        makers = sorted({maker for item in items for maker in item.made_by})
        names = feeds.names(makers, [content_id, *(item.content_id for item in items)])
        return {
            "model_version": version,
            "content_id": content_id,
            "items": tuple(items),
            "display_names": names,
        }

    return {"request_id": logs.request_id()} | serving().ask(ask)


def _with_kind(content_id: str) -> None:
    if not content_id.startswith(schema.CONTENT_PREFIXES):
        raise invalid("content_id", "has no kind: write keaks/…, beats/… or tracks/…", "path")
