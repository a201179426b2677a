from __future__ import annotations

from typing import Any

import pytest

import cypher
from graph.database.driver import Graph
from graph.settings import Settings
from graph.snapshot import load
from graph.snapshot.export import export
from tests import checkerboard_graph
from web.warming import warm_writes

NOT_IN_A_REQUEST = {"events/forget"}


def test_every_write_is_rehearsed_and_nothing_changes(
    graph: Graph, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    everything = """
    MATCH (n)
    RETURN collect([properties(n), labels(n), [(n)-[r]->(m) | [type(r), properties(r), properties(m)]]]) AS all
    """
    checkerboard_graph.load(graph)
    export(graph, settings.snapshot_path, settings)
    done: list[str] = []

    def watched(name: str, /, **params: Any) -> Any:
        told = Graph.rehearse(graph, name, **params)
        done.append(name)
        return told

    monkeypatch.setattr(graph, "rehearse", watched)
    before, last = graph.ask(everything), graph.transaction()
    warm_writes(graph, load(settings.snapshot_path))
    assert graph.ask(everything) == before
    assert graph.transaction() == last
    written = {name for name in cypher.names() if name.startswith(("events/", "catalogue/"))}
    assert set(done) == written - NOT_IN_A_REQUEST
