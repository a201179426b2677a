"""Networks of a configuration, trained as a test wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import scipy.sparse as sp

from gnn.config import GnnConfig
from gnn.recommender import GraphNetwork
from graph.snapshot import Snapshot
from recommenders.core.effort import Cap
from recommenders.core.holdout import Holdout, users_of
from recommenders.core.options import FitOptions, silent

__all__ = ["network", "trained"]


def network(config: GnnConfig) -> GraphNetwork:
    """One of this configuration, not fitted yet."""
    return GraphNetwork(**config.model_dump(exclude_unset=True, exclude={"seed", "device"}))


def trained(
    config: GnnConfig,
    snapshot: Snapshot,
    said: Callable[[float, str], object] | None = None,
    *,
    epochs: int | None = None,
    validation: sp.csr_array | None = None,
    budget_s: float | None = None,
    checkpoint: Path | None = None,
    start: GraphNetwork | None = None,
) -> GraphNetwork:
    """One of this configuration, fitted."""

    def progress(share: float, what: str) -> None:
        if said is not None:
            said(share, what)

    part = None if validation is None else Holdout("validation", snapshot, validation, users_of(validation))
    options = FitOptions(
        validation=part,
        seed=config.seed,
        device=config.device,
        checkpoint=checkpoint,
        start=start,
        cap=Cap(None if budget_s is None else budget_s / 60.0),
        progress=progress if said is not None else silent,
    )
    return network(config if epochs is None else config.model_copy(update={"epochs": epochs})).fit(snapshot, options)
