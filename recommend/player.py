"""The player: chooses the next track of a session by the user's arm, and writes a log that `entourage import` reads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from graph import aside, schema
from graph.errors import ModelError, NotFound
from graph.settings import Player as PlayerSettings
from recommend.marks import taken_down
from recommend.player_sessions import PAST, PlayerSessions
from recommenders.arms import arm_of_user, policy
from recommenders.core.top_k import Ints, Mask
from recommenders.interest import Heard
from recommenders.session import EXPERIMENT, SessionModel

__all__ = ["FOLDER", "MODEL", "Player", "Track"]

MODEL: Final = "session"
FOLDER: Final = "player"
"""Folder of the home with the file of sessions and the folder ``logs``."""


@dataclass(frozen=True)
class Track:
    """One track of the catalogue."""

    track: int
    artist: str | None
    title: str | None


class Player:
    """Chooses the next track of sessions. Safe to share between threads; processes share sessions by their file."""

    def __init__(
        self,
        model: SessionModel,
        settings: PlayerSettings,
        home: Path,
        since: Callable[[], Mapping[str, bool]] | None = None,
    ) -> None:
        """``since`` tells what was taken down or came back after the model's snapshot (`Recent.taken_down`).

        Raises ModelError when the catalogue of the model holds no track with an integer id.
        """
        self.model = model
        self._since = since
        self.settings = settings
        self.logs = home / FOLDER / "logs"
        self.sessions = PlayerSessions(home / FOLDER / "sessions.sqlite")
        self._numbers, self._nids = _numbers(model)
        self._tracks = self._numbers >= 0
        self._names = _names(model)
        self._lock = threading.Lock()
        self._rng = np.random.default_rng()
        self._warm()

    def __contains__(self, number: object) -> bool:
        return number in self._nids

    def track(self, number: int) -> Track:
        """Raises NotFound for a track that the catalogue does not have."""
        nid = self._nid(number)
        artist, title = self._names[nid]
        return Track(number, artist, title)

    def next(self, user: int, track: int, share: float) -> int:
        """Note that ``user`` heard ``share`` (0..1) of ``track``; the number of the track that comes next.

        Raises NotFound for a track that the catalogue does not have, and when a session has had every track. In the
        second case the play is noted and logged all the same, without a recommendation.
        """
        began = time.time()
        self._nid(track)
        at, session, ended = self.sessions.play(user, track, share, int(began * 1_000))
        arm = self._arm(user)
        with self._lock:
            rng = self._rng.spawn(1)[0]
        recommended = None
        try:
            past = self._past(user, session, ended)
            chosen = policy(arm, self.model, self._known(session), past, self._offered).draw(rng)
            if chosen is None:
                raise NotFound("This session has had every track.", do="End it with POST /last.")
            recommended = int(self._numbers[chosen.track]), chosen.propensity
        finally:  # a play that is in the session is in the log, whatever the answer is
            self._log("next", at, user, track, share, time.time() - began, arm, recommended)
        return recommended[0]

    def last(self, user: int, track: int, share: float) -> None:
        """Note the last play of a session and end it. Raises NotFound for a track that the catalogue does not have."""
        began = time.time()
        self._nid(track)
        at, _, _ = self.sessions.play(user, track, share, int(began * 1_000), last=True)
        arm = self._arm(user)
        self._log("last", at, user, track, share, time.time() - began, arm, None)

    @property
    def _offered(self) -> Mask:
        """Which contents may come next: tracks that are not taken down."""
        snapshot = self.model.snapshot
        gone = taken_down(snapshot, self._since()) if self._since else taken_down(snapshot)
        return np.asarray(self._tracks & ~gone)

    def _arm(self, user: int) -> str:
        shares = {str(arm): share for arm, share in self.settings.arms.items()}
        return self.settings.arm or arm_of_user(user, shares, self.settings.salt)

    def _past(self, user: int, session: Heard, ended: Sequence[Heard]) -> list[Heard]:
        """The user's sessions before the open one, newest first: those that this player stored, and imported ones.

        Imported logs may hold the beginning of the open session, which is no earlier one.
        """
        noted = {session.began, *(one.began for one in ended)}
        users = self.model.snapshot.users
        logged = self.model.past.get(int(users.nids([str(user)])[0]), []) if str(user) in users else []
        both = [*(self._known(one) for one in ended), *(one for one in logged if one.began not in noted)]
        return sorted((one for one in both if one.tracks), key=lambda one: -one.began)[:PAST]

    def _known(self, session: Heard) -> Heard:
        """The session with nids instead of numbers, without tracks that this catalogue does not have."""
        plays = [(self._nids[t], s) for t, s in zip(session.tracks, session.shares, strict=True) if t in self._nids]
        return Heard(tuple(nid for nid, _ in plays), tuple(share for _, share in plays), began=session.began)

    def _nid(self, number: int) -> int:
        if number not in self._nids:
            raise NotFound(
                f"There is no track {number}.", do="Import the catalogue that has it, export, and train again."
            )
        return self._nids[number]

    def _log(
        self, message: str, at: int, user: int, track: int, share: float, seconds: float, arm: str,
        chosen: tuple[int, float] | None,
    ) -> None:  # fmt: skip
        """Append one line to the file of the day."""
        line = {
            "message": message, "timestamp": at, "user": user, "track": track, "time": share,
            "latency": round(seconds, 6), "recommendation": chosen[0] if chosen else None,
            "experiments": {EXPERIMENT: arm},
        }  # fmt: skip
        if chosen:
            line["propensity"] = chosen[1]
        day = datetime.fromtimestamp(at / 1_000, UTC).date()
        self.logs.mkdir(parents=True, exist_ok=True)
        aside.append_line(self.logs / f"{day}.jsonl", json.dumps(line))

    def _warm(self) -> None:
        """Load and compile now what the first request needs."""
        _ = self.model.past
        "" in self.model.snapshot.users  # noqa: B015 - builds the map from id to nid
        first = Heard((int(np.argmax(self._tracks)),), (1.0,))
        policy("session", self.model, first, [], self._tracks)


def _numbers(model: SessionModel) -> tuple[Ints, dict[int, int]]:
    """The track number of every content (-1 if it is no track), and the nid of every number."""
    ids = model.snapshot.contents.ids
    tracks = ids.str.strip_prefix(schema.TRACK_PREFIX)
    whole = ids.str.starts_with(schema.TRACK_PREFIX) & tracks.str.contains(r"^(0|[1-9][0-9]{0,17})$")
    numbers = tracks.set(~whole, "-1").cast(pl.Int64).to_numpy()
    found = {int(number): nid for nid, number in enumerate(numbers.tolist()) if number >= 0}
    if not found:
        raise ModelError(
            "The catalogue holds no tracks with integer ids.", do="Import play logs with their tracks.jsonl."
        )
    return numbers, found


def _names(model: SessionModel) -> list[tuple[str | None, str | None]]:
    """Artist and title of every content."""
    snapshot = model.snapshot
    titles = snapshot.contents.column(schema.TITLE)
    names = snapshot.nodes[schema.ARTIST].column("name")
    artists: list[str | None] = [None] * snapshot.contents.count
    performed = snapshot.edges[schema.PERFORMED_BY]
    if names is not None:
        told = names.to_list()
        for source, target in zip(performed.source.tolist(), performed.target.tolist(), strict=True):
            artists[source] = artists[source] or told[target]
    return list(zip(artists, titles.to_list() if titles is not None else [None] * len(artists), strict=True))
