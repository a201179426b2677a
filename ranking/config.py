"""What was chosen for the pipeline, in one place: each constant with what it was chosen on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CONFIG", "PipelineConfig"]

Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


class PipelineConfig(BaseModel):
    """Constants that change what the pipeline recommends. Sizes are of graphs, shares are of its work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network_share: Positive = 0.4
    """Of the work, for the network's search. Chosen by hand: of its parts the network gains most from more steps."""
    search_share: Positive = 0.2
    """Of the work, for the settings of all other models. By hand; EASE has the longest trials …"""
    search_share_without_ease: Positive = 0.13
    """… and this is the share where it does not take part."""
    again_share: Positive = 0.3
    """Of the work, for the network on everything: as many steps as validation found, at most so much."""

    depth: Count = 100
    """Candidates that every model names for each user. Not measured against others on today's network."""
    judged: Count = 12_000
    """Held-out users that the second stage learns from; by hand, for memory at full size."""
    judged_values: Count = 1_400_000
    """Scores of a model for each second of work that candidates may take: fewer users where the catalogue is large. By
    hand: with 334,000 contents at full size they are 12,000 users, a fourteenth of the work."""
    quick_network_s: Positive = 240.0
    """With less work than this the network learns nothing of newcomers, nor in the order of time, as its few steps then
    teach less of those it knows. Chosen on the demonstration's validation part."""

    few_users: Count = 6_000
    """Up to so many users the regression over users gets an inverse and a λ of its own; by hand, for time."""
    thinned_users: Count = 5_000
    """Users of a larger graph on whom EASE's λ is searched: an inverse costs the cube of their number."""
    similar_users: Count = 100_000
    """With more users than this, models that compare users with users are left out, for memory."""
    ease_contents: Count = 100_000
    """With more contents than this, and too many users for an inverse, EASE is left out: at full size it knew 24,000 of
    334,000 contents and got no weight."""

    blend_ridge: Positive = 0.5
    """Pulls the blend's weights to ``blend_even`` as strongly as one held-out content might. By hand."""
    blend_even: Positive = 0.1
    """Where the weights are pulled to. By hand."""
    blend_head: Count = 50
    """Best candidates of each user among which the weights are learned again. Chosen on yelp-social's and Last.fm's
    validation parts (experiments/second-stage.md)."""
    blend_rounds: Count = 2
    """How often that is repeated."""

    ranker_users: Count = 100
    """With fewer held-out users than this no ranker is learned. By hand."""
    ranker_margin: Positive = 2.0
    """Standard errors by which the ranker has to beat the blend on users that it did not learn from. By hand."""
    ranker_rounds: Count = 300
    """Most trees of a forest; early stopping finds the number."""
    ranker_patience: Count = 25
    """Trees without a better NDCG before a forest stops. By hand."""
    half_lives: tuple[int, ...] = (7, 30)
    """Days after which a watch counts half for what is in fashion, two views of it for the ranker. By hand."""
    forgotten: Positive = 0.001
    """Faded watches below this weight are left out of the ranker's view, to save memory."""

    cold: Mapping[str, float] = {"friends-items": 1.0, "gat": 1.0, "popularity": 0.5}
    """Weights for users who have watched nothing. Fixed by hand, looking at users withheld from the demonstration's
    network; not searched, as validation parts hold hardly any such user."""
    cold_taught: Mapping[str, float] = {"friends-items": 1.0, "gat": 4.0, "popularity": 0.5}
    """The same, where the network learned to place people by their profile. Fixed by hand, as ``cold``."""
    newcomers: Mapping[str, float] = {"gat": 2.0, "item-knn": 2.0, "friends-items": 1.0, "popularity": 0.5}
    """Weights for people who came after the training and have watched something: of models that need not be fitted
    anew. Fixed by hand, looking at 143 people of the demonstration's network who came after a cut in time."""


CONFIG: Final = PipelineConfig()
