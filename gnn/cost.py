"""What training costs, estimated from sizes alone: the number of epochs follows from it, not from the clock."""

from __future__ import annotations

import math

from gnn.config import SMALLER, GnnConfig
from gnn.recipe import RECIPE
from graph.snapshot import Snapshot
from recommenders.core.effort import is_large

__all__ = ["cost", "epoch_cost", "sized", "smaller"]


def sized(config: GnnConfig, snapshot: Snapshot) -> GnnConfig:
    """The configuration; in a large graph `smaller` replaces the default of every setting not given."""
    if not is_large(snapshot):
        return config
    return config.model_copy(
        update={key: value for key, value in smaller(snapshot).items() if key not in config.model_fields_set}
    )


def smaller(snapshot: Snapshot) -> dict[str, int]:
    """`gnn.config.SMALLER` for a large graph, with the epochs that are as many steps where contents are few.

    There an epoch, which is at most a pass over all users, has fewer than `Recipe.epoch_steps` steps.
    """
    longer = RECIPE.epoch_steps / min(float(RECIPE.epoch_steps), _steps_of_a_pass(snapshot))
    return {**SMALLER, **{name: math.ceil(longer * SMALLER[name]) for name in ("patience", "max_epochs")}}


def _edges(snapshot: Snapshot) -> float:
    """Edges with a message in a layer without ``neighbours``."""
    return 2.0 * sum(len(table) for table in snapshot.edges.values())


def _steps_of_a_pass(snapshot: Snapshot) -> float:
    pairs = float(snapshot.users.count) * snapshot.contents.count
    return max(1.0, pairs / max(RECIPE.step_pairs, RECIPE.pairs_per_edge * _edges(snapshot)))


def epoch_cost(config: GnnConfig, snapshot: Snapshot) -> float:
    """Seconds of the reference machine for an epoch: a pass over all users, or `Recipe.epoch_steps` of its steps."""
    config = sized(config, snapshot)
    edges, steps = _edges(snapshot), _steps_of_a_pass(snapshot)
    pairs = float(snapshot.users.count) * snapshot.contents.count
    if config.friends and len(snapshot.follows):
        pairs += min(float(snapshot.users.count) ** 2, steps * RECIPE.step_pairs)  # `Friends.asked`
    some = min(1.0, RECIPE.epoch_steps / steps)
    steps = min(steps, float(RECIPE.epoch_steps))
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
