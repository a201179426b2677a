"""The suite ``playlists``: every model of next tracks on one split, with settings chosen on validation lists only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from evaluation.next_track import CLICKS_OF, Completion, NextTrack, Titles, hide, split
from evaluation.significance import bootstrap_interval
from graph.errors import EntourageError, ModelError
from ranking import registry
from recommenders.core.baseline import Baseline
from recommenders.core.metrics import Values
from recommenders.core.options import Effort, FitOptions, Progress, part_of
from recommenders.core.recommender import Recommender
from recommenders.core.search import score, search
from recommenders.next_item import complete
from recommenders.sequences import Sequences
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
_NETWORK_SHARE: Final = 0.5
"""The same for the single fit of the graph network with its default settings. By hand, for time."""
_SAMPLE: Final = 0.1
_LEAST_JUDGED: Final = 200
"""Fewest validation lists in a sample on which trials are fitted first. By hand."""
_TRIALS: Final = 30
_KEPT: Final = 3
"""Trials on the sample that are fitted again on all lists. By hand, for time."""
_EPOCHS: Final = 5, 150
_FIT_S: Final = 60.0
"""Most seconds of the reference machine that one fit on all lists may take in the search. Above some 200,000 tracks in
the lists it bounds the epochs, so that the table is there within half an hour."""
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
    completion: dict[str, Values]
    """R-precision, NDCG@500 and clicks of each held-out list."""
    seconds: float
    """Seconds for the search and all fits."""

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
    part, whole = split(lists, titles, seed=seed), hide(lists, titles, seed=seed)
    truth = part.contexts.matrix()[part.test, part.truth[part.test]]
    kept = int((lists.frequent(2).counts > 0).sum())
    board = Board(
        len(lists),
        kept,
        len(part.test),
        len(np.unique(part.test)),
        float(np.asarray(truth).astype(bool).mean()),
        len(whole.given),
        seed,
    )
    tuned: dict[str, Any] = {}
    fits, other_fits = _Fits(part), _Fits(whole)
    for place, label in enumerate(models):
        tell = part_of(progress, place / len(models), (place + 1) / len(models))
        tell(0.0, label)
        began = time.monotonic()
        try:
            name, settings, exclude = _chosen(label, part, tuned, seed, trials, tell)
            options = FitOptions(seed=seed, effort=Effort.QUICK, share=_NETWORK_SHARE, progress=tell)
            model, other = _on_both(name, settings, options, fits, other_fits)
            values = part.judge(part.rank(model, _JUDGED, exclude))
            completion = whole.judge(complete(other, whole.given, CLICKS_OF)[0])
        except EntourageError as error:
            board.left_out[label] = str(error)
            continue
        board.rows.append(Row(label, settings, values, completion, time.monotonic() - began))
    board.rows.sort(key=lambda row: -row.values["NDCG@10"].mean())
    return board


def _on_both(
    name: str, settings: Mapping[str, Any], options: FitOptions, *both: _Fits
) -> tuple[Recommender, Recommender]:
    """The model on either part; at once where a fit uses one core and random numbers of its own."""
    with ThreadPoolExecutor(_CORES if name.startswith("track2vec") else 1) as pool:
        one, other = pool.map(lambda fits: fits.model(name, settings, options), both)
    return one, other


class _Fits:
    """Fits on one part of the lists. A row whose settings need no new fit takes the model of the row before."""

    def __init__(self, part: NextTrack | Completion) -> None:
        self._part = part
        self._last: Recommender | None = None

    def model(self, name: str, settings: Mapping[str, Any], options: FitOptions) -> Recommender:
        made = registry.make(name, **settings)
        last = self._last
        if isinstance(last, Baseline) and last.name == name:
            changed = {key: value for key, value in made.settings.items() if last.settings[key] != value}
            if set(changed) <= last.late:
                self._last = last.with_settings(options, **changed)
                return self._last
        self._last = made.fit(self._part.train(registry.kind(name)), options)
        return self._last


def _chosen(
    label: str, part: NextTrack, tuned: dict[str, Any], seed: int, trials: int, tell: Progress
) -> tuple[str, dict[str, Any], Exclude]:
    """Name, settings and ``exclude`` for one row of the table; ``tuned`` keeps the settings found for track2vec."""
    name, _, how = label.partition(", ")
    if how == "notebook":
        return name, dict(NOTEBOOK), "last"
    if how == "published":
        return name, dict(PUBLISHED), "last"
    if how == "defaults":
        return name, {}, "all"
    if name == "track2vec":
        if not tuned:
            tuned.update(tune_track2vec(part, seed=seed, trials=trials, progress=tell))
        extra: dict[str, Any] = _VARIANTS[how]
        return name, {**tuned, **extra}, "all"
    if name in _SEARCHED:
        kind = registry.kind(name)
        best = search(kind, part.holdout(kind), FitOptions(seed=seed, share=_SHARE, progress=tell), k=_JUDGED)
        return name, best.settings, "all"
    return name, {}, "all"


def tune_track2vec(part: NextTrack, *, seed: int = 0, trials: int = _TRIALS, progress: Progress) -> dict[str, Any]:
    """Settings of track2vec with the highest NDCG@10 on the validation lists.

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

    def worth(settings: Mapping[str, Any], holdout: Any) -> float:
        return score(registry.make("track2vec", **settings).fit(holdout.train, FitOptions(seed=seed)), holdout, _JUDGED)

    few, many = _EPOCHS
    whole_epoch = kind.make(epochs=1).cost(whole.train)
    most = int(np.clip(_FIT_S / max(whole_epoch, 1e-9), few, many))

    def objective(trial: Any) -> float:
        settings = _drawn(trial, most)
        progress(trial.number / trials, f"track2vec: trial {trial.number + 1} of {trials}")
        return worth(settings, first)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    for start in (NOTEBOOK, PUBLISHED):
        drawn = {name: start[name] for name in ("window", "epochs", "subsample", "exponent")}
        study.enqueue_trial({**drawn, "epochs": min(drawn["epochs"], most)})
    study.optimize(objective, n_trials=trials)
    done = sorted(study.trials, key=lambda trial: -(trial.value or 0.0))
    candidates = [{**NOTEBOOK, "metric": "cosine", **trial.params} for trial in done[: _KEPT if small else 1]]
    scores = [0.0]
    if small:
        with ThreadPoolExecutor(_CORES) as pool:
            scores = list(pool.map(lambda settings: worth(settings, whole), candidates))
    return candidates[int(np.argmax(scores))]


def _drawn(trial: Any, epochs: int) -> dict[str, Any]:
    return {
        **NOTEBOOK,
        "metric": "cosine",
        "window": trial.suggest_int("window", 1, 10),
        "epochs": trial.suggest_int("epochs", _EPOCHS[0], epochs),
        "subsample": trial.suggest_float("subsample", 1e-6, 1e-1, log=True),
        "exponent": trial.suggest_float("exponent", -1.0, 1.0),
    }
