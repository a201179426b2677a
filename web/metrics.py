"""/metrics for Prometheus: every route's latency, which rung the feeds came from, and what waits in the outbox."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import flask
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_flask_exporter import PrometheusMetrics

__all__ = ["count_events", "count_feed", "count_sources", "init_app"]

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
    app.extensions["entourage.events"] = Counter(
        "entourage_events_total", "Events received, by what the answer said of them", ("status",), registry=registry
    )
    waiting, age = (
        Gauge(f"entourage_outbox_{name}", told, registry=registry, multiprocess_mode="mostrecent")
        for name, told in (("events", "Events that wait"), ("age_seconds", "Time that the oldest of them has waited"))
    )

    @app.before_request
    def look_at_the_outbox() -> None:
        if flask.request.path == "/metrics":
            try:
                length, oldest = flask.current_app.extensions["entourage.serving"].outbox.backlog()
            except (OSError, sqlite3.Error):  # the other metrics are told all the same
                length, oldest = float("nan"), None
            waiting.set(length)
            age.set(0.0 if oldest is None else max(0.0, time.time() - oldest / 1_000))


def count_feed(rung: str, degraded: bool) -> None:
    """Count one answered feed."""
    counter: Any = flask.current_app.extensions["entourage.feeds"]
    counter.labels(rung=rung, degraded=str(degraded).lower()).inc()


def count_sources(outcomes: Mapping[str, str]) -> None:
    """Count what became of each source and stage of one feed."""
    counter: Any = flask.current_app.extensions["entourage.sources"]
    for source, outcome in outcomes.items():
        counter.labels(source=source, outcome=outcome).inc()


def count_events(counts: Mapping[str, int]) -> None:
    """Count the events of one request by their status."""
    counter: Any = flask.current_app.extensions["entourage.events"]
    for status, count in counts.items():
        counter.labels(status=status).inc(count)


def route(request: flask.Request) -> str:
    """The label of a request (its name is the label's): the rule, so that ids do not make a series each."""
    return request.url_rule.rule if request.url_rule else "unmatched"
