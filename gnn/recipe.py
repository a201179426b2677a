"""Constants of the network that change its results, with what each was chosen on.

`gnn.config.GnnConfig` holds what a user can set. These are the same for everyone and stand in every manifest.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["RECIPE", "Recipe"]


class Recipe(BaseModel):
    """Fixed constants of features, training and stopping; tables are in experiments/."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Features and weights
    feature_limit: float = 5.0
    """Standard deviations that a node feature is clipped to: near-constant columns give huge z-scores. Not measured."""
    half_lives_covered: float = 3.0
    """How often recency halves between the newest and the oldest edge of a type. Not measured."""
    least_engagement_weight: float = 0.25
    """Weight in the loss of a watch with engagement 0; engagement is added to it. Not measured."""
    oldest_watch_weight: float = 0.5
    """Weight in the loss of the oldest watch, if times are known; the newest has 1. Not measured."""

    # Network
    attention_slope: float = 0.2
    """Slope of the leaky_relu in attention scores, as in the papers on GAT and GATv2."""
    attention_prior: float = 0.5
    """Start of the learned weight against sources of many edges: with it attention starts as symmetric-normalised
    propagation. Chosen on Last.fm, first fold."""
    attention_std: float = 0.01
    """Standard deviation of the attention vectors at the start. Not measured."""
    spectral_rounds: int = 3
    """Rounds of subspace iteration for the ids' start. A tenth of Keakr's size: NDCG@10 4.4 after one, 5.3 after
    three."""
    spectral_longest: float = 3.0
    """Rows of the ids' start are cut to this many times their mean length: otherwise a small group of users and
    contents without other watches would get very long rows. Not measured."""
    spectral_shortest: float = 1e-3
    """Rows below this share of the mean length, and singular values below this share of the largest, count as noise.
    Not measured."""

    # Steps
    step_pairs: int = 250_000_000
    """Most pairs of user and content, or of user and user, that a step compares. yelp-social: NDCG@10 follows the
    number of steps, not the number of users in each."""
    pairs_per_edge: int = 80
    """Pairs of user and content that cost as much as one edge with a message; a step compares at least so many pairs
    for each edge. Chosen by time at Keakr's full size, not by accuracy."""
    epoch_steps: int = 25
    """Most steps of an epoch; validation and checkpoints happen between epochs. Not measured."""
    full_catalogue: int = 500_000
    """Contents up to which the softmax is over all of them. A tenth of Keakr's size: a step against a part of the
    contents improves NDCG@10 several times less."""
    sampled_contents: int = 16_384
    """Contents drawn in a step if there are more than ``full_catalogue``. Chosen by time at full size; accuracy not
    measured."""
    sampled_uniformly: float = 0.5
    """Share of the drawn contents that is drawn uniformly; the rest is drawn by popularity. Not measured."""
    sampled_power: float = 0.75
    """Exponent of popularity in this draw, as in word2vec (Mikolov et al., NIPS 2013). Not measured."""
    new_share: float = 0.5
    """Share of the contents without a watch before a step's cut-off that the step treats as new. Demonstration, split
    in time: experiments/newcomers.md."""
    newest_cutoff: float = 0.01
    oldest_cutoff: float = 0.9
    """Range of a step's random cut-off, as shares of the watches counted from the newest. Demonstration: a range up to
    the oldest 30 % or 10 % is best; one within the newest 20 % is two points worse."""
    cutoff_watches: int = 100_000
    """With more watches than this, the quantile that a cut-off is drawn at is that of an even selection of this many
    to twice as many. By hand."""
    average_warmup: float = 10.0
    """The decay of the running average in step n is at most (1 + n) / (average_warmup + n), so that the start has
    little weight. Not measured."""

    # Validation and stopping
    validation_users: int = 4_000
    """Most users that a validation ranks contents for. Not measured."""
    validation_cost: float = 0.5
    """Most that a validation may cost, as a share of the cost of the epochs before it, both counted in pairs and edges;
    a costly validation follows several epochs. Not measured."""
    validated_pair_cost: float = 1.0
    """Cost of ranking one content for one validation user, in pairs of the loss. Measured by time only."""
    least_steps: int = 40
    """Steps before which validation never stops training. LightGCN's propagation on three Last.fm splits: NDCG@10 on
    validation rises, stays level for some fifteen steps, and rises again."""
    blind_epochs: int = 60
    """Epochs if there is too little data to hold a part out. Last.fm needs 60 to 110."""
    search_share: float = 0.5
    """Share of the work and of a time cap for finding the number of epochs, if no validation part is given; the rest is
    for training on everything. By hand."""
    large_search_share: float = 0.8
    """The same in a large graph, where the training on everything continues from the best epoch. By hand."""
    going_on: float = 0.5
    """In a large graph, epochs on everything for each epoch until the best one. Not measured."""
    cap_share: float = 0.9
    """Share of a time cap after which no further epoch begins. By hand."""
    trial_dim: int = 64
    """Width of the network in a trial of settings, half of the default: enough to compare settings, in less than half
    the time. By hand."""
    trial_heads: int = 4
    """Attention heads in a trial. By hand."""
    trial_epochs: int = 40
    """Most epochs of a trial. By hand."""

    # Cost in seconds of the reference machine, from which the numbers of epochs and trials follow; no table is kept
    message_s: float = 2.5e-9
    """To pass one message of one layer, forward and backward, per number of a vector. Measured by time."""
    pair_s: float = 4.3e-9
    """For one pair of user and content in the softmax, forward and backward. Measured by time."""
    pair_width_s: float = 2e-11
    """For the same, in addition for each number of a vector. Measured by time."""
    step_s: float = 0.02
    """For a step of any size. Measured by time."""
    usual_epochs: int = 80
    """Epochs that a fit takes on average until validation stops it. Last.fm and the demonstration."""

    # LightGCN as published; its settings stand in `gnn.lightgcn.LightGcn`
    lightgcn_blind_epochs: int = 100
    """Epochs if there is too little data to hold a part out. Not measured."""
    lightgcn_usual_epochs: int = 100
    """Epochs that its cost is estimated with, if they are not given. Not measured."""
    lightgcn_trial_epochs: int = 30
    """Most epochs in a trial of settings. By hand."""
    lightgcn_validate_every: int = 5
    """Epochs from one validation to the next. Not measured."""
    lightgcn_redraws: int = 20
    """How often a negative that the user has watched is drawn again. Not measured."""

    # Blocks; they change the order of sums and so the last digits
    loss_block_values: int = 24_000_000
    """Logits held at once: 48 MB of bfloat16, about the size of the last cache level. Chosen by time at full size."""
    loss_block_users: int = 256
    """Fewest users of a block: each block adds to the gradient of all contents, which with 330,000 contents costs more
    than smaller blocks save. Chosen by time at full size."""


RECIPE: Final = Recipe()
"""The constants that everything in this package uses."""
