"""What Neo4j Browser loads from the service, and that no other page may."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest
from flask.testing import FlaskClient

import cypher
from cypher import guide
from graph.settings import Service, Settings
from graph.snapshot import Snapshot
from recommend.service import FeedService
from tests.web.fake import FakeFeeds
from web.app import create_app
from web.browser import guide_address

DOCS = Path(__file__).parents[2] / "docs"
BROWSER = "http://localhost:7474"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(home=tmp_path, neo4j_uri="bolt://graphs.example:7687", service=Service(rate_limit=""))
    return create_app(settings, FakeFeeds(settings)).test_client()


def test_the_guide_names_people_and_contents_that_exist(client: FlaskClient) -> None:
    for name, quote in (("guide.html", "&#x27;"), ("guide.adoc", "'")):
        text = client.get(f"/browser/{name}").text
        user = text.split(f":param userId =&gt; {quote}" if name == "guide.html" else ":param userId => '")[1][:4]
        content = text.split(f":param contentId =&gt; {quote}" if name == "guide.html" else ":param contentId => '")[1]
        assert user.startswith("u")
        # The checkerboard's best content for user n is keak n, which all friends watched.
        assert content.startswith(f"keaks/k{user[1:]}")
        assert "http://localhost/browser/entourage.grass" in text


def test_the_guide_opens_where_nobody_follows_anybody(tmp_path: Path) -> None:
    """As in a graph of play logs: the content is what most people watched and the named one did not."""
    logs = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": ["a", "b", "c"]}),
            "Content": pl.DataFrame({"contentId": ["tracks/1", "tracks/2"], "kind": ["track", "track"]}),
        },
        {"WATCHED": pl.DataFrame({"source": [0, 1, 2], "target": [0, 0, 1]})},
    )
    settings = Settings(home=tmp_path, neo4j_uri="bolt://graphs.example:7687", service=Service(rate_limit=""))
    client = create_app(settings, FeedService(None, logs, None, settings)).test_client()
    for name in ("guide.html", "guide.adoc"):
        answer = client.get(f"/browser/{name}")
        assert answer.status_code == 200
        assert "tracks/" in answer.text


def test_browser_may_read_it_and_nobody_else(client: FlaskClient) -> None:
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "cache-control,pragma,sentry-trace",
    }
    for origin, allowed in (
        (BROWSER, True),
        ("http://graphs.example:7474", True),
        ("https://browser.neo4j.io", True),
        ("http://localhost:7475", False),
        ("https://elsewhere.example", False),
    ):
        for answer in (
            client.options("/browser/guide.html", headers={"Origin": origin, **asked}),
            client.get("/browser/guide.html", headers={"Origin": origin}),
            client.get("/browser/entourage.grass", headers={"Origin": origin}),
        ):
            assert answer.status_code in (200, 204)
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            assert answer.headers["Vary"] == "Origin"
            if allowed:
                for name in ("cache-control", "pragma", "sentry-trace"):
                    assert name in answer.headers["Access-Control-Allow-Headers"]
    for other in ("/", "/v1/users/u000", "/openapi.json"):
        assert "Access-Control-Allow-Origin" not in client.get(other, headers={"Origin": BROWSER}).headers
    assert client.get("/browser/other").status_code == 404


def test_browser_takes_no_part_of_a_query_for_a_handler_of_html(client: FlaskClient) -> None:
    """Browser 5 cuts what looks like `` onclick=x`` out of a guide, also inside of a query."""
    text = client.get("/browser/guide.html").text
    assert re.findall(r"\son[^\s=]*\s*=\s*\S+", text, re.IGNORECASE) == []


def test_every_question_has_its_picture_in_the_docs() -> None:
    text = (DOCS / "guide.md").read_text("utf-8")
    shown = re.findall(r"### (.+)\n[^#]*?images/guide/(\w+)\.png", text)
    assert shown == [(one.title, one.name) for one in guide.questions()]
    for one in guide.questions():
        assert one.text in text
        assert 2_000 < (DOCS / "images" / "guide" / f"{one.name}.png").stat().st_size < 60_000


def test_captions_are_names_where_there_are_any(client: FlaskClient, tmp_path: Path) -> None:
    def captions(client: FlaskClient) -> dict[str, str]:
        text = client.get("/browser/entourage.grass").text
        return dict(re.findall(r'node\.(\w+) {[^}]*caption: "{(\w+)}"', text))

    assert {*captions(client).items()} > {("User", "userId"), ("Keak", "contentId"), ("Beat", "contentId")}
    assert captions(client)["Genre"] == "name"
    named = Snapshot.build(
        {
            "User": pl.DataFrame({"userId": ["a", "b", "c"], "name": ["Ada", None, "Cy"]}),
            "Content": pl.DataFrame({"contentId": ["keaks/1"], "title": ["Blue Rain"]}),
        },
        {"WATCHED": pl.DataFrame({"source": [0], "target": [0]})},
    )
    settings = Settings(home=tmp_path, neo4j_uri="bolt://graphs.example:7687", service=Service(rate_limit=""))
    feeds = FeedService(None, named, None, settings)
    found = captions(create_app(settings, feeds).test_client())
    assert {*found.items()} > {("User", "name"), ("Keak", "title"), ("Beat", "title")}


def test_the_track_of_the_guide_stands_in_a_playlist(tmp_path: Path) -> None:
    playlists = Snapshot.build(
        {
            "Playlist": pl.DataFrame({"playlistId": ["p", "q"]}),
            "Content": pl.DataFrame({"contentId": ["keaks/1", "tracks/8", "tracks/9"]}),
        },
        {"HOLDS": pl.DataFrame({"source": [0, 0, 1], "target": [1, 2, 2], "place": [0, 1, 0]})},
    )
    settings = Settings(home=tmp_path, neo4j_uri="bolt://graphs.example:7687", service=Service(rate_limit=""))
    client = create_app(settings, FeedService(None, playlists, None, settings)).test_client()
    assert ":param trackId => 'tracks/9'" in client.get("/browser/guide.adoc").text


def test_the_favourites_are_all_questions(client: FlaskClient) -> None:
    with zipfile.ZipFile(io.BytesIO(client.get("/browser/favourites.zip").data)) as archive:
        held = {Path(name).stem: archive.read(name).decode() for name in archive.namelist()}
    assert held == {name.split("/")[1]: cypher.load(name) for name in cypher.names() if name.startswith("explore/")}


def test_the_address_is_one_that_browser_allows_unasked() -> None:
    assert guide_address("http://127.0.0.1:8000") == "http://localhost:8000/browser/guide.html"
    assert guide_address("http://[::1]:8000").startswith("http://[::1]:8000/")
