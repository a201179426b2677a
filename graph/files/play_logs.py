"""A player's log of what it played, beside its catalogue, as checked tables (`graph.files.tables.Tables`).

A line of the log is one play: ``{"message": "next" | "last", "timestamp": ms, "user": int, "track": int,
"time": 0..1, "latency": s, "recommendation": int | null, "experiments": {name: treatment}, "propensity": 0..1}``.
``time`` is the share of ``track`` that was heard, ``recommendation`` what was chosen to come next, by the arm that
``experiments`` names and with the probability ``propensity``, which may be missing. So a play was chosen by the line
before it of the same session, the first of a session by none (`graph.files.play_sessions`). One user's lines may lie in
several files: they are merged by user and time.

``tracks.jsonl`` is the catalogue: ``{"track": int, "artist": text, "title": text}``, and ``genre`` and ``pop`` where
known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.folder import stem
from graph.files.json_rows import shown
from graph.files.options import Options
from graph.files.play_sessions import PLAYS, each_once, sessions_of
from graph.files.play_tables import tables_of
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.tables import Known, Tables
from graph.files.text import PACKED, line_chunks
from graph.progress import Progress

__all__ = [
    "arm_of",
    "check_for_halves",
    "find_logs",
    "holds_logs",
    "no_logs",
    "read_play_logs",
    "read_plays",
    "read_tracks",
]

_CHUNK: Final = 8_000_000
_SUFFIXES: Final = (".jsonl", ".json", ".ndjson")
_NEEDED: Final = ("message", "timestamp", "user", "track", "time")
_PLAY: Final = (*_NEEDED, "latency", "recommendation", "experiments", "propensity")
_TRACK: Final = ("track", "artist", "title", "genre", "pop")
_CATALOGUE: Final = "tracks"
_LOOKED_AT: Final = 5_000
"""Lines of a file whose fields the preview names."""
_EXAMPLES: Final = 3
_LAST: Final = 253_402_300_799_999
"""The end of the year 9999."""
_SEARCHED: Final = 100
"""Lines of a file by which it is told whether it is a log."""
_LARGEST: Final = 1e300
_EXAMPLE: Final = '{"message": "next", "timestamp": …, "user": …, "track": …, "time": …}'
Note = Callable[[str], None]
"""Says why a value is left out of a line that is loaded."""


def find_logs(folder: Path, *, strict: bool = False) -> tuple[Path | None, list[Path]]:
    """The catalogue, if there is one, and the logs of ``folder`` and of the folders in it.

    A JSON file is a log unless its first objects are all something else. Raises InputError when the folder is not
    there, and with ``strict`` when a file cannot be unpacked.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", do="Name a folder that holds a player's logs.")
    files = [path for path in _files(folder) if _is_text(path)]
    catalogues = [path for path in files if stem(path) == _CATALOGUE and path.parent == folder]
    if len(catalogues) > 1:
        raise InputError(f"{folder} holds {_CATALOGUE} twice.", do="Move one of them away.")
    logs = [path for path in files if path not in catalogues and _is_log(path, strict) is not False]
    return (catalogues[0] if catalogues else None), logs


def holds_logs(folder: Path) -> bool:
    """Whether any file of the folder is certainly a player's log."""
    return any(_is_log(path, strict=False) for path in _files(folder) if _is_text(path))


def check_for_halves(folder: Path) -> None:
    """Raises InputError where a folder without a log has a damaged or empty JSON file, or a catalogue alone."""
    catalogue = None
    for path in filter(_is_text, _files(folder)):
        if _is_log(path, strict=True) is None:
            what = "is empty" if next(_lines(path, None), None) is None else "has no line that is a JSON object"
            raise InputError(
                f"{path} {what}, and {folder} holds no play log beside it.",
                do="Fetch or write the file again: a play log and its catalogue hold one JSON object a line.",
            )
        if stem(path) == _CATALOGUE and path.parent == folder:
            catalogue = path
    if catalogue:
        raise no_logs(folder, catalogue)


def no_logs(folder: Path, catalogue: Path | None) -> InputError:
    """The error of a folder that holds no play log, or ``catalogue`` and no log."""
    if catalogue is None:
        return InputError(f"{folder} holds no play logs.", do=f"Expected lines such as {_EXAMPLE}.")
    return InputError(
        f"{folder} holds a catalogue, {catalogue.name}, and no play logs.",
        do=f"Put logs beside it, with lines such as {_EXAMPLE}; `entourage import --kind play-logs` loads the tracks "
        "alone.",
    )


def read_play_logs(
    folder: Path,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """Read, check and merge the catalogue and all logs of ``folder``; bad lines go to a file under ``home``.

    A play of a track that neither the catalogue nor the graph has is dangling; without a catalogue, and with a graph
    that knows no tracks, the logs say which tracks there are. Raises InputError when there is no log and no catalogue,
    or when a file cannot be read to its end.
    """
    catalogue, logs = find_logs(folder, strict=True)
    if not logs and not catalogue:
        raise no_logs(folder, None)
    held = (known or Known()).contents
    old = held.filter(held.str.starts_with(schema.TRACK_PREFIX)).str.strip_prefix(schema.TRACK_PREFIX)
    reports: list[FileReport] = []
    with quarantines.opened(home, dry=bool(options and options.dry)) as (quarantine, path):
        tracks = None
        if catalogue:
            reports.append(FileReport(catalogue.name))
            tracks = read_tracks(catalogue, reports[-1], quarantine, progress)
        numbers = set(tracks["track"].to_list()) if tracks is not None else set()
        numbers |= {int(id_) for id_ in old.to_list() if id_.isascii() and id_.isdigit() and str(int(id_)) == id_}
        known_tracks = numbers if numbers or catalogue else None
        frames = []
        for log in logs:
            reports.append(FileReport(log.relative_to(folder).as_posix()))
            frames.append(read_plays(log, known_tracks, reports[-1], quarantine, progress))
        plays = sessions_of(each_once(frames, reports[-len(frames) :]))
        if catalogue is None:
            tracks = pl.DataFrame({"track": sorted(set(plays["track"].to_list()))}, schema={"track": pl.Int64})
    assert tracks is not None
    tables = tables_of(tracks, plays)
    return tables, ImportReport(
        files=reports,
        quarantine=path if path.is_file() else None,
        ignored=sorted(
            {file.relative_to(folder).as_posix() for file in _files(folder)} - {report.file for report in reports}
        ),
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


def read_tracks(
    path: Path, report: FileReport | None = None, quarantine: Quarantine | None = None, progress: Progress | None = None
) -> pl.DataFrame:
    """The catalogue: track (Int64, each once), artist, title, genre (lists of texts) and pop, null where unknown."""
    rows: dict[int, tuple[Any, ...]] = {}

    def track(line: dict[str, Any], note: Note) -> bool:
        number = _whole(line, "track")
        if number in rows:
            raise ValueError(f"the track {number} stands here already")
        given = line.get("genre")
        genres = given if isinstance(given, list) else [given]
        names = [name.strip() for name in genres if isinstance(name, str) and name.strip()]
        if len(names) < len([one for one in genres if one is not None and one != ""]):
            note("genre is no text")
        pop = _number(line, "pop", note)
        rows[number] = number, _text(line, "artist", note), _text(line, "title", note), names, pop
        return True

    types = {
        "track": pl.Int64(),
        "artist": pl.String(),
        "title": pl.String(),
        "genre": pl.List(pl.String()),
        "pop": pl.Float64(),
    }
    _take(path, _TRACK, track, report, quarantine, progress)
    return pl.DataFrame([*rows.values()], schema=types, orient="row")


def read_plays(
    path: Path,
    tracks: set[int] | None = None,
    report: FileReport | None = None,
    quarantine: Quarantine | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """The lines of one log, in its order; the columns are `PLAYS`.

    A track that is not among ``tracks`` is dangling; None takes all. Dangling and bad lines of which user, time and
    message can be read are among the rows, with a null share.
    """
    rows: list[tuple[Any, ...]] = []

    def play(line: dict[str, Any], note: Note) -> bool:
        message, at, user = _said(line)
        share, number = line.get("time"), _whole(line, "track")
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0.0 <= share <= 1.0:
            raise ValueError("time is no share between 0 and 1")
        chosen = None if line.get("recommendation") is None else _whole(line, "recommendation")
        propensity = line.get("propensity")
        is_number = isinstance(propensity, int | float) and not isinstance(propensity, bool)
        if propensity is not None and not (is_number and 0.0 < propensity <= 1.0 and np.float32(propensity) > 0.0):
            raise ValueError("propensity is no probability")
        experiments = line.get("experiments") or {}
        if not isinstance(experiments, dict):
            raise ValueError("experiments is no object of names and treatments")
        known = tracks is None or number in tracks
        latency = _number(line, "latency", note) if known else None
        heard = float(share) if known else None
        rows.append((message, at, user, number, heard, latency, chosen, arm_of(experiments), propensity))
        return known

    def broken(line: dict[str, Any]) -> None:
        with suppress(ValueError):
            rows.append((*_said(line), *(None,) * 6))

    _take(path, _PLAY, play, report, quarantine, progress, broken)
    return pl.DataFrame(rows, schema=PLAYS, orient="row")


def _said(line: dict[str, Any]) -> tuple[str, int, int]:
    """Message, time and user of a line: what its place among the others rests on."""
    message = line.get("message")
    if message not in ("next", "last"):
        raise ValueError("message is neither next nor last")
    at = _whole(line, "timestamp")
    if at > _LAST:
        raise ValueError("timestamp is no time in milliseconds since 1970")
    return message, at, _whole(line, "user")


def arm_of(experiments: dict[str, Any]) -> str | None:
    """Experiments and treatments as one text, ``STICKY_ARTIST:T1``, several with a semicolon between; None for none."""
    return ";".join(f"{name}:{treatment}" for name, treatment in sorted(experiments.items())) or None


def _take(
    path: Path,
    fields: Collection[str],
    take: Callable[[dict[str, Any], Note], bool],
    report: FileReport | None,
    quarantine: Quarantine | None,
    progress: Progress | None,
    broken: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Give each line to ``take``, which raises ValueError for a bad one and says whether its track is known.

    A bad line that is an object goes to ``broken``. The report tells which ``fields`` were there, and which others.
    """
    report = report or FileReport(path.name)
    bad: list[tuple[int, str, str]] = []
    noted: list[tuple[int, str, str]] = []
    first: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for number, text in _lines(path, progress):
        report.read += 1
        line, notes = None, list[str]()
        try:
            line = json.loads(text)
            if not isinstance(line, dict):
                raise ValueError("no JSON object")
            if b"\\ud" in text.lower():
                json.dumps(line, ensure_ascii=False).encode()  # half a character, as \ud800 alone, is a ValueError
            if report.read <= _LOOKED_AT:
                names |= dict.fromkeys(line)
                first += [line] if len(first) < _EXAMPLES else []
            known = take(line, notes.append)
        except (ValueError, RecursionError) as error:
            report.quarantined += 1
            bad.append((number, str(error), text.decode("utf-8", "replace")))
            if broken and isinstance(line, dict):
                broken(line)
            continue
        if not known:
            report.dangling += 1
            bad.append((number, "no such track", text.decode("utf-8", "replace")))
        else:
            report.loaded += 1
            noted += [(number, f"{why}: loaded without it", text.decode("utf-8", "replace")) for why in notes]
    report.noted += len(noted)
    report.columns = [Column(name, name if name in fields else None) for name in names]
    report.preview = [[shown(line.get(name)) for name in names] for line in first]
    if quarantine:
        for rows, loaded in ((bad, False), (noted, True)):
            frame = pl.DataFrame(rows, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row")
            quarantine.add(report, frame, loaded=loaded)


def _lines(path: Path, progress: Progress | None) -> Iterator[tuple[int, bytes]]:
    for chunk in line_chunks(path, _CHUNK, progress):
        for place, text in enumerate(chunk.data.split(b"\n")):
            if text.strip():
                yield chunk.first + place, text


def _whole(line: dict[str, Any], name: str) -> int:
    value = line.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"{name} is no whole number from 0 on")
    return value


def _number(line: dict[str, Any], name: str, note: Note) -> float | None:
    """The number; None for anything else, which is noted."""
    value = line.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return float(value)
    if value is not None:
        note(f"{name} is no number")
    return None


def _text(line: dict[str, Any], name: str, note: Note) -> str | None:
    """The text, or a number (an artist 311, a title 1999) as text; None for a blank one, and for anything else."""
    value = line.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        note(f"{name} is no text")
    return value.strip() or None if isinstance(value, str) else None


def _files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders in it."""
    return sorted(path for path in [*folder.iterdir(), *folder.glob("*/*")] if path.is_file())


def _is_text(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _SUFFIXES


def _is_log(path: Path, strict: bool) -> bool | None:
    """Whether any of the first `_SEARCHED` lines is a play, of which one field may be missing.

    None when no line is a JSON object, so that nothing can be told.
    """
    found = None
    try:
        for _, text in islice(_lines(path, None), _SEARCHED):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                found = False
                if sum(name in line for name in _NEEDED) >= len(_NEEDED) - 1:
                    return True
    except InputError:
        if strict:
            raise
    return found
