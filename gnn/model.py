"""The network: id embeddings plus features, layers of messages over every relation, a learned mix of the layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gnn.config import GnnConfig
from gnn.layers import CONVOLUTIONS, Dense, Messages
from gnn.relations import Relation
from gnn.topology import Cold, Link
from graph import schema

__all__ = ["Network"]

Ints = npt.NDArray[np.int64]


class Network(nn.Module):
    """Heterogeneous graph attention, or another convolution, that gives users and contents comparable vectors.

    Layer 0 of a node is its id embedding plus its projected features. In every layer a node sums the messages of each
    relation that ends at its label; messages of relations other than WATCHED are multiplied by a learned gate. The
    vector of a user or content is a softmax-weighted mix of all its layers, scaled to unit length.
    """

    def __init__(
        self, config: GnnConfig, counts: Mapping[str, int], links: Iterable[Link], features: Mapping[str, Tensor]
    ) -> None:
        """``counts``: label → number of nodes. ``features``: label → (nodes, F), for the labels that have any."""
        super().__init__()
        dense = config.convolution == "dense"
        self.links = () if dense else tuple(links)
        self.layers = config.layers
        self.embeddings = nn.ParameterDict(
            {label: nn.Parameter(torch.randn(count, config.dim) * config.init_std) for label, count in counts.items()}
        )
        self.projections = nn.ModuleDict({label: nn.Linear(f.shape[1], config.dim) for label, f in features.items()})
        for label, values in features.items():
            self.register_buffer(f"features_{label}", values, persistent=False)
        self.convolutions = nn.ModuleList(
            nn.ModuleDict(
                {
                    link.name: CONVOLUTIONS[config.convolution](config.dim, config.heads, link.features)
                    for link in self.links
                }
            )
            for _ in range(config.layers)
        )
        towers = (schema.USER, schema.CONTENT) if dense else ()
        self.towers = nn.ModuleList(
            nn.ModuleDict({label: Dense(config.dim) for label in towers}) for _ in range(config.layers)
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

    def start(self, cold: Cold | None = None, senders: Ints | None = None) -> dict[str, Tensor]:
        """Layer 0 of every label, shape (nodes, dim); ``cold`` nodes have no id, and users are ``senders`` or all."""
        vectors = dict(self.embeddings.items())
        features = {label: getattr(self, f"features_{label}") for label in self.projections}
        known = {label: torch.from_numpy(~masks).to(vectors[label].device) for label, masks in (cold or {}).items()}
        if senders is not None:
            rows = self._rows(senders)
            for of_nodes in (vectors, features, known):
                if schema.USER in of_nodes:
                    of_nodes[schema.USER] = of_nodes[schema.USER][rows]
        for label, mask in known.items():
            vectors[label] = vectors[label] * mask.to(vectors[label])[:, None]
        for label, projection in self.projections.items():
            vectors[label] = vectors[label] + projection(features[label])
        return vectors

    def propagate(
        self,
        relations: Sequence[Mapping[str, Relation]],
        users: Ints | None = None,
        cold: Cold | None = None,
        senders: Ints | None = None,
    ) -> list[dict[str, Tensor]]:
        """All layers, each label → (nodes, dim), given the ``relations`` of each layer.

        If the last layer's relations into users end at ``users`` only, that layer holds only their rows. In a network
        of one layer, relations from users may begin at ``senders`` only (ascending, with ``users`` among them); then
        all layers hold only the rows of these users.
        """
        assert senders is None or self.layers == 1
        layers = [self.start(cold, senders)]
        for depth, convolutions in enumerate(self.convolutions):
            before = targets = layers[-1]
            last = depth == self.layers - 1
            if users is not None and last:
                targets = before | {schema.USER: before[schema.USER][self._rows(users, senders)]}
            after: dict[str, Tensor] = {label: tower(targets[label]) for label, tower in self.towers[depth].items()}  # type: ignore[operator]
            # The last layer is needed for users and contents only: the loss compares these.
            links = [link for link in self.links if not last or link.target in self.mix]
            halves = self._halves(links, depth, before, targets)
            for link in links:
                target = halves.get(link.name, targets[link.target])  # see `Messages.ends`
                message = convolutions[link.name](before[link.source], target, relations[depth][link.name])  # type: ignore[index]
                if not link.main:
                    message = message * self.gates[link.name][depth]
                after[link.target] = after[link.target] + message if link.target in after else message
            layers.append({label: after.get(label, targets[label]) for label in before})
        return layers

    def forward(
        self,
        relations: Sequence[Mapping[str, Relation]],
        users: Ints | None = None,
        cold: Cold | None = None,
        senders: Ints | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Unit vectors of ``users`` (n, dim), or of all, and of all contents (C, dim); arguments as in `propagate`."""
        layers = self.propagate(relations, users, cold, senders)
        vectors = [layer[schema.USER] for layer in layers]
        if users is not None:
            whole = self.layers or 1  # without layers, only the start is mixed
            vectors[:whole] = [layer[self._rows(users, senders)] for layer in vectors[:whole]]
        return self.mixed(schema.USER, vectors), self.mixed(schema.CONTENT, [layer[schema.CONTENT] for layer in layers])

    def _halves(
        self, links: Iterable[Link], depth: int, before: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """For every convolution with `Messages.ends`: the products of source and of target vectors with these.

        All links that begin or end at the same vectors share one matrix product, since reading the vectors takes most
        of its time.
        """
        kinds = {"before": before, "targets": targets}
        factors: dict[tuple[str, str], dict[tuple[str, str], Tensor]] = {}
        for link in links:
            convolution = cast("Messages", self.convolutions[depth][link.name])  # type: ignore[index]
            if (ends := convolution.ends()) is not None:
                source, target = ends
                same = targets[link.target] is before[link.target]
                factors.setdefault(("before", link.source), {})[link.name, "source"] = source
                factors.setdefault(("before" if same else "targets", link.target), {})[link.name, "target"] = target
        halves: dict[tuple[str, str], Tensor] = {}
        for (kind, label), wanted in factors.items():
            product = kinds[kind][label] @ torch.cat(list(wanted.values()), dim=1)
            parts = torch.split(product, [factor.shape[1] for factor in wanted.values()], dim=1)
            halves |= zip(wanted, (part.contiguous() for part in parts), strict=True)
        return {name: (half, halves[name, "target"]) for (name, end), half in halves.items() if end == "source"}

    def mixed(self, label: str, layers: Sequence[Tensor]) -> Tensor:
        """The final unit vectors of ``label``, mixed from all its layers."""
        weights = self.mix[label].softmax(0)
        total = sum((weights[depth] * layer for depth, layer in enumerate(layers)), torch.zeros(()))
        return nn.functional.normalize(total, dim=1)

    def _rows(self, users: Ints, among: Ints | None = None) -> Tensor:
        rows = users if among is None else np.searchsorted(among, users)
        return torch.from_numpy(rows).to(self.embeddings[schema.USER].device)
