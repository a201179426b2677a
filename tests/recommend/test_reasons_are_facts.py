"""Every sentence of every feed is looked up in the graph, by queries that share nothing with the service's own."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings

from graph.database.driver import Graph
from graph.settings import Service, Settings
from recommend.reader import GraphReader
from recommend.reasons import reasons
from recommend.request import Deadline, Request
from recommend.sentences import ReasonKind
from recommend.service import FeedService
from recommend.snapshot_reader import SnapshotReader
from tests.recommend.drawn_graph import CONTENTS, DAY, USERS, Database, Drawn, graphs, snapshot
from web.app import create_app

pytestmark = pytest.mark.timeout(1_800)

DRAWN = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

#: People one follows and may hear of; a count that includes private ones, and the names that may be told.
FRIENDS = "MATCH (me:User {userId: $me})-[:FOLLOWS]->(p:User) WHERE NOT (me)-[:BLOCKED]-(p) AND p <> me"
COUNT = r"(?P<count>[\d,]+) (?P<noun>person|people)"
CONTENT_COUNT = r"(?P<count>[\d,]+) (?P<noun>content|contents)"
DID = {"liked": "w.liked", "shared": "w.shared", "commented on": "w.commented", "watched": "w.watchCount > 0"}
DONE = {"watched": "WATCHED WHERE d.watchCount > 0", "made": "MADE"}


@pytest.fixture(scope="module")
def client(graph: Graph, session_settings: Settings) -> FlaskClient:
    patient = session_settings.model_copy(
        update={"service": Service(rate_limit="", deadline_ms=60_000, events_ms=60_000)}
    )
    return create_app(patient, FeedService(graph, None, None, patient)).test_client()


def test_every_sentence_is_a_fact_of_the_graph(database: Database, client: FlaskClient) -> None:
    told: Counter[str] = Counter()

    @given(graphs())
    @DRAWN
    def every_feed(drawn: Drawn) -> None:
        database.load(drawn)
        for me in USERS:
            answer = client.get(f"/v1/users/{me}/recommendations", query_string={"n": 20, "allow_unknown": "true"})
            assert answer.status_code == 200, answer.text
            feed: Any = answer.json
            assert not feed["degraded"], feed
            for item in feed["items"]:
                told.update(checked(database, drawn, me, item))

    every_feed()
    assert set(told) == set(get_args(ReasonKind)) - {"taste", "replay"}, "said of people, and where asked for"


def test_who_only_shared_did_not_watch(database: Database, client: FlaskClient) -> None:
    database.ask("MATCH (n) WHERE NOT n:SchemaVersion DETACH DELETE n")
    database.ask(
        "CREATE (:Content:Keak {contentId: 'keaks/k1'}), (:Content:Keak {contentId: 'keaks/k2'}) "
        "CREATE (:User {userId: 'u1'})-[:FOLLOWS]->(:User {userId: 'u2'})"
    )
    happened = [("watch", "u1", "keaks/k1"), *(("share", user, f"keaks/k{n}") for user in ("u2", "u3") for n in (1, 2))]
    sent = [
        {"event_id": f"shared-{n}", "kind": kind, "user_id": user, "content_id": content, "at": "2026-01-03T00:00:00Z"}
        for n, (kind, user, content) in enumerate(happened)
    ]
    assert client.post("/v1/events", json={"events": sent}).status_code == 200
    (item,) = client.get("/v1/users/u1/recommendations?n=5").get_json()["items"]
    assert [reason["text"] for reason in item["reasons"]] == ["1 person you follow shared it: u2"]
    assert client.get("/v1/contents/keaks/k2").get_json()["watchers"] == 0


def checked(database: Database, drawn: Drawn, me: str, item: dict[str, Any]) -> list[str]:
    """The kinds of the reasons of an item, after a look at each."""
    content, avoided = item["content_id"], {one for pair in drawn.blocked if me in pair for one in pair} - {me}
    assert (me, content) not in drawn.watched
    assert (me, content) not in drawn.made | drawn.hid
    assert not {maker for maker, made in drawn.made if made == content} & avoided
    assert not set(item["made_by"]) & drawn.private
    kinds = [reason["kind"] for reason in item["reasons"]]
    assert 1 <= len(kinds) == len(set(kinds)) <= 3
    for reason in item["reasons"]:
        assert not set(reason["evidence"]) & (avoided | drawn.private)
        assert not set(reason["contents"]) & {made for maker, made in drawn.made if maker in avoided}
        look_up(database, me, content, reason)
    return kinds


@given(graphs())
@DRAWN
def test_the_snapshot_gives_the_same_reasons(
    database: Database, graph: Graph, session_settings: Settings, drawn: Drawn
) -> None:
    database.load(drawn)
    ours, theirs = GraphReader(graph, session_settings, implicit=False), SnapshotReader(snapshot(drawn))
    for me in USERS:
        request = Request("r", me, 20, None, frozenset(), True, Deadline(60_000), now=drawn.now)
        live, offline = (reader.why(request, CONTENTS, 60_000) for reader in (ours, theirs))
        for content in CONTENTS:
            assert reasons(live[content], drawn.now) == reasons(offline[content], drawn.now)


def look_up(database: Database, me: str, content: str, reason: dict[str, Any]) -> None:
    """Find the sentence in the graph: its numbers, its nouns, its names and its evidence."""
    text, about = reason["text"], {"me": me, "content": content}
    watching = (
        "MATCH (p:User)-[w:WATCHED]->(c:Content {contentId: $content}) WHERE w.watchCount > 0 "
        "AND NOT (p)-[:BLOCKED]-(:User {userId: $me})"
    )
    if said := re.fullmatch(
        rf"{COUNT} you follow (?P<did>liked|shared|commented on|watched) it(?:: (?P<names>.+))?", text
    ):
        rows = database.ask(
            f"{FRIENDS} MATCH (p)-[w:WATCHED]->(:Content {{contentId: $content}}) WHERE {DID[said['did']]} "
            "RETURN p.userId AS id, coalesce(p.isPrivate, false) AS private",
            **about,
        )
        check_people(said, rows, reason)
    elif said := re.fullmatch(rf"Made by (?:{COUNT} you follow|(?P<names>.+), whom you follow)", text):
        rows = database.ask(
            f"{FRIENDS} MATCH (p)-[:MADE]->(:Content {{contentId: $content}}) "
            "RETURN p.userId AS id, coalesce(p.isPrivate, false) AS private",
            **about,
        )
        check_people(said, rows, reason)
    elif said := re.fullmatch(rf"Because you watched (?P<like>\S+): {COUNT} who watched it watched this too", text):
        found = database.one(
            "MATCH (me:User {userId: $me})-[d:WATCHED WHERE d.watchCount > 0]->(like:Content {contentId: $like}) "
            "MATCH (like)<-[w:WATCHED]-(p:User)-[v:WATCHED]->(:Content {contentId: $content}) "
            "WHERE w.watchCount > 0 AND v.watchCount > 0 AND p <> me AND NOT (p)-[:BLOCKED]-(me) "
            "RETURN count(DISTINCT p)",
            like=said["like"],
            **about,
        )
        check_count(said, found, "person")
        assert reason["evidence"] == [said["like"]]
    elif said := re.fullmatch(
        rf"More of (?P<beat>\S+): you (?P<did>watched|made) {CONTENT_COUNT} with this beat", text
    ):
        both = database.one(
            "MATCH (c:Content {contentId: $content}) RETURN c.contentId = $beat OR "
            "EXISTS { (c)-[:USES]->(:Beat {contentId: $beat}) }",
            beat=said["beat"],
            **about,
        )
        own = database.one(
            f"MATCH (:User {{userId: $me}})-[d:{DONE[said['did']]}]->(c:Content) WHERE c.contentId = $beat OR "
            "EXISTS { (c)-[:USES]->(:Beat {contentId: $beat}) } RETURN count(DISTINCT c)",
            beat=said["beat"],
            **about,
        )
        assert both
        check_count(said, own, "content")
        assert reason["evidence"] == [said["beat"]]
    elif said := re.fullmatch(rf"In (?P<genre>\S+): you (?P<did>watched|made) {CONTENT_COUNT} of this genre", text):
        own = database.one(
            f"MATCH (:User {{userId: $me}})-[d:{DONE[said['did']]}]->(c:Content) WHERE {of_genre('c')} "
            "RETURN count(DISTINCT c)",
            genre=said["genre"],
            **about,
        )
        assert database.one(
            f"MATCH (c:Content {{contentId: $content}}) RETURN {of_genre('c')}", genre=said["genre"], **about
        )
        check_count(said, own, "content")
        assert reason["evidence"] == [said["genre"]]
    elif said := re.fullmatch(r"In (?P<genre>\S+), which you (?P<did>listen to|create in)", text):
        type_ = {"listen to": "LISTENS_TO", "create in": "CREATES_IN"}[said["did"]]
        assert database.one(
            f"MATCH (c:Content {{contentId: $content}}) RETURN {of_genre('c')}", genre=said["genre"], **about
        )
        assert database.one(
            f"RETURN EXISTS {{ (:User {{userId: $me}})-[:{type_}]->(:Genre {{name: $genre}}) }}",
            genre=said["genre"],
            **about,
        )
    elif said := re.fullmatch(rf"Tagged #(?P<tag>\S+) like {CONTENT_COUNT} you (?P<did>watched|made)", text):
        own = database.one(
            f"MATCH (:User {{userId: $me}})-[d:{DONE[said['did']]}]->(c:Content)-[:TAGGED]->(:Hashtag {{name: $tag}}) "
            "RETURN count(DISTINCT c)",
            tag=said["tag"],
            **about,
        )
        assert database.one(
            "RETURN EXISTS { (:Content {contentId: $content})-[:TAGGED]->(:Hashtag {name: $tag}) }",
            tag=said["tag"],
            **about,
        )
        check_count(said, own, "content")
        assert reason["evidence"] == [said["tag"]]
    elif said := re.fullmatch(rf"{COUNT} watched it in the last (?P<days>\d+) days", text):
        now = int(1000 * time.time())
        found = database.one(
            f"{watching} AND $since < w.lastAt <= $now RETURN count(DISTINCT p)",
            since=now - int(said["days"]) * DAY,
            now=now,
            **about,
        )
        check_count(said, found, "person")
    elif said := re.fullmatch(r"Published in the last (?P<days>\d+) days", text):
        created = database.one("MATCH (c:Content {contentId: $content}) RETURN c.createdAt", **about)
        now = int(1000 * time.time())
        assert now - int(said["days"]) * DAY < created <= now
    elif said := re.fullmatch(rf"{COUNT} watched it", text):
        check_count(said, database.one(f"{watching} RETURN count(DISTINCT p)", **about), "person")
    elif text == "Nobody has watched it yet":
        assert not database.one(
            "RETURN EXISTS { (:Content {contentId: $content})<-[w:WATCHED WHERE w.watchCount > 0]-() }", **about
        )
    elif text == "You have not watched it yet":
        assert not database.one(f"{watching} RETURN count(p)", **about)
    else:
        pytest.fail(f"a sentence of an unknown form: {text!r}")


def of_genre(content: str) -> str:
    of, named = "[:HAS_GENRE]", "(:Genre {name: $genre})"
    return f"(EXISTS {{ ({content})-{of}->{named} }} OR EXISTS {{ ({content})-[:USES]->()-{of}->{named} }})"


def check_count(said: re.Match[str], found: int, noun: str) -> None:
    assert int(said["count"].replace(",", "")) == found
    plural = {"person": "people", "content": "contents"}[noun]
    assert said["noun"] == (noun if found == 1 else plural)


def check_people(said: re.Match[str], rows: list[dict[str, Any]], reason: dict[str, Any]) -> None:
    """The number is that of all who did it, the names are of those who may be named, and nobody else is named."""
    public = {row["id"] for row in rows if not row["private"]}
    if said["count"]:
        check_count(said, len(rows), "person")
    assert reason["count"] == len(rows) > 0
    assert not reason["at_least"]
    named = re.split(r", | and ", said["names"]) if said["names"] else []
    more = [name for name in named if name.endswith(" more")]
    assert set(named) - set(more) == set(reason["people"]) <= public
    assert len(reason["people"]) == min(3, len(public))
    left = len(rows) - len(reason["people"])
    assert more == ([f"{left} more"] if named and left else [])
