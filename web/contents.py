"""Contents: keaks and beats."""

from __future__ import annotations

from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from web import schemas
from web.jsonable import snake_case
from web.problems import documented
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
