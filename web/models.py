"""The other trained models of the home, by name; each is opened when a feed first asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from graph.errors import ModelMismatch
from graph.settings import Settings
from graph.snapshot import Snapshot
from ranking import registry
from recommend.served_model import ServedModel, Together
from recommend.service import FeedService
from recommenders.core.recommender import Recommender
from recommenders.core.today import Today
from web import logs
from web.problems import Problem, invalid

__all__ = ["Models", "Stamp", "load_model", "stamp"]

_THREADS: Final = 2
_REHEARSED: Final = 20

#: Which folder lies at a path: its inode and time of change. An export or a training renames a new one into place.
Stamp = tuple[int, int] | None


class Models:
    """Models beside the default one, for the snapshot and graph of ``feeds``. Safe to share between threads.

    Each is loaded once, and again when its folder is replaced.
    """

    def __init__(self, settings: Settings, feeds: FeedService) -> None:
        self._settings = settings
        self._feeds = feeds
        self._turn = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, "models")
        self._asked: dict[str, tuple[Stamp, Future[ServedModel]]] = {}
        self._closed = False

    def get(self, name: str, wait_s: float) -> ServedModel:
        """The model called ``name``, loaded if it is not there yet.

        Raises the problem that names ``model`` when no such model is trained for the snapshot in use, or the problem
        of a service that is not ready when it is not loaded within ``wait_s`` seconds, or is damaged.
        """
        if self._feeds.served and name == self._settings.service.model:
            return self._feeds.served
        stamp = self._stamp(name) if name in registry.NAMES else None
        if stamp is None:
            known = ", ".join(registry.trained(self._settings))
            raise invalid("model", f"no model called {name[:40]!r} is trained; there is {known}" if known else _NONE)
        snapshot = self._feeds.snapshot
        if snapshot is None:
            raise Problem("unavailable", "The service has no snapshot, without which no model can be used.")
        with self._turn:
            before, loading = self._asked.get(name, (None, None))
            if loading is None or before != stamp:
                if self._closed:
                    raise _being_loaded(name)
                loading = self._pool.submit(self._load, name, snapshot)
                self._asked[name] = stamp, loading
        try:
            return loading.result(wait_s)
        except (TimeoutError, CancelledError):
            raise _being_loaded(name) from None
        except ModelMismatch:
            self._forget(name, loading)
            raise invalid("model", f"{name} was trained on another graph than the one in use; train it again") from None
        except Exception as error:  # whatever a damaged folder raises
            self._forget(name, loading)
            logs.log.warning("model not loaded", model=name, error=str(error))
            raise Problem("unavailable", f"The model {name} cannot be read; the log says why.") from None

    def together(self, left_s: Callable[[], float]) -> ServedModel | None:
        """The models that feed a page together; None where the settings name none, or none of them is there.

        ``left_s`` tells how long the next one may be waited for.
        """
        how = self._settings.feed
        those: dict[str, ServedModel | None] = {}
        for name in how.recommenders:
            try:
                those[name] = self.get(name, left_s())
            except Problem as problem:  # the feed says that it is degraded
                logs.log.warning("a recommender is missing", model=name, reason=str(problem))
                those[name] = None
        return Together(those, how) if any(those.values()) else None

    def loaded(self) -> list[ServedModel]:
        """The models that were asked for and are loaded."""
        with self._turn:
            asked = [loading for _, loading in self._asked.values()]
        return [one.result() for one in asked if one.done() and not one.cancelled() and not one.exception()]

    def close(self) -> None:
        """Load nothing more. Models that are loaded still answer."""
        with self._turn:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _load(self, name: str, snapshot: Snapshot) -> ServedModel:
        model, version = load_model(name, self._settings, snapshot)
        logs.log.info("model loaded", model_version=version)
        return ServedModel(model, version, self._feeds.graph)

    def _forget(self, name: str, loading: Future[ServedModel]) -> None:
        """Forget a loading that failed, so that it is tried anew."""
        with self._turn:
            if self._asked.get(name, (None, None))[1] is loading:
                del self._asked[name]

    def _stamp(self, name: str) -> Stamp:
        path = self._settings.model_path(name)
        return stamp(path) if (path / "manifest.json").is_file() else None


_NONE: Final = "no model is trained yet"


def _being_loaded(name: str) -> Problem:
    return Problem("unavailable", f"The model {name} is being loaded. Ask again in a moment.")


def load_model(name: str, settings: Settings, snapshot: Snapshot) -> tuple[Recommender, str]:
    """The home's model and its version: its name and when it was trained. Raises ModelError.

    It has ranked for a few people already, so that the first who asks waits for no compiler, no disk and no sums over
    everybody.
    """
    model = registry.open_trained(name, settings, snapshot)
    active = np.flatnonzero(np.diff(snapshot.watched.indptr))
    for user in active[:: max(1, len(active) // _REHEARSED)].tolist():
        if model.shortlist(user) is None:
            model.recommend(user, 20)
    for user in active[:1].tolist():
        model.recommend(user, 20)  # for those who have no shortlist
        model.shortlist(user, Today.of(snapshot, user))
    trained_at = datetime.fromtimestamp(settings.model_path(name).stat().st_mtime, UTC)
    return model, f"{name}-{trained_at:%Y%m%dT%H%M%SZ}"


def stamp(path: Path) -> Stamp:
    """The stamp of the folder that is there now; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns
