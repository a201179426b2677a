"""A player's log of what it played, beside its catalogue, as checked tables (`graph.files.tables.Tables`).

A line of the log is one play: ``{"message": "next" | "last", "timestamp": ms, "user": int, "track": int,
"time": 0..1, "latency": s, "recommendation": int | null, "experiments": {name: treatment}, "propensity": 0..1}``.
``time`` is the share of ``track`` that was heard, ``recommendation`` what was chosen to come next, by the arm that
``experiments`` names and with the probability ``propensity``, which may be missing. So a play was chosen by the line
before it of the same session, the first of a session by none. A session ends with the message ``last``. One user's
lines may lie in several files: they are merged by user and time.

``tracks.jsonl`` is the catalogue: ``{"track": int, "artist": text, "title": text}``, and ``genre`` and ``pop`` where
known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator
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
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.tables import Known, Tables
from graph.files.text import PACKED, Progress, line_chunks
from graph.load import watch

__all__ = [
    "arm_of",
    "find_logs",
    "holds_logs",
    "read_play_logs",
    "read_plays",
    "read_tracks",
    "sessions_of",
    "tables_of",
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
"""Lines of a file among which its first JSON object is searched to tell whether it is a log."""

PLAYS: Final[dict[str, pl.DataType]] = {
    "message": pl.String(),
    "at": pl.Int64(),
    "user": pl.Int64(),
    "track": pl.Int64(),
    "share": pl.Float32(),
    "latency": pl.Float64(),
    "recommendation": pl.Int64(),
    "arm": pl.String(),
    "propensity": pl.Float32(),
}
"""Columns of `read_plays`."""


def find_logs(folder: Path, *, strict: bool = False) -> tuple[Path | None, list[Path]]:
    """The catalogue, if there is one, and the logs of ``folder`` and of the folders in it, told by their first object.

    Raises InputError when the folder is not there, and with ``strict`` when a file cannot be unpacked.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", do="Name a folder that holds a player's logs.")
    files = [path for path in _files(folder) if _is_text(path)]
    catalogues = [path for path in files if stem(path) == _CATALOGUE and path.parent == folder]
    if len(catalogues) > 1:
        raise InputError(f"{folder} holds {_CATALOGUE} twice.", do="Move one of them away.")
    return (catalogues[0] if catalogues else None), [path for path in files if _is_log(path, strict)]


def holds_logs(folder: Path) -> bool:
    """Whether any file of the folder is a player's log."""
    return bool(find_logs(folder)[1])


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
        raise InputError(
            f"{folder} holds no play logs.",
            do='Expected lines such as {"message": "next", "timestamp": …, "user": …, "track": …, "time": …}.',
        )
    held = (known or Known()).contents
    old = held.filter(held.str.starts_with(schema.TRACK_PREFIX)).str.strip_prefix(schema.TRACK_PREFIX)
    reports: list[FileReport] = []
    with quarantines.opened(home, dry=bool(options and options.dry)) as (quarantine, path):
        tracks = None
        if catalogue:
            reports.append(FileReport(catalogue.name))
            tracks = read_tracks(catalogue, reports[-1], quarantine, progress)
        numbers = set(tracks["track"].to_list()) if tracks is not None else set()
        numbers |= {int(id_) for id_ in old.to_list() if id_.isdigit()}
        frames = []
        for log in logs:
            reports.append(FileReport(log.relative_to(folder).as_posix()))
            frames.append(read_plays(log, numbers or None, reports[-1], quarantine, progress))
        plays = sessions_of(_each_once(frames, reports[-len(frames) :]))
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
    seen: set[int] = set()

    def track(line: dict[str, Any]) -> tuple[Any, ...]:
        number = _whole(line, "track")
        if number in seen:
            raise ValueError(f"the track {number} stands here already")
        seen.add(number)
        genre = line.get("genre")
        genres = genre if isinstance(genre, list) else [genre]
        pop = line.get("pop")
        if not isinstance(pop, int | float) or isinstance(pop, bool) or not math.isfinite(pop):
            pop = None
        return (
            number,
            _text(line, "artist"),
            _text(line, "title"),
            [name.strip() for name in genres if isinstance(name, str) and name.strip()],
            None if pop is None else float(pop),
        )

    types = {
        "track": pl.Int64(),
        "artist": pl.String(),
        "title": pl.String(),
        "genre": pl.List(pl.String()),
        "pop": pl.Float64(),
    }
    return pl.DataFrame(_rows(path, _TRACK, track, report, quarantine, progress), schema=types, orient="row")


def read_plays(
    path: Path,
    tracks: set[int] | None = None,
    report: FileReport | None = None,
    quarantine: Quarantine | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """The plays of one log, one row a line, in its order; the columns are `PLAYS`.

    A track that is not among ``tracks`` is dangling; None takes all.
    """

    def play(line: dict[str, Any]) -> tuple[Any, ...] | None:
        if line.get("message") not in ("next", "last"):
            raise ValueError("message is neither next nor last")
        share, at, number = line.get("time"), _whole(line, "timestamp"), _whole(line, "track")
        if not isinstance(share, int | float) or isinstance(share, bool) or not 0.0 <= share <= 1.0:
            raise ValueError("time is no share between 0 and 1")
        if at > _LAST:
            raise ValueError("timestamp is no time in milliseconds since 1970")
        chosen = None if line.get("recommendation") is None else _whole(line, "recommendation")
        propensity = line.get("propensity")
        is_number = isinstance(propensity, int | float) and not isinstance(propensity, bool)
        if propensity is not None and not (is_number and np.float32(propensity) > 0.0 and propensity <= 1.0):
            raise ValueError("propensity is no probability")
        experiments = line.get("experiments") or {}
        if not isinstance(experiments, dict):
            raise ValueError("experiments is no object of names and treatments")
        latency = line.get("latency")
        row = line["message"], at, _whole(line, "user"), number, float(share)
        more = float(latency) if isinstance(latency, int | float) else None, chosen, arm_of(experiments), propensity
        return None if tracks is not None and number not in tracks else (*row, *more)

    return pl.DataFrame(_rows(path, _PLAY, play, report, quarantine, progress), schema=PLAYS, orient="row")


def arm_of(experiments: dict[str, Any]) -> str | None:
    """Experiments and treatments as one text, ``STICKY_ARTIST:T1``, several with a semicolon between; None for none."""
    return ";".join(f"{name}:{treatment}" for name, treatment in sorted(experiments.items())) or None


def sessions_of(plays: pl.DataFrame) -> pl.DataFrame:
    """The plays by user and time, those of the same time as they stood, with what the place in a session tells.

    Added columns: session (text, ``user/first time``, with ``/2`` for another that began at the same time), place (from
    0), ended (whether ``last`` was said), chosen_by and chosen_with (arm and propensity of the line before, where that
    chose this track; null for a first play).
    """
    lines = plays.sort("user", "at", maintain_order=True)
    opens = (pl.col("message").shift(1) == "last") | (pl.col("user") != pl.col("user").shift(1))
    lines = lines.with_columns(opens.fill_null(value=True).cum_sum().alias("number"))
    within = pl.col("recommendation").shift(1).over("number") == pl.col("track")
    lines = lines.with_columns(pl.col("at").first().over("number").alias("began"))
    which = (pl.col("number") - pl.col("number").first().over("user", "began") + 1).cast(pl.String)
    again = pl.col("number") > pl.col("number").first().over("user", "began")
    return lines.with_columns(
        (
            pl.col("user").cast(pl.String)
            + "/"
            + pl.col("began").cast(pl.String)
            + pl.when(again).then("/" + which).otherwise(pl.lit(""))
        ).alias("session"),
        pl.int_range(pl.len(), dtype=pl.Int32).over("number").alias("place"),
        (pl.col("message") == "last").any().over("number").alias("ended"),
        pl.when(within).then(pl.col("arm").shift(1).over("number")).alias("chosen_by"),
        pl.when(within).then(pl.col("propensity").shift(1).over("number")).alias("chosen_with"),
    ).drop("number", "began")


def _each_once(frames: list[pl.DataFrame], reports: list[FileReport]) -> pl.DataFrame:
    """All plays; a line that stands twice, in one file or in two, counts once and as merged."""
    if not frames:
        return pl.DataFrame(schema=PLAYS)
    files = [frame.with_columns(pl.lit(file).alias("file")) for file, frame in enumerate(frames)]
    plays = pl.concat(files).unique(subset=[*PLAYS], keep="first", maintain_order=True)
    for file, (frame, report) in enumerate(zip(frames, reports, strict=True)):
        report.merged = frame.height - int((plays["file"] == file).sum())
        report.loaded -= report.merged
    return plays.drop("file")


def tables_of(tracks: pl.DataFrame, plays: pl.DataFrame) -> Tables:
    """A catalogue (`read_tracks`) and plays (`sessions_of`) as nodes and edges."""
    content = (schema.TRACK_PREFIX + pl.col("track").cast(pl.String)).alias("contentId")
    number = pl.col("track").cast(pl.String).alias(schema.TRACK_ID)
    properties = [name for name in (*schema.TRACK_TEXTS, *schema.TRACK_COUNTS) if name in tracks.columns]
    contents = tracks.select(content, pl.lit("track").alias("kind"), number, *properties).sort("contentId")
    users = plays.select(pl.col("user").cast(pl.String).alias("userId")).unique().sort("userId")
    sessions = (
        plays.group_by("session")
        .agg(
            pl.col("arm").drop_nulls().first(),
            pl.col("at").min().alias("startedAt"),
            pl.when(pl.col("ended").any()).then(pl.col("at").max()).alias("endedAt"),
            pl.col("user").first().cast(pl.String),
        )
        .sort("session")
    )
    made = _Ends(contents["contentId"], users["userId"], sessions["session"])
    edges = {schema.OPENED: made.pairs(sessions, "user", "session", made.user, made.session)}
    nodes = {schema.USER: users, schema.CONTENT: contents}
    ids = {schema.USER: made.users, schema.CONTENT: made.contents}
    for label, type_, column in (
        (schema.GENRE, schema.HAS_GENRE, "genre"),
        (schema.ARTIST, schema.PERFORMED_BY, "artist"),
    ):
        if column not in tracks.columns:
            continue
        named = tracks.select(content, pl.col(column).alias("name"))
        named = (named.explode("name") if column == "genre" else named).drop_nulls("name")
        names = named["name"].unique().sort()
        nodes[label] = pl.DataFrame({schema.NODE_KEYS[label]: names, "name": names})
        ids[label] = names
        edges[type_] = made.pairs(named, "contentId", "name", made.content, _places(names))
    nodes[schema.SESSION] = sessions.select(pl.col("session").alias("sessionId"), "arm", "startedAt", "endedAt")
    ids[schema.SESSION] = made.sessions
    told = plays.select("session", content, "place", "share", "at", "user", "chosen_by", "chosen_with")
    ends = made.session(told["session"]), made.content(told["contentId"])
    edges[schema.PLAYED] = pl.DataFrame(
        {
            "source": ends[0],
            "target": ends[1],
            **{name: told[name] for name in ("place", "share", "at")},
            "arm": told["chosen_by"],
            "propensity": told["chosen_with"],
        }
    ).sort("source", "place")
    rows = told.select(
        "at",
        pl.col("share").alias("progress"),
        *(pl.lit(None, pl.Boolean).alias(f) for f in ("liked", "commented", "shared")),
    )
    edges[schema.WATCHED], repeated = watch.watched(made.user(told["user"].cast(pl.String)), ends[1], rows)
    return Tables(ids, nodes, edges, repeated)


class _Ends:
    """The sorted ids of contents, users and sessions, and the place of given ones among them."""

    def __init__(self, contents: pl.Series, users: pl.Series, sessions: pl.Series) -> None:
        self.contents, self.users, self.sessions = contents, users, sessions
        self.content, self.user, self.session = _places(contents), _places(users), _places(sessions)

    @staticmethod
    def pairs(
        rows: pl.DataFrame,
        source: str,
        target: str,
        sources: Callable[[pl.Series], np.ndarray[Any, Any]],
        targets: Callable[[pl.Series], np.ndarray[Any, Any]],
    ) -> pl.DataFrame:
        return watch.pairs(sources(rows[source]), targets(rows[target]))


def _places(ids: pl.Series) -> Callable[[pl.Series], np.ndarray[Any, Any]]:
    return lambda wanted: ids.search_sorted(wanted).to_numpy().astype(np.int32)


def _rows(
    path: Path,
    fields: Collection[str],
    read: Callable[[dict[str, Any]], tuple[Any, ...] | None],
    report: FileReport | None,
    quarantine: Quarantine | None,
    progress: Progress | None,
) -> list[tuple[Any, ...]]:
    """What ``read`` makes of each line; it raises ValueError for a bad one and gives None for a dangling one.

    The report tells which ``fields`` were there, and which others.
    """
    report = report or FileReport(path.name)
    rows: list[tuple[Any, ...]] = []
    bad: list[tuple[int, str, str]] = []
    first: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for number, text in _lines(path, progress):
        report.read += 1
        try:
            line = json.loads(text)
            if not isinstance(line, dict):
                raise ValueError("no JSON object")
            if b"\\ud" in text.lower():
                json.dumps(line, ensure_ascii=False).encode()  # half a character, as \ud800 alone, is a ValueError
            if report.read <= _LOOKED_AT:
                names |= dict.fromkeys(line)
                first += [line] if len(first) < _EXAMPLES else []
            row = read(line)
        except (ValueError, RecursionError) as error:
            report.quarantined += 1
            bad.append((number, str(error), text.decode("utf-8", "replace")))
            continue
        if row is None:
            report.dangling += 1
            bad.append((number, "no such track", text.decode("utf-8", "replace")))
        else:
            rows.append(row)
    report.loaded += len(rows)
    report.columns = [Column(name, name if name in fields else None) for name in names]
    report.preview = [[shown(line.get(name)) for name in names] for line in first]
    if bad and quarantine:
        quarantine.add(
            report,
            pl.DataFrame(bad, schema={"line": pl.Int64, "reason": pl.String, "raw": pl.String}, orient="row"),
        )
    return rows


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


def _text(line: dict[str, Any], name: str) -> str | None:
    """The text, or a number (an artist 311, a title 1999) as text; None for anything else."""
    value = line.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _files(folder: Path) -> list[Path]:
    """The files of a folder and of the folders in it."""
    return sorted(path for path in [*folder.iterdir(), *folder.glob("*/*")] if path.is_file())


def _is_text(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _SUFFIXES


def _is_log(path: Path, strict: bool) -> bool:
    """Whether the first JSON object of the first `_SEARCHED` lines is a play; broken lines are passed over."""
    try:
        for _, text in islice(_lines(path, None), _SEARCHED):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                return all(name in line for name in _NEEDED)
    except InputError:
        if strict:
            raise
    return False
