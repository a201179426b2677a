from __future__ import annotations

import json
import os

import pytest

from graph.database import doctor
from graph.database.connection import password_file
from graph.database.doctor import Finding, Verdict, counts, examine
from graph.database.driver import Graph
from graph.server import jars
from graph.server.memory import Memory
from graph.settings import Settings
from tests import checkerboard
from tests.graph.conftest import Queries


def findings(settings: Settings, check: str) -> list[Finding]:
    return [finding for finding in examine(settings) if finding.check == check]


def verdicts(settings: Settings, check: str) -> list[Verdict]:
    return [finding.verdict for finding in findings(settings, check)]


def test_an_empty_graph_is_no_failure_but_says_what_to_do(graph: Graph, settings: Settings):
    found = list(examine(settings))
    assert not [finding for finding in found if finding.verdict == Verdict.FAIL]
    assert counts(graph) == {}
    advice = " ".join(finding.do for finding in found)
    for command in ("entourage import", "entourage export", "entourage train"):
        assert command in advice


def test_a_snapshot_with_a_changed_byte_fails(tmp_path):
    settings = Settings(home=tmp_path)
    checkerboard.snapshot().save(settings.snapshot_path)
    file = settings.snapshot_path / "topology" / "WATCHED.target.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    (finding,) = doctor._guarded("snapshot", lambda: doctor._snapshot(settings))
    assert finding.verdict == Verdict.FAIL
    assert file.name in finding.what


def test_a_missing_constraint_fails(graph: Graph, settings: Settings, queries: Queries):
    assert verdicts(settings, "schema") == [Verdict.OK]
    queries["drop"] = "DROP CONSTRAINT user_id"
    queries["put back"] = "CREATE CONSTRAINT user_id FOR (user:User) REQUIRE user.userId IS UNIQUE"
    queries["somebody"] = "CREATE (:User {userId: 'somebody'})"
    queries["nobody"] = "MATCH (user:User) DELETE user"
    graph.write("drop")
    before_the_first_import = verdicts(settings, "schema")
    graph.write("somebody")
    (finding,) = findings(settings, "schema")
    graph.write("nobody")
    graph.write("put back")
    assert before_the_first_import == [Verdict.WARN]
    assert finding.verdict == Verdict.FAIL
    assert "user_id" in finding.what


def test_counts_orphans_and_hubs(graph: Graph, settings: Settings, queries: Queries, monkeypatch: pytest.MonkeyPatch):
    queries["hub"] = """
    CREATE (star:User {userId: 'star'}), (:Content:Keak {contentId: 'keaks/1'})
    WITH star UNWIND range(1, 20) AS n CREATE (:User {userId: 'fan' + n})-[:FOLLOWS]->(star)
    """
    queries["lonely"] = "UNWIND range(1, 40) AS n CREATE (:User {userId: 'alone' + n})"
    graph.write("hub")
    assert counts(graph) == {"User": 21, "Keak": 1, "FOLLOWS": 20}
    assert verdicts(settings, "orphans") == [Verdict.OK]
    graph.write("lonely")
    (orphans,) = findings(settings, "orphans")
    assert orphans.verdict == Verdict.WARN
    assert "40 users and 1 contents" in orphans.what
    monkeypatch.setattr(doctor, "HUB_DEGREE", 20)
    assert [f.what for f in findings(settings, "hubs") if f.verdict == Verdict.WARN] == [
        "followers: star has 20, the mean is 0.3."
    ]


def test_a_snapshot_and_a_model_that_are_out_of_date(settings: Settings):
    held = checkerboard.snapshot()
    held.save(settings.snapshot_path)
    assert verdicts(settings, "snapshot") == [Verdict.OK]
    assert verdicts(settings, "freshness") == [Verdict.WARN]  # the database has another graph
    for name, manifest in (
        ("fits", json.dumps({"graph_id": held.manifest.graph_id})),
        ("old", json.dumps({"graph_id": held.manifest.graph_id})),
        ("other", json.dumps({"graph_id": "other"})),
        ("torn", '{"graph_'),
    ):
        settings.model_path(name).mkdir(parents=True)
        (settings.model_path(name) / "manifest.json").write_text(manifest)
    os.utime(settings.model_path("old") / "manifest.json", (1, 1))
    assert [(f.what.removeprefix("The "), f.verdict) for f in findings(settings, "models")] == [
        ("fits fits the snapshot.", Verdict.OK),
        ("old is older than the snapshot.", Verdict.WARN),
        ("other was trained on another graph.", Verdict.FAIL),
        ("manifest of torn is damaged.", Verdict.FAIL),
    ]


def test_a_damaged_snapshot_fails_and_the_other_checks_go_on(settings: Settings):
    settings.snapshot_path.mkdir(parents=True)
    (settings.snapshot_path / "manifest.json").write_text("{")
    assert verdicts(settings, "snapshot") == [Verdict.FAIL]
    assert verdicts(settings, "connection") == [Verdict.OK]


def test_without_a_server_the_connection_fails_and_the_rest_is_still_told(
    no_neo4j: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jars, "damaged", lambda cache: jars.locked()[:3])
    found = {finding.check: finding for finding in examine(no_neo4j)}
    assert found["java"].verdict == Verdict.OK
    assert found["jars"].verdict == Verdict.WARN
    assert found["connection"].verdict == Verdict.FAIL
    assert "entourage up" in found["connection"].do
    assert "hubs" not in found


def test_memory_advice_is_what_neo4j_conf_takes(no_neo4j: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "advise", lambda machine, available, store: Memory(2_000, 700))
    (finding,) = findings(no_neo4j, "memory")
    assert "server.memory.heap.max_size=2000m, server.memory.pagecache.size=700m" in finding.what


def test_a_password_that_others_can_read_fails(no_neo4j: Settings):
    file = password_file(no_neo4j)
    file.parent.mkdir(parents=True)
    file.write_text("secret")
    file.chmod(0o644)
    assert Verdict.FAIL in verdicts(no_neo4j, "settings")
