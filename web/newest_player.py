"""The player in use, replaced when a newer snapshot or model for it appears."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from graph.settings import Settings
from graph.snapshot import Snapshot
from recommend.player import MODEL, Player
from recommenders.session import SessionModel
from web import logs
from web.models import Stamp, stamp

__all__ = ["NewestPlayer"]


class NewestPlayer:
    """Looks for a model for the player; call `refresh` now and then."""

    def __init__(self, settings: Settings, taken_down: Callable[[], Mapping[str, bool]]) -> None:
        self._settings = settings
        self._taken_down = taken_down
        self._stamps: tuple[Stamp, Stamp] = (None, None)

    def refresh(self, snapshot: Snapshot | None, of: Stamp) -> Player | None:
        """A player with the newest ``snapshot``, the one with the stamp ``of``; None where there is nothing new.

        Feeds may be of an older snapshot, which their model fits; the player does not wait for theirs.
        """
        path = self._settings.model_path(MODEL)
        stamps = (of, stamp(path))
        if snapshot is None or not stamps[1] or stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            model = SessionModel.load(path, snapshot)
            player = Player(model, self._settings.player, self._settings.home, self._taken_down)
        except sqlite3.Error as error:  # its file of sessions may be free the next time
            self._stamps = (None, None)
            logs.log.warning("no player", error=str(error))
        except Exception as error:  # of another graph, or damaged: the one before goes on
            logs.log.warning("no player", error=str(error))
        else:
            logs.log.info("player", tracks=snapshot.contents.count)
            return player
        return None
