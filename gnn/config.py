"""What can be chosen about the graph network; the defaults are the measured recipe of docs/gnn.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["LARGE", "SMALLER", "Convolution", "GnnConfig", "Loss"]

LARGE: Final = 5_000_000
"""Links above which what nobody chose of a network's settings is made smaller, for memory and time."""
SMALLER: Final[Mapping[str, int]] = {
    "dim": 64,
    "heads": 2,
    "layers": 1,
    "neighbours": 10,
    "cold": 0,
    "friends": 0,
    "patience": 4,
}

Convolution = Literal["gat", "gatv2", "gcn", "graphconv", "sage", "lightgcn", "dense"]
"""How messages are made; with "dense" there are none, and a node goes through dense layers alone."""
Loss = Literal["softmax", "bpr"]
"""What a watched content is told from: the whole catalogue or a draw of it at once, or one random content at a time."""
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


class GnnConfig(BaseModel):
    """Model, loss and training loop of the graph network."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    convolution: Convolution = "gat"
    dim: Annotated[int, Field(ge=4)] = 128
    """Width of every vector; a multiple of ``heads``."""
    heads: Annotated[int, Field(ge=1)] = 8
    layers: Annotated[int, Field(ge=0, le=8)] = 3
    social_gate: float = 0.3
    """Where the learned weight of every relation but WATCHED starts."""
    loss: Loss = "softmax"
    temperature: Positive = 0.2
    """Logits are cosines divided by this, plus the log of the odds that ``popularity`` gives."""
    popularity: Annotated[float, Field(ge=0.0)] = 0.25
    """A content's odds are, before anything is known of a user, one more than the number of its watches to this power:
    what cosines need not say then."""
    friends: Annotated[float, Field(ge=0.0)] = 0.2
    """Weight of the second loss, by which a step's users tell their friends from everyone else; 0 leaves it out."""

    init_std: Positive = 0.1
    """Spread of the id embeddings at the start, which sets their mean length."""
    init: Literal["spectral", "random"] = "spectral"
    """Where the ids of whoever watched, and of what was watched, start: along the leading singular directions of the
    watches, or at random."""
    lr: Positive = 0.02
    weight_decay: Annotated[float, Field(ge=0.0)] = 1.0
    """Of the id embeddings only, decoupled as in AdamW."""
    edge_dropout: Share = 0.3
    """Share of the edges left out of message passing, drawn afresh every step, of those in ``neighbours`` too."""
    cold: Share = 0.1
    """Share of the users and contents that a step treats as newcomers, where they have features: without an id and a
    watch to be known by. Above 0 and ``in_time`` so are half of the contents that nobody had watched by its moment."""
    in_time: bool = True
    """Where watches have times, a step passes messages of the past of a random moment alone, and learns from what was
    watched since."""
    neighbours: Annotated[int, Field(ge=0)] = 0
    """Edges of a relation into one node that a step draws; 0 takes all."""
    ema: Share = 0.9
    """Decay of the running average of the weights that is evaluated and kept."""

    max_epochs: Annotated[int, Field(ge=1)] = 300
    """An epoch is a pass over all users that watched anything, or twenty-five steps of it where it takes more."""
    patience: Annotated[int, Field(ge=1)] = 15
    """Epochs without a better NDCG@10 on validation before training stops, after forty steps at the earliest."""
    steps_per_pass: Annotated[int, Field(ge=0)] = 0
    """Optimiser steps a pass over the users is cut into; 0 chooses by the size of the graph."""
    sampled_items: Annotated[int, Field(ge=0)] = 0
    """Contents drawn a step for the softmax's denominator; 0 takes all while the catalogue allows."""
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.convolution in ("gat", "gatv2") and self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self
