from __future__ import annotations

from pathlib import Path

import pytest

from graph.database.connection import running
from graph.database.driver import Graph
from graph.errors import InputError, SettingsError
from graph.server.backup import backup, restore
from graph.server.local_server import LocalServer
from graph.settings import Settings
from tests.graph.conftest import Local, Queries


def test_a_backup_brings_the_graph_back(local: Local, queries: Queries, tmp_path: Path):
    queries["set"] = "MERGE (saved:Saved) SET saved.value = $value"
    queries["get"] = "MATCH (saved:Saved) RETURN saved.value AS value"

    def write(value: str) -> None:
        with Graph.connect(local.settings) as graph:
            graph.write("set", value=value)

    def value() -> str:
        with Graph.connect(local.settings) as graph:
            return str(graph.read("get")[0]["value"])

    local.server.start()
    write("before")
    file = tmp_path / "graph.dump"
    assert backup(local.server, file) == file.stat().st_size > 1_000
    assert list(tmp_path.iterdir()) == [file]
    write("after")
    restore(local.server, file)
    assert value() == "before"

    local.server.stop()
    stores = local.server.home / "data"
    untouched = {path: path.stat().st_mtime_ns for path in sorted(stores.rglob("*/neo4j/*"))}
    damaged = tmp_path / "damaged.dump"
    damaged.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(InputError, match="cannot be restored"):
        restore(local.server, damaged)
    assert running(local.settings) is None  # as it was found
    assert {path: path.stat().st_mtime_ns for path in sorted(stores.rglob("*/neo4j/*"))} == untouched
    assert not list(local.server.home.glob(".restore-*"))


def test_nothing_to_back_up_or_restore_is_said(no_neo4j: Settings, tmp_path: Path):
    with pytest.raises(InputError, match="no graph"):
        backup(LocalServer(no_neo4j), tmp_path / "graph.dump")
    with pytest.raises(InputError, match="There is no file"):
        restore(LocalServer(no_neo4j), tmp_path / "graph.dump")


def test_another_servers_graph_is_left_to_its_own_tools(tmp_path: Path):
    settings = Settings(home=tmp_path, neo4j_uri="bolt://example.org:7687")
    with pytest.raises(SettingsError, match="neo4j-admin"):
        backup(LocalServer(settings), tmp_path / "graph.dump")
