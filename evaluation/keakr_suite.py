"""The suite ``keakr``: engagement predicted from naive vectors and a social graph, and the pipeline, split in time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from evaluation.keakr_data import Counters, Lines, Network
from evaluation.keakr_networks import Convolution, Trained, train
from evaluation.ratio_models import Biases
from evaluation.significance import bootstrap_interval
from graph.settings import Engagement
from ranking import registry
from recommenders.core.effort import Cap, Effort
from recommenders.core.ndcg import Values, ndcg_of_rows, places
from recommenders.core.options import FitOptions, Progress, part_of
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Floats, Ints, top_k
from recommenders.ratio_network import Rows

__all__ = ["LABELS", "Board", "Find", "Moved", "Row", "find", "measure", "run"]

LABELS: Final[Mapping[str, Engagement]] = {
    "as given": Engagement(),
    "progress alone": Engagement(progress=1.0, commented=0.0, shared=0.0, liked=0.0),
    "equal": Engagement(progress=0.25, commented=0.25, shared=0.25, liked=0.25),
    "mostly likes": Engagement(progress=0.2, commented=0.15, shared=0.1, liked=0.55),
    "mostly shares": Engagement(progress=0.2, commented=0.15, shared=0.55, liked=0.1),
    "mostly comments": Engagement(progress=0.2, commented=0.55, shared=0.15, liked=0.1),
}
"""Weights of the label; the first are the notebook's."""
EPOCHS: Final = 8
"""Most epochs of a network. By hand, for time."""
_CONVOLUTIONS: Final[tuple[Convolution, ...]] = ("dense", "gcn", "graphconv", "gat")
_COUNTERS: Final[tuple[Counters, ...]] = ("as of the moment", "as exported")
_PLACES: Final = 10
_LEAST: Final = 2
_BINS: Final = 10
_JUDGED: Final = 400
"""Most people whose finds are counted. By hand, for time."""
_BLOCK: Final = 256
_PAIRS: Final = 500_000
"""Pairs of person and content that are asked for at once."""
_ALL_PAIRS: Final = 20_000_000
"""Most of them for a network; with more contents the finds of fewer people are counted. By hand, for time."""


@dataclass(frozen=True)
class Row:
    """One model's figures."""

    model: str
    counters: str
    error: Values
    """Mean absolute error of each person's lines."""
    absolute: float
    """The same over lines."""
    ndcg: Values
    """NDCG@10 over each person's held-out lines, the engagement as gain; people of two lines and more, one of them
    with an engagement above 0."""
    bins: npt.NDArray[np.float64]
    """Calibration: mean predicted and mean true engagement of ten equal parts of the lines, (10, 2)."""
    processor_seconds: float

    @property
    def off(self) -> float:
        """Mean distance of the two means of `bins`."""
        return float(np.abs(self.bins[:, 0] - self.bins[:, 1]).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the 95 % bootstrap interval of the mean NDCG over people."""
        return bootstrap_interval(self.ndcg)


@dataclass(frozen=True)
class Moved:
    """How a person's ranking moves when the label has other weights."""

    weights: str
    tau: float
    """Mean over people of Kendall's τ with the ranking of the label as given."""
    ndcg: Mapping[str, float]
    """Gain (the label as given, progress, liked …) → NDCG@10."""


@dataclass(frozen=True)
class Find:
    """What a model's ten best of all contents hold."""

    model: str
    hits: int
    far_hits: int
    """Those that nobody within two steps had watched."""
    far_share: float
    """Share of such contents among all that the model proposes."""


@dataclass
class Board:
    """All tables of one network."""

    network: Network
    seed: int
    rows: list[Row] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    finds: list[Find] = field(default_factory=list)
    """Empty where nobody watched something new in the held-out part."""
    judged: int = 0
    """People whose finds are counted."""
    ranker: str = ""
    capped: bool = False
    """Whether the fit of the ``ranker`` reached its budget in minutes."""


def run(
    network: Network, *, effort: Effort = Effort.QUICK, seed: int = 0, ranker: str = "pipeline",
    budget: float | None = None, progress: Progress,
) -> Board:  # fmt: skip
    """Fit and judge everything on one network; ``ranker`` is the model of whole catalogues beside the networks.

    ``budget`` is the most minutes of its fit. Its work is that of quick effort, whatever the machine: 40 s of the
    reference machine for KuaiRand, some 55 s for the demonstration's network, and 84 s for any that is not large. Its
    scores take time beside that; docs/keakr.md says what fit and scores took.
    """
    board, parts = Board(network, seed), network.parts
    held_out = parts.test.label(Engagement())
    trained: dict[str, Trained] = {}

    def judge(model: str, counters: str, predicted: Floats | Values, began: float) -> None:
        board.rows.append(measure(model, counters, predicted, parts.test, held_out, seed, time.process_time() - began))

    began = time.process_time()
    judge("mean", "", np.full(len(parts.test), parts.train.label(Engagement()).mean()), began)
    began = time.process_time()
    judge("means of person and content", "", _means(network), began)
    steps = len(_COUNTERS) * len(_CONVOLUTIONS) + len(LABELS) + 1
    place = 0
    for counters in _COUNTERS:
        for convolution in _CONVOLUTIONS:
            began = time.process_time()
            part = part_of(progress, place / steps, (place + 1) / steps)
            made = train(network, convolution, counters, epochs=EPOCHS, seed=seed, progress=part)
            judge(convolution, counters, made.predict(parts.test), began)
            place += 1
            if counters == "as of the moment":
                trained[convolution] = made
    began = time.process_time()
    cap = Cap(budget)
    options = FitOptions(
        effort=effort, seed=seed, cap=cap, progress=part_of(progress, place / steps, (place + 1) / steps)
    )
    other = registry.make(ranker).fit(network.snapshot(parts.train), options)
    board.ranker, board.capped = ranker, cap.hit
    judge(f"{ranker}, calibrated", "", _calibrated(other, network), began)
    board.rows.sort(key=lambda row: -row.ndcg.mean())
    board.moved = _moved(network, trained["dense"], seed, part_of(progress, (place + 1) / steps, 1.0))
    _find(board, trained, other)
    return board


def measure(
    model: str,
    counters: str,
    predicted: Floats | Values,
    lines: Lines,
    held_out: Floats,
    seed: int,
    seconds: float = 0.0,
) -> Row:
    """The figures of ``predicted`` engagement (n,) for ``lines``."""
    found, true = np.asarray(predicted, dtype=np.float64), np.asarray(held_out, dtype=np.float64)
    error = np.abs(found - true)
    people, number = np.unique(lines.user, return_inverse=True)
    by_person = np.bincount(number, weights=error) / np.bincount(number, minlength=len(people))
    order = np.argsort(found, kind="stable")
    bins = [[found[part].mean(), true[part].mean()] for part in np.array_split(order, _BINS) if len(part)]
    ndcg = _ndcg(found, lines.user, true, seed)
    return Row(model, counters, by_person, float(error.mean()), ndcg, np.array(bins), seconds)


def _ndcg(scores: Values, users: Ints, gains: Values, seed: int) -> Values:
    """NDCG@10 over the lines of each person with two or more, if any gain is above 0; ties by chance."""
    chance = np.random.default_rng(seed).random(len(scores))
    _, owners, lines = np.unique(users, return_inverse=True, return_counts=True)
    found = ndcg_of_rows(owners, places(owners, scores, chance), gains, _PLACES)
    judged = found[(lines >= _LEAST) & ~np.isnan(found)]
    return judged if len(judged) else np.zeros(1)


def _means(network: Network) -> Values:
    """Mean of all, and what person and content differ from it by, drawn towards 0 where lines are few."""
    train_, test = (
        Rows(part.user, part.content, part.label(Engagement()).astype(np.float32))
        for part in (network.parts.train, network.parts.test)
    )
    return np.clip(Biases(train_, network.users, network.contents).of(test), 0.0, 1.0)


def _calibrated(model: Recommender, network: Network) -> Values:
    """Engagement from 1, the person's mean and the model's score, weighted by least squares on the validation part."""
    parts = network.parts
    label = parts.train.label(Engagement()).astype(np.float64)
    count = np.bincount(parts.train.user, minlength=network.users)
    total = np.bincount(parts.train.user, weights=label, minlength=network.users)
    mean = (total + label.mean()) / (count + 1.0)

    def design(lines: Lines) -> Values:
        scores = _scores(model, lines)
        return np.column_stack([np.ones(len(lines)), mean[lines.user], scores])

    weights = np.linalg.lstsq(design(parts.validation), parts.validation.label(Engagement()), rcond=None)[0]
    return np.clip(design(parts.test) @ weights, 0.0, 1.0)


def _scores(model: Recommender, lines: Lines) -> Values:
    """The model's score of each line, standardised for each person; 0 for people whom it does not know."""
    people = np.unique(lines.user)
    found = np.zeros(len(lines))
    for start in range(0, len(people), _BLOCK):
        block = people[start : start + _BLOCK]
        scores = np.nan_to_num(np.asarray(model.scores(block), dtype=np.float64), posinf=0.0, neginf=0.0)
        spread = scores.std(axis=1, keepdims=True)
        scores = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
        mine = np.flatnonzero((lines.user >= block[0]) & (lines.user <= block[-1]))
        row = np.searchsorted(block, lines.user[mine])
        known = model.known_users(block)
        found[mine] = np.where(known[row], scores[row, lines.content[mine]], 0.0)
    return found


def _moved(network: Network, given: Trained, seed: int, progress: Progress) -> list[Moved]:
    """The dense network with other weights of the label, as of the moment."""
    test = network.parts.test
    gains = {"as given": test.label(Engagement()), "progress": test.progress, "liked": test.liked,
             "shared": test.shared, "commented": test.commented}  # fmt: skip
    before = given.predict(test)
    told = []
    for place, (name, weights) in enumerate(LABELS.items()):
        part = part_of(progress, place / len(LABELS), (place + 1) / len(LABELS))
        made = given
        if place:
            made = train(network, "dense", "as of the moment", weights=weights, epochs=EPOCHS, seed=seed, progress=part)
        predicted = made.predict(test).astype(np.float64)
        values = {gain: float(_ndcg(predicted, test.user, of.astype(np.float64), seed).mean())
                  for gain, of in gains.items()}  # fmt: skip
        told.append(Moved(name, _tau(before, predicted, test.user), values))
    return told


def _tau(one: Floats | Values, other: Floats | Values, users: Ints) -> float:
    """Mean over people of two lines and more of Kendall's τ between two rankings."""
    from scipy.stats import kendalltau  # takes seconds to import

    order = np.argsort(users, kind="stable")
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(users[order])) + 1):
        if len(rows) >= _LEAST:
            tau = kendalltau(one[rows], other[rows]).statistic
            found.append(float(tau))
    values = np.array(found)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else 1.0


def _find(board: Board, trained: Mapping[str, Trained], ranker: Recommender) -> None:
    """Ten best of all contents for people of the held-out part; which hits nobody near them had watched."""
    network, test = board.network, board.network.parts.test
    start = int(test.at[0])
    past = network.lines.at < start
    seen = _watched(network, network.lines.user[past], network.lines.content[past])
    later = _watched(network, test.user, test.content)
    later = sp.csr_array(later - later.multiply(seen))
    later.eliminate_zeros()
    people = np.flatnonzero(np.diff(later.indptr) > 0).astype(np.int64)
    if len(people) > (most := max(1, min(_JUDGED, _ALL_PAIRS // network.contents))):
        people = np.sort(np.random.default_rng(board.seed).choice(people, most, replace=False))
    board.judged = len(people)
    if not len(people):
        return
    social = network.social(start)
    near = sp.csr_array(social[people] + social[people] @ social)
    around = np.asarray((near @ seen).toarray()) > 0
    held_out, hidden = later[people].toarray() > 0, seen[people].toarray() > 0
    scored: dict[str, Floats] = {
        "popularity": np.tile(np.asarray(seen.sum(axis=0), dtype=np.float32), (len(people), 1)),
        **{name: _all_pairs(made, people, network.contents, start) for name, made in trained.items()},
        ranker.name: np.concatenate(
            [
                np.asarray(ranker.scores(part), dtype=np.float32)
                for part in np.array_split(people, -(-len(people) // _BLOCK))
            ]
        ),
    }
    board.finds = [find(name, np.where(hidden, -np.inf, scores), held_out, around) for name, scores in scored.items()]


def find(model: str, scores: Floats | Values, held_out: npt.NDArray[np.bool_], around: npt.NDArray[np.bool_]) -> Find:
    """What the ten best of ``scores`` hold; ``around`` is what near people had. All have shape (people, contents).

    A content of -inf is not proposed; somebody may have fewer than ten others.
    """
    ids, _ = top_k(np.nan_to_num(scores, neginf=-np.inf).astype(np.float32), _PLACES)
    proposed, rows = ids >= 0, np.arange(len(ids))[:, None]
    hit = held_out[rows, np.maximum(ids, 0)] & proposed
    far = ~around[rows, np.maximum(ids, 0)] & proposed
    return Find(model, int(hit.sum()), int((hit & far).sum()), float(far.sum() / max(1, proposed.sum())))


def _watched(network: Network, users: Sequence[int] | Ints, contents: Sequence[int] | Ints) -> sp.csr_array:
    found = sp.csr_array(
        (np.ones(len(users), dtype=np.float32), (users, contents)), shape=(network.users, network.contents)
    )
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def _all_pairs(made: Trained, people: Ints, contents: int, at: int) -> Floats:
    found = []
    for part in np.array_split(people, max(1, -(-len(people) * contents // _PAIRS))):
        users, others = np.repeat(part, contents), np.tile(np.arange(contents), len(part))
        found.append(made.pairs(users, others, np.full(len(users), at, dtype=np.int64), at))
    return np.concatenate(found).reshape(len(people), contents)
