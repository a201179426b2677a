"""What training costs, estimated from sizes alone: the number of epochs follows from it, not from the clock."""

from __future__ import annotations

from typing import Final

from gnn.config import SMALLER, GnnConfig
from gnn.recipe import RECIPE
from graph.snapshot import Snapshot
from recommenders.core.effort import is_large

__all__ = ["EDGE", "cost", "epoch_cost", "sized"]

EDGE: Final = 2.5e-9
"""Seconds of the reference machine to pass one message of one layer, forward and backward, per number of a vector."""
_PAIR: Final = 4.3e-9
"""Seconds for one pair of user and content in the softmax, forward and backward …"""
_PAIR_WIDTH: Final = 2e-11
"""… and in addition for each number of a vector."""
_STEP: Final = 0.02
"""Seconds for a step of any size."""
_USUAL_EPOCHS: Final = 80
"""Epochs that a fit takes on average until validation stops it, on Last.fm and the demonstration."""


def sized(config: GnnConfig, snapshot: Snapshot) -> GnnConfig:
    """The configuration; in a large graph `gnn.config.SMALLER` replaces the default of every setting not given."""
    if not is_large(snapshot):
        return config
    return config.model_copy(update={key: SMALLER[key] for key in SMALLER.keys() - config.model_fields_set})


def epoch_cost(config: GnnConfig, snapshot: Snapshot) -> float:
    """Seconds of the reference machine for an epoch: a pass over all users, or `Recipe.epoch_steps` of its steps."""
    config = sized(config, snapshot)
    edges = 2.0 * sum(len(table) for table in snapshot.edges.values())
    pairs = float(snapshot.users.count) * snapshot.contents.count
    steps = max(1.0, pairs / max(RECIPE.step_pairs, RECIPE.pairs_per_edge * edges))
    some = min(1.0, RECIPE.epoch_steps / steps)
    steps = min(steps, float(RECIPE.epoch_steps))
    if config.friends and len(snapshot.follows):
        pairs += float(snapshot.users.count) ** 2
    messages = steps * edges * config.layers * config.dim
    if config.neighbours:
        nodes = float(snapshot.users.count + snapshot.contents.count)
        messages = min(messages, steps * nodes * config.neighbours * config.layers * config.dim)
    return _STEP * steps + EDGE * messages + some * pairs * (_PAIR + _PAIR_WIDTH * config.dim)


def cost(config: GnnConfig, snapshot: Snapshot) -> float:
    """Seconds of the reference machine for a fit: for the given ``epochs``, or for the usual number of epochs."""
    epochs = config.epochs or min(config.max_epochs, _USUAL_EPOCHS)
    return epochs * epoch_cost(config, snapshot)
