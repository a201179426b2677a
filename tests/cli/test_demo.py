"""The demo's frame: it asks, says where to look, leaves nothing running and no graph of somebody else's touched.

What lies in between, the sub-commands themselves, is replaced by the checkerboard: each has its own tests.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cli import demo
from graph.database.driver import Graph
from graph.errors import SettingsError
from graph.settings import Settings
from tests import checkerboard, checkerboard_graph
from tests.cli.conftest import Outcome, Run
from tests.conftest import empty


@pytest.fixture
def checkerboard_learned(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of generating, importing and training: the checkerboard in the graph and in the snapshot."""
    empty(graph)

    def learn(home: Path) -> None:
        checkerboard_graph.load(graph)
        checkerboard.snapshot().save(home / "snapshot")

    monkeypatch.setattr(demo, "_learn", learn)
    monkeypatch.setenv("ENTOURAGE_SERVICE__WORKERS", "1")


def url(outcome: Outcome) -> str:
    found = re.search(r"The page\s+(http://\S+)", outcome.printed)
    assert found, outcome.printed
    return found[1]


def assert_stopped(outcome: Outcome) -> None:
    assert "Everything is stopped" in outcome.printed
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url(outcome), timeout=2)


@pytest.mark.usefixtures("checkerboard_learned")
def test_without_a_terminal_it_asks_once_and_stops_everything(run: Run) -> None:
    outcome = run("demo")
    assert outcome.code == 0, outcome.printed
    assert re.search(r"What u\d{3} should see next", outcome.printed)
    assert "keaks/" in outcome.printed
    assert_stopped(outcome)


@pytest.mark.usefixtures("checkerboard_learned")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(run: Run, monkeypatch: pytest.MonkeyPatch, how: signal.Signals) -> None:
    answered: list[int] = []
    serving = demo._until_interrupted

    def interrupt_once_it_serves() -> None:
        threading.Timer(0.3, os.kill, (os.getpid(), how)).start()
        answered.append(1)
        serving()

    monkeypatch.setattr(demo, "_until_interrupted", interrupt_once_it_serves)
    outcome = run("demo", "--serve")
    assert outcome.code == 0, outcome.printed
    assert answered
    assert_stopped(outcome)


def test_a_graph_that_somebody_filled_is_left_alone(graph: Graph, settings: Settings) -> None:
    empty(graph)
    checkerboard_graph.load(graph)
    with pytest.raises(SettingsError, match="not empty"):
        demo._refuse_foreign(settings)
    empty(graph)
    demo._refuse_foreign(settings)  # an empty one becomes the demo's
    checkerboard_graph.load(graph)
    demo._refuse_foreign(settings)  # and may be filled again
