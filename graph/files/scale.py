"""The scale of a progress column: percent, a fraction, or seconds.

The scale is detected from the whole column before anything is loaded; if it is not certain, the file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from graph.errors import InputError

__all__ = ["NOISE", "SCALES", "Census", "Found", "Scale"]

Scale = Literal["percent", "fraction", "seconds"]
SCALES: Final[tuple[Scale, ...]] = ("percent", "fraction", "seconds")
Floats = npt.NDArray[np.float32]

_INSIDE: Final = 0.999
"""Smallest share of values in 0..100 in a column of percent."""
_RATIO: Final = 3.0
"""Watch ratios hardly pass it: contents are seldom watched three times in one go. Percent below it are told as such."""
NOISE: Final = 1e-6
"""A fraction may be above 1 by this much from rounding alone: it counts as 1, and the column is not in percent."""
_EXPECTED: Final = 3.0
"""If percent would give at least this many values above the duration and there are none, the column may be seconds."""
_HARDLY: Final = 0.001
"""Largest share of values above the duration, and of values at exactly 100, in a column of seconds."""


@dataclass(frozen=True)
class Found:
    """The scale of one column and why, in a sentence."""

    column: str
    scale: Scale
    why: str
    sure: bool
    """Whether it is certain, from the column or the user; a later import must not rely on an uncertain scale."""

    @property
    def top(self) -> float:
        """The value for a content that was watched completely; 1 for seconds, which are divided by the duration."""
        return 100.0 if self.scale == "percent" else 1.0


@dataclass
class Census:
    """Counts over one column, chunk by chunk; then ``decide``."""

    known: int = 0
    inside: int = 0
    """Values in 0..100."""
    above_one: int = 0
    highest: float = 0.0
    parts: int = 0
    """Values strictly between 0 and 1."""
    timed: int = 0
    """Values whose content's duration is known."""
    at_100: int = 0
    """Values of exactly 100."""
    above_duration: int = 0
    expected: float = field(default=0.0)
    """Expected number of values above their duration if they were percent and spread evenly."""

    def add(self, values: Floats, durations: Floats | None = None) -> None:
        """Count ``values`` (n,) of contents with ``durations`` (n,) in seconds; NaN where unknown."""
        there = np.isfinite(values)
        known = values[there]
        self.known += len(known)
        self.inside += int(((known >= 0) & (known <= 100)).sum())
        self.above_one += int((known > 1 + NOISE).sum())
        self.highest = max(self.highest, float(known.max(initial=0.0)))
        self.parts += int(((known > 0) & (known < 1)).sum())
        if durations is None:
            return
        seconds = durations[there]
        timed = np.isfinite(seconds) & (seconds > 0)
        known, seconds = known[timed], seconds[timed]
        self.timed += len(known)
        self.at_100 += int((known == 100).sum())
        self.above_duration += int((known > seconds).sum())
        self.expected += float(np.maximum(1.0 - seconds / 100.0, 0.0).sum(dtype=np.float64))

    def decide(
        self, column: str, asked: Scale | None = None, remembered: Scale | None = None, beside: Scale | None = None
    ) -> Found:
        """The scale of ``column``: what was ``asked`` for, else what the values say.

        ``remembered`` is the scale of earlier imports, ``beside`` that of a column which should have it too: it counts
        where the values do not tell. Raises InputError where neither tells.
        """
        if asked:
            why = f"as --progress says; {self._against_durations()}" if self.timed else "as --progress says"
            return Found(column, asked, why, sure=True)
        if not self.above_one:
            if self.parts:
                return Found(column, "fraction", "no value is above 1 and some are not whole", sure=True)
            if remembered == "seconds" or beside == "seconds":
                raise self._undecided(column, "it holds only 0 and 1, and seconds were read before")
            if "percent" in (remembered, beside):
                where = "of earlier imports" if remembered == "percent" else "of the other progress column"
                return Found(column, "percent", f"only 0 and 1, so the scale {where}", sure=False)
            return Found(column, "fraction", "only 0 and 1, and no earlier import says otherwise", sure=False)
        ratios = self.parts and (self.parts > self.above_one or self.highest <= _RATIO)
        other = "the scale of the other progress column or of earlier imports"
        if ratios and beside:
            return Found(column, beside, other, sure=False)
        if self.inside < _INSIDE * self.known:
            outside = f"{self.known - self.inside:,} of {self.known:,} values lie outside 0..100"
            if beside:
                return Found(column, beside, f"{outside}, so {other}", sure=False)
            raise self._undecided(column, outside)
        if self._as_seconds() and beside in (None, "seconds"):
            seconds = f"it reads like seconds ({self._against_durations()})"
            if beside:
                return Found(column, beside, f"{seconds}, {other}", sure=False)
            raise self._undecided(column, f"{seconds}, and is not taken for percent")
        why = f"{self.above_one:,} values are above 1, and {_share(self.inside, self.known)} lie in 0..100"
        if self.timed:
            why += f"; {self._against_durations()}"
        if ratios:
            why += (
                f"; but {self.parts:,} lie between 0 and 1 and the highest is {self.highest:.7g}: if they are "
                "fractions or watch ratios, say --progress fraction"
            )
        return Found(column, "percent", why, sure=not ratios)

    def _as_seconds(self) -> bool:
        """Whether no value passes its content's duration and none ends at 100, where percent would."""
        most = _HARDLY * self.timed
        return self.expected >= _EXPECTED and self.above_duration <= most and self.at_100 <= most

    def _against_durations(self) -> str:
        above, full = _share(self.above_duration, self.timed), _share(self.at_100, self.timed)
        return f"{above} are above the content's duration in seconds, {full} are exactly 100"

    @staticmethod
    def _undecided(column: str, what: str) -> InputError:
        return InputError(
            f"The scale of {column} cannot be told: {what}. Nothing was loaded.",
            do="Say what it is with --progress percent, fraction or seconds; what lies outside is then quarantined.",
        )


def _share(part: int, whole: int) -> str:
    """A share in %, which says 0 % and 100 % only of none and of all."""
    shown = f"{part / whole:.1%}"
    if shown == "0.0%" and part:
        return "under 0.1%"
    return "over 99.9%" if shown == "100.0%" and part < whole else shown
