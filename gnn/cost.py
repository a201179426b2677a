"""What training costs, estimated from sizes alone: the number of epochs follows from it, not from the clock."""

from __future__ import annotations

from gnn.config import SMALLER, GnnConfig
from gnn.recipe import RECIPE
from graph.snapshot import Snapshot
from recommenders.core.effort import is_large

__all__ = ["cost", "epoch_cost", "sized"]


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
    softmax = some * pairs * (RECIPE.pair_s + RECIPE.pair_width_s * config.dim)
    return RECIPE.step_s * steps + RECIPE.message_s * messages + softmax


def cost(config: GnnConfig, snapshot: Snapshot) -> float:
    """Seconds of the reference machine for a fit: for the given ``epochs``, or for the usual number of epochs."""
    epochs = config.epochs or min(config.max_epochs, RECIPE.usual_epochs)
    return epochs * epoch_cost(config, snapshot)
