"""A local server that tests may stop and kill, apart from the run's own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import cypher
from graph.database.connection import Running
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL
from graph.server.ports import free_port
from graph.settings import Settings

SECONDS = 600
"""The longest that a test waits for an event. It only catches hangs."""


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class Local:
    """One home with a local server; whatever state a test finds it in, ``start`` gives a running one."""

    settings: Settings
    server: LocalServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = LocalServer(self.settings, memory=SMALL)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    home = Local(Settings(home=tmp_path_factory.mktemp("local"), neo4j_uri=None, query_deadline_ms=30_000))
    # As if it had run before on these ports. On the standard ones, a server of another test would take them the moment
    # that a test kills this one, and whoever still asks would be told that the password is wrong.
    home.server.home.mkdir(parents=True, exist_ok=True)
    Running(os.getpid(), free_port(), free_port(), 1, 1).write(home.server.home)
    yield home
    home.server.stop()


class Queries(dict[str, str]):
    """Queries of a test's own, which stand beside the product's."""

    def load(self, name: str) -> str:
        return self[name] if name in self else self.real(name)

    real = staticmethod(cypher.load)


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Queries:
    own = Queries()
    monkeypatch.setattr(cypher, "load", own.load)
    return own


@pytest.fixture
def no_neo4j(tmp_path: Path) -> Settings:
    """Settings of a home where no server ever ran."""
    return Settings(home=tmp_path / "empty", neo4j_uri=None)
