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
    validation_excess: float = 2.0
    """The newest watches are held out only if they are at most this many times the share that is asked for; they are
    more where many watches have the same time. By hand."""
    validation_watches: int = 3
    """Without times, users with fewer watches than this hold none out. By hand."""
    search_k: int = 20
    """Settings are chosen by NDCG at this list length. By hand: as long as a feed."""
    search_users: int = 6_000
    """Most users on whom a setting is judged. By hand, for time."""
    search_cap_share: float = 0.8
    """Share of a time cap after which no further trial begins. By hand."""

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
    single_share: float = 0.3
    """Share of an effort's work for the search of a single model in a comparison, and again for its fit. The pipeline's
    shares are in `ranking.config`. By hand."""
    single_network_share: float = 0.6
    """The same for a network; in the pipeline it has 0.4 for its search and up to 0.3 for training on everything. By
    hand."""

    # Models of `recommenders`
    many_follows: int = 5_000_000
    """Follows above which ALS, user-KNN and GF-CF leave friends out by default. By hand, for memory at full size."""
    fashion_half_life: float = 30.0
    """Days after which a watch counts half in item-KNN's ``fashion``. Generated networks of scale 0.01 and 0.1
    (experiments/fading-watches.md)."""
    friends_paths: int = 100_000_000
    """Most paths from a user to a friend's friend that friends-items follows: about 3 GiB. By hand, for memory."""
    friends_second_degree: float = 0.1
    """Weight of friends' friends in friends-items without times. By hand."""
    svd_rounds: int = 5
    """Rounds of the subspace iteration of a truncated SVD where its caller gives no other number. By hand."""
    svd_beside: int = 16
    """Directions that the iteration has beside those that are asked for, so that the last of these are exact too. By
    hand."""
    ease_exact_side: int = 4_000
    """Side up to which EASE inverts in float64; above, float32 halves memory and time. By hand."""

    # Track2Vec (`recommenders.track2vec`)
    track2vec_entries: int = 1_200_000
    """Entries of the notebook's lists, tracks that occur once included. With more, the epochs are the notebook's six;
    with fewer, they are as many more."""
    track2vec_most_epochs: int = 150
    """Most epochs of lists with few entries. By hand; the suite's search tries as many."""
    track2vec_often: int = 12
    """Entries of a track above which it is thinned out: 1e-5 of ``track2vec_entries``, as in the notebook. With epochs
    and thinning that follow the entries, NDCG@10 on validation lists of play logs (21,696 entries) was .032; with the
    notebook's, .000."""
    track2vec_thinned_from: float = 0.1
    """Largest share of all entries to thin from, for lists with few entries. By hand."""
    track2vec_start: float = 0.05
    """The network's vectors start uniformly between minus this and this, as in Keras, which the notebook used."""

    # The profile network (`recommenders.profile_network`)
    profile_dropout: float = 0.2
    """Share of both hidden layers that is dropped in training. By hand."""
    profile_checked: int = 5
    """Epochs from one look at the validation part to the next. By hand."""
    profile_contents: int = 50_000
    """Most contents that train, drawn at random above that. By hand, for memory."""
    profile_svd_rounds: int = 8
    """Rounds of the subspace iteration of its SVD. By hand."""

    # Sessions of tracks (`recommenders.session`, `interest`, `interest_fit`, `plays`, `sequences`, `track_vectors`)
    heard_share: float = 0.5
    """Share of a track from which a play counts as heard. By hand."""
    artist_discount: float = 0.8
    """A track of an artist counts this much less for every earlier track of the artist in the session. Given by the
    people who run the player."""
    artist_discounts: int = 12
    """Earlier tracks of the artist whose discount is taken out of a share, at most. By hand."""
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
    """Fewest sessions from which the session model learns anything about tracks. By hand."""
    weighed_sessions: int = 1_500
    """Most sessions by whose likelihood the weights are chosen. By hand, for time."""
    weights_deviation: float = 1.0
    """Standard deviation of the logarithm of a weight around its default. By hand."""
    weights_factors: tuple[float, ...] = (2.0, 1.3)
    """Factors by which a weight is raised or lowered as long as the sessions become likelier, large steps first. By
    hand."""
    weights_mean: float = 0.5
    """The mean is moved by this times the factor less 1 instead, because it may be negative. By hand."""
    weights_rounds: int = 2
    """How often all weights are moved by all factors. By hand."""
    weights_least: float = 0.02
    """Least value that a weight is lowered to. By hand."""
    foreign_choices: int = 100
    """Choices of arms named after the artist from which it is checked that they chose the same artist. By hand."""
    foreign_share: float = 0.5
    """If fewer of them did, the logs number their tracks otherwise than the catalogue. By hand; 0.002 do in the logs at
    hand."""
    text_dim: int = 64
    """Length of the vectors of artist and title. By hand."""
    text_columns: int = 1 << 15
    """Columns that the parts of artist and title are hashed to. By hand."""
    text_svd_rounds: int = 3
    """Rounds of the subspace iteration that makes vectors of them. By hand."""
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
    heard_start: float = 0.3
    """Standard deviation of the vectors of artists at their start. By hand."""
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
