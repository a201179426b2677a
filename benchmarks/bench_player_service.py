"""Time the player's calls over HTTP: ``python -m benchmarks.bench_player_service --data FOLDER``.

Serves the catalogue and the logs of a folder with two workers, and asks from as many clients at once as ``--clients``
says, each with sessions of its own of twenty tracks. Every user has ``--past`` earlier sessions of as many tracks.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl

from evaluation import play_data
from graph.files import play_logs, play_sessions
from graph.home import begin
from graph.settings import Service, Settings
from graph.snapshot import Snapshot
from recommend.player import MODEL
from recommenders.session import EXPERIMENT, SessionModel
from web.server import background

TRACKS, USERS = 20, 50
BEGAN_MS = 1_800_000_000_000


def ask(url: str, client: int, sessions: int, last: int) -> list[float]:
    """Milliseconds of each call of ``/next``."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
    rng = np.random.default_rng(client)
    spent = []

    def call(path: str, track: int) -> int:
        body = json.dumps({"track": track, "time": round(float(rng.beta(0.3, 0.6)), 2)})
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{path} was answered {answer.status}: {told}")
        return int(told.get("track", 0))

    for session in range(sessions):
        user, track = 1_000 * client + session % USERS, int(rng.integers(0, last))
        for _ in range(TRACKS):
            began = time.perf_counter()
            track = call(f"/next/{user}", track)
            spent.append(1_000.0 * (time.perf_counter() - began))
        call(f"/last/{user}", track)
    return spent


def with_pasts(data: Path, clients: int, past: int) -> Snapshot:
    """The snapshot of the logs in ``data``, where each user of each client has ``past`` sessions of our player too."""
    catalogue = play_logs.find_logs(data)[0]
    if catalogue is None:
        raise SystemExit(f"{data} holds no tracks.jsonl.")
    tracks = play_logs.read_tracks(catalogue)
    numbers, rng = tracks["track"].to_numpy(), np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for client in range(clients):
        for user in range(1_000 * client, 1_000 * client + USERS):
            for session in range(past):
                at = BEGAN_MS + session * 86_400_000
                chosen = rng.choice(numbers, TRACKS + 1, replace=False).tolist()
                for place in range(TRACKS):
                    share = 1.0 if place == 0 else round(float(rng.beta(0.3, 0.6)), 2)
                    told = ("next", chosen[place + 1], 0.1) if place < TRACKS - 1 else ("last", None, None)
                    rows.append((told[0], at + place, user, chosen[place], share, 0.0, told[1],
                                 f"{EXPERIMENT}:session", told[2]))  # fmt: skip
    own = pl.DataFrame(rows, schema=play_sessions.PLAYS, orient="row")
    return play_data.snapshot_of(tracks, pl.concat([play_data.lines(data), own]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/botify"), help="folder of play logs")
    parser.add_argument("--clients", default="1,2,4", help="how many ask at once, one measurement for each number")
    parser.add_argument("--sessions", type=int, default=50, help="for each client")
    parser.add_argument("--past", type=int, default=5, help="earlier sessions of each user")
    given = parser.parse_args()
    asked = [int(text) for text in given.clients.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), neo4j_uri=None, service=Service(port=0, workers=2))
        begin(settings)
        snapshot = with_pasts(given.data, max(asked), given.past)
        snapshot.save(settings.snapshot_path)
        SessionModel().fit(snapshot).save(settings.model_path(MODEL))
        with background(settings, wait_s=300.0) as running:
            for clients in asked:
                for sessions in (2, given.sessions):  # the first calls warm both workers
                    began = time.perf_counter()
                    with ThreadPoolExecutor(clients) as pool:
                        count = snapshot.contents.count
                        calls = [pool.submit(ask, running.url, n, sessions, count) for n in range(clients)]
                        spent = np.concatenate([one.result() for one in calls])
                    rate = len(spent) / (time.perf_counter() - began)
                p50, p95, p99 = np.quantile(spent, [0.5, 0.95, 0.99])
                print(f"{clients} at once, {snapshot.contents.count:,} tracks: p50 {p50:.1f}, p95 {p95:.1f}, "
                      f"p99 {p99:.1f} ms, {rate:.0f} calls/s")  # fmt: skip


if __name__ == "__main__":
    main()
