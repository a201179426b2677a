"""Cost of reading, importing, exporting and backing up a folder of Keakr files.

    python -m benchmarks.bench_import FOLDER --offline --out import.json

It needs an empty graph: a running one (NEO4J_URI or the local server) for the live import, or with ``--offline`` only
ENTOURAGE_HOME. ``--offline`` also times backup and restore, and leaves its server running. Every step is a process of
its own, so that peaks are separate.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peak import peak_gib
from graph import snapshot
from graph.database.driver import Graph
from graph.files.tables import read_folder
from graph.load import live as importer
from graph.load.bulk import import_offline
from graph.server import backup
from graph.server.local_server import LocalServer
from graph.settings import load_settings
from graph.snapshot.export import export, index_times


@dataclass(frozen=True)
class Cost:
    step: str
    rows: int
    seconds: float
    cpu_seconds: float
    """Processor time of our own process, without Neo4j."""
    peak_gib: float
    """Peak memory of our own process."""


def read(folder: Path) -> int:
    """Parse and check all files."""
    return sum(file.read for file in read_folder(folder, load_settings().home)[1].files)


def offline(folder: Path) -> int:
    """The whole ``entourage import --offline``: parse, check, write, build the store, start Neo4j, build indexes."""
    return sum(file.read for file in import_offline(folder, load_settings()).files)


def live(folder: Path) -> int:
    """The whole ``entourage import`` into a running graph."""
    with Graph.connect(load_settings()) as graph:
        report = importer.import_folder(graph, folder, load_settings())
    return sum(report.nodes.values()) + sum(report.relationships.values())


def whole(folder: Path) -> int:
    """``entourage export``."""
    settings = load_settings()
    with Graph.connect(settings) as graph:
        manifest = export(graph, settings.snapshot_path, settings)
    return sum(manifest.nodes.values()) + sum(manifest.edges.values())


def index(folder: Path) -> int:
    """The indexes on times of relationships, which the first ``entourage export --since`` of a graph creates."""
    with Graph.connect(load_settings()) as graph:
        index_times(graph)
    return 0


def since(folder: Path) -> int:
    """``entourage export --since`` a time after which a hundredth of the watches happened; counts these."""
    settings = load_settings()
    times = np.asarray(snapshot.load(settings.snapshot_path).watched.columns["lastAt"])
    cutoff = int(np.quantile(times[times != snapshot.NO_TIME], 0.99))
    with Graph.connect(settings) as graph:
        export(graph, settings.snapshot_path, settings, since=cutoff)
    return int((times >= cutoff).sum())


def load(folder: Path) -> int:
    """Open the snapshot by memory map."""
    return sum(snapshot.load(load_settings().snapshot_path).manifest.edges.values())


def back_up(folder: Path) -> int:
    """``entourage backup``, the server stopped and started again; counts the graph's relationships."""
    settings = load_settings()
    backup.backup(LocalServer(settings), settings.home / "bench.dump")
    return load(folder)


def restore(folder: Path) -> int:
    """``entourage restore`` of that backup, with Neo4j started on it; counts the graph's relationships."""
    settings = load_settings()
    backup.restore(LocalServer(settings), settings.home / "bench.dump")
    (settings.home / "bench.dump").unlink()
    return load(folder)


def cost(step: Callable[[Path], int], folder: Path) -> Cost:
    begun, used = time.perf_counter(), _cpu()
    rows = step(folder)
    return Cost(step.__name__, rows, time.perf_counter() - begun, _cpu() - used, peak_gib())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--offline", action="store_true", help="measure the bulk importer instead of the live import")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    chosen = parser.parse_args()
    steps: list[Callable[[Path], int]] = [read, offline if chosen.offline else live, whole, index, since, load]
    if chosen.offline:
        steps += [back_up, restore]
    costs = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for step in steps:
            costs.append(pool.submit(cost, step, chosen.folder).result())
            print(costs[-1], flush=True)
            if step is offline:
                LocalServer(load_settings()).start()
    table = Table("step", "rows", "seconds", "rows/s", "CPU-s (ours)", "peak GiB (ours)")
    for c in costs:
        figures = (f"{c.seconds:.1f}", f"{c.rows / c.seconds:,.0f}", f"{c.cpu_seconds:.0f}", f"{c.peak_gib:.2f}")
        table.add_row(c.step, f"{c.rows:,}", *figures)
    Console().print(table)
    if chosen.out:
        report = {"load at the end": os.getloadavg()[0], "costs": [asdict(c) for c in costs]}
        chosen.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
