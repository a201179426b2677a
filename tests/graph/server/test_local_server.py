from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from graph.database.connection import Running, connection, local_home, password_file, remembered, running
from graph.database.driver import Graph
from graph.errors import GraphAuthError, GraphUnavailable, LocalServerError
from graph.server import jars, java, local_server, ports
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL
from graph.settings import Settings
from tests.graph.conftest import SECONDS, Local, Queries

START = """
import sys
from pathlib import Path
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL
from graph.settings import Settings
settings = Settings(home=Path(sys.argv[1]), cache=Path(sys.argv[2]), neo4j_uri=None)
server = LocalServer(settings, memory=SMALL, bolt_port=0, http_port=0)
"""


def python(code: str, settings: Settings) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START + code, str(settings.home), str(settings.cache)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE)


def pid_of(settings: Settings) -> int:
    now = running(settings)
    assert now
    return now.pid


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_two_starts_at_once_give_one_server_that_outlives_both(local: Local):
    starts = [python("print(server.start().uri)", local.settings) for _ in range(2)]
    uris = {start.communicate(timeout=SECONDS)[0].strip() for start in starts}
    assert [start.returncode for start in starts] == [0, 0]
    assert uris == {connection(local.settings).uri}
    assert local.server.start().uri in uris  # a third finds it too
    assert local.server.status().memory_mb > 100


def test_only_the_owner_can_read_the_password_and_only_this_machine_can_connect(local: Local):
    local.server.start()
    assert stat.S_IMODE(password_file(local.settings).stat().st_mode) == 0o600
    password = connection(local.settings).password
    assert len(password) >= 32
    assert password not in repr(connection(local.settings))
    process = psutil.Process(pid_of(local.settings))
    assert password not in " ".join(process.cmdline())
    addresses = {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert {address.removeprefix("::ffff:") for address in addresses} == {"127.0.0.1"}


def test_a_wrong_password_is_told_apart_and_locks_nobody_out(local: Local):
    right = local.server.start()
    wrong = local.settings.model_copy(update={"neo4j_uri": right.uri, "neo4j_password": None})
    for guess in range(5):
        with pytest.raises(GraphAuthError, match="refuses the user"):
            Graph.connect(Settings(home=wrong.home, neo4j_uri=right.uri, neo4j_password=f"wrong{guess}"))  # type: ignore[arg-type]
    Graph.connect(local.settings).close()


def test_a_killed_server_comes_back_with_its_data_and_a_stale_pid_fools_nobody(local: Local, queries: Queries):
    queries["keep"] = "CREATE (note:Note {text: $text}) RETURN note.text AS text"
    queries["find"] = "MATCH (note:Note) RETURN note.text AS text"
    local.server.start()
    with Graph.connect(local.settings) as graph:
        graph.write("keep", text="still here")
    killed = pid_of(local.settings)
    os.kill(killed, signal.SIGKILL)
    assert gone(killed)
    assert running(local.settings) is None
    before = remembered(local.settings)
    assert before
    # The pid has passed to another program: this one.
    Running(os.getpid(), before.bolt_port, before.http_port, 1, 1).write(local.server.home)
    assert running(local.settings) is None
    assert local.server.stop() is False
    with pytest.raises(GraphUnavailable, match="entourage up"):
        connection(local.settings)

    plugin = local.server.home / "plugins" / "some.jar"  # Neo4j looks for services on the class path alone
    zipfile.ZipFile(plugin, "w").close()
    with socket.socket() as thief:  # and somebody took its port, and wins a race for the next one as well
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        Running(killed, thief.getsockname()[1], before.http_port, 1, 1).write(local.server.home)
        assert local.server.start().uri != f"bolt://127.0.0.1:{thief.getsockname()[1]}"
    assert str(plugin) in psutil.Process(pid_of(local.settings)).environ()["CLASSPATH"].split(os.pathsep)
    plugin.unlink()
    with Graph.connect(local.settings) as graph:
        assert graph.read("find") == [{"text": "still here"}]


def test_stop_ends_the_process_and_a_second_stop_finds_nothing(local: Local):
    local.server.start()
    pid = pid_of(local.settings)
    assert local.server.stop() is True
    assert gone(pid, seconds=0)
    assert "Stopped." in (local.server.home / "logs" / "console.log").read_text()
    assert local.server.stop() is False
    assert local.server.status().running is None


def test_a_process_that_its_parent_never_buries_has_ended():
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '300']).pid, flush=True); time.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        local_server._end(child)
        assert child.status() == psutil.STATUS_ZOMBIE
        parent.kill()


def test_a_child_stops_with_its_parent_even_when_that_is_killed(local: Local):
    local.server.stop()
    parent = python("with server:\n    print('up', flush=True)\n    sys.stdin.read()", local.settings)
    assert parent.stdout
    assert parent.stdout.readline() == "up\n"
    child = pid_of(local.settings)
    parent.kill()
    parent.communicate()
    assert gone(child)


def test_a_lost_race_for_a_port_is_run_again(local: Local, listener: int, monkeypatch: pytest.MonkeyPatch):
    local.server.stop()
    monkeypatch.setattr(ports, "choose", lambda wanted, usual: listener)
    where = local.server.start()
    assert str(listener) not in where.uri
    with urllib.request.urlopen(str(where.browser).removesuffix("browser/")) as answer:  # where Browser connects to
        assert json.load(answer)["bolt_direct"] == where.uri


def test_a_port_that_is_taken_is_named(no_neo4j: Settings, listener: int):
    with pytest.raises(LocalServerError, match=f"Port {listener} is taken"):
        LocalServer(no_neo4j, bolt_port=listener).start()
    assert not password_file(no_neo4j).exists()


def test_too_little_memory_is_said_before_anything_starts(no_neo4j: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_server, "available_mb", lambda: 300)
    for memory in (SMALL, None):
        with pytest.raises(LocalServerError, match="300 MiB are free"):
            LocalServer(no_neo4j, memory=memory).start()


def test_too_small_a_disk_is_said_before_anything_starts(no_neo4j: Settings, monkeypatch: pytest.MonkeyPatch):
    usage = shutil.disk_usage("/")._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LocalServerError, match="5 MB are free"):
        LocalServer(no_neo4j).start()


def test_when_java_dies_its_last_words_are_shown(no_neo4j: Settings, monkeypatch: pytest.MonkeyPatch):
    real = java.command
    monkeypatch.setattr(java, "command", lambda *given, **more: [real(*given)[0], "-XX:NoSuchFlag", *real(*given)[1:]])
    home = local_home(no_neo4j)
    home.mkdir(parents=True)
    password_file(no_neo4j).write_text("secret-enough")
    with pytest.raises(LocalServerError, match="NoSuchFlag"):
        LocalServer(no_neo4j, memory=SMALL).start()
    assert running(no_neo4j) is None


def test_a_start_maps_the_classes_that_an_orderly_stop_kept(local: Local):
    local.server.start()
    local.server.stop()
    local.server.start()
    mapped = {Path(part.path).name for part in psutil.Process(pid_of(local.settings)).memory_maps()}
    assert f"classes-{java.version()}.jsa" in mapped


def test_a_damaged_archive_of_classes_stops_nothing(no_neo4j: Settings, tmp_path: Path):
    real = jars.home(no_neo4j.cache)
    copied = jars.home(tmp_path / "cache")
    copied.mkdir(parents=True)
    for jar in jars.locked():
        (copied / jar.file).symlink_to(real / jar.file)
    server = LocalServer(no_neo4j.model_copy(update={"cache": tmp_path / "cache"}), memory=SMALL)
    (copied / f"classes-{java.version()}.jsa").write_bytes(b"half of it")
    with server, Graph.connect(server.settings, any_schema=True) as graph:
        assert graph.read("lookup/filled")


def test_a_store_whose_password_is_lost_says_what_to_do(no_neo4j: Settings):
    (local_home(no_neo4j) / "data" / "databases" / "system").mkdir(parents=True)
    with pytest.raises(LocalServerError, match="users and passwords only"):
        LocalServer(no_neo4j, memory=SMALL).start()


def test_administration_of_a_running_server_is_refused(local: Local):
    local.server.start()
    with pytest.raises(LocalServerError, match="needs it stopped"):
        local.server.admin("database", "check", "neo4j")


def test_a_failing_administration_command_shows_its_report(no_neo4j: Settings):
    with pytest.raises(LocalServerError, match="nonsense"):
        LocalServer(no_neo4j, memory=SMALL).admin("database", "nonsense")


def gone(pid: int, *, seconds: float = SECONDS) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
