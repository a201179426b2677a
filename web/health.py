"""Whether the process lives, and whether it can recommend."""

from __future__ import annotations

from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from web import schemas
from web.serving import serving

__all__ = ["blueprint"]

blueprint: Final = APIBlueprint(
    "health", __name__, url_prefix="/health", abp_tags=[Tag(name="Operations", description="For probes.")]
)


@blueprint.get("/live", responses={200: schemas.Health}, operation_id="live")
def live() -> dict[str, str]:
    """The process answers"""
    return {"status": "live"}


@blueprint.get(
    "/ready",
    operation_id="ready",
    description="503 only when there is neither a graph nor a snapshot. The graph's state is some seconds old at most.",
    responses={200: schemas.Readiness, 503: schemas.Readiness},
)
def ready() -> tuple[dict[str, Any], int]:
    """Whether recommendations can be answered, and from what"""
    held = serving()
    feeds = held.feeds
    able = held.graph_up or feeds.snapshot is not None
    return {
        "status": "ready" if able else "unavailable",
        "degraded": not (held.graph_up and feeds.model),
        "graph": "up" if held.graph_up else "down",
        "snapshot": "loaded" if feeds.snapshot else "missing",
        "model": "loaded" if feeds.model else "missing",
        "model_version": feeds.model_version,
    }, 200 if able else 503
