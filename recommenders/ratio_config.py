"""Constants of the network of watch ratios (`recommenders.ratio_network`), each with what it was chosen on."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["RATIO", "RatioConfig"]


class RatioConfig(BaseModel):
    """Fixed constants of features, layers and training; what can be set are fields of `recommenders.watch_ratio`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Features
    folds: int = 5
    """Folds of the rows; the features beside a row come from the rows of the other folds. By hand."""
    common: float = 0.01
    """Share of the users that must have a value of a flag or category for it to have a column of its own. By hand."""
    rounding: float = 1e-5
    """A column whose standard deviation is at most this share of its mean does not differ: 32-bit numbers are rounded
    by about as much. By hand."""
    friends: int = 20
    """Most friends of a user whose vectors are averaged, those of the lowest nids. By hand."""

    # Layers
    dropout: float = 0.2
    """Share of the first hidden layer that is dropped in training, as in the notebook."""
    narrow: int = 2
    """The second hidden layer has the width of the first divided by this: 32 and 16 as in the notebook."""
    longest_log: float = 10.0
    """With the loss WLR, the predicted logarithm of a ratio is clipped to between minus this and this, so that its
    exponential stays finite. By hand."""

    # Losses
    listwise_rows: int = 7
    """Further rows of the same user that a row is ranked with in the listwise loss. By hand."""
    most: float = 2.0
    """Ratios above it rank the same in the pairwise and the listwise loss: one video left running is not worth a
    hundred. By hand."""
    temperature: float = 0.5
    """Temperature of both softmaxes of the listwise loss. By hand."""
    edges: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
    """Limits of the buckets of ratios, by whose shares ``balance`` draws rows. By hand."""

    # Blocks; they may change the last digits
    at_once: int = 1 << 17
    """Pairs whose ratios are predicted at once. By hand."""


RATIO: Final = RatioConfig()
"""The constants in use."""
