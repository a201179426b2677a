"""What reading, importing and exporting a folder of Keakr files costs: `python -m benchmarks.bench_import FOLDER`.

Uses the Neo4j of the settings for the live part (an empty one, please) and prints rows, seconds, CPU seconds and
peak memory of our own process. `--offline` measures the bulk importer instead, in ENTOURAGE_HOME.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph import importer, snapshot
from graph.driver import Graph
from graph.export import export
from graph.local_server import LocalServer
from graph.offline import import_offline
from graph.readers import read_folder
from graph.settings import load_settings


@contextmanager
def measured(what: str, rows: list[int]) -> Iterator[None]:
    begun, used = time.perf_counter(), _cpu()
    yield
    seconds, total = time.perf_counter() - begun, sum(rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{what:<28} {total:>12,} rows {seconds:>8.1f} s {total / seconds:>12,.0f} rows/s "
        f"{_cpu() - used:>8.1f} CPU-s (ours) {peak:>6.2f} GiB peak",
        flush=True,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--offline", action="store_true")
    options = parser.parse_args()
    settings = load_settings()
    rows: list[int] = []
    if options.offline:
        with measured("offline import", rows):
            rows += [file.read for file in import_offline(options.folder, settings).files]
        LocalServer(settings).start()
    else:
        with measured("read and check", rows):
            tables, report = read_folder(options.folder, settings.home)
            rows += [file.read for file in report.files]
        with Graph.connect(settings) as graph:
            graph.apply_schema()
            rows.clear()
            with measured("live import", rows):
                importer.load(graph, tables)
                rows += [*report.nodes.values(), *report.relationships.values()]
    with Graph.connect(settings) as graph:
        rows = []
        with measured("export", rows):
            manifest = export(graph, settings.snapshot_path, settings)
            rows += [*manifest.nodes.values(), *manifest.edges.values()]
        rows = []
        with measured("export since the cut-off", rows):
            export(graph, settings.snapshot_path, settings, since=manifest.cutoff or 0)
            rows += [*manifest.nodes.values(), *manifest.edges.values()]
    begun = time.perf_counter()
    snapshot.load(settings.snapshot_path)
    print(f"load by memory map           {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    main()
