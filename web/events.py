"""What people just did: into the graph, so that the next feed knows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from graph import events
from web import logs, schemas
from web.problems import Problem, documented
from web.serving import serving

__all__ = ["blueprint"]

_PATIENCE: Final = 10
"""Times the deadline of a feed: a batch may be long, and nobody watches it being written."""

blueprint: Final = APIBlueprint(
    "events",
    __name__,
    url_prefix="/v1",
    abp_tags=[Tag(name="Events", description="What people just did.")],
    abp_responses=documented(413, 422, 429, 500, 503, 504),
)


@blueprint.post(
    "/events",
    operation_id="events",
    description="Watches, likes, comments, shares, follows, blocks and hides, and what undoes them. They are in the "
    "graph when the answer comes. An event id counts once, so a batch whose answer got lost may be sent again.",
    responses={200: schemas.EventsApplied},
)
def apply(body: schemas.EventBatch) -> dict[str, Any]:
    """What people did"""
    held = serving()
    graph = held.feeds.graph
    if not graph or not held.graph_up:  # known already: nobody has to wait for the driver to find out again
        raise Problem(
            "unavailable", "The graph database does not answer, so nothing was counted. Send the batch again."
        )
    request_id, deadline_ms = logs.request_id(), _PATIENCE * held.settings.service.deadline_ms
    applied = held.in_time(
        lambda _: events.apply(graph, body.events, deadline_ms=deadline_ms, request_id=request_id), deadline_ms
    )
    return {"request_id": request_id, **asdict(applied)}
