"""The network: id embeddings and features, layers of messages over every relation, a learned mix of the layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gnn.config import GnnConfig
from gnn.layers import CONVOLUTIONS
from gnn.relations import Relation
from gnn.topology import Link
from graph import schema

__all__ = ["Network"]


class Network(nn.Module):
    """Heterogeneous graph attention, or one of its siblings, that gives users and contents comparable vectors.

    Layer 0 of a node is its id embedding plus its projected features. In every layer a node receives the messages of
    each relation that ends at its label, WATCHED as it is and the others through a learned gate. A user's and a
    content's vector is a softmax-weighted mix of all their layers, scaled to unit length.
    """

    def __init__(
        self, config: GnnConfig, counts: Mapping[str, int], links: Iterable[Link], features: Mapping[str, Tensor]
    ) -> None:
        """``counts`` nodes and ``features`` (nodes, F) by label."""
        super().__init__()
        self.links = tuple(links)
        self.layers = config.layers
        self.embeddings = nn.ParameterDict(
            {label: nn.Parameter(torch.randn(count, config.dim) * config.init_std) for label, count in counts.items()}
        )
        self.projections = nn.ModuleDict({label: nn.Linear(f.shape[1], config.dim) for label, f in features.items()})
        for label, values in features.items():
            self.register_buffer(f"features_{label}", values, persistent=False)
        make = CONVOLUTIONS[config.convolution]
        self.convolutions = nn.ModuleList(
            nn.ModuleDict({link.name: make(config.dim, config.heads, link.features) for link in self.links})
            for _ in range(config.layers)
        )
        self.gates = nn.ParameterDict(
            {
                link.name: nn.Parameter(torch.full((config.layers,), config.social_gate))
                for link in self.links
                if not link.main
            }
        )
        self.mix = nn.ParameterDict(
            {label: nn.Parameter(torch.zeros(config.layers + 1)) for label in (schema.USER, schema.CONTENT)}
        )

    def start(self) -> dict[str, Tensor]:
        """Layer 0 of every label, shape (nodes, dim)."""
        vectors = dict(self.embeddings.items())
        for label, projection in self.projections.items():
            vectors[label] = vectors[label] + projection(getattr(self, f"features_{label}"))
        return vectors

    def propagate(self, relations: Mapping[str, Relation]) -> list[dict[str, Tensor]]:
        """All layers, each label → (nodes, dim)."""
        layers = [self.start()]
        for depth, convolutions in enumerate(self.convolutions):
            before, after = layers[-1], dict[str, Tensor]()
            for link in self.links:
                message = convolutions[link.name](before[link.source], before[link.target], relations[link.name])  # type: ignore[index]
                if not link.main:
                    message = message * self.gates[link.name][depth]
                after[link.target] = after[link.target] + message if link.target in after else message
            layers.append({label: after.get(label, before[label]) for label in before})
        return layers

    def forward(self, relations: Mapping[str, Relation]) -> tuple[Tensor, Tensor]:
        """Unit vectors of users (U, dim) and contents (C, dim)."""
        layers = self.propagate(relations)
        return self.mixed(layers, schema.USER), self.mixed(layers, schema.CONTENT)

    def mixed(self, layers: list[dict[str, Tensor]], label: str) -> Tensor:
        """The final unit vectors of ``label`` out of all layers."""
        weights = self.mix[label].softmax(0)
        total = sum((weights[depth] * layer[label] for depth, layer in enumerate(layers)), torch.zeros(()))
        return nn.functional.normalize(total, dim=1)
