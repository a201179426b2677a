"""How long short videos were watched, as KuaiRec and KuaiRand publish it, as checked tables.

**KuaiRec**: ``big_matrix.csv`` (user_id, video_id, play_duration, video_duration, date, timestamp, watch_ratio; the
durations in ms), ``small_matrix.csv`` (the same; it only ever judges), ``item_categories.csv`` (video_id, feat: a list
of numbers), ``kuairec_caption_category.csv`` (video_id, caption), ``social_network.csv`` (user_id, friend_list).
**KuaiRand**: logs as separated text with user_id, video_id, time_ms, play_time_ms, duration_ms, is_like, is_comment and
is_forward. Each may end in ``.gz`` or ``.zst``.

A video becomes a keak. Each row of ``big_matrix`` or a log is one `WATCH_RATIO`, its ratio unclipped, and folds into
`WATCHED` with a progress of at most 1. Rows of ``small_matrix`` become `HELD_OUT`, which no model learns from.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.records import records
from graph.files.tables import Known, Tables
from graph.files.text import PACKED, Progress
from graph.files.token_lists import unpacked
from graph.load import watch

__all__ = [
    "DAILY",
    "ROWS",
    "holds_watch_ratios",
    "named_file",
    "read_friends",
    "read_matrix",
    "read_watch_ratios",
    "watch_files",
]

ROWS: Final[dict[str, pl.DataType]] = {
    "user": pl.Int64(),
    "video": pl.Int64(),
    "at": pl.Int64(),
    "ratio": pl.Float32(),
    "seconds": pl.Float32(),
    "liked": pl.Boolean(),
    "commented": pl.Boolean(),
    "shared": pl.Boolean(),
}
"""Columns of `read_matrix`: at in ms and ratio null where unknown; seconds of the video, null where it has none."""
DAILY: Final = "item_daily_features"
"""KuaiRec's counts of each video and day. It is not imported: `evaluation.daily_features` reads it."""
_BIG: Final = "big_matrix"
_SMALL: Final = "small_matrix"
_CATEGORIES: Final = "item_categories"
_CAPTIONS: Final = "kuairec_caption_category"
_FRIENDS: Final = "social_network"
_BESIDE: Final = {
    _CATEGORIES: ("video_id", "feat"),
    _CAPTIONS: ("video_id", "caption"),
    _FRIENDS: ("user_id", "friend_list"),
}
_REC: Final = ("user_id", "video_id", "play_duration", "video_duration", "date", "timestamp", "watch_ratio")
_RAND: Final = ("user_id", "video_id", "time_ms", "play_time_ms", "duration_ms")
_FLAGS: Final = {"liked": ("is_like", "label"), "commented": ("is_comment",), "shared": ("is_forward",)}
_HEAD: Final = 1 << 16
_SINCE: Final = 631_152_000_000
"""1990-01-01 in ms: a time before it is unknown."""
_OFF: Final = 0.01
"""Share by which a ratio may differ from play time over duration."""


def holds_watch_ratios(folder: Path) -> bool:
    """Whether the folder has KuaiRec's matrix or a log of KuaiRand."""
    return folder.is_dir() and bool(watch_files(folder))


def read_watch_ratios(
    folder: Path,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """Read and check every file; rows that cannot be loaded go to a file under ``home``.

    ``known`` is not asked: the rows say which people and videos there are. Raises InputError when no file holds
    watches, or when one cannot be read to its end.
    """
    files = watch_files(folder) if folder.is_dir() else []
    if not files:
        raise InputError(
            f"{folder} holds no watch ratios.",
            do=f"Expected KuaiRec's {_BIG}.csv, or KuaiRand's logs with the columns {', '.join(_RAND)}.",
        )
    reports: list[FileReport] = []
    read: dict[Path, pl.DataFrame] = {}
    with quarantines.opened(home, dry=bool(options and options.dry)) as (quarantine, path):
        for done, file in enumerate(files):
            if progress:
                progress(done / len(files), f"reading {file.name}")
            reports.append(FileReport(file.name))
            read[file] = read_matrix(file, reports[-1], quarantine)
        beside = {
            name: _beside(found, columns, reports)
            for name, columns in _BESIDE.items()
            if (found := named_file(folder, name))
        }
    trained = pl.concat([rows for file, rows in read.items() if _stem(file) != _SMALL])
    judged = pl.concat([pl.DataFrame(schema=ROWS), *(rows for file, rows in read.items() if _stem(file) == _SMALL)])
    tables = _tables(trained, judged, beside)
    ours = {report.file for report in reports}
    return tables, ImportReport(
        files=reports,
        quarantine=path if path.is_file() else None,
        ignored=sorted(file.name for file in folder.iterdir() if file.is_file() and file.name not in ours),
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


def read_matrix(file: Path, report: FileReport | None = None, quarantine: Quarantine | None = None) -> pl.DataFrame:
    """The rows of one matrix or log that are whole, in their order; the columns are `ROWS`.

    Refused: ids that are no whole numbers from 0 on, durations below 0, a watch_ratio that is not play_duration over
    video_duration, a date that is none. Rows without a time are loaded and counted as such; so are rows of videos
    without a duration, which have no ratio.
    """
    report = report or FileReport(file.name)
    header, separator = _header(file)
    rec = "watch_ratio" in header
    flags = {name: next((c for c in columns if c in header), None) for name, columns in _FLAGS.items()}
    wanted = [*(_REC if rec else _RAND), *(column for column in flags.values() if column)]
    if missing := [name for name in wanted if name not in header]:
        raise InputError(f"{file} lacks the columns {', '.join(missing)}.", do="Fetch the file again.")
    whole = {name: pl.Int64() for name in ("user_id", "video_id")}
    try:
        rows = pl.read_csv(
            file,
            separator=separator,
            columns=wanted,
            schema_overrides={**dict.fromkeys(wanted, pl.Float64()), **whole},
            ignore_errors=True,
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again.") from error
    played, duration = (pl.col(name) for name in (_REC[2:4] if rec else _RAND[3:5]))
    ratio = pl.when(duration > 0).then(pl.col("watch_ratio") if rec else played / duration)
    checks = {
        "user_id is no whole number from 0 on": pl.col("user_id") >= 0,
        "video_id is no whole number from 0 on": pl.col("video_id") >= 0,
        "the play time is no number from 0 on": played >= 0,
        "the duration is no number from 0 on": duration >= 0,
    }
    if rec:
        day = pl.col("date").cast(pl.Int64).cast(pl.String).str.to_date("%Y%m%d", strict=False)
        near = (ratio * duration - played).abs() <= _OFF * pl.max_horizontal(played, duration)
        checks["watch_ratio is not play_duration over video_duration"] = ratio.is_null() | near
        checks["date is no day as YYYYMMDD"] = pl.col("date").is_null() | day.is_not_null()
    at = (1000.0 * pl.col("timestamp") if rec else pl.col("time_ms")).round().cast(pl.Int64)
    rows = rows.with_columns(
        at.alias("at"),
        pl.coalesce(
            pl.when(~good.fill_null(value=False)).then(pl.lit(reason)) for reason, good in checks.items()
        ).alias("reason"),
    )
    report.columns = [Column(name, name if name in wanted else None) for name in header]
    report.preview = _first_rows(file, separator)
    report.read = rows.height
    bad = rows["reason"].is_not_null()
    report.quarantined = int(bad.sum())
    if report.quarantined and quarantine:
        quarantine.add(report, _raw(file, np.flatnonzero(bad.to_numpy()), rows["reason"].drop_nulls()))
    seconds = duration / 1000.0
    rows = rows.filter(~bad).select(
        pl.col("user_id").alias("user"),
        pl.col("video_id").alias("video"),
        pl.when(pl.col("at") >= _SINCE).then("at").alias("at"),
        ratio.cast(pl.Float32).alias("ratio"),
        pl.when(seconds > 0).then(seconds).cast(pl.Float32).alias("seconds"),
        *(
            (pl.lit(None, pl.Boolean) if column is None else pl.col(column) > 0).alias(name)
            for name, column in flags.items()
        ),
    )
    report.loaded = rows.height
    report.untimed = rows["at"].null_count()
    if unknown := rows["ratio"].null_count():
        report.noted += unknown
        report.reasons["the video has no duration: loaded without a ratio"] += unknown
    return rows


def _tables(trained: pl.DataFrame, judged: pl.DataFrame, beside: dict[str, pl.DataFrame]) -> Tables:
    people = pl.concat([trained["user"], judged["user"]]).unique()
    if _FRIENDS in beside:
        people = pl.concat([people, *(beside[_FRIENDS][name] for name in beside[_FRIENDS].columns)]).unique()
    videos = pl.concat([trained["video"], judged["video"]]).unique()
    user, users = _placed(people, "")
    content, contents = _placed(videos, schema.KEAK_PREFIX)
    seconds = pl.concat([trained, judged]).group_by("video").agg(pl.col("seconds").max().cast(pl.Float64))
    nodes = pl.DataFrame({"video": videos, "place": content(videos)}).join(seconds, on="video", how="left")
    if _CAPTIONS in beside:
        nodes = nodes.join(beside[_CAPTIONS].unique("video", keep="first"), on="video", how="left")
    captions = ["caption"] if _CAPTIONS in beside else []
    nodes = nodes.sort("place").select(
        pl.Series("contentId", contents),
        pl.lit("keak").alias("kind"),
        pl.col("video").cast(pl.String).alias(schema.KEAK_ID),
        pl.col("seconds").alias("duration"),
        *(pl.col(name).alias(schema.TITLE) for name in captions),
    )
    rows = trained.select(
        "at",
        pl.col("ratio").clip(0.0, 1.0).alias("progress"),
        *("liked", "commented", "shared"),
    )
    ends = user(trained["user"]), content(trained["video"])
    edges, repeated = {}, pl.DataFrame(schema=watch.REPEATED)
    edges[schema.WATCHED], repeated = watch.watched(*ends, rows)
    edges[schema.WATCH_RATIO] = _ratios(trained, *ends)
    edges[schema.HELD_OUT] = _ratios(judged, user(judged["user"]), content(judged["video"]))
    ids = {schema.USER: users, schema.CONTENT: contents}
    labels = {schema.USER: pl.DataFrame({"userId": users}), schema.CONTENT: nodes}
    if _FRIENDS in beside:
        friends = beside[_FRIENDS]
        pairs = watch.pairs(user(friends["user"]), user(friends["friend"]))
        edges[schema.FOLLOWS] = pairs.with_columns(pl.lit(None, pl.Int64).alias("since"))
    if _CATEGORIES in beside:
        categories = beside[_CATEGORIES].filter(pl.col("video").is_in(videos.implode()))
        genre, genres = _placed(categories["category"].unique(), "")
        ids[schema.GENRE] = genres
        labels[schema.GENRE] = pl.DataFrame({"genreId": genres, "name": genres})
        edges[schema.HAS_GENRE] = watch.pairs(content(categories["video"]), genre(categories["category"]))
    return Tables(ids, labels, edges, repeated)


def _ratios(rows: pl.DataFrame, source: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> pl.DataFrame:
    """One edge a row that has a ratio; ``row`` tells the rows of one pair apart."""
    frame = pl.DataFrame({"source": source, "target": target, "ratio": rows["ratio"], "at": rows["at"]})
    numbered = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int32))
    return numbered.drop_nulls("ratio").select("source", "target", "row", "ratio", "at").sort("source", "target")


def _placed(numbers: pl.Series, prefix: str) -> tuple[Any, pl.Series]:
    """The place of given numbers among the sorted ids that are made of them, and these ids."""
    known = pl.DataFrame({"number": numbers.cast(pl.Int64)})
    known = known.with_columns((prefix + pl.col("number").cast(pl.String)).alias("id")).sort("id")
    sorted_numbers = known["number"].to_numpy()
    table = np.full(int(sorted_numbers.max(initial=0)) + 1, -1, dtype=np.int32)
    table[sorted_numbers] = np.arange(known.height, dtype=np.int32)
    return (lambda wanted: table[wanted.to_numpy()]), known["id"]


def _beside(file: Path, columns: tuple[str, str], reports: list[FileReport]) -> pl.DataFrame:
    """A file about videos or people as pairs: video, category or caption; user, friend. Lists stand as ``[1, 2]``."""
    report = FileReport(file.name)
    reports.append(report)
    try:
        rows = pl.read_csv(io.BytesIO(unpacked(file)), columns=list(columns), infer_schema_length=0)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do=f"Its columns are {', '.join(columns)}.") from error
    header, separator = _header(file)
    report.columns = [Column(name, name if name in columns else None) for name in header]
    report.preview = _first_rows(file, separator)
    own = columns[0].removesuffix("_id")
    rows = rows.select(pl.col(columns[0]).cast(pl.Int64, strict=False).alias(own), pl.col(columns[1]).alias("said"))
    report.read = rows.height
    rows = rows.drop_nulls(own)
    if columns[1] == "caption":
        report.loaded = rows.height
        report.quarantined = report.read - report.loaded
        return rows.rename({"said": "caption"})
    numbers = rows.with_columns(pl.col("said").str.extract_all(r"\d+").cast(pl.List(pl.Int64)))
    whole = pl.col("said").str.contains(r"^\s*\[[\d,\s]*\]\s*$")
    good = rows.select(whole.fill_null(value=False)).to_series()
    report.loaded = int(good.sum())
    report.quarantined = report.read - report.loaded
    name = "friend" if own == "user" else "category"
    return numbers.filter(good).explode("said").drop_nulls("said").rename({"said": name})


def read_friends(folder: Path) -> pl.DataFrame | None:
    """The pairs of ``social_network.csv`` as user and friend; None where there is no such file."""
    file = named_file(folder, _FRIENDS)
    return _beside(file, _BESIDE[_FRIENDS], []) if file else None


def watch_files(folder: Path) -> list[Path]:
    """KuaiRec's two matrices, else the logs of KuaiRand."""
    big = named_file(folder, _BIG)
    if big:
        return [big, *(file for file in [named_file(folder, _SMALL)] if file)]
    texts = sorted(file for file in folder.iterdir() if file.is_file() and _plain(file).suffix in (".csv", ".tsv"))
    return [file for file in texts if set(_RAND) <= set(_header(file)[0])]


def named_file(folder: Path, stem: str) -> Path | None:
    """The file ``stem``.csv of the folder, packed or not. Raises InputError where it is there twice."""
    found = sorted(file for file in folder.iterdir() if file.is_file() and _plain(file).name == f"{stem}.csv")
    if len(found) > 1:
        raise InputError(f"{folder} holds {stem}.csv twice.", do="Move one of them away.")
    return found[0] if found else None


def _plain(file: Path) -> Path:
    return Path(file.stem) if file.suffix.lower() in PACKED else Path(file.name)


def _stem(file: Path) -> str:
    return _plain(file).stem


def _header(file: Path) -> tuple[list[str], str]:
    """The names in the first line, and what separates them; no names where the file is no text."""
    try:
        line = unpacked(file, _HEAD).split(b"\n", 1)[0].decode().strip()
    except (OSError, UnicodeDecodeError):
        return [], ","
    separator = "\t" if "\t" in line else ","
    return [name.strip().strip('"') for name in line.split(separator)], separator


def _first_rows(file: Path, separator: str) -> list[list[str]]:
    """The first three rows after the header, for the preview."""
    text = unpacked(file, _HEAD).decode("utf-8", "replace")
    found, _ = records(text, separator, final=len(text) < _HEAD)
    return [row for _, _, row in found[1:4] if row]


def _raw(file: Path, places: np.ndarray[Any, Any], reasons: pl.Series) -> pl.DataFrame:
    """Lines of rows by their place, with their reasons, for the quarantine."""
    lines = unpacked(file).split(b"\n")
    raws = [lines[place + 1].decode("utf-8", "replace").strip() for place in places.tolist()]
    return pl.DataFrame({"line": places + 2, "reason": reasons, "raw": raws}, schema_overrides={"line": pl.Int64})
