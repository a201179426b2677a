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
"""Defaults of a large graph (`recommenders.core.effort.is_large`); a setting that was given stays. Chosen by time and
memory at Keakr's full size; width, heads and friends were not measured there. Ten epochs are 250 steps: at a tenth of
the size validation is best after 50 to 100."""

Convolution = Literal["gat", "gatv2", "gcn", "graphconv", "sage", "light", "dense"]
"""How messages are computed. "light" is LightGCN's propagation; "dense" has no messages: dense layers on each node."""
Loss = Literal["softmax", "bpr"]
"""softmax: a watched content against all contents, or against a sample of them. bpr: against one random content."""
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
    """Layers of messages. Last.fm: 2 and 3 are alike, 1 and 4 are worse."""
    social_gate: float = 0.3
    """Start of the learned weight of every relation but WATCHED. Last.fm, first fold."""
    loss: Loss = "softmax"
    """Loss over watches. Last.fm: BPR is 3.4 points of NDCG@10 worse."""
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
    """Learning rate of AdamW. Last.fm, first fold."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 1.0
    """Weight decay of the id embeddings, decoupled as in AdamW; other parameters have none. Last.fm, first fold: 0 and
    3 are worse."""
    edge_dropout: Share = 0.3
    """Share of the edges that carry no message, drawn anew in every step; it applies after ``neighbours``. Last.fm;
    later no difference was measurable."""
    cold: Share = 0.1
    """Share of the users and contents with features that a step treats as new: they have no id and no watches. If it
    is above 0 and ``in_time``, half of the contents without a watch before the step's cut-off are treated so too.
    Demonstration."""
    in_time: bool = True
    """Whether each step draws a cut-off, if watches have times: messages use earlier edges, labels are later watches.
    Demonstration, a tenth of Keakr's size."""
    neighbours: Annotated[int, Field(ge=0)] = 0
    """Edges of a relation into one node that a step draws; 0 takes all."""
    ema: Share = 0.9
    """Decay of the running average of the weights; the average is validated and saved. Last.fm."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    """Epochs to train for; None finds the number on a validation part."""
    max_epochs: Annotated[int, Field(ge=1)] = 300
    """Most epochs. An epoch is a pass over all users with watches, at most `Recipe.epoch_steps` steps. Not measured."""
    patience: Annotated[int, Field(ge=1)] = 15
    """Epochs without a better NDCG@10 on validation before training stops, after `Recipe.least_steps` steps at the
    earliest. Not measured."""
    steps_per_pass: Annotated[int, Field(ge=0)] = 0
    """Optimiser steps of a pass over the users; 0 chooses by the size of the graph."""
    sampled_items: Annotated[int, Field(ge=0)] = 0
    """Contents drawn in a step for the softmax's denominator; 0 takes all up to `Recipe.full_catalogue`."""
    seed: int = 0
    """Not a setting: copied from the options of the fit, for the manifest; so is ``device``."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of training on the CPU; 0 takes OMP_NUM_THREADS, or one for each core that this process may use."""
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """Number type of the loss's matrix products. "auto" is bfloat16 if the processor multiplies it (avx512_bf16, CUDA),
    else float32."""

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.convolution in ("gat", "gatv2") and self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self
