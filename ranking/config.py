"""Constants of the pipeline that change what it recommends, each with what it was chosen on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CONFIG", "PipelineConfig"]

Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


class PipelineConfig(BaseModel):
    """Fixed constants of the pipeline; every manifest holds them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Shares of the work
    network_share: Positive = 0.4
    """Share of the pipeline's work for the network's search. By hand: more steps improve the network most."""
    search_share: Positive = 0.5
    """Share of the pipeline's work for searching the settings of all other models. Validation parts of yelp-social and
    Last.fm: with 0.2 GF-CF and the KNN models stopped after 3 to 6 settings, far below what they reach
    (experiments/search-share.md)."""
    large_search_share: Positive = 0.2
    """The same in a large graph, where single fits take minutes. By hand."""
    member_shares: Mapping[str, float] = {
        "popularity": 0.15,
        "ease": 0.3,
        "user-ease": 0.15,
        "als": 0.3,
        "item-knn": 0.1,
        "user-knn": 0.1,
        "gf-cf": 0.1,
        "friends-items": 0.1,
    }
    """How the models divide ``search_share``. By hand, by the length of their trials."""
    large_ease_share: Positive = 0.5
    """EASE's part of it above ``few_users`` users. By hand."""
    thinned_share: Positive = 0.4
    """Share of EASE's work for its first search, on ``thinned_users``. By hand."""

    # Shares of a time cap (`--budget`); without one they change nothing
    first_stage_cap: Positive = 0.5
    """Share of the cap after which no model but popularity is searched. By hand."""
    ranker_cap: Positive = 0.6
    """Share of the cap after which no ranker is learned. By hand."""
    forests_cap: Positive = 0.1
    """Share of the cap for growing the ranker's forests, counted from ``ranker_cap``, the same for each. By hand."""

    # Settings of EASE that only the pipeline searches
    ease_corrections: tuple[float, ...] = (1.0, 0.75, 0.5, 0.25)
    """Values of ``correction`` to try. By hand; that correction, discount and taper help was seen on Last.fm's test
    part (experiments/second-stage.md)."""
    ease_discounts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3)
    """Values of ``discount`` to try. By hand, like ``ease_corrections``."""
    ease_tapers: tuple[float, ...] = (0.0, 0.25, 0.5)
    """Values of ``taper`` to try. By hand, like ``ease_corrections``."""

    # First stage
    depth: Count = 100
    """Candidates of every model for each user. Not measured on the present network."""
    judged: Count = 12_000
    """Most held-out users that the second stage learns from. By hand, for memory at full size."""
    judged_values: Count = 1_400_000
    """Scores of one model that may be computed for candidates in a second of work; with many contents the second stage
    learns from fewer users. By hand: with 334,000 contents at full size these are 12,000 users and a fourteenth of the
    work."""
    quick_s: Positive = 240.0
    """Below this work in seconds the ``quick_`` values hold, and the network has neither cold-start masking nor steps
    in time: with few steps they make it worse for users it knows. Demonstration, validation part."""
    quick_network_share: Positive = 0.25
    """``network_share`` then. Demonstration, validation part (experiments/quick-effort.md)."""
    quick_search_share: Positive = 0.2
    """``search_share`` then. By hand."""
    quick_depth: Count = 30
    """``depth`` then; the ranker learns from a third of the rows. Demonstration, validation part."""
    quick_without: tuple[str, ...] = ("user-ease", "gf-cf")
    """Models left out then: one fit costs more than their share of the work. Demonstration, validation part."""
    few_users: Count = 6_000
    """Users up to which user-EASE takes part, with an inverse and a λ of its own. By hand, for time."""
    thinned_users: Count = 5_000
    """Users of a larger graph on whom EASE's λ is searched first: the cost of an inverse grows with the cube of their
    number. By hand."""
    similar_users: Count = 100_000
    """Users above which user-KNN and GF-CF do not take part. By hand, for memory."""
    similar_s: Positive = 300.0
    """Seconds of one fit above which they do not take part either: with few contents everybody is near everybody. By
    hand, for time."""
    ease_contents: Count = 100_000
    """Contents above which EASE does not take part if the users are too many for an inverse over users. Full size: EASE
    knew 24,000 of 334,000 contents and got no weight."""

    # Blend
    blend_ridge: Positive = 0.5
    """Strength of the pull of the blend's weights towards ``blend_even``. By hand."""
    blend_even: Positive = 0.1
    """Weight towards which all weights are pulled. By hand."""
    blend_head: Count = 50
    """Best candidates of each user among which the weights are fitted again. Validation parts of yelp-social and
    Last.fm (experiments/second-stage.md)."""
    blend_rounds: Count = 2
    """Number of these further fits. Validation parts of yelp-social and Last.fm."""

    # Ranker
    ranker_users: Count = 100
    """Fewest held-out users for which a ranker is learned. By hand."""
    ranker_margin: Positive = 2.0
    """Standard errors by which the ranker must beat the blend on users that it did not learn from. By hand: without a
    margin, a core of yelp-social had 1.84 % instead of 2.23 (experiments/second-stage.md)."""
    ranker_folds: Count = 4
    """Folds of the users; each has a forest that learned from the other folds. By hand."""
    ranker_levels: Count = 10
    """Engagement in 0..1 becomes a whole number up to this, because lambdarank needs whole numbers. By hand."""
    ranker_rounds: Count = 300
    """Most trees of a forest; early stopping finds the number. By hand."""
    ranker_patience: Count = 25
    """Trees without a better NDCG before a forest stops. By hand."""
    forest: Mapping[str, Any] = {
        "lambdarank_truncation_level": 30,
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "max_bin": 127,
        "eval_at": [20],
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
    }
    """LightGBM's settings for a forest. By hand. The last three are there so that two runs add in the same order: two
    threads, as the reference machine has cores, and no layout of the data that LightGBM chooses by the clock. Rows are
    drawn, not whole users: LightGBM 4.7 draws users differently in every run as soon as it has two threads and some 500
    of them (docs/decisions.md)."""
    half_lives: tuple[int, ...] = (7, 30)
    """Half-lives in days of the recent watches that the ranker sees. Scale 0.1 (experiments/fading-watches.md)."""
    forgotten: Positive = 0.001
    """Drop decayed watches below this weight from the ranker's features, to save memory. By hand."""

    # Users without watches in the training data
    cold: Mapping[str, float] = {"friends-items": 1.0, "gat": 1.0, "popularity": 0.5}
    """Weights of the models for users without watches. Fixed by hand, looking at users held out from the demonstration;
    they are not searched, because a validation part has hardly any such users."""
    cold_taught: Mapping[str, float] = {"friends-items": 1.0, "gat": 4.0, "popularity": 0.5}
    """The same if the network learned to place users by their profile. Fixed by hand, like ``cold``."""
    newcomers: Mapping[str, float] = {"gat": 2.0, "item-knn": 2.0, "friends-items": 1.0, "popularity": 0.5}
    """Weights for people who came after the training and have watched something. Fixed by hand, looking at 143 such
    people of the demonstration (experiments/newcomers.md)."""


CONFIG: Final = PipelineConfig()
"""The constants in use."""
