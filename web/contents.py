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


@blueprint.get("/<string:kind>/<path:name>", responses={200: schemas.Content}, operation_id="content")
def content(path: schemas.ContentPath) -> dict[str, Any]:
    """What is known about a content"""
    content_id = f"{path.kind}/{path.name}"
    return snake_case(serving().ask(lambda feeds: feeds.content(content_id)))
