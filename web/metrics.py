"""/metrics for Prometheus: every route's latency, and which rung the feeds came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask
from prometheus_client import CollectorRegistry, Counter
from prometheus_flask_exporter import PrometheusMetrics

__all__ = ["count_feed", "count_sources", "init_app"]

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def init_app(app: flask.Flask) -> None:
    """Serve /metrics. With PROMETHEUS_MULTIPROC_DIR set, one worker answers for all of them."""
    registry = CollectorRegistry()
    PrometheusMetrics(app, registry=registry, defaults_prefix="entourage", group_by=route, buckets=_BUCKETS)
    app.extensions["entourage.feeds"] = Counter(
        "entourage_feeds_total", "Feeds answered", ("rung", "degraded"), registry=registry
    )
    app.extensions["entourage.sources"] = Counter(
        "entourage_source", "Sources and stages asked", ("source", "outcome"), registry=registry
    )


def count_feed(rung: str, degraded: bool) -> None:
    """Count one answered feed."""
    counter: Any = flask.current_app.extensions["entourage.feeds"]
    counter.labels(rung=rung, degraded=str(degraded).lower()).inc()


def count_sources(outcomes: Mapping[str, str]) -> None:
    """Count what became of each source and stage of one feed."""
    counter: Any = flask.current_app.extensions["entourage.sources"]
    for source, outcome in outcomes.items():
        counter.labels(source=source, outcome=outcome).inc()


def route(request: flask.Request) -> str:
    """The label of a request (its name is the label's): the rule, so that ids do not make a series each."""
    return request.url_rule.rule if request.url_rule else "unmatched"
