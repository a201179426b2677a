"""A home of an older version: every command that needs it refuses it, and ``entourage upgrade`` renews it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cypher
from cli.main import COMMANDS
from cli.upgrade import upgrade as upgrade_command
from graph import home, snapshot
from graph import upgrade as module
from graph.database.connection import running
from graph.database.driver import Graph
from graph.errors import SettingsError
from graph.load import live, watch
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL
from graph.settings import Settings
from tests.cli import old_home
from tests.cli.conftest import Run
from tests.cli.old_home import DAY

NEED_NO_HOME = {"demo", "up", "down", "status", "generate", "describe", "doctor", "backup", "upgrade"}
ARGUMENTS = {"import": ["."], "tune": ["ease"], "restore": ["x.dump", "--yes"], "recommend": ["--user", "ada"]}
ARGUMENTS |= {"complete": ["keaks/1"], "radio": ["--seed", "keaks/1"], "history": ["ada"], "similar": ["a"]}


@pytest.fixture
def old(environment: Settings) -> Settings:
    old_home.fill(environment)
    return environment


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in NEED_NO_HOME])
def test_commands_refuse_an_older_home(run: Run, environment: Settings, command: str) -> None:
    old_home.fill_home(environment)
    outcome = run(command, *ARGUMENTS.get(command, []))
    assert outcome.code == 2
    assert "was made by an older version" in outcome.printed
    assert "entourage upgrade" in outcome.printed
    assert run(command, "--help").code == 0
    assert json.loads((environment.snapshot_path / "manifest.json").read_text())["graph_id"] == "old"


def test_status_and_doctor_look_at_an_older_home(run: Run, old: Settings) -> None:
    assert "WATCHED" in run("status").printed
    doctor = run("doctor")
    assert doctor.code == 1
    assert doctor.printed.count("entourage upgrade") == 2  # the home, and the graph's schema


def test_an_upgrade_brings_everything_up_to_date(run: Run, old: Settings) -> None:
    outcome = run("upgrade")
    assert outcome.code == 0, outcome.printed
    for said in ("V0005__one_definition", "ease, gat, gat.checkpoint", "written anew", "Next: `entourage train`"):
        assert said in outcome.printed
    check_all(old)
    again = run("upgrade")
    assert again.code == 0
    assert "Nothing to do" in again.printed
    assert run("export").code == 0
    check_all(old)


def test_what_is_repaired_stays_as_it_is_when_it_is_repaired_again(run: Run, old: Settings) -> None:
    """And the events of today fold with it: a like that was taken back later is taken back."""
    run("upgrade")
    with Graph.connect(old) as graph:
        before = everything(graph)
        for statement in old_home.statements("schema/V0005__one_definition"):
            with graph._session("WRITE") as session:
                session.run(statement).consume()
        assert everything(graph) == before
        live.settle(graph, pl.Series(["keaks/1", "keaks/2", "keaks/3", "keaks/4", "beats/1"]))
        settled = everything(graph)[1]
    for name, content in before[1].items():  # as imports work them out
        assert content["audience"] == settled[name]["audience"]
        assert content.get("trend") == pytest.approx(settled[name].get("trend"))
    row = {"place": 0, "producer": "", "eventId": "e2", "userId": "ada", "contentId": "keaks/1", "kind": "unlike"}
    with Graph.connect(old) as graph:
        graph.write("events/take_back", rows=[row | {"at": 2 * DAY - 1}], receivedAt=1)
        assert watched(graph, "keaks/1")["liked"] is True
        graph.write("events/take_back", rows=[row | {"eventId": "e3", "at": 2 * DAY}], receivedAt=1)
        assert watched(graph, "keaks/1")["liked"] is False


def killed(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def at_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the data was repaired and before the graph remembers it."""
    real = Graph.write

    def write(self: Graph, name: str, /, **params: Any) -> Any:
        if name == "schema/record" and params["name"].endswith("V0005__one_definition"):
            raise KeyboardInterrupt
        return real(self, name, **params)

    monkeypatch.setattr(Graph, "write", write)


def between_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cypher.load

    def load(name: str) -> Any:
        text = real(name)
        if name != "schema/V0005__one_definition":
            return text
        first, second = text.split(";")[:2]
        return f"{first};{second}; RETURN 1 / 0;"

    monkeypatch.setattr(cypher, "load", load)


KILLED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "between statements": between_statements,
    "before it is recorded": at_record,
    "before a model is moved": lambda patch: patch.setattr(module, "_renamed", killed),
    "before the export": lambda patch: patch.setattr(module, "export", killed),
}


def test_an_upgrade_that_was_broken_off_is_finished_by_the_next(
    run: Run, old: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these runs gets past the point where the one before it was broken off."""
    for where, break_off in KILLED.items():
        with monkeypatch.context() as patch:
            break_off(patch)
            assert run("upgrade").code != 0, where
        refused = run("export")
        assert refused.code == 2, where
        assert "entourage upgrade" in refused.printed
    assert run("upgrade").code == 0
    check_all(old)


def test_an_older_graph_elsewhere_is_refused_from_a_new_home(run: Run, environment: Settings, tmp_path: Path) -> None:
    old_home.fill_graph(environment)
    (tmp_path / "users.jsonl").write_text('{"userId": "eve"}\n')
    for command in (["export"], ["import", tmp_path], ["recommend", "--user", "ada"], ["serve"]):
        outcome = run(*command)
        assert outcome.code == 2, command
        assert "was filled by an older version" in outcome.printed
        assert "entourage upgrade" in outcome.printed
    upgraded = run("upgrade")
    assert upgraded.code == 0
    assert "Next: `entourage export`" in upgraded.printed
    assert run("import", tmp_path).code == 0
    assert run("export").code == 0
    assert len(snapshot.load(environment.snapshot_path).users.ids) == 3


def test_a_snapshot_whose_graph_is_gone_is_put_aside(run: Run, old: Settings) -> None:
    with Graph.connect(old, any_schema=True) as graph, graph._session("WRITE") as session:
        session.run("MATCH (node) DETACH DELETE node").consume()
    outcome = run("upgrade")
    assert outcome.code == 0
    assert "snapshot-before-upgrade" in outcome.printed
    assert "entourage import FOLDER" in outcome.printed
    assert not old.snapshot_path.exists()
    assert (old.home / "snapshot-before-upgrade" / "manifest.json").is_file()


def test_a_home_that_a_newer_version_made_is_refused(run: Run, environment: Settings) -> None:
    home.write(environment, home.FORMAT + 1)
    for command in ("export", "upgrade"):
        outcome = run(command)
        assert outcome.code == 2
        assert "Install the newer version" in outcome.printed


def test_a_new_home_needs_no_upgrade(run: Run, environment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = environment.home.with_name("fresh")
    monkeypatch.setenv("ENTOURAGE_HOME", str(fresh))
    monkeypatch.delenv("NEO4J_URI")
    outcome = run("upgrade")
    assert outcome.code == 0
    assert "Nothing to do" in outcome.printed
    assert not fresh.exists()
    assert "entourage upgrade" not in run("export").printed


def test_the_demonstration_refuses_an_older_home_of_its_own(run: Run, environment: Settings) -> None:
    old = environment.home / "demo"
    (old / "models").mkdir(parents=True)
    outcome = run("demo", "--no-serve")
    assert outcome.code == 2
    assert f"ENTOURAGE_HOME={old} entourage upgrade" in outcome.printed


def test_a_model_under_a_former_name_is_told_apart(run: Run, environment: Settings) -> None:
    for command in (["train", "--model", "gnn"], ["serve", "--model", "gnn"]):
        outcome = run(*command)
        assert outcome.code == 2
        assert "the whole is pipeline" in outcome.printed


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A local server with a graph of an older version, stopped."""
    settings = Settings(home=tmp_path / "local", neo4j_uri=None, query_deadline_ms=30_000)
    for name in ("NEO4J_URI", "NEO4J_USER", "NEO4J_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENTOURAGE_HOME", str(settings.home))
    server = LocalServer(settings, memory=SMALL, bolt_port=0, http_port=0)
    server.start()
    old_home.fill(settings)
    server.stop()
    yield settings
    server.stop()


def test_a_local_graph_is_started_for_it_and_stopped_again(run: Run, local: Settings) -> None:
    outcome = run("upgrade")
    assert outcome.code == 0, outcome.printed
    assert "written anew" in outcome.printed
    assert running(local) is None
    check_home(local)


def check_all(settings: Settings) -> None:
    """Assert that nothing of the older version is left."""
    check_home(settings)
    with Graph.connect(settings) as graph:
        assert graph.pending_schema() == []
        users, contents, watches, others = everything(graph)
    assert users["ada"] == {"userId": "ada", "battleCreatedCount": 3, "battleWonCount": 1, "prizeMoneyWinner": True}
    assert users["bob"] == {"userId": "bob", "battleCreatedCount": 0, "prizeMoneyWinner": False}
    assert contents["beats/1"]["licenceType"] == ["free"]
    assert {name: content["audience"] for name, content in contents.items()} == {
        "keaks/1": 2, "keaks/2": 0, "keaks/3": 1, "keaks/4": 1, "beats/1": 1,
    }  # fmt: skip
    assert "trend" not in contents["keaks/2"]  # a like is no watch
    assert contents["keaks/1"]["trend"] == pytest.approx(watch.RATE * DAY + math.log(2))  # two people, a day after 0
    assert contents["beats/1"]["trend"] == pytest.approx(watch.RATE * 3 * DAY)
    # One watch, and a like the day after it.
    assert watches["ada", "keaks/1"] == {
        "progress": 0.5, "liked": True, "likedAt": 2 * DAY, "watchCount": 1, "firstAt": DAY, "lastAt": DAY,
    }  # fmt: skip
    assert watches["ada", "keaks/2"] == {"liked": True, "likedAt": DAY, "watchCount": 0}
    # The same millisecond twice is one watch.
    assert watches["ada", "keaks/3"] == {
        "progress": 1.0, "shared": False, "watchCount": 1, "firstAt": DAY, "lastAt": DAY,
    }  # fmt: skip
    assert watches["ada", "keaks/4"] == {"commented": True, "commentedAt": 0, "watchCount": 1}
    # Nobody knows the times between the first and the last; the count stays.
    assert watches["ada", "beats/1"] == {"progress": 1.0, "watchCount": 5, "firstAt": DAY, "lastAt": 3 * DAY}
    assert watches["bob", "keaks/1"] == {
        "progress": 0.25, "liked": False, "watchCount": 1, "firstAt": DAY, "lastAt": DAY,
    }  # fmt: skip
    assert others["e1"]["producer"] == ""
    assert others["e1"]["receivedAt"] > 0


def check_home(settings: Settings) -> None:
    """Assert that nothing of the older version is left in the home, where the snapshot shows what the graph holds."""
    home.check(settings)
    assert home.format_of(settings) == home.FORMAT
    assert not (settings.home / "recent.sqlite3").exists()
    assert {path.name for path in (settings.home / "models").iterdir()} == {"before-upgrade"}
    aside = settings.home / "models" / "before-upgrade"
    assert {path.name for path in aside.iterdir()} == {"gat", "ease", "gat.checkpoint"}
    assert json.loads((aside / "gat" / "manifest.json").read_text())["format"] == 5
    snapshot.verify(settings.snapshot_path)
    held = snapshot.load(settings.snapshot_path)
    assert held.users.ids.to_list() == ["ada", "bob"]
    assert held.users.frame["battleCreatedCount"].to_list() == [3, 0]
    assert held.manifest.edges["WATCHED"] == 6
    assert held.nodes["Hashtag"].frame["name"].to_list() == ["Fun"]
    assert held.manifest.edges["TAGGED"] == 4


def everything(graph: Graph) -> tuple[dict[Any, Any], ...]:
    """Users, contents, watches and events of the graph."""
    queries = {
        "users": "MATCH (n:User) RETURN n.userId AS key, properties(n) AS value",
        "contents": "MATCH (n:Content) RETURN n.contentId AS key, properties(n) AS value",
        "watches": "MATCH (u:User)-[w:WATCHED]->(c) RETURN [u.userId, c.contentId] AS key, properties(w) AS value",
        "events": "MATCH (n:Event) RETURN n.eventId AS key, properties(n) AS value",
    }
    found = []
    with graph._session("READ") as session:
        for query in queries.values():
            rows = session.run(query).values()
            found.append({tuple(key) if isinstance(key, list) else key: value for key, value in rows})
    return tuple(found)


def watched(graph: Graph, content: str) -> dict[str, Any]:
    """What is known about Ada and a content."""
    watch: dict[str, Any] = everything(graph)[2]["ada", content]
    return watch


def test_a_home_is_checked_without_a_command(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    home.check(settings)
    (tmp_path / "models").mkdir()
    with pytest.raises(SettingsError, match="entourage upgrade"):
        home.check(settings)
    (tmp_path / "format").write_text("no number")
    with pytest.raises(SettingsError, match="entourage upgrade"):
        home.check(settings)


def test_settings_that_name_a_model_put_aside_or_renamed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def upgraded(service: str, moved: tuple[str, ...], feed: str = "") -> str:
        (tmp_path / "entourage.toml").write_text(f'[service]\nmodel = "{service}"\n[feed.recommenders]\n{feed}')
        monkeypatch.setenv("ENTOURAGE_CONFIG", str(tmp_path / "entourage.toml"))
        monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
        done = module.Upgrade(5, None, (), moved, exported=False, put_aside=None)
        monkeypatch.setattr("cli.upgrade.bring_up_to_date", lambda *_: done)
        upgrade_command()
        return " ".join(capsys.readouterr().out.split())

    told = upgraded("gat", ("gat",))
    assert "service.model is gat: since this version gat is the graph attention network alone" in told
    printed = upgraded("pipeline", ("pipeline", "ease"), "ease = 1.0\nals = 1.0\ngnn = 2.0\n")
    assert "service.model is pipeline: models called pipeline must be trained again" in printed
    assert "feed.recommenders names ease: models called ease must be trained again" in printed
    assert (
        "feed.recommenders names gnn: No recommender is called 'gnn'. The graph networks alone are called gat"
        in printed
    )
    assert "als" not in printed
    assert "attention network" not in printed
    assert "service.model" not in upgraded("pipeline", ("ease",))
