"""Time user-based collaborative filtering over play logs: ``python -m benchmarks.bench_play_cf``.

The matrix has the shape of the notebook's logs (9,515 users, 44,610 tracks, 175,187 pairs) and is drawn at random, so
only its cost means anything. Similarities, scores, sorting and writing are all counted. The notebook's 455 users a
second count sorting and writing alone, on its own machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from recommenders.play_cf import cosines, normalised, recommend_all, write_lists

USERS, TRACKS, PAIRS, LIST = 9_515, 44_610, 175_187, 100
PUBLISHED = 455
RUNS = 3


def plays(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, tracks and shares of about 200,000 plays."""
    rng = np.random.default_rng(seed)
    count = int(PAIRS * 1.15)
    users = np.sort(rng.integers(0, USERS, count))
    tracks = rng.integers(0, TRACKS, count)
    return users, tracks, np.round(rng.beta(0.3, 1.2, count), 2).astype(np.float32)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    users, tracks, shares = plays()
    small = normalised(users[:1000], tracks[:1000], shares[:1000], (USERS, TRACKS))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lists.jsonl"
        write_lists(out, ["0"] * USERS, ["0"] * TRACKS, recommend_all(cosines(small), small, np.arange(LIST), LIST))
        for _ in range(RUNS):  # compiled before it is timed
            steps, processor = [time.perf_counter()], time.process_time()
            values = normalised(users, tracks, shares, (USERS, TRACKS))
            similar = cosines(values)
            steps.append(time.perf_counter())
            popular = np.argsort(-np.bincount(tracks, minlength=TRACKS), kind="stable")
            lists = recommend_all(similar, values, popular, LIST)
            steps.append(time.perf_counter())
            write_lists(out, [str(user) for user in range(USERS)], [str(track) for track in range(TRACKS)], lists)
            steps.append(time.perf_counter())
            processor = time.process_time() - processor
            compared, ranked, written = np.diff(steps)
            print(f"similarities {compared:.3f} s, scores and sorting {ranked:.3f} s, writing {written:.3f} s: "
                  f"{USERS / (steps[-1] - steps[0]):,.0f} users/s; {processor:.2f} s of processor time, "
                  f"{USERS / processor:,.0f} users for each second of it")  # fmt: skip
    print(f"{values.nnz:,} cells, {similar.nnz / USERS:.1f} neighbours a user. "
          f"The notebook: {PUBLISHED} users/s (published) for sorting and writing alone")  # fmt: skip


if __name__ == "__main__":
    main()
