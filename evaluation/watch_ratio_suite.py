"""The suite ``watch-ratio``: predict how long somebody watches a video, on rows that no model has seen.

KuaiRec: ``big_matrix`` trains, its newest tenth chooses, ``small_matrix`` judges. KuaiRand: rows with a ratio in the
order of time, 80 % train, 10 % choose, 10 % judge. Candidates of a user are the videos that they have in the held-out
part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluation import ratio_forests as forests
from evaluation import ratio_models as models
from evaluation import ratio_networks as networks
from evaluation.ratio_cosine import COSINE, cosine
from evaluation.ratio_figures import FEWEST, measure
from evaluation.significance import bootstrap_interval
from graph.errors import EntourageError, InputError
from graph.files.daily_features import daily_features, day_of
from graph.files.quarantine import FileReport
from graph.files.watch_ratios import DAILY, named_file, read_categories, read_friends, read_people, watch_files
from graph.files.watch_rows import SMALL, read_matrix, stem
from recommenders.core.holdout import cut_in_order
from recommenders.core.ndcg import Values
from recommenders.core.options import Progress, silent
from recommenders.core.top_k import Floats
from recommenders.ratio_network import Rows, user_features, video_features

__all__ = ["ABLATION", "MODELS", "Board", "Data", "Row", "interval", "open_data", "run"]

MOST: Final = 50


@dataclass(frozen=True)
class Part:
    """Rows of one part of the data, with each row's flags."""

    rows: Rows
    at: npt.NDArray[np.float64]
    flags: dict[str, npt.NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Data:
    """What the suite trains and judges on; users and videos are numbered from 0."""

    name: str
    users: int
    videos: int
    seconds: Floats
    """Duration of each video, NaN where unknown."""
    train: Part
    validation: Part
    test: Part
    without: int
    """Rows whose video has no duration, which have no ratio and are left out."""
    ids: pl.Series
    """The number of each video in the files."""
    undated: int = 0
    """Rows without a time that are left out, since only a time says whether they train or judge."""
    refused: int = 0
    """Rows that cannot be used; `entourage import` keeps them aside with their reasons."""
    daily: Path | None = None
    """KuaiRec's counts of each video and day."""
    friends: sp.csr_array | None = None
    """Users × users, from ``social_network.csv``."""
    people: Floats | None = None
    """`user_features` of KuaiRec's ``user_features.csv``, shape (users, columns)."""
    categories: sp.csr_array | None = None
    """Videos × categories, from ``item_categories.csv``."""

    @property
    def most(self) -> int:
        """Places that are judged: 50 as in the notebook, fewer where users have few candidates."""
        candidates = np.bincount(self.test.rows.users)
        several = candidates[candidates >= FEWEST]
        return int(min(MOST, max(1, np.median(several) // 3))) if len(several) else 1

    def features(self, *, leaking: bool = False) -> Floats:
        """`video_features` frozen at the end of the training part, or of all rows, as a lesson."""
        parts = (self.train, self.validation, self.test) if leaking else (self.train,)
        rows = _joined([part.rows for part in parts])
        flags = {name: np.concatenate([part.flags[name] for part in parts]) for name in self.train.flags}
        return video_features(rows, self.seconds, flags)

    @property
    def later(self) -> float | None:
        """Share of the training rows that are later than the first row that is judged; 0 where the split is in time.

        None where no judged row, or no training row, has a time.
        """
        judged, train = (part.at[part.at > 0] for part in (self.test, self.train))
        return float((self.train.at > judged.min()).mean()) if len(judged) and len(train) else None

    @property
    def until(self) -> date | None:
        """The day of the first row with a time that chooses or judges, in China, as the files count days.

        None where no judged row has a time.
        """
        times = np.concatenate([part.at for part in (self.validation, self.test)])
        return day_of(float(times[times > 0].min())) if (self.test.at > 0).any() else None

    @property
    def frozen(self) -> bool:
        """Whether the folder has features of days, and it is known when the judged rows begin."""
        return self.daily is not None and self.until is not None

    def daily_features(self, *, leaking: bool = False) -> Floats:
        """The fifteen features of the file, frozen before `until`, or over all days; 0 where unknown."""
        assert self.daily is not None
        told = daily_features(self.daily, None if leaking else self.until)
        mine = pl.DataFrame({"video_id": self.ids}).join(told, on="video_id", how="left", maintain_order="left")
        return mine.drop("video_id").fill_null(0.0).to_numpy().astype(np.float32)


def open_data(folder: Path) -> Data:
    """Read a folder of KuaiRec or KuaiRand and cut it. Raises InputError as `read_matrix` does."""
    files = watch_files(folder) if folder.is_dir() else []
    if not files:
        raise InputError(f"{folder} holds no watch ratios.", do="Name a folder of KuaiRec or KuaiRand with --data.")
    reports = {file: FileReport(file.name) for file in files}
    read = {file: read_matrix(file, report) for file, report in reports.items()}
    judged = [rows for file, rows in read.items() if stem(file) == SMALL]
    rows = pl.concat([rows for file, rows in read.items() if stem(file) != SMALL])
    everything = pl.concat([rows, *judged]).drop_nulls("ratio")
    users, videos = (everything[name].unique().sort() for name in ("user", "video"))
    length = everything.group_by("video").agg(pl.col("seconds").max()).sort("video")["seconds"]
    known = rows.drop_nulls("ratio").sort("at", nulls_last=False, maintain_order=True)
    undated = 0 if judged else known["at"].null_count()
    known = known if judged else known.drop_nulls("at")
    train, validation, newest = cut_in_order(known.height, (0.9, 1.0) if judged else (0.8, 0.9))
    if not 0 < train.stop < validation.stop or everything.height - undated <= validation.stop:
        without = f", {undated:,} of them without a time" if undated else ""
        raise InputError(
            f"{folder} has {everything.height:,} rows with a ratio{without}, too few to train, choose and judge.",
            do="Name a folder of KuaiRec or KuaiRand with more rows with --data.",
        )
    last = pl.concat(judged).drop_nulls("ratio") if judged else known[newest]

    def part(frame: pl.DataFrame) -> Part:
        place = [ids.search_sorted(frame[name]).to_numpy().astype(np.int64) for name, ids in numbered.items()]
        ratios = frame["ratio"].to_numpy().astype(np.float32)
        flags = {name: frame[name].fill_null(value=False).to_numpy() for name in ("liked", "commented", "shared")}
        return Part(Rows(place[0], place[1], ratios), frame["at"].cast(pl.Float64).fill_null(0.0).to_numpy(), flags)

    numbered = {"user": users, "video": videos}
    return Data(
        "KuaiRec: big matrix trains, small matrix judges" if judged else "KuaiRand, split in time",
        len(users),
        len(videos),
        length.fill_null(np.nan).to_numpy().astype(np.float32),
        part(known[train]),
        part(known[validation]),
        part(last),
        rows["ratio"].null_count(),
        videos,
        undated,
        sum(report.quarantined for report in reports.values()),
        named_file(folder, DAILY),
        _friends(folder, users),
        _people(folder, users),
        _categories(folder, videos),
    )


def _people(folder: Path, users: pl.Series) -> Floats | None:
    """What the folder says of the users of the rows."""
    told = read_people(folder)
    if told is None:
        return None
    found = user_features(pl.DataFrame({"user": users}).join(told, on="user", how="left", maintain_order="left"))
    return found if found.shape[1] else None


def _friends(folder: Path, users: pl.Series) -> sp.csr_array | None:
    """Who follows whom among the users of the rows."""
    pairs = read_friends(folder)
    if pairs is None:
        return None
    pairs = pairs.filter(pl.all_horizontal(pl.col("user", "friend").is_in(users.implode())))
    ends = [users.search_sorted(pairs[name]).to_numpy().astype(np.int64) for name in ("user", "friend")]
    ones = np.ones(pairs.height, dtype=np.float32)
    return sp.csr_array((ones, (ends[0], ends[1])), shape=(len(users), len(users)))


def _categories(folder: Path, videos: pl.Series) -> sp.csr_array | None:
    """Which categories the videos of the rows have."""
    pairs = read_categories(folder)
    if pairs is None:
        return None
    pairs = pairs.filter(pl.col("video").is_in(videos.implode())).unique(["video", "category"])
    every = pairs["category"].unique().sort()
    ends = [ids.search_sorted(pairs[name]).to_numpy().astype(np.int64)
            for name, ids in (("video", videos), ("category", every))]  # fmt: skip
    return sp.csr_array((np.ones(pairs.height), (ends[0], ends[1])), shape=(len(videos), len(every)))


Predict = Callable[[Data, int, Progress], Floats]
MODELS: Final[Mapping[str, Predict]] = {
    "mean": models.mean,
    "median": models.median,
    "item-knn": models.item_knn,
    "als": models.als,
    COSINE: cosine,
    **networks.MODELS,
    **forests.MODELS,
}
"""Rows of the table, in the order in which they are fitted."""
ABLATION: Final[Mapping[str, Predict]] = {**networks.ABLATION, **forests.ABLATION}
"""The same models without one of their parts, for a table of their own."""
_MANY: Final = 1_000_000
"""Rows to learn from above which two processes fit at once: each begins with a copy of all rows."""
_PROCESSES: Final = 2
_LONGEST: Final = (networks.NOTEBOOK, networks.STAND_IN, networks.HYBRID)
_PLAIN: Final = ("mean", "median", "item-knn", "als")
"""They stand in every table."""
_NEEDS: Final[Mapping[str, Callable[[Data], bool]]] = {
    networks.FRIENDS: lambda data: data.friends is not None and data.friends.nnz > 0,
    networks.PEOPLE: lambda data: data.people is not None,
    forests.PEOPLE: lambda data: data.people is not None,
    networks.NOTEBOOK: lambda data: data.daily is not None,
    networks.DAILY: lambda data: data.frozen,
    networks.DAILY_LEAKING: lambda data: data.daily is not None,
}
"""Rows that only some data have."""


@dataclass(frozen=True)
class Row:
    """One model's figures."""

    model: str
    values: dict[str, float]
    errors: Values
    """Mean absolute error of each judged user."""
    processor_seconds: float


@dataclass
class Board:
    """A table of `Row` and what it was made of."""

    data: Data
    seed: int
    rows: list[Row] = field(default_factory=list)
    ablation: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Models whose data are not in the folder."""


def run(data: Data, *, seed: int = 0, names: list[str] | None = None, progress: Progress) -> Board:
    """Fit and judge every model that the data allow, or those of ``names``.

    Where rows are many, two processes fit one row of the table each: most fits use one core, and random numbers of
    torch are a process's own. Raises EntourageError where one of them is killed.
    """
    board = Board(data, seed)
    known = {**MODELS, **ABLATION}
    chosen = [name for name in known if names is None or name in names]
    board.left_out = [name for name in chosen if name in _NEEDS and not _NEEDS[name](data)]
    stands_in = {networks.STAND_IN} if data.daily is not None else set()
    chosen = [name for name in chosen if name not in board.left_out and name not in stands_in]
    found: dict[str, Row] = {}
    here = (_fitted(data, name, seed) for name in chosen)
    for row in _in_processes(data, chosen, seed) if len(data.train.rows) > _MANY else here:
        found[row.model] = row
        progress(len(found) / len(chosen), row.model)
    for name in chosen:
        (board.ablation if name in ABLATION else board.rows).append(found[name])
    board.rows.sort(key=lambda row: row.values["MAE"])
    if board.ablation:
        board.ablation += [row for row in board.rows if row.model in _PLAIN]
    return board


def _in_processes(data: Data, names: list[str], seed: int) -> Iterator[Row]:
    first = sorted(names, key=lambda name: name not in _LONGEST)  # the last ones should be short
    fresh = get_context("spawn")  # a fork would have locks of threads that it has not
    with ProcessPoolExecutor(_PROCESSES, mp_context=fresh, initializer=_hold, initargs=(data,)) as pool:
        try:
            for done in as_completed([pool.submit(_of_held, name, seed) for name in first]):
                yield done.result()
        except BrokenProcessPool as error:
            raise EntourageError(
                "A process that fitted a model was killed.",
                do="Free memory: each of two holds all rows. Then try again.",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_held: list[Data] = []


def _hold(data: Data) -> None:
    """In a process of its own: keep the data for all rows that it fits, and multiply in one thread."""
    _held[:] = [data]
    threadpool_limits(1, user_api="blas")


def _of_held(name: str, seed: int) -> Row:
    return _fitted(_held[0], name, seed)


def _fitted(data: Data, name: str, seed: int) -> Row:
    began = time.process_time()
    predicted = {**MODELS, **ABLATION}[name](data, seed, silent)
    spent = time.process_time() - began
    values, errors = measure(predicted, data.test.rows, data.most, seed)
    return Row(name, values, errors, spent)


def interval(row: Row) -> tuple[float, float]:
    """Ends of the 95 % bootstrap interval of the mean error over users."""
    return bootstrap_interval(row.errors)


def _joined(parts: list[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("users", "videos", "ratios")))
