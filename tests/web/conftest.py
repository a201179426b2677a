"""The service on feeds with known answers; nothing here needs a database."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from graph.settings import Service, Settings
from tests.web.fake import FakeFeeds
from web.app import create_app

HAS_BROWSER = shutil.which("chromium") is not None
collect_ignore = [] if HAS_BROWSER else ["test_browser.py"]


def pytest_report_header() -> str | None:
    if HAS_BROWSER:
        return None
    return "no chromium: tests/web/test_browser.py is not collected (apt-get install chromium)"


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own and no Neo4j."""
    return Settings(
        home=tmp_path / "home",
        neo4j_uri=None,
        service=Service(rate_limit="", workers=1, port=0, deadline_ms=60_000, events_ms=60_000),
    )


@pytest.fixture
def feeds(alone: Settings) -> FakeFeeds:
    return FakeFeeds(alone)


@pytest.fixture
def client(alone: Settings, feeds: FakeFeeds) -> FlaskClient:
    return create_app(alone, feeds).test_client()


@pytest.fixture
def get(client: FlaskClient) -> Any:
    """The JSON of a GET that must answer 200."""

    def ask(path: str, **query: Any) -> Any:
        response = client.get(path, query_string=query)
        assert response.status_code == 200, response.text
        return response.json

    return ask
