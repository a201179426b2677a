"""``entourage train --follow`` on a real graph: what changes it, what does not, and what an end in between leaves."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.follow import Follower
from cli.train import train
from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import ModelError
from graph.settings import Settings
from tests import checkerboard_graph
from tests.conftest import empty
from tests.killed import killed_at, told_to_the_end


class Jobs:
    """Runs of a follower; each wait between two looks does the next of ``waits``, and the last ends it by SIGTERM."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph, self.settings = graph, settings
        self.state = settings.home / "models" / "popularity.follow.json"
        self.said: list[tuple[str, dict[str, Any]]] = []

    def run(self, *waits: Callable[[], object], train: Callable[[], object] | None = None) -> list[str]:
        self.said = []
        left = iter([*waits, terminate])
        follower = Follower(
            self.settings,
            self.state,
            train or (lambda: self.say("trained", watches=len(snapshots.load(self.settings.snapshot_path).watched))),
            self.say,
            changed=0.05,
            minutes=1.0,
        )
        follower.wait = lambda seconds: next(left)()
        follower.run()
        return [event for event, _ in self.said]

    def say(self, event: str, **facts: Any) -> None:
        self.said.append((event, facts))

    def add(self, people: int) -> None:
        rows = [{"id": f"new{n}", "properties": {}} for n in range(people)]
        self.graph.write("load/users", deadline_ms=0, rows=rows)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def jobs(graph: Graph, settings: Settings) -> Jobs:
    empty(graph)
    checkerboard_graph.load(graph)
    return Jobs(graph, settings)


def test_it_trains_at_first_and_when_enough_has_changed(jobs: Jobs) -> None:
    told = jobs.run(lambda: jobs.add(2), lambda: jobs.add(40))
    assert told == ["looked", "exported", "trained", "looked", "looked", "exported", "trained", "stopped"]
    assert jobs.said[-1] == ("stopped", {"during": "waiting"})
    assert 0.0 < jobs.said[3][1]["changed"] < 0.05 < jobs.said[4][1]["changed"] < 0.5
    assert jobs.run() == ["looked", "stopped"]  # a later start knows what was trained


def test_a_training_that_was_ended_goes_on_with_the_same_snapshot(jobs: Jobs) -> None:
    assert jobs.run(train=terminate)[-2:] == ["exported", "stopped"]
    assert jobs.said[-1][1] == {"during": "training"}
    before = snapshots.load(jobs.settings.snapshot_path).manifest
    jobs.add(60)
    assert jobs.run()[:2] == ["trained", "looked"]  # then it sees that more has changed
    assert jobs.said[2][0] == "exported"
    assert snapshots.load(jobs.settings.snapshot_path).manifest.nodes["User"] > before.nodes["User"]


def test_a_training_that_fails_ends_it_and_is_tried_again(jobs: Jobs) -> None:
    def fails() -> None:
        raise ModelError("No.")

    with pytest.raises(ModelError):
        jobs.run(train=fails)
    assert jobs.run()[0] == "trained"


def test_while_neo4j_is_down_it_looks_again(jobs: Jobs, settings: Settings) -> None:
    jobs.settings = settings.model_copy(update={"neo4j_uri": "bolt://127.0.0.1:1"})

    def back() -> None:
        jobs.settings = settings

    assert jobs.run() == ["unavailable", "stopped"]
    back()
    assert jobs.run() == ["looked", "exported", "trained", "stopped"]


def test_the_command_prints_json_lines(
    jobs: Jobs, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.neo4j_password
    monkeypatch.setattr("cli.train.load_settings", lambda: settings)
    monkeypatch.setattr(Follower, "wait", staticmethod(lambda _: terminate()))
    train(model="popularity", as_json=True, follow=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line["event"] for line in lines if line["event"] != "progress"]
    assert told == ["looked", "exported", "training", "trained", "stopped"]
    assert (settings.home / "models" / "popularity").is_dir()


_RUN = """
import os, signal, sys, time
home, uri, user, password, database, line = sys.argv[1:]
os.environ |= {"ENTOURAGE_HOME": home, "NEO4J_URI": uri, "NEO4J_USER": user}
os.environ |= {"NEO4J_PASSWORD": password, "NEO4J_DATABASE": database}
from cli import train
from cli.follow import Follower
from gnn import fitting
from recommenders.core.effort import Effort
class Log(train.Log):
    def __call__(self, event, what="", **facts):
        print(event, what, flush=True)
        if f"{event} {what}".startswith(line):
            time.sleep(100)
    def progress(self, share, what):
        self("progress", what)
train.Log = Log
fitting._CHECKPOINT_EVERY_S, fitting._CHECKPOINT_SHARE = 0.0, float("inf")
fitting._Run.epochs_per_validation = 1
Follower.wait = staticmethod(lambda _: os.kill(os.getpid(), signal.SIGTERM))
train.train(
    model="gat", effort=Effort.QUICK, as_json=True, follow=True, setting=["max_epochs=6", "dim=8", "heads=1"]
)
"""


def test_a_network_whose_training_was_killed_goes_on_where_it_was(jobs: Jobs, tmp_path: Path) -> None:
    settings = jobs.settings
    assert settings.neo4j_password
    where = settings.neo4j_uri, settings.neo4j_user, settings.neo4j_password.get_secret_value(), settings.neo4j_database
    before = killed_at("progress epoch 4 ", _RUN, tmp_path, *where)
    assert before[:3] == ["looked ", "exported ", "training "]
    after = told_to_the_end(_RUN, tmp_path, *where)
    assert after[0] == "training "  # with the snapshot that it began with, before it looks again
    assert next(said for said in after if "epoch" in said).startswith("progress epoch 4 ")
    assert after[-3:] == ["trained ", "looked ", "stopped "]
    assert (tmp_path / "models" / "gat" / "weights.safetensors").is_file()
    assert not list(tmp_path.glob("models/*.checkpoint"))
