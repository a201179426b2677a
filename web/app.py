"""``create_app``: the Flask application, one concern after the other."""

from __future__ import annotations

from importlib.metadata import version

from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from graph.settings import Settings
from recommend.service import FeedService
from web import (
    addresses,
    admission,
    browser,
    contents,
    events,
    feeds,
    health,
    logs,
    metrics,
    pages,
    player,
    problems,
    radio,
    security,
    sessions,
    users,
)
from web.jsonable import JSONProvider
from web.serving import Serving

__all__ = ["create_app"]


def create_app(settings: Settings, feed_service: FeedService | None = None) -> OpenAPI:
    """The service. Without a ``feed_service`` it opens what the settings point to and watches for newer ones.

    Call it after any fork: it opens the graph driver and starts a thread.
    """
    app = OpenAPI(
        __name__,
        info=Info(
            title="Entourage", version=version("entourage"), description="Content through the people around you."
        ),
        validation_error_callback=problems.on_validation_error,
        validation_error_model=problems.SCHEMA,
        security_schemes={},
        doc_ui=False,
    )
    app.json = JSONProvider(app)
    addresses.init_app(app)
    logs.init_app(app)
    metrics.init_app(app)
    admission.init_app(app, settings)  # before the limiter: who is refused here asked for nothing
    security.init_app(app, settings)
    problems.init_app(app)
    for blueprint in (feeds.blueprint, users.blueprint, contents.blueprint, events.blueprint, health.blueprint):
        app.register_api(blueprint)
    app.register_api(sessions.blueprint)
    app.register_api(radio.blueprint)
    app.register_api(player.blueprint)
    app.register_blueprint(player.no_number)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(browser.blueprint)
    app.register_blueprint(radio.pages)
    if feed_service:
        app.extensions["entourage.serving"] = Serving.of(feed_service, settings)
    else:
        app.extensions["entourage.serving"] = opened = Serving.open(settings)
        opened.watch()
        events.keep_forgetting(opened)
    return app
