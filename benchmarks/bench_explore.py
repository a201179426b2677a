"""Every question of the Browser guide, timed: p50 and p95 in ms, with parameters of a few people and contents.

    python -m benchmarks.bench_explore --rounds 5 --out benchmarks/results/1.0

It asks the graph at NEO4J_URI or on the running local server. Parameters are the person with the most follows and those
at 99, 90 and 50 % of them, and contents at the same places by audience. Writes ``explore.json`` to ``--out``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from cypher import guide
from graph.database.driver import Graph
from graph.errors import GraphTimeout
from graph.settings import load_settings

PLACES: Final = (1.0, 0.99, 0.9, 0.5)
DEADLINE_MS: Final = 600_000
_CONTENTS: Final = 10_000
"""Most contents to choose from, by audience."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that each question is asked, with each parameters")
    parser.add_argument("--only", help="names of questions, joined by commas")
    parser.add_argument("--out", type=Path, help="folder of explore.json")
    arguments = parser.parse_args()
    only = arguments.only.split(",") if arguments.only else None
    results: dict[str, dict[str, Any]] = {}
    with Graph.connect(load_settings()) as graph:
        sets = parameters(graph)
        for question in guide.questions():
            if only is None or question.name in only:
                results[question.name] = timed(graph, question, sets, arguments.rounds)
                print(question.name, results[question.name], flush=True)
    show(results)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "explore.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def parameters(graph: Graph) -> list[dict[str, Any]]:
    """Values for all parameters of the guide, once for each place."""
    now = int(time.time() * 1_000)
    degrees = graph.read("lookup/user_degrees", deadline_ms=DEADLINE_MS)
    people = [row["userId"] for row in sorted(degrees, key=lambda row: (row["follows"], row["userId"]))]
    popular = graph.read(
        "candidates/popular",
        deadline_ms=DEADLINE_MS,
        userId="",
        seen=[],
        label="Content",
        exclude=[],
        wanted={},
        limit=_CONTENTS,
    )
    contents = [row["contentId"] for row in reversed(popular)]
    sets = []
    for place in PLACES:
        user, content = (rows[int(place * (len(rows) - 1))] for rows in (people, contents))
        other = people[int(0.6 * (len(people) - 1))]
        about = {"userId": user, "otherId": other, "contentId": content, "contentIds": [content], "trackId": content}
        sets.append({**about, "now": now, "day": now - 86_400_000})
    return sets


def timed(graph: Graph, question: guide.Question, sets: list[dict[str, Any]], rounds: int) -> dict[str, Any]:
    """Milliseconds of one question: the first answer, then p50 and p95 of all others, and the most rows."""
    name = f"explore/{question.name}"
    wanted = [
        {key: values[key] for key in question.parameters} for values in (sets if question.parameters else sets[:1])
    ]
    spent: list[float] = []
    rows = 0
    for _ in range(rounds + 1):
        for values in wanted:
            began = time.perf_counter()
            try:
                rows = max(rows, len(graph.read(name, deadline_ms=DEADLINE_MS, **values)))
            except GraphTimeout:
                return {"asked": len(spent), "late": True, "deadline_ms": DEADLINE_MS}
            spent.append(1_000 * (time.perf_counter() - began))
    first, later = spent[: len(wanted)], spent[len(wanted) :]
    p50, p95 = np.percentile(later or first, (50, 95))
    return {
        "asked": len(later),
        "rows": rows,
        "first_ms": round(max(first), 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
    }


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table("question", "rows", "first ms", "p50 ms", "p95 ms", title=f"load {os.getloadavg()[0]:.1f}")
    for name, one in results.items():
        table.add_row(name, *(str(one.get(key, "late")) for key in ("rows", "first_ms", "p50_ms", "p95_ms")))
    Console().print(table)


if __name__ == "__main__":
    main()
