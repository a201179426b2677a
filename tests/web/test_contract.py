"""The service keeps what its own OpenAPI document promises, whatever is sent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from graph.database.driver import Graph
from graph.settings import Service, Settings
from tests.web.fake import FakeFeeds, Ledger
from web.app import create_app

_settings = Settings(
    home=Path(tempfile.gettempdir()) / "nowhere", neo4j_uri=None, service=Service(rate_limit="", deadline_ms=60_000)
)
_feeds = FakeFeeds(_settings)
_feeds.graph = cast("Graph", Ledger())
_app = create_app(_settings, _feeds)
schema = schemathesis.openapi.from_wsgi("/openapi.json", _app)


def _answers_as_documented(operation: str) -> Any:
    @schema.include(name=operation).parametrize()
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def test(case: Any) -> None:
        # A cursor, an id's prefix and what an event needs are finer than a schema says: valid data may be refused.
        excluded = [positive_data_acceptance]
        if operation == "POST /v1/events":  # one refused event of a batch is told in an answer of 200
            excluded.append(negative_data_rejection)
        case.call_and_validate(excluded_checks=excluded)

    return test


# One test for all operations would be items of the same id, of which pytest-xdist runs one.
for _operation in schema.get_all_operations():
    assert isinstance(_operation, Ok), _operation
    _label = _operation.ok().label
    globals()[f"test_answers_are_as_documented[{_label}]"] = _answers_as_documented(_label)
