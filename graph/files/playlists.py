"""Playlists as published: token lists in ``.npy`` with ``TracksArtists.csv``, or the Million Playlist Dataset's files.

A ``.npy`` file holds an object array of lists of texts, alternately ``track_<id>`` and ``artist_<id>``.
``TracksArtists.csv`` has the columns track_id, title, name (of the artist) and preview (a link). A slice,
``mpd.slice.*.json``, is an object whose ``playlists`` have pid, name and ``tracks`` of pos, track_uri, track_name,
artist_uri and artist_name; so is ``challenge_set.json``, whose playlists may lack the name and all tracks. Each may end
in ``.gz`` or ``.zst``.
"""

from __future__ import annotations

import json
from array import array
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.json_rows import shown
from graph.files.options import Options
from graph.files.playlist_tables import Playlists, tables_of
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.records import fields, parse
from graph.files.tables import Known, Tables
from graph.files.text import PACKED
from graph.files.token_lists import check_token_lists, holds_token_lists, read_token_lists, unpacked
from graph.identifiers import canonical
from graph.progress import Progress

__all__ = ["check_for_arrays", "holds_playlists", "lists_of", "read_playlists"]

CATALOGUE: Final = "TracksArtists.csv"
_CHALLENGE: Final = "challenge_set.json"
_COLUMNS: Final = ("track_id", "title", "name", "preview")
_FIELDS: Final = ("pid", "name", "pos", "track_uri", "track_name", "artist_uri", "artist_name")
_TRACK: Final = "track_"
_ARTIST: Final = "artist_"
_SHOWN: Final = 3
"""Rows of a preview."""
_BROKEN: Final = "quotes that are not closed, or with text after them"
_URI: Final = {"track": "spotify:track:", "artist": "spotify:artist:"}


def holds_playlists(folder: Path) -> bool:
    """Whether the folder has token lists or a file of the Million Playlist Dataset."""
    return folder.is_dir() and bool(_files(folder, ".npy") or _files(folder, ".json"))


def check_for_arrays(folder: Path) -> None:
    """Raises InputError where a folder has an ``.npy`` file without token lists, and says what is in it."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and _name(path).endswith(".npy"):
            check_token_lists(path)


def lists_of(folder: Path, quarantine: Quarantine | None = None, progress: Progress | None = None) -> Playlists:
    """Read all playlists of a folder, and its catalogue where there is one.

    Raises InputError when there are none, or when a file cannot be read to its end.
    """
    tokens, slices = (_files(folder, ".npy"), _files(folder, ".json")) if folder.is_dir() else ([], [])
    if not tokens and not slices:
        raise InputError(
            f"{folder} holds no playlists.",
            do=f"Expected .npy files of token lists with {CATALOGUE}, or mpd.slice.*.json, or {_CHALLENGE}.",
        )
    catalogues = [path for path in folder.iterdir() if _name(path) == CATALOGUE and path.is_file()]
    if len(catalogues) > 1:
        raise InputError(f"{folder} holds {CATALOGUE} twice.", do="Move one of them away.")
    reading = _Reading(quarantine)
    files = [*tokens, *slices, *catalogues]
    for done, file in enumerate(files):
        if progress:
            progress(done / len(files), f"reading {file.name}")
        if file in catalogues:
            reading.catalogue(file)
        elif file in slices:
            reading.slice(file)
        else:
            reading.tokens(file)
    return reading.playlists()


def read_playlists(
    folder: Path,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """`lists_of` as checked tables; what names neither a track nor an artist goes to a file under ``home``.

    ``known`` is not asked: playlists say themselves which tracks there are.
    """
    with quarantines.opened(home, dry=bool(options and options.dry)) as (quarantine, path):
        read = lists_of(folder, quarantine, progress)
    tables = tables_of(read)
    return tables, ImportReport(
        files=read.files,
        quarantine=path if path.is_file() else None,
        ignored=sorted({file.name for file in folder.iterdir() if file.is_file()} - {one.file for one in read.files}),
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


class _Reading:
    """The state while one folder is read. Everything is kept as a number: a full data set has 66 million entries."""

    def __init__(self, quarantine: Quarantine | None) -> None:
        self._quarantine = quarantine
        self._reports: list[FileReport] = []
        self._bad: list[tuple[int | None, str, str]] = []
        self._left_out: dict[tuple[str, str], int | None] = {}
        """Reason and value of what rows were loaded without, each once, and the line of the first."""
        self._lists: dict[str, str | None] = {}
        self._entries = array("i"), array("i"), array("i")
        self._numbers: dict[str, int] = {}
        self._ids: dict[str, int] = {}
        self._titles: list[str | None] = []
        self._previews: list[str | None] = []
        self._artists: list[str | None] = []
        self._named: list[str | None] = []
        self._names: dict[str, str | None] = {}

    def tokens(self, file: Path) -> None:
        """Take the lists of one ``.npy`` file."""
        report = self._begin(file)
        report.columns = [Column("1", "tracks", f"{_TRACK}<id> and {_ARTIST}<id> in turn")]
        for number, tokens in enumerate(read_token_lists(file)):
            if number < _SHOWN:
                report.preview.append([" ".join(tokens[:_SHOWN])])
            row = self._list(f"{_name(file).removesuffix('.npy')}/{number}", None)
            place, last = 0, -1
            for token in tokens:
                if token.startswith(_ARTIST):
                    artist = _whole(token.removeprefix(_ARTIST).strip())
                    if not artist:
                        self._leave_out("an artist without an id", token, number + 1)
                    elif last >= 0:
                        self._artist(last, artist, None)
                    continue
                report.read += 1
                if not token.startswith(_TRACK):
                    self._refuse(number + 1, "neither track_<id> nor artist_<id>", token)
                elif (last := self._track(token.removeprefix(_TRACK), number + 1)) >= 0:
                    self._entry(row, place, last)
                    place += 1
        self._end(report)

    def slice(self, file: Path) -> None:
        """Take one slice of the Million Playlist Dataset, or its challenge set."""
        report = self._begin(file)
        try:
            playlists = json.loads(unpacked(file))["playlists"]
            for playlist in playlists:
                self._playlist(playlist, report)
            shown_first = ({**playlist, **entry} for playlist in playlists for entry in playlist["tracks"])
            first = [*islice(shown_first, _SHOWN)]
            names = dict.fromkeys(name for entry in first for name in entry if name != "tracks")
            report.columns = [Column(name, name if name in _FIELDS else None) for name in names]
            report.preview = [[shown(entry.get(name)) for name in names] for entry in first]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(
                f"{file} is no file of the Million Playlist Dataset: {error!r}.",
                do='It looks like {"playlists": [{"pid": 0, "tracks": [{"pos": 0, "track_uri": "…"}]}]}.',
            ) from error
        self._end(report)

    def _playlist(self, playlist: dict[str, Any], report: FileReport) -> None:
        pid, tracks = playlist["pid"], playlist["tracks"]
        if not isinstance(pid, int | str) or isinstance(pid, bool):
            raise TypeError(f"the pid {pid!r} is neither a number nor a text")
        id_ = _whole(str(pid))
        report.read += len(tracks)
        if id_ in self._lists:
            for entry in tracks:
                self._refuse(None, f"the playlist {id_} stands in the files already", json.dumps(entry))
            return
        row, place = self._list(id_, self._said(playlist, "name")), 0
        for entry in sorted(tracks, key=lambda entry: int(entry["pos"])):
            uri = self._said(entry, "track_uri")
            if uri is None:
                self._refuse(None, f"an entry of the playlist {id_} has no track_uri", json.dumps(entry))
            elif (track := self._track(uri.removeprefix(_URI["track"]), None)) >= 0:
                self._entry(row, place, track)
                place += 1
                title = self._said(entry, "track_name")
                if title and title != (first := self._titles[track] or title):
                    self._leave_out(f"another title of the track {uri}, which is {first}", title, None)
                self._titles[track] = self._titles[track] or title
                artist, name = self._said(entry, "artist_uri"), self._said(entry, "artist_name")
                artist = artist and artist.removeprefix(_URI["artist"]).strip()
                if self._artist(track, artist, name):
                    self._leave_out(f"another artist of the track {uri}", artist or name or "", None)

    def catalogue(self, file: Path) -> None:
        """Take ``TracksArtists.csv``, after all lists: of a track's rows the first one counts."""
        report = self._begin(file)
        try:
            data = unpacked(file).decode("utf-8-sig").replace("\r\n", "\n").encode()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{file} cannot be read: {error}.", do="It is text in UTF-8 with commas and a header."
            ) from error
        head, _, rest = data.partition(b"\n")
        header = [name.strip() for name in fields(head.decode(), ",") or []]
        if missing := [name for name in _COLUMNS if name not in header]:
            raise InputError(
                f"{file} lacks the columns {', '.join(missing)}.", do=f"Its header has {', '.join(_COLUMNS)}."
            )
        parsed = parse(rest, ",", len(header), 2, final=True)
        rows = parsed.frame
        report.columns = [Column(name, name if name in _COLUMNS else None) for name in header]
        report.preview = [[value or "" for value in row[:-1]] for row in rows.head(_SHOWN).rows()]
        places, broken = [header.index(name) for name in _COLUMNS], set(parsed.broken.tolist())
        told: set[int] = set()
        for row, (line, values) in enumerate(zip(parsed.lines.tolist(), rows.iter_rows(), strict=True)):
            if row not in broken and not any(values) and not parsed.raw(pl.Series([row])).item():
                continue  # a blank line
            report.read += 1
            if row in broken or (values[-1] or "").strip():
                why = _BROKEN if row in broken else "more fields than columns"
                self._refuse(line, why, parsed.raw(pl.Series([row])).item())
                continue
            id_, title, name, preview = (_text(values[place]) for place in places)
            track = self._track((id_ or "").removeprefix(_TRACK), line)
            if track in told:
                report.merged += 1
            elif track >= 0:
                told.add(track)
                self._titles[track], self._previews[track] = title or self._titles[track], preview
                self._artist(track, None, name)
        self._end(report)

    def playlists(self) -> Playlists:
        """All that was read."""
        by_name = {name: id_ for id_, name in reversed(self._names.items()) if name}
        ids = [own or (name and by_name.get(name, name)) for own, name in zip(self._artists, self._named, strict=True)]
        names = dict.fromkeys(id_ for id_ in ids if id_)
        number = {id_: row for row, id_ in enumerate(names)}
        known = {id_: name for id_, name in zip(ids, self._named, strict=True) if id_ and name} | self._names
        artists = {"artistId": [*names], "name": [known.get(id_) for id_ in names]}
        tracks = {
            "track": [*self._ids],
            "title": self._titles,
            "artist": [number[id_] if id_ else None for id_ in ids],
            "preview": self._previews,
        }
        types = {"track": pl.String, "title": pl.String, "artist": pl.Int32, "preview": pl.String}
        columns = zip(("playlist", "place", "track"), self._entries, strict=True)
        return Playlists(
            pl.DataFrame(
                {"playlistId": [*self._lists], "name": [*self._lists.values()]},
                schema={"playlistId": pl.String, "name": pl.String},
            ),
            pl.DataFrame({name: np.array(values, dtype=np.int32) for name, values in columns}),
            pl.DataFrame(tracks, schema=types),
            pl.DataFrame(artists, schema={"artistId": pl.String, "name": pl.String}),
            self._reports,
        )

    def _begin(self, file: Path) -> FileReport:
        self._reports.append(FileReport(file.name))
        return self._reports[-1]

    def _end(self, report: FileReport) -> None:
        report.quarantined = len(self._bad)
        report.loaded = report.read - report.merged - report.quarantined
        types = {"line": pl.Int64, "reason": pl.String, "raw": pl.String}
        report.noted = len(self._left_out)
        noted = [(line, f"{reason}: loaded without it", raw) for (reason, raw), line in self._left_out.items()]
        for found, loaded in ((self._bad, False), (noted, True)):
            if self._quarantine:
                self._quarantine.add(report, pl.DataFrame(found, schema=types, orient="row"), loaded=loaded)
        self._bad, self._left_out = [], {}

    def _refuse(self, line: int | None, reason: str, raw: str) -> None:
        self._bad.append((line, _whole(reason), _whole(raw)))

    def _leave_out(self, reason: str, raw: str, line: int | None) -> None:
        self._left_out.setdefault((_whole(reason), _whole(raw)), line)

    def _said(self, entry: dict[str, Any], name: str) -> str | None:
        """The text of a field; None where it is missing, blank or, which is noted, something else."""
        value = entry.get(name)
        text = _text(value)
        if text is None and value is not None and not isinstance(value, str):
            self._leave_out(f"{name} is no text", json.dumps(value), None)
        return text

    def _list(self, id_: str, name: str | None) -> int:
        self._lists[id_] = name
        return len(self._lists) - 1

    def _entry(self, playlist: int, place: int, track: int) -> None:
        for values, value in zip(self._entries, (playlist, place, track), strict=True):
            values.append(value)

    def _track(self, text: str, line: int | None) -> int:
        """The number of a track, -1 for an id that cannot be, which is refused."""
        number = self._numbers.get(text, -1)
        if number < 0:
            try:
                id_ = canonical(text)
            except ValueError as error:
                self._refuse(line, str(error), text)
                return -1
            number = self._numbers[text] = self._ids.setdefault(id_, len(self._ids))
            if number == len(self._titles):
                for values in (self._titles, self._previews, self._artists, self._named):
                    values.append(None)
        return number

    def _artist(self, track: int, id_: str | None, name: str | None) -> bool:
        """Say who performs a track, unless it is known; what was said first counts. Whether somebody else was."""
        known, named = self._artists[track], self._named[track]
        other = id_ != known if id_ and known else bool(name and named and name != named)
        self._artists[track] = self._artists[track] or id_ or None
        self._named[track] = self._named[track] or name
        own = self._artists[track]
        if own and (name or own not in self._names):
            self._names[own] = self._names.get(own) or name
        return other


def _files(folder: Path, suffix: str) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and _is_ours(path))
    found = [path for path in files if _name(path).endswith(suffix)]
    return found if suffix == ".json" else [path for path in found if holds_token_lists(path)]


def _is_ours(path: Path) -> bool:
    name = _name(path)
    sliced = name.startswith("mpd.slice.") and name.endswith(".json")
    return name in (CATALOGUE, _CHALLENGE) or name.endswith(".npy") or sliced


def _name(path: Path) -> str:
    """The file's name without the suffix of its packing."""
    return path.stem if path.suffix.lower() in PACKED else path.name


def _text(value: object) -> str | None:
    """A text, or a number (a title 1999) as text; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _whole(value.strip()) or None if isinstance(value, str) else None


def _whole(text: str) -> str:
    """The text with a question mark for each half of a character, as JSON's ``\\ud800`` alone."""
    return text.encode("utf-8", "replace").decode()
