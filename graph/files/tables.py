"""A folder of Keakr files as checked tables: what both importers load and quarantine does not hold.

Nothing touches the database before all files are read, so an unreadable one leaves nothing half-loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.errors import InputError
from graph.files import quarantine as quarantines
from graph.files.canonical import in_one_spelling
from graph.files.folder import file_name, find, others
from graph.files.ids import Codes, Contents, Ends, IdMap, Named, Users, unfit
from graph.files.node_files import BEATS, KEAKS, USERS, NodeFile
from graph.files.options import Options
from graph.files.quarantine import FileReport, ImportReport, Quarantine
from graph.files.read_edges import read_audiences, read_follows
from graph.files.read_nodes import ID, read_nodes
from graph.files.scale import Census, Found
from graph.identifiers import MAX_BYTES
from graph.load import watch
from graph.progress import Progress

__all__ = ["Known", "Tables", "read_folder", "read_lines", "read_pairs"]

#: List column → label of its elements and the relationship from the node to them.
_LISTS: Final = {
    "genres": (schema.GENRE, schema.HAS_GENRE),
    "moods": (schema.MOOD, schema.HAS_MOOD),
    "hashtags": (schema.HASHTAG, schema.TAGGED),
    "listenedGenres": (schema.GENRE, schema.LISTENS_TO),
    "usedGenres": (schema.GENRE, schema.CREATES_IN),
}
#: File, the column that names another node, and the relationship that it stands for.
_REFERENCES: Final = (
    ("keaks", schema.KEAK_AUTHOR, schema.MADE),
    ("beats", schema.BEAT_MAKER, schema.MADE),
    ("keaks", schema.KEAK_BEAT, schema.USES),
)
_LINES: Final[dict[str, pl.DataType]] = {
    "source": pl.Int32(),
    "target": pl.Int32(),
    "at": pl.Int64(),
    "progress": pl.Float32(),
    **dict.fromkeys(("liked", "commented", "shared"), pl.Boolean()),
}
_KINDS: Final[dict[str, NodeFile]] = {"users": USERS, "keaks": KEAKS, "beats": BEATS}


@dataclass(frozen=True)
class Known:
    """Ids that a live graph holds already: rows may name them too."""

    users: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    contents: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Genre, Mood and Hashtag → id → name."""
    durations: pl.Series | None = None
    """Seconds of each of ``contents``, null where unknown."""


@dataclass(frozen=True)
class Tables:
    """Checked tables. Times are Int64 ms; nulls are unknown."""

    ids: dict[str, pl.Series]
    """Label → every id a relationship may name, sorted. Relationship ends are places in it."""
    nodes: dict[str, pl.DataFrame]
    """Label → the nodes the files define or imply, key column first, sorted by it; Content has ``kind``."""
    edges: dict[str, pl.DataFrame]
    """Type → source, target (Int32 places), properties; each pair once, sorted by source then target."""
    repeated: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=watch.REPEATED))
    """More about those pairs of WATCHED that several rows named (`graph.load.watch.watched`)."""


def read_folder(
    folder: Path,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """Read, check and merge every file of ``folder``; bad rows go to a file under ``home``.

    Nodes that only relationship files name are made when the folder has no file that could define them; otherwise
    such rows are dangling, unless the graph knows them. Raises InputError when a file cannot be read to its end.
    """
    tables, report = _read(find(folder), home, known, progress, options, pairs=False)
    report.ignored = others(folder)
    return tables, report


def read_lines(folder: Path, progress: Progress | None = None) -> tuple[Tables, pl.DataFrame, int]:
    """`read_folder` of Keakr files, and every good row of the audiences file, which `Tables` folds into pairs.

    Also gives how many rows of that file were refused. Raises InputError as `ImportReport.check` does.

    The rows have source and target (places in ``ids``), at (ms), progress (0..1), liked, commented and shared, nulls
    where unknown, in the order of the file; none where there is no such file.
    """
    with quarantines.opened(folder, dry=True) as (quarantine, _):
        reading = _Reading(find(folder), Known(), quarantine, progress, Options(), pairs=False)
        reading.keeps_lines = True
        tables = reading.tables()
    ImportReport(files=reading.reports).check()
    refused = (report.refused for report in reading.reports if Path(report.file).name.startswith("audiences"))
    return tables, reading.lines, sum(refused)


def read_pairs(
    interactions: Path,
    friends: Path | None,
    home: Path,
    known: Known | None = None,
    progress: Progress | None = None,
    options: Options | None = None,
) -> tuple[Tables, ImportReport]:
    """Read plain user,item pairs and user,friend pairs as watches and follows; items become keaks.

    Separated text, JSON or Parquet. Further columns are read where a header names them as in audiences and followers
    files, and are ignored otherwise. Raises InputError where the layout cannot be told.
    """
    files = {"audiences": interactions} | ({"followers": friends} if friends else {})
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path} is not a file.", do="Name a file of user,item (or user,friend) pairs.")
    return _read(files, home, known, progress, options, pairs=True)


def _read(
    files: dict[str, Path],
    home: Path,
    known: Known | None,
    progress: Progress | None,
    options: Options | None,
    *,
    pairs: bool,
) -> tuple[Tables, ImportReport]:
    options = options or Options()
    with quarantines.opened(home, dry=options.dry) as (quarantine, path):
        reading = _Reading(files, known or Known(), quarantine, progress, options, pairs=pairs)
        tables = reading.tables()
    return tables, ImportReport(
        files=reading.reports,
        scales=reading.scales,
        quarantine=path if path.is_file() else None,
        nodes={label: nodes.height for label, nodes in tables.nodes.items() if nodes.height},
        relationships={type_: edges.height for type_, edges in tables.edges.items() if edges.height},
    )


class _Reading:
    """The state while one folder is read."""

    def __init__(
        self,
        files: dict[str, Path],
        known: Known,
        quarantine: Quarantine,
        progress: Progress | None,
        options: Options,
        *,
        pairs: bool,
    ) -> None:
        self._files = files
        self._graph = known
        self._options = options
        self._pairs = pairs
        self._quarantine = quarantine
        self._progress = progress
        self.reports: list[FileReport] = []
        self.scales: list[Found] = []
        self.keeps_lines = False
        """Whether ``lines`` holds the rows of the audiences file at the end; at full size they take 700 MB."""
        self.lines = pl.DataFrame(schema=_LINES)
        self._ids = {name: IdMap(grows=name not in files) for name in _KINDS}
        self._rows: dict[str, pl.DataFrame] = {}
        users, contents = schema.USER_PREFIX + known.users, known.contents
        for name, ids in (("users", users), ("keaks", contents), ("beats", contents)):
            self._ids[name].add(in_one_spelling(ids, _KINDS[name].prefix))
        self._known = {name: len(ids) for name, ids in self._ids.items()}
        self._users = Users(self._ids["users"])
        self._contents = Contents(self._ids["keaks"], self._ids["beats"])
        self._named = {
            label: Named(label, known.names.get(label, {})) for label in (schema.GENRE, schema.MOOD, schema.HASHTAG)
        }
        self._edges: dict[str, list[tuple[Codes, Codes]]] = {type_: [] for type_ in schema.RELATIONSHIPS}

    def tables(self) -> Tables:
        """Read nodes, then relationships, then give every id its place."""
        for name, kind in _KINDS.items():
            if path := self._files.get(name):
                report = self._report(path)
                self._rows[name] = read_nodes(path, kind, report, self._quarantine, self._options, self._progress)
                self._ids[name].add(self._rows[name][ID])
        for name, column, type_ in _REFERENCES:
            self._follow_references(name, column, type_)
        # Beats first: of two names of one genre theirs counts.
        lists = [(name, c) for name in ("beats", "keaks", "users") if name in self._rows for c in _KINDS[name].lists]
        for name, column in lists:
            self._learn_names(name, column)
        for name, column in lists:
            self._follow_list(name, column)
        return self._placed()

    def _report(self, path: Path) -> FileReport:
        self.reports.append(FileReport(file_name(path)))
        return self.reports[-1]

    def _own(self, name: str, ids: pl.Series) -> Codes:
        return (self._users if name == "users" else self._contents).codes(_KINDS[name].prefix + ids)

    def _follow_references(self, name: str, column: str, type_: str) -> None:
        if name not in self._rows:
            return
        rows = self._rows[name].filter(pl.col(column).is_not_null())
        own = self._own(name, rows[ID])
        ends: Ends = self._contents if type_ == schema.USES else self._users
        others = ends.prefixes[-1] + rows[column]
        ends.add(others)
        codes = ends.codes(others)
        known = codes >= 0
        self._note(
            name, rows.filter(pl.Series(~known)).select(ID, column), f"{column} names nobody: loaded without {type_}"
        )
        sides = (own[known], codes[known]) if type_ == schema.USES else (codes[known], own[known])
        self._edges[type_].append(sides)

    def _learn_names(self, name: str, column: str) -> None:
        elements = self._rows[name].select(column).explode(column).unnest(column).unique(maintain_order=True)
        self._named[_LISTS[column][0]].learn(elements.filter(~unfit(elements)))

    def _follow_list(self, name: str, column: str) -> None:
        label, type_ = _LISTS[column]
        elements = self._rows[name].select(ID, column).explode(column).drop_nulls(column).unnest(column)
        elements = self._without_unfit(name, column, elements)
        codes = self._named[label].resolve(elements.select("id", "name"))
        own = self._own(name, elements[ID])
        self._edges[type_].append((own[codes >= 0], codes[codes >= 0]))

    def _without_unfit(self, name: str, column: str, elements: pl.DataFrame) -> pl.DataFrame:
        """The elements of a list without those that can be no id; these are noted."""
        no_ids = unfit(elements)
        if not no_ids.any():
            return elements
        rows = elements.filter(no_ids).rename({"name": column}).drop("id")
        self._note(name, rows, f"{column} holds more than {MAX_BYTES} bytes or control characters: loaded without it")
        return elements.filter(~no_ids)

    def _note(self, name: str, rows: pl.DataFrame, reason: str) -> None:
        """Say of values (columns ID and that of the value) that their rows were loaded without them."""
        report = next(r for r in self.reports if r.file == file_name(self._files[name]))
        report.noted += rows.height
        _, column = rows.columns
        self._quarantine.add(
            report,
            rows.select(
                pl.lit(None, dtype=pl.Int64).alias("line"),
                pl.lit(reason).alias("reason"),
                pl.struct(pl.col(ID).alias(_KINDS[name].ids[0]), column).struct.json_encode().alias("raw"),
            ),
            loaded=True,
        )

    def _placed(self) -> Tables:
        """Read the relationship files and give every id its place among the sorted ids of its label."""
        read: dict[str, pl.DataFrame] = {}
        reports: dict[str, FileReport] = {}
        if path := self._files.get("followers"):
            reports[schema.FOLLOWS] = self._report(path)
            read[schema.FOLLOWS] = read_follows(
                path,
                self._users,
                reports[schema.FOLLOWS],
                self._quarantine,
                self._options,
                self._progress,
                pairs=self._pairs,
            )
        if path := self._files.get("audiences"):
            reports[schema.WATCHED] = self._report(path)
            read[schema.WATCHED] = self._audiences(path, reports[schema.WATCHED])
        self._scale_averages()
        ends: dict[str, Ends | Named] = {schema.USER: self._users, schema.CONTENT: self._contents, **self._named}
        sorted_ids, places = {}, {}
        for label, end in ends.items():
            sorted_ids[label], places[label] = end.places()
        edges = {}
        repeated = pl.DataFrame(schema=watch.REPEATED)
        for type_, (source, target) in ((t.name, (t.source, t.target)) for t in schema.RELATIONSHIPS.values()):
            if type_ in read:
                rows = read.pop(type_)
                sides = places[source][rows["source"]], places[target][rows["target"]]
                if type_ == schema.FOLLOWS:
                    edges[type_] = watch.follows(*sides, rows)
                else:
                    edges[type_], repeated = watch.watched(*sides, rows)
                    if self.keeps_lines:
                        places_of = pl.Series("source", sides[0]), pl.Series("target", sides[1])
                        self.lines = rows.with_columns(*places_of).select(*_LINES)
                reports[type_].loaded = edges[type_].height
                reports[type_].merged = rows.height - edges[type_].height
            elif parts := self._edges[type_]:
                sources, targets = (np.concatenate(side) for side in zip(*parts, strict=True))
                edges[type_] = watch.pairs(places[source][sources], places[target][targets])
        return Tables(sorted_ids, self._nodes(), edges, repeated)

    def _audiences(self, path: Path, report: FileReport) -> pl.DataFrame:
        """The rows of the audiences file, with progress as a fraction."""
        asked = self._options.progress
        rows, census = read_audiences(
            path,
            self._users,
            self._contents,
            report,
            self._quarantine,
            self._options,
            self._progress,
            durations=self._durations(),
            pairs=self._pairs,
        )
        if not census.known:
            return rows
        found = census.decide(schema.PROGRESS, asked, self._options.remembered.get(schema.PROGRESS))
        self.scales.append(found)
        if found.top == 1.0:  # and what rounding made of it
            return rows.with_columns(rows["progress"].clip(upper_bound=1.0))
        return rows.with_columns(_shares(rows["progress"], found.top))

    def _durations(self) -> npt.NDArray[np.float32] | None:
        """Seconds by code of a content, NaN where unknown; None where neither the graph nor a file gives any."""
        found = np.full(2 * max(len(self._ids["keaks"]), len(self._ids["beats"])), np.nan, dtype=np.float32)
        if (seconds := self._graph.durations) is not None:
            codes = self._contents.codes(self._graph.contents)
            timed = (codes >= 0) & (seconds > 0).fill_null(value=False).to_numpy()
            found[codes[timed]] = seconds.to_numpy()[timed]
        for name in ("keaks", "beats"):
            if name in self._rows:
                rows = self._rows[name].filter(pl.col("duration") > 0)
                found[self._own(name, rows[ID])] = rows["duration"].to_numpy()
        return found if np.isfinite(found).any() else None

    def _scale_averages(self) -> None:
        """Make fractions of the keaks' average progress; a value outside its scale is left out and noted."""
        name = schema.AVERAGE_PROGRESS
        if "keaks" not in self._rows:
            return
        rows = self._rows["keaks"]
        census = Census()
        values, seconds = (rows[column].cast(pl.Float32).fill_null(np.nan).to_numpy() for column in (name, "duration"))
        census.add(values, seconds)
        if not census.known:
            return
        remembered = self._options.remembered.get(name)
        beside = next((found.scale for found in self.scales if found.sure), remembered)
        found = census.decide(name, self._options.progress, remembered, beside)
        self.scales.append(found)
        top = pl.col("duration") if found.scale == "seconds" else pl.lit(found.top)
        inside = pl.col(name).is_between(0, top).fill_null(value=False)
        outside = rows.filter(pl.col(name).is_not_null() & ~inside).select(ID, name)
        self._note("keaks", outside, f"{name} is outside its scale: loaded without it")
        self._rows["keaks"] = rows.with_columns(pl.when(inside).then(pl.col(name) / top).alias(name))

    def _nodes(self) -> dict[str, pl.DataFrame]:
        users = self._defined("users").rename({ID: "userId"})
        contents = []
        for name, label in (("keaks", schema.KEAK), ("beats", schema.BEAT)):
            rows = self._defined(name)
            content_id = (_KINDS[name].prefix + pl.col(ID)).alias("contentId")
            kind = pl.lit(label.lower()).alias("kind")
            contents.append(rows.select(content_id, kind, pl.col(ID).alias(_KINDS[name].ids[0]), pl.exclude(ID)))
        nodes = {schema.USER: users, schema.CONTENT: pl.concat(contents, how="diagonal")}
        nodes |= {label: named.fresh() for label, named in self._named.items()}
        return {label: frame.sort(schema.NODE_KEYS[label]) for label, frame in nodes.items()}

    def _defined(self, name: str) -> pl.DataFrame:
        """The nodes to load: those of the file and those first met in a relationship."""
        kind = _KINDS[name]
        met = self._ids[name].ids.slice(self._known[name]).to_frame(ID)
        if name not in self._rows:
            return met
        rows = self._rows[name].drop(*kind.lists, *kind.references)
        return pl.concat([rows, met.join(rows, on=ID, how="anti")], how="diagonal")


def _shares(values: pl.Series, top: float) -> pl.Series:
    """Float32 values divided by ``top``, to the nearest. (Polars multiplies by 1 / top: 80 % are then .79999995.)"""
    divided = values.fill_null(np.nan).to_numpy() / np.float32(top)
    return pl.Series(values.name, divided).fill_nan(None)
