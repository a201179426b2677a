"""What a folder to import is, told by its files, and the reader of each kind."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from graph.files import folder as keakr
from graph.files.artist_profiles import holds_artists, read_artists
from graph.files.options import Options
from graph.files.play_logs import check_for_halves, holds_logs, read_play_logs
from graph.files.playlists import check_for_arrays, holds_playlists, read_playlists
from graph.files.quarantine import ImportReport
from graph.files.tables import Known, Tables, read_folder
from graph.files.watch_ratios import holds_watch_ratios, read_watch_ratios
from graph.progress import Progress

__all__ = ["Kind", "read", "recognise"]

Reader = Callable[[Path, Path, Known | None, Progress | None, Options | None], tuple[Tables, ImportReport]]


class Kind(StrEnum):
    """Kinds of folders that can be imported, as ``--kind`` spells them."""

    KEAKR = "keakr"
    PLAY_LOGS = "play-logs"
    PLAYLISTS = "playlists"
    WATCH_RATIOS = "watch-ratios"
    ARTISTS = "artists"


_READERS: Final[dict[Kind, Reader]] = {
    Kind.KEAKR: read_folder,
    Kind.PLAY_LOGS: read_play_logs,
    Kind.PLAYLISTS: read_playlists,
    Kind.WATCH_RATIOS: read_watch_ratios,
    Kind.ARTISTS: read_artists,
}


def recognise(folder: Path) -> Kind:
    """The kind of ``folder``. Raises InputError when it is none: names what is damaged, or what is missing."""
    if holds_playlists(folder):
        return Kind.PLAYLISTS
    if holds_watch_ratios(folder):
        return Kind.WATCH_RATIOS
    if holds_artists(folder):
        return Kind.ARTISTS
    if folder.is_dir() and holds_logs(folder):
        return Kind.PLAY_LOGS
    if folder.is_dir() and not keakr.holds_keakr(folder):
        check_for_arrays(folder)
        check_for_halves(folder)
    keakr.find(folder)
    return Kind.KEAKR


def read(
    folder: Path,
    kind: Kind | None,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """Read ``folder`` as ``kind``, or as what it is recognised as. Raises InputError as its reader does."""
    return _READERS[kind or recognise(folder)](folder, home, known, progress, options)
