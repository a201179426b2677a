"""Relationships a second that `entourage import` writes into a running graph: first new ones, then the same again.

    entourage up
    python -m benchmarks.bench_upserts FOLDER

FOLDER holds the five files. It needs an empty running graph (NEO4J_URI or the local server). The time of a type goes
from the last row of the type before to its own last row, and includes the warm-up of the server.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from graph.database.driver import Graph
from graph.files.tables import Tables, read_folder
from graph.load import live as importer
from graph.settings import load_settings


def rates(graph: Graph, tables: Tables) -> dict[str, float]:
    """Relationships a second by type."""
    ends: dict[str, float] = {"": time.perf_counter()}

    def progress(share: float, what: str) -> None:
        ends.pop(what, None)  # types are ordered by their end
        ends[what] = time.perf_counter()

    importer.load(graph, tables, progress)
    told, times = list(ends), list(ends.values())
    found = {}
    for type_, edges in tables.edges.items():
        if edges.height:
            place = told.index(f"loading {type_}")
            found[type_] = edges.height / (times[place] - times[place - 1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    settings = load_settings()
    with Graph.connect(settings) as graph:
        graph.apply_schema()
        tables, _ = read_folder(chosen.folder, settings.home, importer.known(graph))
        new = rates(graph, tables)
        print(new, flush=True)
        existing = rates(graph, tables)
    table = Table("relationships", "rows", "new, a second", "there already, a second")
    for type_, rate in new.items():
        table.add_row(type_, f"{tables.edges[type_].height:,}", f"{rate:,.0f}", f"{existing[type_]:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
