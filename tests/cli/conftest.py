"""Runs the command line as a user would, in this process: arguments in; exit code and what was printed out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from cli.main import main
from graph.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        """Both streams with their line breaks folded: a table or a narrow terminal wraps where it likes."""
        return " ".join((self.out + " " + self.err).split())


Run = Callable[..., Outcome]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The environment that leads ``load_settings`` to the run's Neo4j and to a home of the test's own."""
    monkeypatch.setenv("ENTOURAGE_HOME", str(settings.home))
    monkeypatch.setenv("ENTOURAGE_QUERY_DEADLINE_MS", str(settings.query_deadline_ms))
    monkeypatch.setenv("NEO4J_URI", settings.neo4j_uri or "")
    monkeypatch.setenv("NEO4J_USER", settings.neo4j_user)
    monkeypatch.setenv("NEO4J_PASSWORD", (settings.neo4j_password or SecretStr("")).get_secret_value())
    monkeypatch.setenv("NEO4J_DATABASE", settings.neo4j_database)
    monkeypatch.setenv("COLUMNS", "200")
    return settings


@pytest.fixture
def run(environment: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("import", folder)`` is ``entourage import FOLDER``."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["entourage", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run
