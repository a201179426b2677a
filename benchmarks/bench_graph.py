"""Every online query: its time, how much of the exact answer its caps keep, and its time while events are written.

    python -m benchmarks.bench_graph --out benchmarks/results/0.1

It queries the graph at NEO4J_URI or on the running local server; `make bench-graph SCALE=0.1` makes one first. The
events that it writes are about users called bench-…, which stay in the graph. It prints tables and writes
``graph.json`` to ``--out``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from graph import events
from graph.database.driver import Graph
from graph.errors import GraphError, GraphTimeout
from graph.settings import Settings, load_settings
from graph.snapshot import load
from recommend.new_contents import CREATED, SURROUNDINGS
from recommend.reader import SAME_TASTE
from recommend.snapshot_source import SnapshotAnswers
from recommend.sources import AROUND, GRAPH_SOURCES, LAST_RESORT

GROUPS: Final = {"random": 500, "active": 100, "hubs": 20}
TARGET_MS: Final = {"random": 50.0, "active": 50.0, "hubs": 150.0}
LIFTED: Final = (
    ("candidates/followed_activity", ("friends",)),
    ("candidates/followed_makers", ("friends", "perFriend", "scanned")),
    ("candidates/co_watch", ("crowd", "busy")),
    ("candidates/co_watch", ("crowd", "busy", "perItem")),
    ("candidates/same_beat", ("perBeat",)),
    ("candidates/same_genre", ("crowd", "perBeat")),
    ("candidates/same_hashtag", ("perHashtag",)),
    ("candidates/friends_of_friends", ("friends", "perFriend")),
)
"""Caps to lift for the exact answer. Other caps belong to the question, such as how many of the newest watches count.
trending, fresh and popular walk an index and reach a cap only if hardly any content is of the wanted kind."""
PACES: Final = (1_000.0, 0.0)
"""Events a second that are written during reads: first a fixed rate, then (0) as many as possible."""
NO_CAP: Final = 10_000_000
TIES: Final = 2_000
"""Length of an exact answer, so that all contents with the score of the 20th are in it."""
EXACT_DEADLINE_MS: Final = 30_000

console = Console()


@dataclass(frozen=True)
class Timing:
    question: str
    group: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rows: float
    timeouts: int


@dataclass(frozen=True)
class Recall:
    question: str
    lifted: str
    """Caps that are lifted for the exact answer."""
    group: str
    users: int
    at_20: float
    at_60: float


@dataclass(frozen=True)
class Writing:
    wanted_per_second: float
    """Rate that the writer was limited to; 0 for no limit."""
    events_per_second: float
    p95_ms_idle: float
    p95_ms_writing: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for graph.json")
    parser.add_argument("--users", type=float, default=1.0, help="share of the 500, 100 and 20 users to query for")
    parser.add_argument(
        "--recall-users", type=int, default=10, help="users of each group for whom the exact answer is queried too"
    )
    parser.add_argument("--write-seconds", type=float, default=15.0)
    parser.add_argument("--snapshot", type=Path, help="an export of the same graph; else the one in the home folder")
    chosen = parser.parse_args()
    settings = load_settings()
    snapshot = load(chosen.snapshot or settings.snapshot_path)
    with Graph.connect(settings) as graph:
        groups = users(graph, chosen.users)
        contents = [row["contentId"] for row in popular(graph, 200)]
        timings = [
            timing
            for name, params in track(questions(settings, contents).items(), "asking", console=console)
            for timing in time_question(graph, name, params, groups)
        ]
        answers = SnapshotAnswers(snapshot)
        recalls = measure_recall(graph, questions(settings, contents), answers, groups, chosen.recall_users)
        # Random contents: events about the most watched ones would change what the next run reads.
        some = np.random.default_rng(0).choice(snapshot.contents.count, min(20_000, snapshot.contents.count))
        targets = snapshot.contents.ids.gather(some).to_list()
        writing = [
            write_while_reading(graph, settings, groups["random"], targets, chosen.write_seconds, wanted)
            for wanted in PACES
        ]
        size = {row["what"]: row["count"] for row in graph.read("explore/network_at_a_glance", deadline_ms=0)}
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} at the end",
        "users": chosen.users,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "graph": size,
        "timings": [asdict(timing) for timing in timings],
        "recall": [asdict(recall) for recall in recalls],
        "writing": [asdict(pace) for pace in writing],
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "graph.json").write_text(json.dumps(report, indent=1) + "\n")
    show(timings, recalls, writing)
    console.print(f"Written to {chosen.out / 'graph.json'}.")


def users(graph: Graph, share: float) -> dict[str, list[str]]:
    """Ids of random, most active and most followed users."""
    counted = graph.read("lookup/user_degrees", deadline_ms=0)
    ids = np.array([row["userId"] for row in counted], dtype=object)
    watched = np.array([row["watched"] for row in counted])
    followers = np.array([row["followers"] for row in counted])
    some = {group: max(2, min(len(ids), round(count * share))) for group, count in GROUPS.items()}
    return {
        "random": np.random.default_rng(0).choice(ids, some["random"], replace=False).tolist(),
        "active": ids[np.argsort(-watched, kind="stable")[: some["active"]]].tolist(),
        "hubs": ids[np.argsort(-followers, kind="stable")[: some["hubs"]]].tolist(),
    }


def popular(graph: Graph, count: int) -> list[dict[str, Any]]:
    return graph.read("candidates/popular", userId="", seen=[], label="Content", exclude=[], wanted={}, limit=count)


def questions(settings: Settings, contents: list[str]) -> dict[str, dict[str, Any]]:
    """Every online query with the caps that serving uses."""
    common = {
        "label": "Content",
        "limit": 60,
        "exclude": [],
        "wanted": {},
        "weights": settings.engagement.model_dump(),
        "unknown": 0.5,
    }
    asked: dict[str, dict[str, Any]] = {
        f"candidates/{source.name}": {**common, **source.caps} for source in (*GRAPH_SOURCES, LAST_RESORT)
    }
    return (
        asked
        | {
            "schema/ping": {},  # the least that any query costs on this machine at present
            "candidates/friends_of_friends": {"friends": 100, "perFriend": 100, "limit": 20},
            "candidates/same_taste": {**SAME_TASTE, "followed": False, "limit": 20},
            "filters/facts": {"contentIds": contents, "wanted": {}},
            "filters/seen": {},
            "filters/restrictions": {},
            "explore/why_this_content": {"contentIds": contents[:20], "now": int(1000 * time.time())},
            "neighbourhood/sampled": {"depth": 2, "perNode": 25, "perNeighbour": 5, "limit": 200},
            "lookup/user": {},
            "lookup/connections": dict(AROUND),
            "lookup/created": {"since": 0, "until": 2**52, **CREATED},
            "lookup/surroundings": {"contentIds": contents[:20], **SURROUNDINGS},
        }
    )


def time_question(graph: Graph, name: str, params: Mapping[str, Any], groups: Mapping[str, list[str]]) -> list[Timing]:
    """Query twice for every user and time the second query, with a warm cache."""
    timings = []
    for group, ids in groups.items():
        milliseconds, rows, timeouts = [], [], 0
        for warm in (False, True):
            for user in ids:
                handed = seen(graph, name, user)
                started = time.perf_counter()
                try:
                    found = len(graph.read(name, userId=user, **params, **handed))
                except GraphTimeout:
                    timeouts += warm
                    continue
                if warm:
                    milliseconds.append((time.perf_counter() - started) * 1000)
                    rows.append(found)
        p50, p95, p99 = np.percentile(milliseconds or [np.nan], [50, 95, 99])
        mean = float(np.mean(rows)) if rows else 0.0
        timings.append(Timing(name, group, float(p50), float(p95), float(p99), mean, timeouts))
    return timings


def seen(graph: Graph, name: str, user: str) -> dict[str, Any]:
    """What serving hands to a query of what the person has seen; it asks that once a request (filters/seen)."""
    if not name.startswith(("candidates/", "filters/facts")):
        return {}
    (row,) = graph.read("filters/seen", deadline_ms=0, userId=user)
    return {"seen": [*row["watched"], *row["made"]], "watched": row["watched"]}


def measure_recall(
    graph: Graph,
    asked: Mapping[str, Mapping[str, Any]],
    answers: SnapshotAnswers,
    groups: Mapping[str, list[str]],
    most: int,
) -> list[Recall]:
    """Share of the exact top 20 and top 60 that Neo4j's capped answer contains."""
    recalls = []
    for name, caps in LIFTED:
        capped = {**asked[name], **({"limit": 60} if "limit" in asked[name] else {})}
        lifted = capped | dict.fromkeys(caps, NO_CAP) | ({"limit": TIES} if "limit" in asked[name] else {})
        for group, ids in groups.items():
            shares: dict[int, list[float]] = {20: [], 60: []}
            for user in track(ids[:most], f"exact {name}, {group}", console=console, transient=True):
                try:
                    handed = seen(graph, name, user)
                    whole = exact(graph, answers, name, user, lifted | handed)
                except GraphError:  # too slow or too large without caps; ``users`` counts those with an exact answer
                    break
                some = found(graph.read(name, deadline_ms=EXACT_DEADLINE_MS, userId=user, **capped, **handed))
                for k, kept in shares.items():
                    if whole:
                        kept.append(recall(whole, list(some), k))
            if shares[20]:
                means = [float(np.mean(shares[k])) for k in (20, 60)]
                recalls.append(Recall(name, ", ".join(caps), group, len(shares[20]), *means))
    return recalls


def recall(whole: Mapping[str, float], some: list[str], k: int) -> float:
    """Share of the ``k`` best of ``whole`` that are among the first ``k`` of ``some``.

    Both are best first. A content with the same score as the k-th best counts as one of the best.
    """
    best = list(whole)[:k]
    worst = whole[best[-1]]
    return min(1.0, sum(whole.get(id_, -np.inf) >= worst for id_ in some[:k]) / len(best))


def exact(graph: Graph, answers: SnapshotAnswers, name: str, user: str, params: Mapping[str, Any]) -> dict[str, float]:
    """The answer without caps: from the snapshot if it can answer the query, else from Neo4j."""
    source = name.removeprefix("candidates/")
    if source == "friends_of_friends":
        return found(answers.friends_of_friends(user, TIES, friends=NO_CAP, per_friend=NO_CAP))
    if source not in answers.NAMES:
        return found(graph.read(name, deadline_ms=EXACT_DEADLINE_MS, userId=user, **params))
    caps = {cap: value for cap, value in params.items() if isinstance(value, int) and cap != "limit"}
    return found(answers.candidates(source, user, None, TIES, **caps))


def found(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Id → score of an answer, best first. Reasons have no score; people have their common friends as score."""
    return {
        row.get("contentId") or row["userId"]: round(row.get("score", row.get("mutualCount", 0.0)), 9) for row in rows
    }


def write_while_reading(
    graph: Graph, settings: Settings, readers: list[str], contents: list[str], seconds: float, wanted: float
) -> Writing:
    """The p95 of a mix of queries without and with a writer, which is a process of its own."""
    mix = [(name, params) for name, params in questions(settings, contents).items() if name != "filters/facts"]

    def read_for(duration: float) -> float:
        times, turn, until = [], 0, time.perf_counter() + duration
        while time.perf_counter() < until:
            name, params = mix[turn % len(mix)]
            reader = readers[turn % len(readers)]
            handed = seen(graph, name, reader)
            started = time.perf_counter()
            graph.read(name, deadline_ms=EXACT_DEADLINE_MS, userId=reader, **params, **handed)
            times.append((time.perf_counter() - started) * 1000)
            turn += 1
        return float(np.percentile(times, 95))

    idle = read_for(seconds)
    processes = multiprocessing.get_context("spawn")
    begun, stop, rates = processes.Event(), processes.Event(), processes.SimpleQueue()
    writer = processes.Process(target=write, args=(settings, readers, contents, wanted, begun, stop, rates))
    writer.start()
    try:
        if not begun.wait(60):
            raise SystemExit("The writer did not start.")
        busy = read_for(seconds)
    finally:
        stop.set()
        writer.join()
    if writer.exitcode:
        raise SystemExit("The writer failed.")
    rate, elapsed = rates.get()
    return Writing(wanted, rate, idle, busy, elapsed)


def write(
    settings: Settings, readers: list[str], contents: list[str], wanted: float, begun: Event, stop: Event, rates: Any
) -> None:
    """Write ``wanted`` events a second, or as many as possible for 0, until ``stop``; reports rate and seconds."""
    run, size, written, elapsed = f"{time.time():.0f}", int(wanted) or 1_000, 0, 0.0
    random = np.random.default_rng(1)
    with Graph.connect(settings) as graph:
        begun.set()
        started = time.perf_counter()
        while not stop.is_set():
            batch = [event(f"{run}-{written + n}", readers, contents, random) for n in range(size)]
            written += events.apply(graph, batch).count("applied")
            elapsed = time.perf_counter() - started
            if wanted:
                stop.wait(written / wanted - elapsed)
    rates.put((written / max(elapsed, 1e-9), elapsed))


def event(event_id: str, people: list[str], contents: list[str], random: np.random.Generator) -> events.Event:
    """A random event, mostly a watch, sometimes a follow, by one of the benchmark's users."""
    who = f"bench-{random.integers(2_000)}"
    about: dict[str, Any] = {"kind": "follow", "target_id": people[int(random.integers(len(people)))]}
    if random.random() < 0.8:
        about = {"kind": "watch", "content_id": contents[int(random.integers(len(contents)))], "progress": 0.5}
    said = {"event_id": event_id, "producer": "bench", "user_id": who, "at": datetime.now(UTC), **about}
    return events.Event.model_validate(said)


def verdict(timing: Timing) -> str:
    return "yes" if timing.p95_ms <= TARGET_MS[timing.group] and not timing.timeouts else "no"


def show(timings: list[Timing], recalls: list[Recall], writing: list[Writing]) -> None:
    table = Table("question", "users", "p50 ms", "p95 ms", "p99 ms", "rows", "in target", title="Warm cache")
    for t in timings:
        figures = (f"{t.p50_ms:.1f}", f"{t.p95_ms:.1f}", f"{t.p99_ms:.1f}", f"{t.rows:.0f}")
        table.add_row(t.question, t.group, *figures, verdict(t))
    console.print(table)
    table = Table("question", "without", "users", "of exact top 20", "of exact top 60", title="What the caps keep")
    for r in recalls:
        table.add_row(r.question, r.lifted, f"{r.group} ({r.users})", f"{r.at_20:.0%}", f"{r.at_60:.0%}")
    console.print(table)
    for pace in writing:
        held = f", limited to {pace.wanted_per_second:,.0f}" if pace.wanted_per_second else ", as fast as possible"
        console.print(
            f"{pace.events_per_second:,.0f} events/s for {pace.seconds:.0f} s{held}; p95 of reads "
            f"{pace.p95_ms_idle:.1f} ms without them, {pace.p95_ms_writing:.1f} ms during them."
        )


if __name__ == "__main__":
    main()
