"""A/B tests in play logs: what each treatment did, which differ from the control, and whether users were split fairly.

A treatment is given to a user, so users are what is counted: a user's value is the mean over their sessions, and two
treatments are compared by Welch's t-test over these (Welch, Biometrika 1947). A sample-ratio check is the chi-squared
test of the numbers of users against the shares they should have (Fabijan et al., KDD 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import chdtrc, stdtr, stdtrit

from graph.errors import InputError

__all__ = ["METRICS", "SUSPICIOUS", "Arm", "Effect", "Experiment", "experiments", "welch"]

METRICS: Final = {"shares": "shares a session", "tracks": "tracks a session"}
SUSPICIOUS: Final = 0.001
"""A sample ratio of a lower p-value says that something is wrong with the assignment or the logs."""
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """What one treatment of an experiment did."""

    treatment: str
    users: int
    sessions: int
    requests: int
    shares: float
    """Mean over sessions of the sum of the shares heard."""
    tracks: float
    """Mean over sessions of the number of tracks played."""
    latency_ms: float
    latency_p95_ms: float


@dataclass(frozen=True)
class Effect:
    """How far the users of a treatment differ from those of the control."""

    treatment: str
    metric: str
    control: float
    """Mean over the control's users."""
    difference: float
    low: float
    high: float
    """Ends of Welch's 95 % interval of the difference."""
    p_value: float

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.low <= 0.0 <= self.high

    def percent(self) -> tuple[float, float, float]:
        """Difference and interval in % of the control's mean, which is taken as exact; NaN where that is 0."""
        scale = 100.0 / self.control if self.control else float("nan")
        return scale * self.difference, scale * self.low, scale * self.high


@dataclass(frozen=True)
class Experiment:
    """One experiment's arms, control first, and their effects."""

    name: str
    control: str
    arms: tuple[Arm, ...]
    effects: tuple[Effect, ...]
    sample_ratio_p: float
    """The p-value of the users' numbers under the intended split (a test of sample ratio mismatch)."""
    in_several: int
    """Users with more than one treatment, who are left out."""


def experiments(
    plays: pl.DataFrame, control: str | None = None, shares: Mapping[str, float] | None = None
) -> list[Experiment]:
    """The experiments of plays as `graph.files.play_sessions.sessions_of` gives them, by name.

    ``control``: the treatment that others are compared with; None for C where there is one, else the one of most
    users, which also stands in for ``control`` in an experiment without it. ``shares``: of users that each treatment
    should have, in proportion; None for the same for each. Raises InputError where no experiment has a treatment that
    they name.
    """
    told = plays.filter(pl.col("arm").is_not_null())
    each = told.with_columns(pl.col("arm").str.split(";")).explode("arm")
    each = each.with_columns(
        pl.col("arm").str.extract(r"^(.*):").alias("experiment"),
        pl.col("arm").str.extract(r"([^:]*)$").alias("treatment"),
    )
    had = sorted(each["treatment"].drop_nulls().unique().to_list())
    for name in [*([] if control is None else [control]), *(shares or {})]:
        if had and name not in had:
            raise InputError(f"No experiment in the logs has a treatment {name!r}.", do=f"They have {', '.join(had)}.")
    return [_experiment(str(name), rows, control, shares or {}) for (name,), rows in sorted(
        each.group_by("experiment"), key=lambda group: str(group[0][0]))]  # fmt: skip


def welch(control: Values, treatment: Values) -> tuple[float, float, float, float]:
    """Difference of the means, the ends of its 95 % interval, and the two-sided p-value; NaN with one user a side."""
    sizes = np.array([len(control), len(treatment)])
    difference = float(treatment.mean() - control.mean())
    if sizes.min() < 2:
        return difference, float("nan"), float("nan"), float("nan")
    parts = np.array([control.var(ddof=1), treatment.var(ddof=1)]) / sizes
    error = float(np.sqrt(parts.sum()))
    if error == 0.0:
        return difference, difference, difference, float(difference == 0.0)
    freedom = float(parts.sum() ** 2 / np.sum(parts**2 / (sizes - 1)))
    half = float(stdtrit(freedom, 0.975)) * error
    return difference, difference - half, difference + half, float(2.0 * stdtr(freedom, -abs(difference) / error))


def _experiment(name: str, rows: pl.DataFrame, control: str | None, shares: Mapping[str, float]) -> Experiment:
    treatments = rows.group_by("user").agg(pl.col("treatment").n_unique().alias("n"))
    several = treatments.filter(pl.col("n") > 1)["user"]
    rows = rows.filter(~pl.col("user").is_in(several.implode()))
    sessions = rows.group_by("treatment", "user", "session").agg(
        pl.col("share").sum().cast(pl.Float64).alias("shares"), pl.len().cast(pl.Float64).alias("tracks")
    )
    # Groups come in no order, and the last digits of a mean depend on it.
    sessions = sessions.sort("treatment", "user", "session")
    users = sessions.group_by("treatment", "user", maintain_order=True).agg(
        pl.col("shares").mean(), pl.col("tracks").mean()
    )
    counts = {str(t): users.filter(pl.col("treatment") == t).height for t in users["treatment"].unique().to_list()}
    if control not in counts:
        control = "C" if "C" in counts else max(sorted(counts), key=lambda t: counts[t], default="")
    names = [control, *sorted(set(counts) - {control})] if counts else []
    means = {t: users.filter(pl.col("treatment") == t) for t in names}
    effects = [
        Effect(t, metric, float(means[control][metric].to_numpy().mean()),
               *welch(means[control][metric].to_numpy(), means[t][metric].to_numpy()))
        for metric in METRICS for t in names[1:]
    ]  # fmt: skip
    arms = tuple(_arm(t, rows.filter(pl.col("treatment") == t), sessions, counts[t]) for t in names)
    return Experiment(name, control, arms, tuple(effects), _sample_ratio(counts, shares), len(several))


def _arm(treatment: str, rows: pl.DataFrame, sessions: pl.DataFrame, users: int) -> Arm:
    own = sessions.filter(pl.col("treatment") == treatment)
    latency = rows["latency"].drop_nulls().to_numpy() * 1_000.0
    return Arm(
        treatment,
        users,
        own.height,
        rows.height,
        float(own["shares"].to_numpy().mean()),
        float(own["tracks"].to_numpy().mean()),
        float(latency.mean()) if len(latency) else float("nan"),
        float(np.quantile(latency, 0.95)) if len(latency) else float("nan"),
    )


def _sample_ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """The p-value of the chi-squared test of these counts; 1 for a single treatment."""
    if len(counts) < 2:
        return 1.0
    wanted = np.array([shares.get(name, 0.0 if shares else 1.0) for name in counts])
    found = np.array(list(counts.values()), dtype=np.float64)
    if not wanted.sum() or (wanted == 0.0).any():
        return 0.0  # users where none should be
    expected = found.sum() * wanted / wanted.sum()
    return float(chdtrc(len(found) - 1, float(np.sum((found - expected) ** 2 / expected))))
