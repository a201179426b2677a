"""The graph network's settings; experiments/ has the tables that the defaults were chosen on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["SMALLER", "Convolution", "GnnConfig", "Loss"]

SMALLER: Final[Mapping[str, int]] = {
    "dim": 64,
    "heads": 2,
    "layers": 1,
    "neighbours": 10,
    "cold": 0,
    "friends": 0,
    "patience": 4,
    "max_epochs": 10,
}
"""Settings of a large graph (`recommenders.core.options.is_large`) that nobody chose. Chosen by time and memory at
Keakr's full size; width, heads and friends were not measured there. Ten epochs are 250 steps: at a tenth of the size
validation is best after 50 to 100."""

Convolution = Literal["gat", "gatv2", "gcn", "graphconv", "sage", "light", "dense"]
"""How messages are computed. "light" is LightGCN's propagation; "dense" has no messages: dense layers on each node."""
Loss = Literal["softmax", "bpr"]
"""A watched content against the whole catalogue, or a draw of it, or against one random content (BPR)."""
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


class GnnConfig(BaseModel):
    """Model, loss and training loop of the graph network."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    convolution: Convolution = "gat"
    dim: Annotated[int, Field(ge=4)] = 128
    """Width of every vector; a multiple of ``heads``. Last.fm: 64 is worse, 256 no better."""
    heads: Annotated[int, Field(ge=1)] = 8
    """Attention heads. Last.fm: 8 with the running average is the best single model."""
    layers: Annotated[int, Field(ge=0, le=8)] = 3
    """Last.fm: 2 or 3 are alike, 1 and 4 worse."""
    social_gate: float = 0.3
    """Start of the learned weight of every relation but WATCHED. Last.fm, first fold."""
    loss: Loss = "softmax"
    """Last.fm: BPR is 3.4 points of NDCG@10 worse."""
    temperature: Positive = 0.2
    """Logits are cosines divided by this, plus the popularity prior. Last.fm, demonstration, scale 0.1."""
    popularity: Annotated[float, Field(ge=0.0)] = 0.25
    """Popularity-prior exponent: adds popularity · log(1 + watches) to each logit. A compromise between yelp-social,
    where 0.5 is better, and Last.fm."""
    friends: Annotated[float, Field(ge=0.0)] = 0.2
    """Weight of the second loss, in which a step's users predict their friends; 0 leaves it out. Last.fm, yelp-social,
    demonstration."""

    init_std: Positive = 0.1
    """Standard deviation of random ids, which sets the mean length of all ids. Last.fm: smaller is worse."""
    init: Literal["spectral", "random"] = "spectral"
    """Start of the ids of watched contents and of users with watches: along the leading singular directions of the
    watches, or random. Last.fm, yelp-social, a tenth of Keakr's size."""
    lr: Positive = 0.02
    """Last.fm, first fold."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 1.0
    """Of the id embeddings only, decoupled as in AdamW. Last.fm, first fold: 0 and 3 are worse."""
    edge_dropout: Share = 0.3
    """Share of the edges without messages, drawn afresh every step, also of those that ``neighbours`` draws. Last.fm;
    later no difference was measurable."""
    cold: Share = 0.1
    """Share of the users and contents that a step treats as newcomers, where they have features: no id, no watches. If
    above 0 and ``in_time``, so are half of the contents without a watch before the step's cut-off. Demonstration."""
    in_time: bool = True
    """Where watches have times, each step draws a cut-off: messages use earlier edges, labels are later watches.
    Demonstration, a tenth of Keakr's size."""
    neighbours: Annotated[int, Field(ge=0)] = 0
    """Edges of a relation into one node that a step draws; 0 takes all."""
    ema: Share = 0.9
    """Decay of the running average of the weights, which is what is validated and saved. Last.fm."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    """Epochs to train for; None finds the number on a validation part."""
    max_epochs: Annotated[int, Field(ge=1)] = 300
    """An epoch is a pass over all users with watches, or twenty-five steps of it if it takes more."""
    patience: Annotated[int, Field(ge=1)] = 15
    """Epochs without a better NDCG@10 on validation before training stops, after forty steps at the earliest."""
    steps_per_pass: Annotated[int, Field(ge=0)] = 0
    """Optimiser steps of a pass over the users; 0 chooses by the size of the graph."""
    sampled_items: Annotated[int, Field(ge=0)] = 0
    """Contents drawn in a step for the softmax's denominator; 0 takes all up to `Recipe.full_catalogue`."""
    seed: int = 0
    """Not a setting: what the options of the fit said, for the manifest. So is ``device``."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of training on the CPU; 0 takes OMP_NUM_THREADS, or one for each core that this process may use."""
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """Of the loss's matrix products; "auto" is bfloat16 where the processor multiplies it (avx512_bf16, CUDA)."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.convolution in ("gat", "gatv2") and self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self
