"""How long short videos were watched, as KuaiRec and KuaiRand publish it, as checked tables.

**KuaiRec**: ``big_matrix.csv`` (user_id, video_id, play_duration, video_duration, date, timestamp, watch_ratio; the
durations in ms), ``small_matrix.csv`` (the same; it only ever judges), ``item_categories.csv`` (video_id, feat: a list
of numbers), ``kuairec_caption_category.csv`` (video_id, caption), ``social_network.csv`` (user_id, friend_list),
``user_features.csv`` (`graph.files.user_features`).
**KuaiRand**: logs as separated text with user_id, video_id, time_ms, play_time_ms, duration_ms, is_like, is_comment and
is_forward. Each may end in ``.gz`` or ``.zst``.

A video becomes a keak. Each row of ``big_matrix`` or a log is one `WATCH_RATIO`, its ratio unclipped, and folds into
`WATCHED` with a progress of at most 1. Rows of ``small_matrix`` become `HELD_OUT`, which no model learns from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.odd_lines import check_columns
from graph.files.options import Options
from graph.files.quarantine import Column, FileReport, ImportReport, Quarantine
from graph.files.records import records
from graph.files.tables import Known, Tables
from graph.files.token_lists import unpacked
from graph.files.user_features import USER_FEATURES, read_user_features
from graph.files.watch_rows import BIG, RAND, ROWS, SMALL, first_rows, header_of, plain, read_matrix, stem
from graph.load import watch
from graph.progress import Progress

__all__ = [
    "DAILY",
    "holds_watch_ratios",
    "named_file",
    "read_categories",
    "read_friends",
    "read_people",
    "read_watch_ratios",
    "watch_files",
]

DAILY: Final = "item_daily_features"
"""KuaiRec's counts of each video and day. It is not imported: `graph.files.daily_features` reads it."""
_CATEGORIES: Final = "item_categories"
_CAPTIONS: Final = "kuairec_caption_category"
_FRIENDS: Final = "social_network"
_BESIDE: Final = {
    _CATEGORIES: ("video_id", "feat"),
    _CAPTIONS: ("video_id", "caption"),
    _FRIENDS: ("user_id", "friend_list"),
}
_WHOLE: Final = re.compile(r"\d{1,19}")
_LIST: Final = re.compile(r"\[\s*(\d{1,19}(\s*,\s*\d{1,19})*)?\s*\]")
_LARGEST: Final = 2**63 - 1


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
            do=f"Expected KuaiRec's {BIG}.csv, or KuaiRand's logs with the columns {', '.join(RAND)}.",
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
            name: _beside(found, columns, reports, quarantine)
            for name, columns in _BESIDE.items()
            if (found := named_file(folder, name))
        }
        features = None
        if people := _people(folder):
            reports.append(FileReport(people.name))
            features = read_user_features(people, reports[-1], quarantine)
        trained = pl.concat([rows for file, rows in read.items() if stem(file) != SMALL])
        judged = pl.concat([pl.DataFrame(schema=ROWS), *(rows for file, rows in read.items() if stem(file) == SMALL)])
        if _CAPTIONS in beside:
            beside[_CAPTIONS] = _captions(beside, pl.concat([trained["video"], judged["video"]]), reports, quarantine)
    if not any(report.read for report in reports[: len(files)]):
        names, verb, what = (
            ", ".join(file.name for file in files),
            *(("has", "it") if len(files) == 1 else ("have", "them")),
        )
        raise InputError(f"{names} of {folder} {verb} no rows.", do=f"Fetch {what} again.")
    tables = _tables(trained, judged, beside, features)
    ours = {report.file for report in reports}
    return tables, ImportReport(
        files=reports,
        quarantine=path if path.is_file() else None,
        ignored=sorted(file.name for file in folder.iterdir() if file.is_file() and file.name not in ours),
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


def _tables(
    trained: pl.DataFrame, judged: pl.DataFrame, beside: dict[str, pl.DataFrame], features: pl.DataFrame | None
) -> Tables:
    told = pl.DataFrame(schema={"user": pl.Int64}) if features is None else features
    people = pl.concat([trained["user"], judged["user"], told["user"]]).unique()
    if _FRIENDS in beside:
        people = pl.concat([people, *(beside[_FRIENDS][name] for name in ("user", "friend"))]).unique()
    known = [beside[_CATEGORIES]["video"]] if _CATEGORIES in beside else []
    videos = pl.concat([trained["video"], judged["video"], *known]).unique()
    user, users = _placed(people, "")
    content, contents = _placed(videos, schema.KEAK_PREFIX)
    seconds = pl.concat([trained, judged]).group_by("video").agg(pl.col("seconds").max().cast(pl.Float64))
    nodes = pl.DataFrame({"video": videos, "place": content(videos)}).join(seconds, on="video", how="left")
    if _CAPTIONS in beside:
        nodes = nodes.join(beside[_CAPTIONS], on="video", how="left")
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
    described = pl.DataFrame({"user": people, "place": user(people)}).join(told, on="user", how="left").sort("place")
    described = described.drop("user", "place").insert_column(0, users.alias("userId"))
    labels = {schema.USER: described, schema.CONTENT: nodes}
    if _FRIENDS in beside:
        friends = beside[_FRIENDS]
        pairs = watch.pairs(user(friends["user"]), user(friends["friend"]))
        edges[schema.FOLLOWS] = pairs.with_columns(pl.lit(None, pl.Int64).alias("since"))
    if _CATEGORIES in beside:
        categories = beside[_CATEGORIES]
        genre, genres = _placed(categories["category"].unique(), "")
        ids[schema.GENRE] = genres
        labels[schema.GENRE] = pl.DataFrame({"genreId": genres, "name": genres})
        edges[schema.HAS_GENRE] = watch.pairs(content(categories["video"]), genre(categories["category"]))
    return Tables(ids, labels, edges, repeated)


def _captions(
    beside: dict[str, pl.DataFrame], watched: pl.Series, reports: list[FileReport], quarantine: Quarantine
) -> pl.DataFrame:
    """One caption for each video that a watch or a category names, the first; what becomes of the others is counted."""
    captions = beside[_CAPTIONS]
    (report,) = [one for one in reports if one.file.startswith(_CAPTIONS)]
    videos = pl.concat([watched, *([beside[_CATEGORIES]["video"]] if _CATEGORIES in beside else [])]).unique()
    known = pl.col("video").is_in(videos.implode())
    first = captions.filter(known).unique("video", keep="first")
    lost = captions.filter(~known)
    report.dangling = lost.height
    report.merged = captions.height - lost.height - first.height
    report.loaded -= report.dangling + report.merged
    raw = pl.format("{},{}", "video", "caption").alias("raw")
    quarantine.add(report, lost.select("line", pl.lit("no watch and no category names the video").alias("reason"), raw))
    return first.drop("line")


def _ratios(rows: pl.DataFrame, source: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> pl.DataFrame:
    """One edge a row that has a ratio.

    ``row`` tells the rows of one pair apart. It comes from the time of a row, or from its ratio where it has no time,
    and not from its place in the file: the same row is the same edge in a later import, whatever stands around it.
    """
    frame = pl.DataFrame({"source": source, "target": target, "ratio": rows["ratio"], "at": rows["at"]})
    frame = frame.drop_nulls("ratio")
    bits = frame["ratio"].cast(pl.Float32).to_numpy().view(np.uint32).astype(np.uint64)
    told = np.where(frame["at"].is_null().to_numpy(), bits, frame["at"].fill_null(0).to_numpy().astype(np.uint64))
    frame = frame.with_columns(pl.Series("key", _mixed(told))).sort("source", "target", "key", maintain_order=True)
    row = _increasing(frame["source"].to_numpy(), frame["target"].to_numpy(), frame["key"].to_numpy())
    return frame.select("source", "target", pl.Series("row", row), "ratio", "at")


def _mixed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A number below 2³⁰ for each value: the finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(34), dtype=np.int64)


def _increasing(
    source: np.ndarray[Any, Any], target: np.ndarray[Any, Any], key: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """The keys, ascending within each pair, raised where they would not be different. int32."""
    if not len(key):
        return np.empty(0, dtype=np.int32)
    begins = np.concatenate(([True], (source[1:] != source[:-1]) | (target[1:] != target[:-1])))
    pair = np.cumsum(begins)
    place = np.arange(len(key)) - np.flatnonzero(begins)[pair - 1]
    # key - place must not fall within a pair, and begins anew with each, which the high bits see to
    high = pair << np.int64(32)
    return np.asarray(np.maximum.accumulate(high + key - place) - high + place, dtype=np.int32)


def _placed(numbers: pl.Series, prefix: str) -> tuple[Any, pl.Series]:
    """The place of given numbers among the sorted ids that are made of them, and these ids."""
    known = pl.DataFrame({"number": numbers.cast(pl.Int64)})
    known = known.with_columns((prefix + pl.col("number").cast(pl.String)).alias("id")).sort("id")
    order = np.argsort(known["number"].to_numpy()).astype(np.int32)
    by_number = known["number"].to_numpy()[order]
    return (lambda wanted: order[np.searchsorted(by_number, wanted.to_numpy())]), known["id"]


def _beside(
    file: Path, columns: tuple[str, str], reports: list[FileReport], quarantine: Quarantine | None = None
) -> pl.DataFrame:
    """A file about videos or people as pairs, each with its line: video and category or caption, user and friend.

    Lists stand as ``[1, 2]``. Rows that are not whole are kept aside. Raises InputError for a file without its columns.
    """
    report = FileReport(file.name)
    reports.append(report)
    try:
        text = unpacked(file).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", do="Fetch the file again; it is UTF-8.") from error
    header, separator = header_of(file)
    check_columns(file, header, list(columns))
    report.columns = [Column(name, name if name in columns else None) for name in header]
    report.preview = first_rows(file, separator)
    lines, own = text.split("\n"), columns[0].removesuffix("_id")
    other = {"friend_list": "friend", "feat": "category", "caption": "caption"}[columns[1]]
    places = [header.index(name) for name in columns]
    pairs: list[tuple[int, int | str, int]] = []
    bad: list[tuple[int, str, str]] = []
    for at, taken, fields in records(text, separator, final=True)[0][1:]:
        raw = "\n".join(lines[at : at + taken])
        if not raw.strip():
            continue
        report.read += 1
        try:
            number, said = _pair(fields, places, columns, len(header))
        except ValueError as error:
            bad.append((at + 1, str(error), raw))
            continue
        if own == "user" and number in said:
            report.noted += 1
            report.reasons["follows itself: loaded without it"] += 1
        pairs += [(number, one, at + 1) for one in said if own != "user" or one != number]
    if quarantine:
        schema_ = {"line": pl.Int64, "reason": pl.String, "raw": pl.String}
        quarantine.add(report, pl.DataFrame(bad, schema=schema_, orient="row"))
    report.quarantined = len(bad)
    report.loaded = report.read - report.quarantined
    types = {own: pl.Int64, other: pl.String if other == "caption" else pl.Int64, "line": pl.Int64}
    return pl.DataFrame(pairs, schema=types, orient="row")


def _pair(
    fields: list[str] | None, places: list[int], columns: tuple[str, str], width: int
) -> tuple[int, Sequence[int | str]]:
    """The id of a row, and what its list holds or its caption. Raises ValueError that says what is wrong."""
    if fields is None:
        raise ValueError("a quote is not closed")
    if any(field.strip() for field in fields[width:]):
        raise ValueError("there is more than the header names")
    if len(fields) <= max(places):
        raise ValueError(f"{columns[1]} is missing")
    own, told = (fields[place].strip() for place in places)
    if not _WHOLE.fullmatch(own) or int(own) > _LARGEST:
        raise ValueError(f"{columns[0]} is no whole number from 0 on")
    if columns[1] == "caption":
        return int(own), [told] if told else []
    numbers = [int(one) for one in _WHOLE.findall(told)]
    if not _LIST.fullmatch(told) or max(numbers, default=0) > _LARGEST:
        raise ValueError(f"{columns[1]} is no list of whole numbers, as [1, 2]")
    return int(own), numbers


def read_people(folder: Path) -> pl.DataFrame | None:
    """`read_user_features` of a folder of KuaiRec; None elsewhere, as KuaiRand's do not join with its rows at hand."""
    file = _people(folder)
    return read_user_features(file) if file else None


def _people(folder: Path) -> Path | None:
    return named_file(folder, USER_FEATURES) if named_file(folder, BIG) else None


def read_friends(folder: Path) -> pl.DataFrame | None:
    """The pairs of ``social_network.csv`` as user and friend; None where there is no such file."""
    file = named_file(folder, _FRIENDS)
    return _beside(file, _BESIDE[_FRIENDS], []) if file else None


def read_categories(folder: Path) -> pl.DataFrame | None:
    """The pairs of ``item_categories.csv`` as video and category; None where there is no such file."""
    file = named_file(folder, _CATEGORIES)
    return _beside(file, _BESIDE[_CATEGORIES], []) if file else None


def watch_files(folder: Path) -> list[Path]:
    """KuaiRec's two matrices, else the logs of KuaiRand."""
    big = named_file(folder, BIG)
    if big:
        return [big, *(file for file in [named_file(folder, SMALL)] if file)]
    texts = sorted(file for file in folder.iterdir() if file.is_file() and plain(file).suffix in (".csv", ".tsv"))
    return [file for file in texts if set(RAND) <= set(header_of(file)[0])]


def named_file(folder: Path, stem: str) -> Path | None:
    """The file ``stem``.csv of the folder, packed or not. Raises InputError where it is there twice."""
    found = sorted(file for file in folder.iterdir() if file.is_file() and plain(file).name == f"{stem}.csv")
    if len(found) > 1:
        raise InputError(f"{folder} holds {stem}.csv twice.", do="Move one of them away.")
    return found[0] if found else None
