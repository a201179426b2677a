"""Compares off-policy estimates with those of obp on its Open Bandit sample: ``python -m experiments.off_policy_obp``.

``pip install 'entourage[obp]'`` brings obp 0.4.1 and the sample (CC BY 4.0): 10,000 rows of each of two policies on
three campaigns. obp's own reader does not run with pandas 3, so the files are read here; the estimates are obp's.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from evaluation.off_policy import Logged, doubly_robust, inverse_propensity, self_normalised

_CLOSE: Final = 1e-9


def main() -> None:
    """Print both estimates of every part of the sample; exit 1 where they differ by more than a billionth."""
    try:
        from obp import ope
    except ModuleNotFoundError as missing:
        raise SystemExit(f"{missing.name} is not installed. Run `pip install 'entourage[obp]'`.") from None
    spec = importlib.util.find_spec("obp")
    assert spec
    assert spec.origin
    theirs = (ope.InverseProbabilityWeighting(), ope.SelfNormalizedInverseProbabilityWeighting(), ope.DoublyRobust())
    ours = (inverse_propensity, self_normalised, doubly_robust)
    worst = 0.0
    print(f"{'sample':12} {'estimate':28} {'ours':>14} {'obp':>14}")
    for file in sorted((Path(spec.origin).parent / "dataset" / "obd").glob("*/*/*.csv")):
        if file.name == "item_context.csv":
            continue
        log, asked = _both(pl.read_csv(file))
        for estimate, other in zip(ours, theirs, strict=True):
            mine, told = estimate(log).mean, float(other.estimate_policy_value(**asked))
            worst = max(worst, abs(mine - told) / abs(told))
            print(f"{file.parent.parent.name + '/' + file.stem:12} {estimate.__name__:28} {mine:14.9f} {told:14.9f}")
    print(f"The largest difference is {worst:.1e} of the figure.")
    sys.exit(worst > _CLOSE)


def _both(rows: pl.DataFrame) -> tuple[Logged, dict[str, Any]]:
    """The same log as we and as obp take it, for a policy that prefers items of low numbers."""
    item, click = rows["item_id"].to_numpy(), rows["click"].to_numpy().astype(float)
    propensity, place = rows["propensity_score"].to_numpy(), rows["position"].to_numpy() - 1
    items = np.arange(int(item.max()) + 1)
    judged = np.exp(-items / 10.0)
    judged /= judged.sum()
    expected = 0.002 + 0.0002 * items
    log = Logged(click, propensity, judged[item], expected[item], np.full(len(item), judged @ expected))
    shape = len(item), len(items), int(place.max()) + 1
    return log, {
        "reward": click,
        "action": item,
        "position": place,
        "pscore": propensity,
        "action_dist": np.broadcast_to(judged[None, :, None], shape),
        "estimated_rewards_by_reg_model": np.broadcast_to(expected[None, :, None], shape),
    }


if __name__ == "__main__":
    main()
