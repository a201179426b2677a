"""Estimates of the mean reward of a policy, from the logs of another policy that recorded its propensities.

IPS (Horvitz and Thompson, JASA 1952), SNIPS (Swaminathan and Joachims, NIPS 2015) and DR (Dudík, Langford and Li,
ICML 2011). A logged choice counts by the weight π(a|x) / p(a|x) of the judged policy π and the logging one p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recommenders.arms import policy
from recommenders.core.top_k import Mask
from recommenders.interest import Heard
from recommenders.plays import Plays
from recommenders.session import SessionModel

__all__ = ["Estimated", "Logged", "doubly_robust", "inverse_propensity", "logged", "self_normalised"]

Values = npt.NDArray[np.float64]
_MOST: Final = 2_000
"""Choices that are looked at for each arm. By hand, for time."""
_SAMPLED: Final = 200
"""Where a policy has more tracks than this, its value is the mean over a sample of so many. By hand."""


@dataclass(frozen=True)
class Logged:
    """Logged choices, and the probability and value that the judged policy gives them; shape (choices,) each."""

    reward: Values
    propensity: Values
    """Probability of the choice under the logging policy."""
    chance: Values
    """Probability of the choice under the judged policy."""
    expected: Values
    """A model's estimate of the reward of the choice."""
    value: Values
    """The model's estimate for the judged policy: the mean over its tracks, weighted by their probabilities."""

    @property
    def weight(self) -> Values:
        return self.chance / self.propensity

    @property
    def effective(self) -> float:
        """Effective sample size: the number of equally weighted choices with the same variance (Kish, 1965)."""
        total = float(np.sum(self.weight))
        return total * total / float(np.sum(self.weight**2)) if total else 0.0


@dataclass(frozen=True)
class Estimated:
    """The mean reward of a choice, and its standard error."""

    mean: float
    error: float


def inverse_propensity(log: Logged) -> Estimated:
    """IPS: the mean of weight times reward. Unbiased where the logging policy could make every choice."""
    return _mean(log.weight * log.reward)


def self_normalised(log: Logged) -> Estimated:
    """SNIPS: IPS divided by the mean weight; NaN where no choice weighs anything. Its error is by linearisation."""
    total = float(log.weight.mean()) if len(log.weight) else 0.0
    if total == 0.0:
        return Estimated(float("nan"), float("nan"))
    found = float(np.mean(log.weight * log.reward)) / total
    return Estimated(found, _mean(log.weight * (log.reward - found)).error / total)


def doubly_robust(log: Logged) -> Estimated:
    """DR: the model's value of the judged policy, and IPS of what the model does not explain."""
    return _mean(log.value + log.weight * (log.reward - log.expected))


def logged(model: SessionModel, plays: Plays, arms: Sequence[str], *, seed: int = 0) -> dict[str, Logged]:
    """For each arm, the choices in ``plays`` that have a propensity; of more than `_MOST`, a sample.

    The reward is the share heard. Only the session itself is known to the arms, no earlier ones.
    """
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero((plays.place > 0) & np.isfinite(plays.propensity))
    if len(rows) > _MOST:
        rows = np.sort(rng.choice(rows, _MOST, replace=False))
    tracks: Mask = model.snapshot.kinds == "track"
    found: dict[str, list[tuple[float, ...]]] = {arm: [] for arm in arms}
    for row in rows.tolist():
        before = slice(row - int(plays.place[row]), row)
        session = Heard(tuple(plays.track[before].tolist()), tuple(plays.share[before].tolist()))
        estimate = model.interest.estimate(session)
        means = estimate.means()
        own = float(estimate.expected(means, plays.track[row : row + 1])[0])
        for arm in arms:
            choice = policy(arm, model, session, (), tracks)
            at = np.arange(len(choice.tracks))
            if len(at) > _SAMPLED:
                at = rng.choice(len(at), _SAMPLED, p=choice.chances)
                value = float(estimate.expected(means, choice.tracks[at]).mean())
            else:
                value = float(estimate.expected(means, choice.tracks) @ choice.chances)
            told = float(plays.share[row]), float(plays.propensity[row]), choice.chance(int(plays.track[row]))
            found[arm].append((*told, own, value))
    return {arm: Logged(*np.array(told, dtype=np.float64).reshape(-1, 5).T) for arm, told in found.items()}


def _mean(values: Values) -> Estimated:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Estimated(float(values.mean()) if len(values) else float("nan"), error)
