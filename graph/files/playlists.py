"""Playlists as published: token lists in ``.npy`` with ``TracksArtists.csv``, or the Million Playlist Dataset's slices.

A ``.npy`` file holds an object array of lists of texts, alternately ``track_<id>`` and ``artist_<id>``. numpy stores
such an array as a pickle, which may hold any program: it is read by an unpickler that knows lists, texts and the array
around them, and refuses everything else. ``TracksArtists.csv`` has the columns track_id, title, name (of the artist)
and preview (a link). A slice, ``mpd.slice.*.json``, is an object whose ``playlists`` have pid and ``tracks`` of pos,
track_uri, track_name and artist_name.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import polars as pl

from graph.errors import InputError

__all__ = ["Playlists", "holds_playlists", "read_playlists", "read_token_lists"]

CATALOGUE: Final = "TracksArtists.csv"
_COLUMNS: Final = ("track_id", "title", "name", "preview")
_TRACK: Final = "track_"
_ARTIST: Final = "artist_"
_ENTRIES: Final = {"playlist": pl.String(), "place": pl.Int32(), "track": pl.String()}
_TRACKS: Final = {"track": pl.String(), "title": pl.String(), "artist": pl.String(), "preview": pl.String()}


@dataclass(frozen=True)
class Playlists:
    """What a folder of playlists says."""

    entries: pl.DataFrame
    """playlist (id), place (from 0), track (id): one row for each track of a playlist, in order."""
    tracks: pl.DataFrame
    """track (id), title, artist (a name, else the id of the token) and preview, null where unknown; each track once."""
    ignored: int
    """Tokens and entries that name neither a track nor an artist, and further rows of a track in the catalogue."""


def holds_playlists(folder: Path) -> bool:
    """Whether the folder has token lists or a slice of the Million Playlist Dataset."""
    return bool(_token_files(folder) or _slices(folder))


def read_playlists(folder: Path) -> Playlists:
    """Read all playlists of a folder, and its catalogue where there is one.

    Raises InputError when there are none, or when a file cannot be read to its end.
    """
    tokens, slices = (_token_files(folder), _slices(folder)) if folder.is_dir() else ([], [])
    if not tokens and not slices:
        raise InputError(
            f"{folder} holds no playlists.",
            do=f"Expected .npy files of token lists with {CATALOGUE}, or mpd.slice.*.json.",
        )
    rows: list[tuple[str, int, str]] = []
    told: dict[str, tuple[str | None, str | None, str | None]] = {}
    ignored = 0
    for file in tokens:
        for number, one in enumerate(read_token_lists(file)):
            ignored += _take_tokens(one, f"{file.stem}/{number}", rows, told)
    for file in slices:
        ignored += _take_slice(file, rows, told)
    catalogue = folder / CATALOGUE
    if catalogue.is_file():
        ignored += _take_catalogue(catalogue, told)
    tracks = pl.DataFrame([(track, *what) for track, what in told.items()], schema=_TRACKS, orient="row")
    return Playlists(pl.DataFrame(rows, schema=_ENTRIES, orient="row"), tracks, ignored)


def read_token_lists(file: Path) -> list[list[str]]:
    """The lists of texts in an ``.npy`` file. Nothing that the file holds is run.

    Raises InputError when it is cut short, or holds anything but lists of texts.
    """
    try:
        with file.open("rb") as opened:
            _skip_header(opened)
            found = _Lists(opened).load()
        lists = found.rows() if isinstance(found, _Array) else found
        if not isinstance(lists, list):
            raise pickle.UnpicklingError("no list of lists")
        rows = [one.rows() if isinstance(one, _Array) else one for one in lists]
        for one in rows:
            if not isinstance(one, list) or not all(type(text) is str for text in one):
                raise pickle.UnpicklingError("something that is no list of texts")
    except InputError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise InputError(
            f"{file} is no array of token lists: {error}.",
            do="Save it with numpy as an object array of lists of texts.",
        ) from error
    return rows


class _Array:
    """Stands for a numpy array while a pickle is read: keeps the list of its elements, and runs nothing."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.elements: list[Any] = []

    def __setstate__(self, state: Any) -> None:
        _, self.shape, _, _, self.elements = state
        if not isinstance(self.elements, list):
            raise pickle.UnpicklingError("an array of something else than objects")

    def rows(self) -> list[Any]:
        """The elements, or the rows of an array of two dimensions, which lists of one length become."""
        if len(self.shape) != 2:
            return self.elements
        width = self.shape[1]
        return [self.elements[row * width : (row + 1) * width] for row in range(self.shape[0])]


class _Type:
    """Stands for a numpy type."""

    def __init__(self, *_: Any) -> None:
        """Takes and forgets what a type is made of."""

    def __setstate__(self, state: Any) -> None:
        """Forgets it as well."""


class _Lists(pickle.Unpickler):
    """Knows the three names that an object array is pickled with, as stand-ins, and nothing else."""

    _KNOWN: Final = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Type,
        ("numpy", "dtype"): _Type,
    }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a name. Raises UnpicklingError for every other."""
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}, which is refused")
        return self._KNOWN[module, name]


def _skip_header(opened: BinaryIO) -> None:
    version = np.lib.format.read_magic(opened)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(opened)
    if not dtype.hasobject:
        raise pickle.UnpicklingError(f"it holds values of type {dtype}")


def _take_tokens(
    tokens: Iterable[str],
    playlist: str,
    rows: list[tuple[str, int, str]],
    told: dict[str, tuple[str | None, str | None, str | None]],
) -> int:
    ignored, place, last = 0, 0, None
    for token in tokens:
        if token.startswith(_TRACK):
            last = token.removeprefix(_TRACK)
            rows.append((playlist, place, last))
            told.setdefault(last, (None, None, None))
            place += 1
        elif token.startswith(_ARTIST):
            if last is not None and told[last][1] is None:
                told[last] = (None, token.removeprefix(_ARTIST), None)
        else:
            ignored += 1
    return ignored


def _take_slice(
    file: Path, rows: list[tuple[str, int, str]], told: dict[str, tuple[str | None, str | None, str | None]]
) -> int:
    try:
        playlists = json.loads(file.read_text("utf-8"))["playlists"]
        ignored = 0
        for playlist in playlists:
            place = 0
            for entry in sorted(playlist["tracks"], key=lambda entry: int(entry["pos"])):
                track = str(entry.get("track_uri") or "").removeprefix("spotify:track:")
                if not track:
                    ignored += 1
                    continue
                rows.append((str(playlist["pid"]), place, track))
                told.setdefault(track, (entry.get("track_name"), entry.get("artist_name"), None))
                place += 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file} is no slice of the Million Playlist Dataset: {error!r}.",
            do='It looks like {"playlists": [{"pid": 0, "tracks": [{"pos": 0, "track_uri": "…"}]}]}.',
        ) from error
    return ignored


def _take_catalogue(file: Path, told: dict[str, tuple[str | None, str | None, str | None]]) -> int:
    try:
        rows = pl.read_csv(file, infer_schema_length=0, encoding="utf8")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="It is text with commas and a header.") from error
    if missing := [name for name in _COLUMNS if name not in rows.columns]:
        raise InputError(f"{file} lacks the columns {', '.join(missing)}.", do=f"Its header has {', '.join(_COLUMNS)}.")
    rows = rows.select(_COLUMNS).with_columns(pl.col("track_id").str.strip_chars().str.strip_prefix(_TRACK))
    known = rows.filter(pl.col("track_id").is_not_null() & (pl.col("track_id") != ""))
    each = known.unique("track_id", keep="first", maintain_order=True)
    for track, title, name, preview in each.iter_rows():
        told[track] = (title or None, name or told.get(track, (None, None))[1], preview or None)
    return rows.height - each.height


def _token_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.npy") if path.is_file() and _has_objects(path))


def _has_objects(path: Path) -> bool:
    try:
        with path.open("rb") as opened:
            _skip_header(opened)
    except Exception:  # whatever it is, it holds no lists
        return False
    return True


def _slices(folder: Path) -> list[Path]:
    return sorted(folder.glob("mpd.slice.*.json"))
