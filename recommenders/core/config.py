"""Constants that change what every recommender gives, in one place: each with what it was chosen on."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["CORE", "CoreConfig"]


class CoreConfig(BaseModel):
    """Fixed constants of validation, search, work and the models of `recommenders`.

    Settings of a model are fields of its class; most of them are searched. The graph networks have `gnn.config` and
    `gnn.recipe`, the pipeline has `ranking.config`. How many seconds a fit takes on the reference machine is estimated
    by each model's ``cost``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Validation and search
    validation_share: float = 0.15
    """Share of the watches held out for choosing settings and for learning to rank. By hand."""
    search_k: int = 20
    """Settings are chosen by NDCG at this cut-off. By hand: as long as a feed."""
    search_users: int = 6_000
    """Most users on whom a setting is judged. By hand, for time."""
    judging_s: float = 2e-8
    """Seconds of the reference machine to score and rank one content for one user. Measured by time."""

    # Work
    large_links: int = 5_000_000
    """Watches and follows above which a graph is large: one narrow network, few trials. By hand, for memory and time at
    full size."""
    links_a_second: int = 183
    """Watches and follows for which a fit of normal effort gets a second of work. By hand: 298,000 follows and 477,000
    watches of 20,000 users then fit into an hour."""
    least_s: float = 300.0
    """Least work of a fit of normal effort, in seconds. By hand, on Last.fm and the demonstration."""
    least_quick_s: float = 40.0
    """Least work of any fit, in seconds: with less, a network takes too few steps. On the demonstration."""
    most_s: float = 2_100.0
    """Most work of a fit of normal effort, in seconds, so that a run ends within an hour. By hand."""
    most_large_s: float = 3_300.0
    """The same for a large graph. By hand, at full size."""
    quick: float = 0.04
    """Work of quick effort as a share of that of normal effort. By hand: about a minute at the demonstration's size."""
    thorough: float = 4.0
    """Work of thorough effort as a multiple of that of normal effort. By hand."""

    # Models of `recommenders`
    many_follows: int = 5_000_000
    """Follows above which ALS, user-KNN and GF-CF leave friends out by default. By hand, for memory at full size."""
    fashion_half_life: float = 30.0
    """Days after which a watch counts half in item-KNN's ``fashion``. Generated networks of scale 0.01 and 0.1
    (experiments/fading-watches.md)."""
    friends_paths: int = 100_000_000
    """Most paths from a user to a friend's friend that friends-items follows: about 3 GiB. By hand, for memory."""
    ease_exact_side: int = 4_000
    """Side up to which EASE inverts in float64; above, float32 halves memory and time. By hand."""


CORE: Final = CoreConfig()
"""The constants in use."""
