"""What the steps of a fit cost on the reference machine: the number of trials follows from it, not from the clock."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["COSTS", "Costs"]


class Costs(BaseModel):
    """Seconds on the reference machine, two cores of 2.6 GHz with nothing else running.

    Measured on Last.fm, the demonstration and yelp-social (`python -m benchmarks.bench_costs`) and rounded up. The
    networks have `gnn.cost`. A wrong cost changes how many settings are tried, not what a fit with them gives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    any_fit: float = 0.1
    """A fit of a model that says nothing else."""
    judging: float = 8e-9
    """Scoring and ranking one content for one user."""
    watch: float = 1e-7
    """One watch, where a fit counts watches and does nothing else."""

    inverse: float = 8e-12
    """EASE's inverse, for the cube of its side."""
    inverse_product: float = 1e-9
    """One watch times one row of that inverse."""
    inverse_dense: float = 1.5e-11
    """The same where the inverse is over contents: one number of a row times one row."""

    als_link: float = 6e-9
    """One watch or follow and one factor, in one iteration of ALS."""
    als_row: float = 1e-9
    """One user or content, for the square of the factors, in one iteration of ALS."""
    bpr_watch: float = 4e-9
    """One watch and one factor, in one epoch of BPR."""
    bpr_factors: int = 16
    """What BPR does for a watch besides its factors, counted in factors."""

    gf_cf_link: float = 3e-8
    """One watch or follow and one singular vector of GF-CF."""
    gf_cf_row: float = 4e-10
    """One user or content, for the square of the singular vectors."""
    gf_cf_judging: float = 2e-9
    """One watch of the whole graph, for one user whose scores are computed."""

    similarity_product: float = 6e-9
    """One multiplication of the similarities of KNN, and what follows it."""
    follow: float = 1e-6
    """One follow in friends-items."""
    path: float = 3e-8
    """One path to a friend's friend in friends-items."""
    ppmi_watch: float = 2e-7
    """One watch and one singular vector of PPMI-SVD."""

    # Measured by time as well, on other data; no table is kept
    track2vec_pair: float = 8e-8
    """One pair of tracks, or of a track and a negative, in one epoch of Track2Vec."""
    profile_number: float = 2e-9
    """One content, one unit of a layer and ten targets, in one epoch of the profile network."""
    profile_component: float = 1e-7
    """One watch and one component of its SVD."""
    ratio_row: float = 1.2e-6
    """One row in one epoch of the watch-ratio network."""
    ratio_step: float = 7e-4
    """One step of it, of any number of rows."""


COSTS: Final = Costs()
"""The costs in use."""
