"""What the service costs and how fast it answers: gunicorn on a real Neo4j, `make bench-service`.

    python -m benchmarks.bench_service --home .entourage/demo

Starts the Neo4j and the service of a home that holds a graph, a snapshot and a model (``--url``: asks one that runs).
Feeds of 20 with reasons for people drawn evenly. Events that it writes stay in the graph: as many as two clients can
send, in rounds until they go no faster, since Neo4j compiles its queries meanwhile; then 200/s beside 50 feeds/s,
twice. So do 20 keaks that are published and taken down again. Accepted is what answers say, applied what is in the
graph when nothing waits in the outbox any more, by the time until then. Rates are an open loop: latency counts from
when a request was due. Processor time is that of the processes, per answer, and so says the same on a busy machine;
wall times do not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import load, publishing
from benchmarks.load import Answer, Request, Run
from graph import snapshot as snapshots
from graph.database.connection import running
from graph.database.driver import Graph
from graph.server.local_server import LocalServer
from graph.settings import Settings, load_settings
from web.server import background

FIRST: Final = 100
"""Feeds right after the start, by one client: the cold ones."""
EVENTS: Final = 100
"""Events of a batch."""
ROUNDS: Final = 8
"""Most rounds of events alone."""
GROWS: Final = 1.1
"""There is another round while each is so many times as fast as the one before."""
BESIDE: Final = {"feeds": 50.0, "events": 200.0, "batch": 10}
"""Feeds and events a second, and events of a batch, at the same time."""
_PATIENCE_S: Final = 120.0

console = Console()


@dataclass(frozen=True)
class Processes:
    """Processes whose processor time is measured apart."""

    workers: tuple[psutil.Process, ...]
    neo4j: psutil.Process | None

    def seconds(self) -> dict[str, float]:
        """Processor seconds so far, by kind of process."""
        return {
            "service": sum(_seconds(worker) for worker in self.workers),
            "neo4j": _seconds(self.neo4j) if self.neo4j else 0.0,
            "load": _seconds(psutil.Process()),
        }


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def feeds(users: list[str], seed: int) -> Iterator[Request]:
    """Feeds of 20 with reasons, for users drawn evenly."""
    draw = random.Random(seed)
    while True:
        yield Request(f"/v1/users/{quote(draw.choice(users), safe='')}/recommendations?n=20")


def batches(users: list[str], contents: list[str], seed: int, size: int) -> Iterator[Request]:
    """Batches of watches and likes that just happened, of random users and contents."""
    draw = random.Random(seed)
    for number in itertools.count():
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        events = [
            {
                "event_id": f"{seed}-{number}-{place}",
                "producer": f"bench-{RUN}",
                "kind": draw.choice(("watch", "watch", "like")),
                "user_id": draw.choice(users),
                "content_id": draw.choice(contents),
                "at": now,
            }
            for place in range(size)
        ]
        yield Request("/v1/events", json.dumps({"events": events}).encode())


def waiting(url: str) -> int:
    """How many events wait in the outbox."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return int(next(float(line.split()[-1]) for line in lines if line.startswith("entourage_outbox_events ")))


def through(name: str, url: str, run: Run) -> tuple[str, float]:
    """A sentence about the events of a run, once nothing waits any more; and how many were applied a second."""
    began, left = time.perf_counter(), waiting(url)
    while waiting(url) and time.perf_counter() - began < _PATIENCE_S:
        time.sleep(0.05)
    seconds = run.seconds + (time.perf_counter() - began if left else 0.0)
    accepted = sum(int(str(answer.feed.get("accepted", 0))) for answer in run.answers)
    applied = (accepted - waiting(url)) / seconds
    return (
        f"{name}: {accepted / run.seconds:,.0f} accepted/s, {applied:,.0f} applied/s; "
        f"{left:,} waited at the end, {waiting(url):,} after {seconds - run.seconds:.1f} s"
    ), applied


RUN: Final = uuid.uuid4().hex[:8]


def ask(name: str, run: Run, before: dict[str, float], after: dict[str, float], table: Table, of: int = 1) -> None:
    """One line of the table; ``of`` is how many things one answer stands for."""
    p50, p95, p99 = run.ms(50, 95, 99)
    spent = {kind: 1_000 * (after[kind] - before[kind]) / max(1, of * len(run.answers)) for kind in before}
    ok = sum(answer.status == 200 for answer in run.answers)
    wrong = Counter(answer.status for answer in run.answers if answer.status != 200)
    said = [answer.feed for answer in run.answers] if of == 1 else []
    degraded = sum(bool(feed.get("degraded")) for feed in said) / max(1, len(said))
    table.add_row(
        name,
        f"{of * ok / run.seconds:,.0f}",
        *(f"{value:.1f}" for value in (p50, p95, p99)),
        *(f"{spent[kind]:.2f}" for kind in ("service", "neo4j", "load")),
        f"{degraded:.1%}" if said else "",
        ", ".join(f"{status or 'none'}: {count}" for status, count in wrong.items()),
    )


def stages(run: Run) -> str:
    """Median wall time of each stage and, in brackets, its mean processor time, from ``Server-Timing``."""
    told: dict[str, list[tuple[float, float]]] = {}
    for answer in run.answers:
        for part in filter(None, answer.stages.split(", ")):
            name, ms, cpu = part.replace(";cpu=", ";dur=").split(";dur=")
            told.setdefault(name, []).append((float(ms), float(cpu)))
    return ", ".join(
        f"{name} {np.median([ms for ms, _ in values]):.1f} ({np.mean([cpu for _, cpu in values]):.1f})"
        for name, values in told.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="its graph, snapshot and model; by default that of the settings")
    parser.add_argument("--url", help="a service that runs, on the same home")
    parser.add_argument("--rates", type=float, nargs="*", default=[10, 50, 100])
    parser.add_argument("--seconds", type=float, default=8.0, help="for each rate and each other part")
    parser.add_argument("--clients", type=int, default=16, help="at saturation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-events", action="store_true", help="leave the graph as it is")
    parser.add_argument("--by-others", action="store_true", help="write behind the service's back too, at the end")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    settings = load_settings(**({"home": chosen.home} if chosen.home else {}))
    service = settings.service.model_copy(update={"port": 0, "workers": chosen.workers, "rate_limit": ""})
    settings = settings.model_copy(update={"service": service})
    with ExitStack() as held:
        if not settings.neo4j_uri and not chosen.url:
            held.enter_context(LocalServer(settings, bolt_port=0, http_port=0))
        server = None if settings.neo4j_uri else running(settings)
        if chosen.url:
            url, pid = chosen.url, None
        else:
            began = time.perf_counter()
            started = held.enter_context(background(settings, wait_s=300.0))
            console.print(f"ready {time.perf_counter() - began:.1f} s after the start")
            url, pid = started.url, started.pid
        workers = tuple(psutil.Process(pid).children(recursive=True)) if pid else ()
        measure(settings, url, Processes(workers, psutil.Process(server.pid) if server else None), chosen)


def measure(settings: Settings, url: str, processes: Processes, chosen: argparse.Namespace) -> None:
    snapshot = snapshots.load(settings.snapshot_path)
    users, contents = snapshot.users.ids.to_list(), snapshot.contents.ids.to_list()
    where = urlsplit(url)
    host, port = where.hostname or "127.0.0.1", where.port or 80
    table = Table(
        title=f"{len(users):,} users, {len(contents):,} contents; {chosen.workers} workers, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} before",
        title_justify="left",
    )
    for name in ("what", "answers/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name in ("service", "neo4j", "load"):
        table.add_column(f"{name} CPU ms", justify="right")
    table.add_column("degraded", justify="right")
    table.add_column("not 200")
    asked = feeds(users, chosen.seed)

    def told(name: str, run: Run, before: dict[str, float], of: int = 1) -> Run:
        ask(name, run, before, processes.seconds(), table, of)
        return run

    before = processes.seconds()
    told(f"first {FIRST} feeds, 1 client", load.closed(host, port, asked, 1, 300.0, FIRST), before)
    before = processes.seconds()
    warm = told(f"next {FIRST} feeds, 1 client", load.closed(host, port, asked, 1, 300.0, FIRST), before)
    for rate in chosen.rates:
        before = processes.seconds()
        told(f"{rate:g} feeds/s, open loop", load.at_a_rate(host, port, asked, rate, chosen.seconds), before)
    before = processes.seconds()
    full = told(
        f"feeds, {chosen.clients} clients", load.closed(host, port, asked, chosen.clients, chosen.seconds), before
    )
    flows: list[str] = []
    if not chosen.no_events:
        sent = batches(users, contents, chosen.seed, EVENTS)
        rates = [0.0]
        while len(rates) <= ROUNDS and (len(rates) < 3 or rates[-1] > GROWS * rates[-2]):
            before = processes.seconds()
            many = load.closed(host, port, sent, 2, chosen.seconds)
            told(f"events in batches of {EVENTS}, 2 clients, round {len(rates)}", many, before, EVENTS)
            flow, rate = through(f"events alone, round {len(rates)}", url, many)
            flows.append(flow)
            rates.append(rate)
        for when in ("first", "next"):
            size, before = int(BESIDE["batch"]), processes.seconds()
            with ThreadPoolExecutor(1) as pool:
                some = batches(users, contents, chosen.seed + len(flows), size)
                beside = pool.submit(load.at_a_rate, host, port, some, BESIDE["events"] / size, chosen.seconds)
                at_once = load.at_a_rate(host, port, asked, BESIDE["feeds"], chosen.seconds)
                few = beside.result()
            told(f"{BESIDE['feeds']:g} feeds/s and {BESIDE['events']:g} events/s, {when}: feeds", at_once, before)
            told(f"… events in batches of {size}", few, before, size)
            flows.append(through(f"events beside feeds, {when}", url, few)[0])
        flows.append(publishing.sentence(url, snapshot, f"bench-{RUN}"))
        if chosen.by_others:
            with Graph.connect(settings) as graph:
                flows.append(publishing.by_others(url, graph, snapshot, users, seed=chosen.seed))
    console.print(table)
    for flow in flows:
        console.print(flow)
    console.print(f"stages, wall ms and (processor ms), 1 client: {stages(warm)}")
    console.print(f"the same, {chosen.clients} clients: {stages(full)}")
    console.print(f"sources late or failed: {missing(warm.answers) or 'none'}")
    memory = [process.memory_full_info() for process in processes.workers]
    if memory:
        console.print("PSS a process, MiB: " + ", ".join(f"{one.pss / 2**20:,.0f}" for one in memory))


def missing(answers: list[Answer]) -> dict[str, int]:
    """How often each source was late or failed."""
    names = Counter[str]()
    for answer in answers:
        for key in ("late", "failed"):
            found = answer.feed.get(key) or []
            assert isinstance(found, list)
            names.update(found)
    return dict(names)


if __name__ == "__main__":
    main()
