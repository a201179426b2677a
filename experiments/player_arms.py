"""Shares a session that each arm of the player gets from simulated listeners: ``python -m experiments.player_arms``.

**This is a simulation.** It orders nothing but the arms, under the assumptions that stand here: a user has three
interests among the tracks, a bias in 0..10 and a sharpness in 0.5..2. A session has one of the interests, z, and begins
with a track near it. The share heard of a track with vector e is ``logistic((e·z - bias) * sharpness)`` times 0.8 for
each track of its artist so far, 0 for a repeated track. After each play there is a strike with probability 1 - share;
five strikes end the session.

The vectors are drawn: artists in groups, tracks about their artists, and a part that is the words of artist and title,
in shares that ``--words`` sets. They are scaled so that random choices get about 2.1 shares a session and those of the
same artist about 2.9, as the published logs have it. The model never sees the vectors: it learns from the logs and the
catalogue in ``--data``, then from its own logs of ``--days`` days.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from evaluation import play_data
from graph import schema
from graph.files import play_logs, play_sessions
from ranking.player import PlayerModel
from recommenders.arms import ARMS, policy
from recommenders.core.nearest import unit
from recommenders.core.singular import right_singular_vectors
from recommenders.interest import Choice, Heard
from recommenders.plays import REPEAT_DISCOUNT
from recommenders.session import EXPERIMENT, SessionModel

Array = npt.NDArray[Any]
Chooser = Callable[[int, Heard, list[Heard], np.random.Generator], Choice | None]
STRIKES: Final = 5
DIM: Final = 12
NEAR: Final = 20
PAST: Final = 5
DAY_MS: Final = 86_400_000
#: Length of vectors, and the weight of a track's own part beside its artist's.
SCALE, OWN = 3.7, 0.65


@dataclass(frozen=True)
class World:
    """Tracks with vectors, and people who listen."""

    vectors: Array
    artists: Array
    interests: Array
    bias: Array
    sharpness: Array

    @classmethod
    def draw(cls, artists: Array, texts: list[str], users: int, words: float, seed: int) -> World:
        rng = np.random.default_rng(seed)
        groups = rng.standard_normal((80, DIM))
        count = int(artists.max()) + 1
        of_artist = groups[rng.integers(0, len(groups), count)] + 0.8 * rng.standard_normal((count, DIM))
        drawn = unit(of_artist)[artists] + OWN * unit(rng.standard_normal((len(artists), DIM)))
        vectors = np.sqrt(1.0 - words) * unit(drawn)
        if words:
            vectors = np.hstack([vectors, np.sqrt(words) * _meaning(texts)])
        vectors = (SCALE * vectors).astype(np.float32)
        interests = rng.integers(0, len(artists), (users, 3))
        return cls(vectors, artists, interests, rng.uniform(0, 10, users), rng.uniform(0.5, 2.0, users))

    def listen(self, user: int, choose: Chooser, past: list[Heard], rng: np.random.Generator) -> list[Play]:
        """One session; each play with the choice that it led to."""
        wanted = self.vectors[rng.choice(self.interests[user])]
        near = self.vectors @ wanted
        track = int(rng.choice(np.argpartition(-near, NEAR)[:NEAR]))
        tracks: list[int] = []
        shares: list[float] = []
        plays: list[Play] = []
        counts: dict[int, int] = defaultdict(int)
        strikes = 0
        while True:
            share = 1.0 if not tracks else 0.0 if track in tracks else self._share(user, near[track], counts, track)
            counts[int(self.artists[track])] += 1
            tracks.append(track)
            shares.append(round(share, 2))
            strikes += bool(tracks[1:] and rng.random() < 1.0 - share)
            chosen = None
            if strikes < STRIKES:
                chosen = choose(user, Heard(tuple(tracks), tuple(shares)), past, rng)
            plays.append(Play(track, shares[-1], chosen))
            if chosen is None:
                return plays
            track = chosen.track

    def _share(self, user: int, near: float, counts: dict[int, int], track: int) -> float:
        wish = 1.0 / (1.0 + np.exp(-(near - self.bias[user]) * self.sharpness[user]))
        return float(wish * REPEAT_DISCOUNT ** counts[int(self.artists[track])])


@dataclass(frozen=True)
class Play:
    track: int
    share: float
    chosen: Choice | None


def run(
    world: World, chooser: Chooser, sessions: int, seed: int, past: dict[int, list[Heard]] | None = None
) -> tuple[Array, list[tuple[int, list[Play]]]]:
    """Total shares of each session, and the plays with their users."""
    rng = np.random.default_rng(seed)
    held = defaultdict(list, {user: list(some) for user, some in (past or {}).items()})
    totals, log = [], []
    for _ in range(sessions):
        user = int(rng.integers(0, len(world.bias)))
        plays = world.listen(user, chooser, held[user], rng)
        totals.append(sum(play.share for play in plays))
        log.append((user, plays))
        heard = Heard(tuple(p.track for p in plays), tuple(p.share for p in plays))
        held[user] = [heard, *held[user][: PAST - 1]]
    if past is not None:
        past.update(held)
    return np.array(totals), log


def lines(log: list[tuple[int, list[Play]]], numbers: Array, arm: str, began: int) -> list[tuple[Any, ...]]:
    """Rows as `graph.files.play_sessions.PLAYS` has them."""
    rows: list[tuple[Any, ...]] = []
    for session, (user, plays) in enumerate(log):
        for place, play in enumerate(plays):
            message = "next" if play.chosen else "last"
            at = began + session * 1_000 + place
            chosen = int(numbers[play.chosen.track]) if play.chosen else None
            propensity = play.chosen.propensity if play.chosen else None
            named = f"{EXPERIMENT}:{arm}"
            rows.append((message, at, user, int(numbers[play.track]), play.share, 0.0, chosen, named, propensity))
    return rows


def _meaning(texts: list[str]) -> Array:
    """Unit vectors of the words of each text: TF-IDF, then SVD."""
    words = [sorted(set(text.lower().split())) for text in texts]
    known = {word: number for number, word in enumerate(sorted({word for row in words for word in row}))}
    rows = np.repeat(np.arange(len(words)), [len(row) for row in words])
    columns = np.array([known[word] for row in words for word in row])
    rarity = np.log(len(texts) / np.bincount(columns, minlength=len(known))).astype(np.float32)
    matrix = sp.csr_array((rarity[columns], (rows, columns)), shape=(len(texts), len(known)))
    found = unit(np.asarray(matrix @ right_singular_vectors(matrix, DIM), dtype=np.float64))
    return unit(found - found.mean(axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/botify"), help="folder of play logs")
    parser.add_argument("--sessions", type=int, default=1_000, help="judged for each arm")
    parser.add_argument("--days", type=int, default=0, help="of own logs that are learned from; 0 for none")
    parser.add_argument("--a-day", type=int, default=10_000, help="sessions a day")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--words", type=float, default=0.3, help="share of the vectors that is words")
    parser.add_argument("--vectors", default="auto", help="of the models learned from own logs, as their `vectors_by`")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    _tell(given)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{used.ru_utime + used.ru_stime:.0f} s of processor time, at most {used.ru_maxrss / 2**20:.1f} GiB.")


def _tell(given: argparse.Namespace) -> None:
    snapshot = play_data.read(given.data)
    catalogue = play_logs.find_logs(given.data)[0]
    if catalogue is None:
        raise SystemExit(f"{given.data} holds no tracks.jsonl.")
    tracks = play_logs.read_tracks(catalogue)
    began = time.monotonic()
    model = PlayerModel().fit(snapshot)
    print(f"A simulation. Trained on the logs in {time.monotonic() - began:.0f} s. {model.told}")
    artists = model.interest.artists
    world = World.draw(artists, _texts(tracks, snapshot), given.users, given.words, given.seed)
    for arm in given.arms.split(","):
        _say(arm, *_judge(world, model, arm, given.sessions, given.seed + 1))
    if not given.days:
        return
    numbers = snapshot.contents.frame["trackId"].cast(pl.Int64).to_numpy()
    rows: list[tuple[Any, ...]] = []
    past: dict[int, list[Heard]] = {}
    for day in range(given.days):
        chooser = lambda _user, session, before, rng: policy("session", model, session, before).draw(rng)  # noqa: E731
        totals, log = run(world, chooser, given.a_day, given.seed + 100 + day, past)
        rows += lines(log, numbers, "session", 1_800_000_000_000 + day * DAY_MS)
        print(f"day {day + 1}: {totals.mean():.2f} shares a session", flush=True)
    own = pl.DataFrame(rows, schema=play_sessions.PLAYS, orient="row")
    both = play_data.snapshot_of(tracks, pl.concat([play_data.lines(given.data), own]))
    for vectors in given.vectors.split(","):
        began = time.monotonic()
        learned = PlayerModel(vectors_by=vectors).fit(both)
        print(f"Trained on {len(rows):,} plays of its own in {time.monotonic() - began:.0f} s. {learned.told}")
        name = f"session, from its own logs, vectors by {vectors}"
        _say(name, *_judge(world, learned, "session", given.sessions, given.seed + 2, past))


def _judge(
    world: World, model: SessionModel, arm: str, sessions: int, seed: int, past: dict[int, list[Heard]] | None = None
) -> tuple[Array, float]:
    spent: list[float] = []

    def chooser(_user: int, session: Heard, before: list[Heard], rng: np.random.Generator) -> Choice | None:
        began = time.perf_counter()
        found = policy(arm, model, session, before).draw(rng)
        spent.append(time.perf_counter() - began)
        return found

    return run(world, chooser, sessions, seed, dict(past or {}))[0], 1_000 * float(np.quantile(spent, 0.99))


def _say(name: str, totals: Array, slowest: float) -> None:
    error = 1.96 * totals.std(ddof=1) / np.sqrt(len(totals))
    print(f"{name}: {totals.mean():.2f} ± {error:.2f} shares a session, p99 {slowest:.1f} ms a choice", flush=True)


def _texts(tracks: pl.DataFrame, snapshot: Any) -> list[str]:
    by_number = {row["track"]: f"{row['artist'] or ''} {row['title'] or ''}" for row in tracks.iter_rows(named=True)}
    return [by_number[int(id_.removeprefix(schema.TRACK_PREFIX))] for id_ in snapshot.contents.ids.to_list()]


if __name__ == "__main__":
    main()
