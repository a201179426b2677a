"""What a start of the local Neo4j costs, with the archive of its classes (`graph.server.java`) and without.

``python -m benchmarks.bench_start`` starts and stops servers of empty homes in turn, in a cache folder of its own, and
prints seconds by the clock and of processor time until the server has started and answered its first queries.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from graph.database.connection import running
from graph.database.driver import Graph
from graph.server import jars, java
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL
from graph.settings import Settings


def main(times: Annotated[int, typer.Option(help="Starts of each kind.")] = 3) -> None:
    """Time ``times`` starts with and without the archive, one after the other."""
    found: dict[str, list[tuple[float, float]]] = {"without the archive": [], "with it": []}
    with tempfile.TemporaryDirectory(prefix="entourage-start-") as folder:
        cache = Path(folder) / "cache"
        jars.home(cache).mkdir(parents=True)
        for jar in jars.fetch(Settings().cache):
            (jars.home(cache) / jar.name).symlink_to(jar)
        settings = Settings(home=Path(folder) / "home", cache=cache, neo4j_uri=None)
        archive = java.archive(jars.paths(cache))
        _started(settings)  # makes the store and the archive
        aside = archive.with_suffix(".aside")
        for _ in range(times):
            archive.replace(aside)
            found["without the archive"].append(_started(settings))
            aside.replace(archive)  # instead of the one that this stop made
            found["with it"].append(_started(settings))
    table = Table("start", "seconds, median", "processor seconds, median", "all, seconds")
    for name, taken in found.items():
        clock, work = zip(*taken, strict=True)
        each = " ".join(f"{seconds:.1f}" for seconds in clock)
        table.add_row(name, f"{statistics.median(clock):.1f}", f"{statistics.median(work):.1f}", each)
    Console().print(table)


def _started(settings: Settings) -> tuple[float, float]:
    """Start a server, ask it something, stop it: seconds by the clock and of its processor time until it answered."""
    begun = time.monotonic()
    with LocalServer(settings, memory=SMALL, bolt_port=0, http_port=0), Graph.connect(settings) as graph:
        graph.apply_schema()
        seconds = time.monotonic() - begun
        now = running(settings)
        assert now
        user, system = psutil.Process(now.pid).cpu_times()[:2]
    return seconds, user + system


if __name__ == "__main__":
    typer.run(main)
