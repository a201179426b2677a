"""Constants that change what every recommender gives, in one place: each with what it was chosen on."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["CORE", "CoreConfig"]


class CoreConfig(BaseModel):
    """Fixed constants of validation, search, work and the models of `recommenders`.

    Settings of a model are fields of its class; most of them are searched. The graph networks have `gnn.config` and
    `gnn.recipe`, the pipeline has `ranking.config`. `recommenders.core.costs` says what a fit costs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Validation and search
    validation_share: float = 0.15
    """Share of the watches held out for choosing settings and for learning to rank. By hand."""
    search_k: int = 20
    """Settings are chosen by NDCG at this cut-off. By hand: as long as a feed."""
    search_users: int = 6_000
    """Most users on whom a setting is judged. By hand, for time."""

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

    # Sessions of tracks (`recommenders.session`, `interest`, `interest_fit`, `track_vectors`)
    artist_discount: float = 0.8
    """A track of an artist counts this much less for every earlier track of the artist in the session. Given by the
    people who run the player."""
    share_floor: float = 0.02
    """Shares are clipped to between this and one minus this before their logit is taken. By hand: logs have two
    decimals."""
    session_plays: int = 80
    """Most plays that an estimate knows: the newest of the session, then those of earlier ones. By hand, for time."""
    session_pool: int = 400
    """Tracks of the highest expected logit among which one is drawn. By hand, for time."""
    past_sessions: int = 5
    """Earlier sessions of a user that an estimate knows. By hand, for time."""
    newest_sessions: float = 0.15
    """Share of the sessions, the newest ones, that choose the weights of the session model. By hand."""
    fewest_sessions: int = 200
    """With fewer sessions the session model learns nothing about tracks. By hand."""
    weighed_sessions: int = 1_500
    """Most sessions by whose likelihood the weights are chosen. By hand, for time."""
    weights_deviation: float = 1.0
    """Standard deviation of the logarithm of a weight around its default. By hand."""
    foreign_choices: int = 100
    """Choices of arms named after the artist from which it is checked that they chose the same artist. By hand."""
    foreign_share: float = 0.5
    """If fewer of them did, the logs number their tracks otherwise than the catalogue. By hand; 0.002 do in the logs at
    hand."""
    text_dim: int = 64
    """Length of the vectors of artist and title. By hand."""
    vector_plays: float = 2.0
    """Plays at which a track's own vector and the mean of its artist's count alike, where vectors come from lists of
    heard tracks. By hand."""
    session_epochs: int = 30
    """Most epochs of Track2Vec there. By hand."""
    session_tokens: int = 6_000_000
    """Tracks and artists that all its epochs together pass over, at most. By hand, for time: half a minute."""
    network_share: float = 0.05
    """Share of a fit's work for the graph network there. By hand, for time."""
    heard_sweeps: int = 6
    """Sweeps of the alternating least squares that learn vectors from shares. By hand."""
    session_ridge: float = 2.0
    """Ridge of the vector of a session there. By hand."""
    artist_ridge: float = 2.0
    """Ridge of the vector of an artist. By hand."""
    track_ridge: float = 8.0
    """Ridge of what the vector of a track has beside its artist's. By hand."""
    level_plays: float = 4.0
    """Plays of the mean level that every user is given beside their own. By hand."""


CORE: Final = CoreConfig()
"""The constants in use."""
