"""gunicorn as it is really run: processes, sockets and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from werkzeug.serving import make_server

from benchmarks import load
from benchmarks.load import Request
from graph.errors import EntourageError, SettingsError
from graph.home import begin
from graph.settings import Service, Settings
from recommenders.knn import ItemKnn
from tests import checkerboard
from web.app import create_app
from web.server import Running, background, environment, listen, wait_until_ready

PATIENCE_S = 600.0


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A snapshot, no model yet, and no Neo4j."""
    service = Service(port=0, workers=2, rate_limit="", model="item-knn", deadline_ms=60_000)
    settings = Settings(home=tmp_path_factory.mktemp("home"), neo4j_uri=None, service=service)
    begin(settings)
    checkerboard.snapshot().save(settings.snapshot_path)
    return settings


@pytest.fixture(scope="module")
def running(home: Settings) -> Iterator[Running]:
    with background(home, wait_s=PATIENCE_S) as started:
        yield started
    with pytest.raises(urllib.error.URLError):
        ask(f"{started.url}/health/live")
    assert gone(started.pid)


def test_it_answers_from_the_snapshot_and_says_that_it_is_degraded(running: Running) -> None:
    assert ask(f"{running.url}/health/ready")["degraded"]
    feed = ask(f"{running.url}/v1/users/u002/recommendations?n=3")
    assert feed["degraded"]
    assert feed["items"]


def test_a_new_model_is_taken_up_without_dropping_a_request(running: Running, home: Settings) -> None:
    failed: list[Exception] = []
    versions: set[str | None] = set()
    done = threading.Event()

    def keep_asking() -> None:
        while not done.is_set():
            try:
                versions.add(ask(f"{running.url}/v1/users/u003/recommendations")["model_version"])
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    ItemKnn().fit(checkerboard.snapshot()).save(home.model_path("item-knn"))
    end = time.monotonic() + PATIENCE_S
    while len(versions) < 2 and not failed and time.monotonic() < end:
        time.sleep(0.1)
    done.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert None in versions
    assert any(version and version.startswith("item-knn-") for version in versions)


def test_metrics_are_those_of_all_workers(running: Running) -> None:
    def total() -> float:
        with urllib.request.urlopen(f"{running.url}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("entourage_feeds_total"))

    before = total()
    for _ in range(10):
        ask(f"{running.url}/v1/users/u002/recommendations?n=1")
    assert total() == before + 10


def test_every_line_of_the_log_is_json(running: Running) -> None:
    ask(f"{running.url}/v1/examples")
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert any(line["event"] == "request" and line.get("route") == "/v1/examples" for line in lines)
    assert any("gunicorn" in line["event"] for line in lines)


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)) as caught:
            listen("127.0.0.1", port)
    assert "--port 0" in caught.value.do


def test_an_address_that_is_not_ours_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match=r"203\.0\.113\.1"):
        listen("203.0.113.1", 0)


def test_nothing_to_answer_from_is_a_clear_error(home: Settings) -> None:
    app = create_app(home.model_copy(update={"home": home.home / "empty"}))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with subprocess.Popen(["sleep", "600"]) as child:
        with pytest.raises(EntourageError, match="nothing to answer from"):
            wait_until_ready(f"http://127.0.0.1:{server.server_port}", child, home.home / "no.log", PATIENCE_S)
        child.kill()
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["entourage.serving"].stop()


def test_child_settings_are_the_parents(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = home.model_copy(update={"neo4j_uri": "bolt://there:1", "query_deadline_ms": 77})
    monkeypatch.setenv("ENTOURAGE_SERVICE__PORT", "1")
    child = environment(given)
    for name in [name for name in os.environ if name.startswith(("ENTOURAGE_", "NEO4J_"))]:
        monkeypatch.delenv(name)
    for name, value in child.items():
        if name.startswith(("ENTOURAGE_", "NEO4J_")):
            monkeypatch.setenv(name, value)
    assert Settings() == given


def test_serve_says_where_to_look_and_leaves_cleanly(home: Settings) -> None:
    command = [sys.executable, "-m", "cli", "serve", "--port", "0", "--workers", "1"]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        said = ""
        while "Ready" not in said:
            assert serving.stdout
            line = serving.stdout.readline()
            assert line, serving.stderr.read() if serving.stderr else ""
            said += line
        assert "degraded" in said
        url = next(word for word in said.split() if word.startswith("http")).rstrip("/")
        assert ask(f"{url}/health/live") == {"status": "live"}
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=PATIENCE_S)
    assert serving.returncode == 0


def test_the_service_ends_when_its_parent_is_killed(home: Settings) -> None:
    code = (
        "import time; from graph.settings import load_settings; from web.server import background\n"
        f"with background(load_settings(), wait_s={PATIENCE_S}) as running:\n"
        "    print(running.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment(home), stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


def test_past_capacity_it_refuses_at_once_and_answers_what_it_can(home: Settings) -> None:
    """64 clients and eight threads: who waits for half of 100 ms is refused, with a problem of its own."""
    service = home.service.model_copy(update={"workers": 1, "deadline_ms": 100})
    with background(home.model_copy(update={"service": service}), wait_s=PATIENCE_S) as started:
        where = urlsplit(started.url)
        feeds = cycle(Request(f"/v1/users/u{user:03}/recommendations") for user in range(checkerboard.SIZE))
        run = load.closed(str(where.hostname), int(where.port or 0), feeds, 64, 60.0, 600)
    assert {answer.status for answer in run.answers} == {200, 429}
    refused = next(answer for answer in run.answers if answer.status == 429)
    problem = json.loads(refused.body)
    assert problem["type"] == "urn:entourage:problem:overloaded"
    assert all(answer.feed["items"] for answer in run.answers if answer.status == 200)
