"""A live import whose process and whose Neo4j are really killed: the next run finishes it, and counts are exact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from graph.database.connection import running
from graph.database.driver import Graph
from graph.load.live import import_folder
from tests.graph.conftest import SECONDS, Local, wait_for
from tests.graph.keakr import only

#: Small batches, so that there is time to be killed between them.
IMPORT = """
import sys; from pathlib import Path
from graph.database import driver; from graph.database.driver import Graph
from graph.load import live as importer; from graph.settings import Settings
importer._EDGE_BATCH = 10
driver._RETRY_SECONDS = 5  # that Neo4j does not come back is soon said
settings = Settings(home=Path(sys.argv[2]), query_deadline_ms=60_000)
with Graph.connect(settings) as graph:
    importer.import_folder(graph, Path(sys.argv[1]), settings)
"""


def test_killed_processes_lose_nothing(local: Local, tmp_path: Path) -> None:
    people, keaks = 120, 90
    follows = {(u, (u * 7 + d) % people) for u in range(people) for d in range(1, 15)}
    watches = {(u, (u * 3 + d) % keaks) for u in range(people) for d in range(20)}
    files = only(
        tmp_path / "in",
        followers="".join(f"{u},{v}\n" for u, v in sorted(follows) if u != v),
        audiences="".join(f"{u},keaks/{k}\n" for u, k in sorted(watches)),
    )
    expected = {"FOLLOWS": sum(u != v for u, v in follows), "WATCHED": len(watches)}
    local.server.start()

    def counts(graph: Graph) -> dict[str, int]:
        held = graph.read("export/counts", deadline_ms=0)[0]["counts"]
        return {type_: held[type_] for type_ in expected}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(files), str(local.settings.home)], stderr=subprocess.PIPE
        )

    with Graph.connect(local.settings) as graph:
        ours = start()
        wait_for(lambda: counts(graph)["FOLLOWS"] or ours.poll() is not None)
        ours.kill()
        ours.communicate()
        assert counts(graph) != expected, "it was killed midway"

        ours = start()
        wait_for(lambda: counts(graph)["WATCHED"] or ours.poll() is not None)
    now = running(local.settings)
    assert now
    os.kill(now.pid, signal.SIGKILL)
    _, told = ours.communicate(timeout=SECONDS)
    assert ours.returncode, "without Neo4j it fails"
    assert b"GraphUnavailable" in told or b"GraphError" in told
    wait_for(lambda: not psutil.pid_exists(now.pid) or psutil.Process(now.pid).status() == psutil.STATUS_ZOMBIE)

    local.server.start()
    with Graph.connect(local.settings) as graph:
        assert counts(graph)["WATCHED"] < expected["WATCHED"], "it was killed midway"
        report = import_folder(graph, files, local.settings)
        assert report.relationships == expected
        assert counts(graph) == expected
