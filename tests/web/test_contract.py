"""The service keeps what its own OpenAPI document promises, whatever is sent."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from evaluation import play_data
from graph.database.driver import Graph
from graph.events import KINDS
from graph.settings import Service, Settings
from recommend.player import Player
from recommenders.counting import CoOccurrence
from recommenders.session import SessionModel
from tests.graph.files.test_play_logs import ONE, TRACKS, folder
from tests.web.fake import FakeFeeds, Ledger, performed_by
from web.app import create_app

_folder = Path(tempfile.mkdtemp(prefix="entourage-contract-"))
_settings = Settings(
    home=_folder / "home", neo4j_uri=None, service=Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)
)
_feeds = FakeFeeds(_settings)
_graph = Ledger()
_graph.counted.add(("", "e1"))
_feeds.graph = cast("Graph", _graph)
assert _feeds.snapshot
_feeds.snapshot = performed_by(_feeds.snapshot, "a1")
_feeds.model = CoOccurrence().fit(_feeds.snapshot)
_app = create_app(_settings, _feeds)
_listened = play_data.read(folder(_folder / "logs", TRACKS, a=ONE))
_app.extensions["entourage.serving"].player = Player(SessionModel().fit(_listened), _settings.player, _folder)
_document: Any = _app.test_client().get("/openapi.json").json
_LISTS = {
    parameter["name"]
    for operations in _document["paths"].values()
    for operation in operations.values()
    for parameter in operation.get("parameters", ())
    if "array" in json.dumps(parameter["schema"])
}
_schema = schemathesis.openapi.from_wsgi("/openapi.json", _app)


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> Any:
    """From a fixture, so that cases are made when a test runs, not by each worker that collects it."""
    request.node._nodeid = request.node.nodeid  # schemathesis 4 reads a name that pytest 9.2 has no more
    return _schema


#: What is there to be found, for a second try with the same other parameters: made-up ids are answered 404.
_KNOWN = {"artist_id": "a1", "user_id": "u002", "content_id": "keaks/k002", "target_id": "u004", "user": 1, "track": 2}
_KNOWN |= {"event_id": "e1"}


def _answers_as_documented(operation: str) -> Any:
    @schemathesis.pytest.from_fixture("schema").include(name=operation).parametrize()
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def test(case: Any) -> None:
        # A cursor, an id's length in bytes and its NFC are finer than a schema says: valid data may be refused.
        excluded = [positive_data_acceptance]
        if operation == "POST /v1/events":  # one refused event of a batch is told in an answer of 200
            excluded.append(negative_data_rejection)
        # An object in a query, or a list where there is to be one text, is sent as some text or not at all.
        sent = (case.query or {}).items()
        if any(isinstance(value, dict) or (isinstance(value, list) and name not in _LISTS) for name, value in sent):
            excluded.append(negative_data_rejection)
        case.call_and_validate(excluded_checks=excluded)
        case.path_parameters = {name: _KNOWN[name] for name in case.path_parameters or {}}
        if operation.startswith("DELETE"):  # the others ask for what is known
            case.path_parameters = {"content_id": "keaks/k051"}
        if operation.endswith("/change"):
            _app.test_client().put(case.formatted_path.removesuffix("/change"), json={})
        if operation == "GET /v1/events/{event_id}":
            case.headers = {}  # of no other producer
        if case.query and "seed" in case.query:
            case.query["seed"] = _KNOWN["content_id"]
            case.query.pop("cursor", None)
        if isinstance(case.body, dict) and isinstance(case.body.get("events"), list):
            case.body = {"events": [_about_what_is_there(event) for event in case.body["events"]]}
        if operation == "POST /next/{user}":
            _app.test_client().post("/last/1", json={"track": 2, "time": 1.0})  # a session has every track but once
        # What was wrong may have been the id, which is another one now.
        answer = case.call_and_validate(excluded_checks=[*excluded, negative_data_rejection])
        assert answer.status_code != 404

    return test


def _about_what_is_there(event: Any) -> Any:
    if not isinstance(event, dict):
        return event
    return event | {name: known for name, known in _KNOWN.items() if event.get(name)}


def test_the_document_is_valid_openapi() -> None:
    document: Any = _app.test_client().get("/openapi.json").json
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_kind_of_event_has_a_schema_of_its_own() -> None:
    document: Any = _app.test_client().get("/openapi.json").json
    schemas = document["components"]["schemas"]
    discriminator = schemas["Event"]["discriminator"]
    assert discriminator["propertyName"] == "kind"
    assert set(discriminator["mapping"]) == set(KINDS)
    assert len(set(discriminator["mapping"].values())) == len(KINDS)
    for kind, reference in discriminator["mapping"].items():
        one = schemas[reference.rsplit("/", 1)[1]]
        other = "target_id" if kind in ("follow", "unfollow", "block", "unblock") else "content_id"
        assert one["properties"]["kind"]["const"] == kind
        assert set(one["required"]) == {"event_id", "user_id", "at", "kind", other}
        for name in ("event_id", "user_id", other):
            assert one["properties"][name]["maxLength"] >= 500
            pattern = re.compile(one["properties"][name]["pattern"])
            assert pattern.search("keaks/AC/DC 🎵\nÉ")
            assert not pattern.search("keaks/a\x07b")


def test_every_reference_leads_somewhere_and_every_problem_is_a_problem_document() -> None:
    document: Any = _app.test_client().get("/openapi.json").json
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert referred <= set(document["components"]["schemas"])
    assert set(document["components"]["schemas"]["Problem"]["properties"]) >= {"type", "title", "status", "detail"}
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status >= "400" and not operation["operationId"].startswith(("live", "ready")):
                    (media,) = response["content"].items()
                    assert media == ("application/problem+json", {"schema": {"$ref": "#/components/schemas/Problem"}})


def test_cursors_have_a_pattern_and_a_length() -> None:
    document: Any = _app.test_client().get("/openapi.json").json
    parameters = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]["parameters"]
    (cursor,) = [parameter["schema"] for parameter in parameters if parameter["name"] == "cursor"]
    (text,) = [option for option in cursor["anyOf"] if option["type"] == "string"]
    page: Any = _app.test_client().get("/v1/users/u002/recommendations").json
    assert re.fullmatch(text["pattern"], page["next_cursor"])
    assert len(page["next_cursor"]) <= text["maxLength"] <= 6_000


# One test for all operations would be items of the same id, of which pytest-xdist runs one.
for _operation in _schema.get_all_operations():
    assert isinstance(_operation, Ok), _operation
    _label = _operation.ok().label
    globals()[f"test_answers_are_as_documented[{_label}]"] = _answers_as_documented(_label)
