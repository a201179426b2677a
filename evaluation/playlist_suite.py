"""The suite ``playlists``: every model of next tracks on one split, with settings chosen on validation lists only."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from evaluation.next_track import CLICKS_OF, LEAST, Completion, NextTrack, Titles, hide, split
from evaluation.significance import bootstrap_interval
from graph.errors import EntourageError, ModelError
from graph.snapshot import Snapshot
from ranking import registry
from recommenders.core.effort import Effort
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import Values
from recommenders.core.options import FitOptions, Progress
from recommenders.core.recommender import Recommender
from recommenders.core.search import score, search
from recommenders.core.sequences import Sequences
from recommenders.track2vec import NOTEBOOK, PUBLISHED

__all__ = ["MODELS", "Board", "Row", "run", "tune_track2vec"]

Exclude = Literal["all", "last"]

MODELS: Final = (
    "popularity",
    "co-occurrence",
    "ppmi-svd",
    "item-knn",
    "vsknn",
    "track2vec-network, notebook",
    "track2vec, notebook",
    "track2vec, published",
    "track2vec, defaults",
    "track2vec, tuned",
    "track2vec, tuned, all tracks",
    "track2vec, tuned, artists",
    "gat",
)
"""Rows of the table, in the order in which they are fitted."""
_VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "tuned": {},
    "tuned, artists": {"artists": True},
    "tuned, all tracks": {"context": "all"},
}
_SEARCHED: Final = frozenset({"co-occurrence", "ppmi-svd", "item-knn", "vsknn"})
_SHARE: Final = 0.05
"""Share of a normal fit's work for the search of each model of `_SEARCHED`. By hand, for time."""
_NETWORK_SHARE: Final = 0.15
"""The same for the single fit of the graph network with its default settings. By hand, for time."""
_LONGEST: Final = "gat"
"""The row whose fit takes longest on many lists: it is begun first."""
_MANY: Final = 500_000
"""Tracks in the lists above which it is fitted once, for next tracks alone, with one epoch and no search for more. By
hand, for time."""
_SAMPLE: Final = 0.1
_LEAST_JUDGED: Final = 200
"""Fewest validation lists in a sample on which trials are fitted first. By hand."""
_FIXED: Final = {**NOTEBOOK, "metric": "cosine"}
_TRIALS: Final = 30
_KEPT: Final = 2
"""Trials on the sample that are fitted again on all lists. By hand, for time."""
_EPOCHS: Final = 5, 150
_FIT_S: Final = 20.0
"""Most seconds of the reference machine for one fit of track2vec on all lists. It bounds the epochs of the published
and the tuned settings where the lists are long, so that the table is there within half an hour: at the notebook's
size at some 10 epochs for a window of 3."""
_JUDGED: Final = 10
_CORES: Final = 2
"""Fits of track2vec at once: each uses one core, so that it repeats itself."""


@dataclass(frozen=True)
class Row:
    """One model's figures."""

    model: str
    settings: dict[str, Any]
    values: dict[str, Values]
    """HR@10 and NDCG@10 of each test list."""
    completion: dict[str, Values] | None
    """R-precision, NDCG@500 and clicks of each held-out list; None for settings that are judged as where they were
    published, by next tracks alone, and for the network on many lists."""
    seconds: float
    """Seconds for the search, all fits and judging, while another row is fitted at the same time."""

    def interval(self, name: str) -> tuple[float, float]:
        """Ends of the 95 % bootstrap interval of the mean."""
        return bootstrap_interval(self.values[name])


@dataclass
class Board:
    """The table of `Row`s, with the sizes of its data."""

    lists: int
    items: int
    judged: int
    distinct: int
    repeats: float
    """Share of the test lists whose last item also occurs before: models that leave out the list cannot find it."""
    hidden: int
    seed: int
    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """Models that could not be fitted, and why."""


def run(
    lists: Sequences,
    titles: Titles,
    *,
    models: Sequence[str] | None = None,
    seed: int = 0,
    trials: int = _TRIALS,
    progress: Progress,
) -> Board:
    """Fit and judge ``models``, or all of `MODELS`, on one split. Raises InputError if too few lists can be judged."""
    models = MODELS if models is None else models
    total = len(lists)
    kept = np.flatnonzero(lists.counts >= LEAST)
    lists, titles = lists.renumbered(kept), titles.take(kept)  # every item that stays costs a score for each list
    part, whole = split(lists, titles, seed=seed), hide(lists, titles, seed=seed)
    held_out = part.contexts.matrix()[part.test, part.held_out[part.test]]
    board = Board(
        total,
        len(kept),
        len(part.test),
        len(np.unique(part.test)),
        float(np.asarray(held_out).astype(bool).mean()),
        len(whole.given),
        seed,
    )
    lanes = _lanes(models)
    shares = [0.0] * len(lanes)
    stopped = threading.Event()

    def fit(lane: int) -> None:
        fits = _Fits(part), _Fits(whole)
        for place, label in enumerate(lanes[lane]):

            def tell(share: float, what: str, place: int = place) -> None:
                if stopped.is_set():
                    raise _StoppedError
                shares[lane] = (place + share) / len(models)
                progress(sum(shares), what)

            tell(0.0, label)
            row = _row(label, fits, seed, trials, tell)
            if isinstance(row, Row):
                board.rows.append(row)
            else:
                board.left_out[label] = row

    with ThreadPoolExecutor(len(lanes)) as pool:
        try:
            for lane in as_completed([pool.submit(fit, lane) for lane in range(len(lanes))]):
                lane.result()
        except BaseException:
            stopped.set()  # the other lane ends at its next report
            raise
    board.left_out = {label: board.left_out[label] for label in models if label in board.left_out}
    board.rows.sort(key=lambda row: (-row.values["NDCG@10"].mean(), models.index(row.model)))
    return board


class _StoppedError(Exception):
    """Another thread failed, or the person stopped the command."""


def _lanes(models: Sequence[str]) -> list[list[str]]:
    """The rows as two lists that are fitted at the same time: most fits use one core. Track2vec's rows share fits."""
    gensim = [label for label in models if label.startswith("track2vec, ")]
    others = sorted((label for label in models if label not in gensim), key=lambda label: label != _LONGEST)
    return [lane for lane in (gensim, others) if lane]


def _row(label: str, fits: tuple[_Fits, _Fits], seed: int, trials: int, tell: Progress) -> Row | str:
    """One row of the table, or why it cannot be fitted. ``fits`` are those of next tracks and of completion."""
    began = time.monotonic()
    try:
        name, settings, exclude = _chosen(label, fits[0], seed, trials, tell)
        options = FitOptions(seed=seed, effort=Effort.QUICK, share=_NETWORK_SHARE, progress=tell)
        part, whole = fits[0].part, fits[1].part
        assert isinstance(part, NextTrack)
        assert isinstance(whole, Completion)
        once = exclude == "last" or _is_long(name, part)
        model, *others = _on_each(name, settings, options, fits[: 1 if once else 2])
        values = part.judge(part.rank(model, _JUDGED, exclude))
        completion = whole.judge(others[0].complete(whole.given, CLICKS_OF)[0]) if others else None
    except EntourageError as error:
        return str(error)
    return Row(label, settings, values, completion, time.monotonic() - began)


def _on_each(name: str, settings: Mapping[str, Any], options: FitOptions, parts: Sequence[_Fits]) -> list[Recommender]:
    """The model on each part; at once where a fit uses one core and random numbers of its own."""
    with ThreadPoolExecutor(_CORES if name.startswith("track2vec") else 1) as pool:
        return list(pool.map(lambda fits: fits.model(name, settings, options), parts))


class _Fits:
    """Fits on one part of the lists. A row whose settings need no new fit takes the model of the row before."""

    def __init__(self, part: NextTrack | Completion) -> None:
        self.part = part
        self.last: Recommender | None = None
        self.tuned: Mapping[str, Any] | None = None
        """Settings that the search found for track2vec."""

    def model(self, name: str, settings: Mapping[str, Any], options: FitOptions) -> Recommender:
        made = registry.make(name, **settings)
        last = self.last
        if last is not None and last.name == name:
            changed = {key: value for key, value in made.settings.items() if last.settings.get(key) != value}
            if set(changed) <= last.late:
                self.last = last.with_settings(options, **changed)
                return self.last
        self.last = made.fit(self.part.train(registry.kind(name)), options)
        return self.last


def _chosen(label: str, fits: _Fits, seed: int, trials: int, tell: Progress) -> tuple[str, dict[str, Any], Exclude]:
    """Name, settings and ``exclude`` for one row of the table."""
    name, _, how = label.partition(", ")
    part = fits.part
    assert isinstance(part, NextTrack)
    kind = registry.kind(name)
    if how == "notebook":
        return name, dict(NOTEBOOK), "last"
    if how == "published":
        return name, _bounded(PUBLISHED, part.train(kind)), "last"
    if name == "track2vec" and how != "defaults":
        if fits.tuned is None:
            fits.tuned, fits.last = tune_track2vec(part, seed=seed, trials=trials, progress=tell)
        return name, _bounded({**fits.tuned, **_VARIANTS[how]}, part.train(kind)), "all"
    if name in _SEARCHED:
        best = search(kind, part.holdout(kind), FitOptions(seed=seed, share=_SHARE, progress=tell), k=_JUDGED)
        return name, best.settings, "all"
    return name, {"epochs": 1} if _is_long(name, part) else {}, "all"


def _is_long(name: str, part: NextTrack) -> bool:
    return name == _LONGEST and len(part.contexts.items) > _MANY


def _bounded(settings: Mapping[str, Any], train: Snapshot) -> dict[str, Any]:
    """The settings, with fewer epochs where a fit of track2vec would cost more than `_FIT_S`."""
    one = registry.make("track2vec", **{**settings, "epochs": 1}).cost(train)
    return {**settings, "epochs": min(settings["epochs"], max(1, int(_FIT_S / max(one, 1e-9))))}


def tune_track2vec(
    part: NextTrack, *, seed: int = 0, trials: int = _TRIALS, progress: Progress
) -> tuple[dict[str, Any], Recommender | None]:
    """Settings of track2vec with the highest NDCG@10 on the validation lists, and the model if all lists were fitted.

    optuna's tree-structured Parzen estimator chooses window, epochs up to 150 (fewer for many lists), subsampling, and
    the exponent of negatives from -1 to 1. If a tenth of the lists has enough validation lists, all trials are fitted
    on that tenth, and the best few again on all lists. Raises ModelError without optuna.
    """
    try:
        import optuna
    except ImportError:
        raise ModelError(
            "The search for settings of track2vec needs the package optuna.",
            do="Install it with `pip install 'entourage[listening]'`.",
        ) from None
    kind = registry.kind("track2vec")
    sample = np.random.default_rng(seed).random(len(part.contexts)) < _SAMPLE
    rows = part.validation[sample[part.validation]]
    small = len(rows) >= _LEAST_JUDGED
    whole = part.holdout(kind)
    first = whole
    if small:
        watched = whole.train.watched
        thinned = whole.train.with_edges(watched.keep(sample[watched.source]))
        first = part.holdout(kind, rows)
        first = type(first)(first.name, thinned, first.held_out, first.users)

    def fitted(settings: Mapping[str, Any], holdout: Holdout) -> tuple[float, Recommender]:
        model = registry.make("track2vec", **settings).fit(holdout.train, FitOptions(seed=seed))
        return score(model, holdout, _JUDGED), model

    def objective(trial: Any) -> float:
        progress(trial.number / trials, f"track2vec: trial {trial.number + 1} of {trials}")
        return fitted(_bounded(_drawn(trial), whole.train), first)[0]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for start in (NOTEBOOK, PUBLISHED):
        study.enqueue_trial({name: start[name] for name in ("window", "epochs", "subsample", "exponent")})
    study.optimize(objective, n_trials=trials)
    done = sorted(study.trials, key=lambda trial: -(trial.value or 0.0))
    candidates = [_bounded({**_FIXED, **trial.params}, whole.train) for trial in done[: _KEPT if small else 1]]
    if not small:
        return candidates[0], None
    progress(1.0, "track2vec: the best trials on all lists")
    with ThreadPoolExecutor(_CORES) as pool:
        again = list(pool.map(lambda settings: fitted(settings, whole), candidates))
    best = int(np.argmax([value for value, _ in again]))
    return candidates[best], again[best][1]


def _drawn(trial: Any) -> dict[str, Any]:
    return {
        **_FIXED,
        "window": trial.suggest_int("window", 1, 10),
        "epochs": trial.suggest_int("epochs", *_EPOCHS),
        "subsample": trial.suggest_float("subsample", 1e-6, 1e-1, log=True),
        "exponent": trial.suggest_float("exponent", -1.0, 1.0),
    }
