from __future__ import annotations

from collections.abc import Iterator

import pytest

from graph.database.driver import Graph
from graph.live import mirror as mirrors
from graph.settings import Settings
from tests import checkerboard_graph
from tests.conftest import empty
from tests.recommend.drawn_graph import Database
from tests.recommend.followed import Followed


@pytest.fixture(scope="module")
def database(graph: Graph) -> Iterator[Database]:
    opened = Database(graph)
    yield opened
    opened.close()


@pytest.fixture
def followed(graph: Graph, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    monkeypatch.setattr(mirrors, "_STALE_S", 600.0)  # a busy machine is no failure
    empty(graph)
    checkerboard_graph.load(graph)
    made = Followed(graph, settings)
    yield made
    made.mirror.close()
