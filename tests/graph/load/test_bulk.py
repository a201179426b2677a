"""The bulk importer makes the graph that the live one makes, whatever is killed on the way."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import psutil
import pytest
from pydantic import SecretStr

from graph import snapshot
from graph.database.connection import local_home, running, unfinished_import
from graph.database.driver import Graph
from graph.errors import InputError, LocalServerError, SettingsError
from graph.files import kinds
from graph.files.kinds import Kind
from graph.files.options import Options
from graph.files.tables import read_folder
from graph.load import bulk as offline
from graph.load.bulk import import_offline
from graph.load.live import import_folder
from graph.server.local_server import LocalServer
from graph.settings import Settings
from graph.snapshot.export import export
from tests.conftest import seen_by
from tests.graph.conftest import Queries, wait_for
from tests.graph.events import facts as told
from tests.graph.events.facts import Fact, Follow, Row
from tests.graph.keakr import AUDIENCES, BEATS, KEAKS, folder, lines, of

ROWS = AUDIENCES + "users/1,beats/20,,,,,\nusers/3,keaks/404,,,,,\nusers/3,keaks/11,soon,,,,\n"
ROWS += "users/3,keaks/10,2021-07-02T00:00:00Z,,,,\nusers/3,keaks/11,2021-07-01T00:00:00Z,,,,\n"
ROWS += "users/3,beats/20,2021-06-30T00:00:00Z,,,,\nusers/1,keaks/11,2021-08-01T00:00:00Z,,,,\n"
#: Line ends within texts, each of its own kind.
LINE_ENDS = {
    "keaks": lines([*KEAKS, {"keakId": "12", "title": "a\rb"}]),
    "beats": lines([*BEATS, {"beatId": "21", "licenceType": ["free\nfor all", "or\r\nnot"]}]),
}
#: An import that ends itself by SIGKILL as it is about to do something, when the third argument names that.
IMPORT = """
import os, pathlib, signal, sys
from graph.load import bulk as offline; from graph.settings import Settings
from graph.server import local_server; from graph.server.memory import SMALL
local_server.advise = lambda *_: SMALL
files, home, point = sys.argv[1:]
def dying(do, when=lambda *given: True):
    def instead(*given):
        if when(*given):
            os.kill(os.getpid(), signal.SIGKILL)
        return do(*given)
    return instead
if point == "writing":
    offline._write = dying(offline._write, lambda frame, path: path.name == "WATCHED.csv")
if point == "checking":
    offline._check = dying(offline._check)
offline.import_offline(pathlib.Path(files), Settings(home=pathlib.Path(home), query_deadline_ms=60_000))
"""


def importers(home: Path) -> list[psutil.Process]:
    """Neo4j's bulk importers that write below ``home``."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in argument for argument in process.info["cmdline"] or ())
        and "full" in process.info["cmdline"]
    ]


def read(path: Path) -> dict[str, object]:
    loaded = snapshot.load(path)
    trend = cs.by_name("trend", require_all=False).round(6)  # a sum of powers, in whichever order
    return {
        "id": loaded.manifest.graph_id,
        **{label: told_of(nodes.frame.with_columns(trend)) for label, nodes in loaded.nodes.items()},
        **{
            type_: [edges.source.tolist(), edges.target.tolist(), *(str(c.tolist()) for c in edges.columns.values())]
            for type_, edges in loaded.edges.items()
        },
    }


def told_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows without empty values: a graph that had a property once has a column for it."""
    return [{name: value for name, value in row.items() if value is not None} for row in frame.to_dicts()]


def newest_of_friends(graph: Graph) -> list[str]:
    """What the only one that user 2 follows watched last, looking no further than the first relationship."""
    caps: dict[str, Any] = {"friends": 1, "perFriend": 1, "limit": 9, "unknown": 0.5}
    weights = Settings().engagement.model_dump()
    seen = seen_by(graph, "2")
    rows = graph.read("candidates/followed_activity", userId="2", seen=seen, label="Content", weights=weights, **caps)
    return [row["contentId"] for row in rows]


def ranked(rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """Scores and contents, best first; which of two with the same score comes first is for the index to say."""
    return sorted(((round(row["score"], 9), row["contentId"]) for row in rows), key=lambda row: (-row[0], row[1]))


def small_worlds() -> dict[str, list[Fact]]:
    """Watches and follows of a few people each, whose meaning is known."""
    dice = random.Random(6)  # with which somebody watched every content
    worlds: dict[str, list[Fact]] = {}
    for number in range(12):
        rows = worlds.setdefault(f"w{number}-", [])
        for _ in range(dice.randint(1, 20)):
            hours = dice.choice([None, *range(1, 9)])
            flags = [dice.choice([None, None, True]) for _ in range(3)]
            who, content_id = dice.choice(told.PEOPLE), dice.choice(told.CONTENTS)
            rows.append(Row(who, content_id, hours, dice.choice([None, 0.1, 0.78, 1.0]), *flags))
            one, two = dice.sample(told.PEOPLE, 2)
            rows.append(Follow(one, two, hours))
    return worlds


def test_killed_at_any_point_the_next_run_finishes(
    graph: Graph,
    settings: Settings,
    tmp_path: Path,
    queries: Queries,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    queries["newest"] = (
        "MATCH (:Content {contentId: $of})<-[:WATCHED]-(user) WITH user LIMIT 1 RETURN user.userId AS id"
    )
    told.teach(monkeypatch)
    files, worlds = folder(tmp_path / "in", audiences=ROWS, **LINE_ENDS), small_worlds()
    for name, facts in worlds.items():
        told.append(files, name, facts)
    rows = [
        (name, fact.user, fact.content) for name, facts in worlds.items() for fact in facts if isinstance(fact, Row)
    ]
    import_folder(graph, files, settings)
    export(graph, tmp_path / "live", settings)
    home = tmp_path / "offline"
    local = Settings(home=home, query_deadline_ms=60_000)  # a busy machine is no failure
    request.addfinalizer(LocalServer(local).stop)

    def start(point: str = "") -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", IMPORT, str(files), str(home), point])

    assert start("writing").wait() == -signal.SIGKILL
    assert unfinished_import(local).exists()

    ours = start()
    wait_for(lambda: importers(home) or ours.poll() is not None)
    ours.kill()
    ours.wait()
    assert importers(home), "its importer is an orphan now"

    def kill_importer() -> None:
        orphans = {process.pid for process in importers(home)}
        wait_for(lambda: any(process.pid not in orphans for process in importers(home)))
        for process in importers(home):
            process.kill()

    killer = threading.Thread(target=kill_importer)
    killer.start()
    with pytest.raises(LocalServerError):
        import_offline(files, local)
    killer.join()

    assert start("checking").wait() == -signal.SIGKILL
    assert unfinished_import(local).exists()
    assert running(local), "it was about to look at the new store"

    report = import_offline(files, local)
    assert not importers(home)
    assert not list((home / "neo4j").glob(".offline-*"))
    watches = 7 + len(set(rows))
    assert report.relationships["WATCHED"] == watches
    counts = of(report, "audiences.csv")
    assert (counts.read, counts.loaded, counts.quarantined, counts.dangling) == (10 + len(rows), watches, 1, 1)
    assert counts.merged == counts.read - watches - 2
    with Graph.connect(local) as built:  # its server runs, as it did before
        export(built, tmp_path / "built", local)
        popular = built.read(
            "candidates/popular", deadline_ms=0, userId="", seen=[], exclude=[], wanted={}, label="Content", limit=99
        )
        trending = built.read("candidates/trending", deadline_ms=0, label="Content", limit=99)
        newest = newest_of_friends(built)
        assert built.read("newest", of="keaks/11") == [{"id": "1"}], "its watcher of August, not the last user's"
        with pytest.raises(InputError, match="already holds data"):
            import_offline(files, local)
        for again in (False, True):
            if again:
                import_folder(built, files, local)
            for name, facts in worlds.items():
                told.check(built, name, facts)
    assert read(tmp_path / "built") == read(tmp_path / "live")
    assert newest == ["keaks/10"]  # the live import promises an order between imports, not within one (docs/cypher.md)
    for name, found in (("popular", popular), ("trending", trending)):
        expected = graph.read(
            f"candidates/{name}", userId="", seen=[], exclude=[], wanted={}, label="Content", limit=99
        )
        assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)
        assert ranked(found) == ranked(expected), name
        assert [row["score"] for row in found] == pytest.approx([row["score"] for row in expected])


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"keaks": lines([{"keakId": "1", "title": "a\rb"}])}, id="a title"),
        pytest.param({"keaks": lines([{"keakId": "1", "hashtags": ["a\nb"]}])}, id="a hashtag"),
        pytest.param({"beats": lines([{"beatId": "1", "licenceType": ["free\nfor all"]}])}, id="an element of a list"),
    ],
)
def test_the_importer_is_told_of_line_ends_within_texts(tmp_path: Path, files: dict[str, str]) -> None:
    tables, _ = read_folder(folder(tmp_path / "with", **files), tmp_path / "home")
    assert "--multiline-fields=true" in offline.write_files(tables, tmp_path / "with")
    tables, _ = read_folder(folder(tmp_path / "without"), tmp_path / "home")
    assert "--multiline-fields=true" not in offline.write_files(tables, tmp_path / "without")


def test_the_importer_is_told_of_line_ends_in_relationships(tmp_path: Path) -> None:
    play = {"message": "next", "timestamp": 100, "user": 7, "track": 1, "time": 0.5, "recommendation": 2}
    plays = [play | {"experiments": {"A": "a\nb"}}, play | {"timestamp": 200, "track": 2, "message": "last"}]
    (tmp_path / "log.jsonl").write_text(lines(plays))
    (tmp_path / "tracks.jsonl").write_text(lines([{"track": n, "artist": "x", "title": "y"} for n in (1, 2)]))
    tables, _ = kinds.read(tmp_path, Kind.PLAY_LOGS, tmp_path / "home", None)
    session = tables.nodes["Session"].drop("arm")
    alone = replace(tables, nodes={**tables.nodes, "Session": session})
    assert "--multiline-fields=true" in offline.write_files(alone, tmp_path)


def test_what_serving_wants_first_is_written_last() -> None:
    contents = pl.DataFrame({"createdAt": [30, None, 10], "audience": [1, None, 5]})
    made = pl.DataFrame({"source": [7, 7, 8], "target": [0, 1, 2]})
    tagged = pl.DataFrame({"source": [0, 1, 2], "target": [7, 7, 7]})
    assert offline._best_last("MADE", made, contents).rows() == [(7, 1), (8, 2), (7, 0)], "the newest content last"
    assert offline._best_last("TAGGED", tagged, contents).rows() == [(1, 7), (0, 7), (2, 7)], "the most watched last"
    bare = contents.drop("createdAt", "audience")
    assert offline._best_last("MADE", made, bare).equals(made)
    follows = pl.DataFrame({"source": [0, 1], "target": [1, 0], "since": [5, 4]})
    assert offline._best_last("FOLLOWS", follows, contents)["since"].to_list() == [4, 5]


def test_it_only_builds_local_graphs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, neo4j_uri="bolt://somewhere", neo4j_password=SecretStr("x"))
    with pytest.raises(SettingsError, match="NEO4J_URI"):
        import_offline(folder(tmp_path / "in"), settings)


def test_a_dry_run_starts_no_server_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "home", neo4j_uri=None)
    store = local_home(settings) / "data" / "databases" / "neo4j"
    store.mkdir(parents=True)
    monkeypatch.setattr(LocalServer, "start", lambda *_: pytest.fail("a server was started"))
    report = import_offline(folder(tmp_path / "in"), settings, options=Options(dry=True))
    assert report.nodes["User"] == 3
    assert [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
