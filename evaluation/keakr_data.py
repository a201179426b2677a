"""Audience lines in the order of time, people and contents: the data of the suite ``keakr``, and its naive vectors.

A vector says what is known of a person or a content at a moment, either by the counters of the export, which include
what came later, or by counting follows and watches before the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from evaluation.earlier_events import Events, summed
from graph import schema
from graph.errors import InputError
from graph.files.quarantine import FileReport
from graph.files.tables import read_lines
from graph.files.watch_ratios import watch_files
from graph.files.watch_rows import is_kuairec, read_matrix
from graph.settings import Engagement
from graph.snapshot import Snapshot
from graph.snapshot.engagement import engagement
from recommenders.core.holdout import cut_in_order
from recommenders.core.top_k import Floats, Ints, highest_of_rows

__all__ = ["CONTENT", "USER", "Counters", "Lines", "Network", "Parts", "read"]

Counters = Literal["as exported", "as of the moment"]
Matrix = npt.NDArray[np.float64]

USER: Final = (
    "createdAt",
    "lastConnection",
    "friendCount",
    "listenedGenres",
    "likeCount",
    "likeGivenCount",
    "mutualFollowCount",
    "sessionCount",
    "viewCount",
    "shareCount",
    "isBeatmaker",
    "isSinger",
)
"""The notebook's twelve numbers of a person; the first two as days from or to the moment."""
CONTENT: Final = (
    "createdAt",
    "likeCount",
    "commentCount",
    "viewCount",
    "averageViewProgress",
    "duration",
    "hashtags",
    "hasSmallThumbnail",
    "beat",
)
_DAY: Final = 86_400_000
_ALWAYS: Final = np.iinfo(np.int64).max // 4
_NEVER: Final = -1
_LEAST: Final = 100
_CO_WATCHED: Final = 2
_NEAREST: Final = 20


@dataclass(frozen=True)
class Lines:
    """Audience lines, shape (n,) each."""

    user: Ints
    content: Ints
    at: Ints
    """ms since 1970."""
    progress: Floats
    liked: Floats
    commented: Floats
    shared: Floats

    def __len__(self) -> int:
        return len(self.user)

    def keep(self, rows: npt.NDArray[np.bool_] | Ints | slice) -> Lines:
        """These rows."""
        return Lines(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def label(self, weights: Engagement) -> Floats:
        """The weighted sum of what was done, 0 to 1."""
        return np.asarray(sum(weight * getattr(self, name) for name, weight in weights.model_dump().items()))


@dataclass(frozen=True)
class Parts:
    """The lines split in time."""

    train: Lines
    validation: Lines
    test: Lines


@dataclass(frozen=True)
class Network:
    """People, contents, lines in the order of time, and follows."""

    name: str
    users: int
    contents: int
    lines: Lines
    left_out: int
    """Lines that were refused, without a time, without any part of the label, or of a video without a length."""
    follower: Ints
    followed: Ints
    since: Ints
    """ms, -1 where unknown: such a follow was always there."""
    maker: Ints
    """Of each content, -1 where unknown."""
    statics: Mapping[str, Mapping[str, Matrix]]
    """Label → name of `USER` or `CONTENT` → what the files say (nodes,), NaN where unknown; times in ms."""
    drawn_from: int = 0
    """People of the whole where this is a part of it (`evaluation.keakr_sample`), else 0."""

    @cached_property
    def parts(self) -> Parts:
        """80 % of the lines train, 10 % choose and calibrate, 10 % are held out."""
        return Parts(*(self.lines.keep(part) for part in cut_in_order(len(self.lines))))

    def user_vectors(self, users: Ints, at: Ints, counters: Counters) -> Matrix:
        """`USER` of each of ``users`` at the moments ``at``, (n, 12); NaN where unknown."""
        said, lines = self.statics[schema.USER], self.lines
        until = at if counters == "as of the moment" else np.full(len(at), _ALWAYS)
        columns = {
            "createdAt": (at - said["createdAt"][users]) / _DAY,
            "lastConnection": (at - self._last(users, until)) / _DAY,
            "friendCount": self._count("follower", users, until),
            "listenedGenres": said["listenedGenres"][users],
            "likeCount": self._count("received", users, until, lines.liked),
            "likeGivenCount": self._count("user", users, until, lines.liked),
            "mutualFollowCount": self._count("mutual", users, until),
            "sessionCount": self._count("user", users, until, self._new_day),
            "viewCount": self._count("received", users, until),
            "shareCount": self._count("user", users, until, lines.shared),
            "isBeatmaker": said["isBeatmaker"][users],
            "isSinger": said["isSinger"][users],
        }
        if counters == "as of the moment":
            columns["listenedGenres"] = np.full(len(users), np.nan)  # it sums up everything until the export
        else:
            columns["lastConnection"] = (at - _or(said["lastConnection"], self._last_of_all)[users]) / _DAY
            for name in USER[2:10]:
                columns[name] = np.where(np.isfinite(said[name][users]), said[name][users], columns[name])
        return np.stack([np.asarray(columns[name], dtype=np.float64) for name in USER], axis=1)

    def content_vectors(self, contents: Ints, at: Ints, counters: Counters) -> Matrix:
        """`CONTENT` of each of ``contents`` at the moments ``at``, (n, 9); NaN where unknown."""
        said, lines = self.statics[schema.CONTENT], self.lines
        until = at if counters == "as of the moment" else np.full(len(at), _ALWAYS)
        views = self._count("content", contents, until)
        progress = self._count("content", contents, until, lines.progress)
        columns = {
            "createdAt": (at - said["createdAt"][contents]) / _DAY,
            "likeCount": self._count("content", contents, until, lines.liked),
            "commentCount": self._count("content", contents, until, lines.commented),
            "viewCount": views,
            "averageViewProgress": np.divide(progress, views, out=np.full(len(views), np.nan), where=views > 0),
            **{name: said[name][contents] for name in CONTENT[5:]},
        }
        if counters == "as exported":
            for name in CONTENT[1:5]:
                columns[name] = np.where(np.isfinite(said[name][contents]), said[name][contents], columns[name])
        return np.stack([np.asarray(columns[name], dtype=np.float64) for name in CONTENT], axis=1)

    def social(self, before: int) -> sp.csr_array:
        """People × people, 1 where one followed the other before a cut-off; of a network without follows `together`."""
        if not len(self.follower):
            return self.together(before)
        kept = self.since < before
        ends = self.follower[kept], self.followed[kept]
        matrix = sp.csr_array((np.ones(len(ends[0]), dtype=np.float32), ends), shape=(self.users, self.users))
        return _ones(matrix + matrix.T)

    def together(self, before: int) -> sp.csr_array:
        """People × people: the twenty with whom somebody has most contents in common, two or more, before a cut-off."""
        kept = self.lines.at < before
        ends = self.lines.user[kept], self.lines.content[kept]
        watched = _ones(sp.csr_array((np.ones(len(ends[0]), dtype=np.float32), ends), (self.users, self.contents)))
        common = sp.csr_array(watched @ watched.T)
        common = sp.csr_array(common - sp.diags_array(common.diagonal()))
        common.data[common.data < _CO_WATCHED] = 0.0
        common.sort_indices()  # of equal numbers that of the lower person is kept
        near = highest_of_rows(common, _NEAREST)
        return _ones(near + near.T)

    def snapshot(self, lines: Lines) -> Snapshot:
        """Of these lines and the follows before the end of them, for models that learn from a graph."""
        frame = pl.DataFrame(
            {"source": lines.user, "target": lines.content, "at": lines.at, "progress": lines.progress}
            | {name: getattr(lines, name) > 0 for name in ("liked", "commented", "shared")}
        )
        flags = ("progress", "liked", "commented", "shared")
        pairs = frame.group_by("source", "target", maintain_order=True).agg(
            *(pl.col(name).max() for name in flags), pl.col("at").max().alias("lastAt")
        )
        label = engagement(pairs, Engagement(), implicit=False)
        known = self.since < int(lines.at.max(initial=0)) + 1
        prefix = "keaks/"
        made = np.flatnonzero(self.maker >= 0)
        return Snapshot.build(
            {
                schema.USER: pl.DataFrame({"userId": [str(one) for one in range(self.users)]}),
                schema.CONTENT: pl.DataFrame({"contentId": [f"{prefix}{one}" for one in range(self.contents)]}),
            },
            {
                schema.WATCHED: pairs.select("source", "target", "progress", "lastAt").with_columns(label),
                schema.FOLLOWS: pl.DataFrame({"source": self.follower[known], "target": self.followed[known]}),
                schema.MADE: pl.DataFrame({"source": self.maker[made], "target": made}),
            },
        )

    def _count(self, what: str, keys: Ints, before: Ints, values: Floats | None = None) -> Matrix:
        """Sum of ``values`` (1 each without) over the events of ``keys`` that are earlier than ``before``."""
        event_keys, at = self._events[what]
        weights = np.ones(len(at)) if values is None or what in ("follower", "mutual") else values.astype(np.float64)
        return summed(event_keys, at, weights, keys, before)

    @cached_property
    def _events(self) -> dict[str, tuple[Ints, Ints]]:
        """Kind of event → whose it is, and when."""
        both = self.follower * self.users + self.followed
        order = np.argsort(both)
        back = self.followed * self.users + self.follower
        place = np.minimum(np.searchsorted(both[order], back), max(0, len(both) - 1))
        mutual = both[order][place] == back if len(both) else np.zeros(0, dtype=bool)
        since = np.maximum(self.since, self.since[order][place])[mutual] if len(both) else self.since
        return {
            "user": (self.lines.user, self.lines.at),
            "content": (self.lines.content, self.lines.at),
            "received": (self.maker[self.lines.content], self.lines.at),
            "follower": (self.follower, self.since),
            "mutual": (self.follower[mutual] if len(both) else self.follower, since),
        }

    @cached_property
    def _new_day(self) -> Floats:
        """1 for the first line of a person on a day: what stands for a session."""
        days = self.lines.at // _DAY
        _, first = np.unique(self.lines.user * (int(days.max(initial=0)) + 1) + days, return_index=True)
        found = np.zeros(len(self.lines), dtype=np.float32)
        found[first] = 1.0
        return found

    def _last(self, users: Ints, before: Ints) -> Matrix:
        """Time of the last line of each person that is earlier than ``before``, NaN without one."""
        events = Events.of(self.lines.user, self.lines.at)
        start, stop = events.before(users, before)
        at = self.lines.at[events.order[np.maximum(stop - 1, 0)]].astype(np.float64)
        return np.where(stop > start, at, np.nan)

    @cached_property
    def _last_of_all(self) -> Matrix:
        return self._last(np.arange(self.users), np.full(self.users, _ALWAYS))


def read(folder: Path, name: str = "") -> Network:
    """A folder of Keakr files, or of KuaiRand's logs. Raises InputError where it has too few lines with a time.

    KuaiRec is refused: it knows neither likes nor comments nor shares, and its small matrix must never train.
    """
    logs = watch_files(folder) if folder.is_dir() else []
    if rec := [file.name for file in logs if is_kuairec(file)]:
        raise InputError(
            f"{folder} holds KuaiRec ({', '.join(rec)}), which has no likes, comments and shares.",
            do="Judge it with --suite watch-ratio.",
        )
    network = _kuairand(folder) if logs else _keakr(folder)
    if len(network.lines) < _LEAST:
        without = f" and {network.left_out:,} that cannot be used" if network.left_out else ""
        raise InputError(
            f"{folder} holds {len(network.lines)} audience lines with a time{without}.",
            do=f"The suite needs {_LEAST} or more. `entourage import {folder} --dry-run` says what its files hold.",
        )
    return replace(network, name=name) if name else network


def _keakr(folder: Path) -> Network:
    tables, every, refused = read_lines(folder)
    told = [pl.col(name).is_not_null() for name in ("progress", "liked", "commented", "shared")]
    rows = every.filter(pl.any_horizontal(told))
    people, contents = tables.nodes[schema.USER], tables.nodes[schema.CONTENT]
    follows = tables.edges.get(schema.FOLLOWS, pl.DataFrame({"source": [], "target": [], "since": []}))
    maker = np.full(contents.height, -1, dtype=np.int64)
    if schema.MADE in tables.edges:
        made = tables.edges[schema.MADE]
        maker[made["target"].to_numpy()] = made["source"].to_numpy()
    genres = _degrees(tables.edges.get(schema.LISTENS_TO), people.height)
    tags = _degrees(tables.edges.get(schema.TAGGED), contents.height)
    beat = (contents["kind"] == "beat").to_numpy().astype(np.float64)
    likes, views = (
        np.where(beat > 0, _number(contents, beats), _number(contents, keaks))
        for beats, keaks in (("nbLikes", "likeCount"), ("nbKeaks", "viewCount"))
    )
    return Network(
        "Keakr files",
        people.height,
        contents.height,
        _lines(rows),
        refused + every.height - rows.height + rows["at"].null_count(),
        follows["source"].cast(pl.Int64).to_numpy(),
        follows["target"].cast(pl.Int64).to_numpy(),
        follows["since"].cast(pl.Int64).fill_null(_NEVER).to_numpy(),
        maker,
        {
            schema.USER: {name: _number(people, name) for name in USER} | {"listenedGenres": genres},
            schema.CONTENT: {name: _number(contents, name) for name in CONTENT}
            | {"likeCount": likes, "viewCount": views, "hashtags": tags, "beat": beat},
        },
    )


def _kuairand(folder: Path) -> Network:
    reports = {file: FileReport(file.name) for file in watch_files(folder)}
    read_ = pl.concat([read_matrix(file, report) for file, report in reports.items()])
    refused = sum(report.quarantined for report in reports.values())
    rows = read_.drop_nulls(["at", "ratio"])
    users, videos = (rows[name].unique().sort() for name in ("user", "video"))
    length = rows.group_by("video").agg(pl.col("seconds").max()).sort("video")["seconds"].cast(pl.Float64)
    ends = [
        ids.search_sorted(rows[name]).cast(pl.Int32).alias(end)
        for name, end, ids in (("user", "source", users), ("video", "target", videos))
    ]
    rows = rows.with_columns(*ends, pl.col("ratio").clip(0.0, 1.0).alias("progress"))
    unknown = {
        label: {name: np.full(count, np.nan) for name in names}
        for label, count, names in ((schema.USER, len(users), USER), (schema.CONTENT, len(videos), CONTENT))
    }
    unknown[schema.CONTENT]["duration"] = length.fill_null(np.nan).to_numpy()
    nothing = np.empty(0, dtype=np.int64)
    return Network(
        "KuaiRand",
        len(users),
        len(videos),
        _lines(rows),
        read_.height - rows.height + refused,
        nothing,
        nothing,
        nothing,
        np.full(len(videos), -1, dtype=np.int64),
        unknown,
    )


def _lines(rows: pl.DataFrame) -> Lines:
    timed = rows.drop_nulls("at").sort("at", maintain_order=True)
    ends = (timed[name].cast(pl.Int64).to_numpy() for name in ("source", "target", "at"))
    parts = (
        timed[name].cast(pl.Float32).fill_null(0.0).to_numpy() for name in ("progress", "liked", "commented", "shared")
    )
    return Lines(*ends, *parts)


def _number(frame: pl.DataFrame, name: str) -> Matrix:
    if name not in frame.columns or not (frame[name].dtype.is_numeric() or frame[name].dtype == pl.Boolean):
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _degrees(edges: pl.DataFrame | None, count: int) -> Matrix:
    if edges is None:
        return np.full(count, np.nan)
    return np.bincount(edges["source"].to_numpy(), minlength=count).astype(np.float64)


def _or(values: Matrix, other: Matrix) -> Matrix:
    return np.where(np.isfinite(values), values, other)


def _ones(matrix: sp.csr_array) -> sp.csr_array:
    found = sp.csr_array(matrix)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found
