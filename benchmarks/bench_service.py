"""Latency and throughput of the service: ``python -m benchmarks.bench_service http://127.0.0.1:8000``.

Each of ``--clients`` sends a request, waits for the answer and sends the next one on the same connection. Users are
drawn at random from ``--users FILE`` (one id a line) or from /v1/examples. Answers other than 200 are counted apart.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import numpy as np
from rich.console import Console
from rich.table import Table

QUESTIONS: Final = {
    "feed of 20, explained": "/v1/users/{}/recommendations?n=20",
    "feed of 20, bare": "/v1/users/{}/recommendations?n=20&explain=false",
    "people": "/v1/users/{}/people?n=10",
    "neighbourhood": "/v1/users/{}/neighbourhood?depth=2&limit=60",
    "user": "/v1/users/{}",
}


@dataclass
class Measured:
    """Measurements of one question."""

    ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    rungs: Counter[str] = field(default_factory=Counter)
    late: int = 0
    seconds: float = 0.0


def measure(netloc: str, path: str, users: list[str], clients: int, seconds: float, seed: int) -> Measured:
    """Request ``path`` for random users from ``clients`` threads for ``seconds``."""
    measured, lock = Measured(), threading.Lock()
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        draw = random.Random(seed + number)
        connection = http.client.HTTPConnection(netloc, timeout=60)
        while time.perf_counter() < end:
            began = time.perf_counter()
            connection.request("GET", path.format(quote(draw.choice(users), safe="")))
            answer = connection.getresponse()
            body = answer.read()
            ms = (time.perf_counter() - began) * 1_000
            feed = json.loads(body) if answer.status == 200 else {}
            with lock:
                measured.ms.append(ms)
                measured.statuses[answer.status] += 1
                measured.rungs[feed.get("rung", "")] += 1
                measured.late += bool(feed.get("late"))
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured.seconds = time.perf_counter() - began
    return measured


def example_users(netloc: str) -> list[str]:
    connection = http.client.HTTPConnection(netloc, timeout=60)
    connection.request("GET", "/v1/examples")
    found: list[str] = json.load(connection.getresponse())["user_ids"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--users", type=Path, help="a file of user ids, one a line")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each question")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    netloc = urlsplit(chosen.url).netloc
    users = chosen.users.read_text().split() if chosen.users else example_users(netloc)
    table = Table(
        title=f"{chosen.clients} clients, {len(users):,} users, {chosen.seconds:g} s each", title_justify="left"
    )
    for name in ("question", "answers/s", "median ms", "p95 ms", "p99 ms", "not 200", "late", "rungs"):
        table.add_column(name, justify="left" if name in ("question", "rungs") else "right", no_wrap=name == "question")
    for name, path in QUESTIONS.items():
        measured = measure(netloc, path, users, chosen.clients, chosen.seconds, chosen.seed)
        p50, p95, p99 = np.percentile(measured.ms, [50, 95, 99])
        rungs = ", ".join(f"{rung} {count}" for rung, count in measured.rungs.most_common() if rung)
        rate = f"{len(measured.ms) / measured.seconds:,.0f}"
        wrong = f"{len(measured.ms) - measured.statuses[200]:,}"
        table.add_row(name, rate, f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}", wrong, f"{measured.late:,}", rungs)
    Console().print(table)


if __name__ == "__main__":
    main()
