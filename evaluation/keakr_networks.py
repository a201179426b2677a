"""The Keakr notebook's networks: naive vectors of a person and a content → one neuron on engagement.

Beside the naive vector of the person stands, where a convolution is named, one from the social graph with the naive
vectors as node features. Both are of the moment that is judged; those of the graph are frozen at the start of a block
of lines, so that one pass over the graph serves many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from evaluation.keakr_data import Counters, Lines, Network
from graph.settings import Engagement
from recommenders.core.options import Progress, silent
from recommenders.core.top_k import Floats, Ints

__all__ = ["Convolution", "Trained", "train"]

Convolution = Literal["dense", "gcn", "graphconv", "gat"]
_WIDTH: Final = 64
_GRAPH_WIDTH: Final = 32
_HEADS: Final = 4
_LAYERS: Final = 2
_DROPOUT: Final = 0.1
_BATCH: Final = 1_024
_STEPS: Final = 100
"""Most steps of an epoch; with more lines a step has more of them. By hand, for time."""
_RATE: Final = 0.003
_EPOCHS: Final = 8
_BLOCKS: Final = 6
"""Blocks of training lines. The validation and the test part are a block each. By hand, for time."""
_LIMIT: Final = 5.0


@dataclass(frozen=True)
class _Scale:
    """Numbers as features: signed log, standardised by the training lines, 0 where unknown."""

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

    @classmethod
    def of(cls, vectors: npt.NDArray[np.float64]) -> _Scale:
        logs = _logs(vectors)
        known = np.isfinite(logs)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, logs, 0.0)
        mean = filled.sum(axis=0) / count
        deviation = np.sqrt((np.where(known, logs - mean, 0.0) ** 2).sum(axis=0) / count)
        return cls(mean, np.where(deviation > 1e-6, deviation, 1.0))

    def features(self, vectors: npt.NDArray[np.float64]) -> Floats:
        """Shape (n, 2·F): the numbers, and whether each is unknown."""
        standard = np.clip((_logs(vectors) - self.mean) / self.deviation, -_LIMIT, _LIMIT)
        unknown = ~np.isfinite(standard)
        return np.concatenate([np.where(unknown, 0.0, standard), unknown], axis=1).astype(np.float32)


class Trained:
    """A trained network with the network's data; asked without gradients."""

    def __init__(self, network: Network, counters: Counters, scales: tuple[_Scale, _Scale], layers: _Layers) -> None:
        self._network, self._counters, self._scales, self._layers = network, counters, scales, layers
        self._blocks: dict[int, tuple[Any, Any]] = {}
        self.epochs = 0

    def predict(self, lines: Lines) -> Floats:
        """Predicted engagement of each line; the graph is that before the first of them."""
        return self.pairs(lines.user, lines.content, lines.at, int(lines.at.min(initial=0)))

    def pairs(self, users: Ints, contents: Ints, at: Ints, before: int) -> Floats:
        """Engagement of each person with each content at each moment, the graph being that of ``before``."""
        import torch

        given = _inputs(self._network, self._counters, self._scales, users, contents, at)
        layers = self._layers
        if layers.uses_graph and before not in self._blocks:
            self._blocks = {before: _block(self._network, self._counters, self._scales[0], before)}
        layers.modules.eval()
        with torch.no_grad():
            graph = layers.graph(self._blocks.get(before))
            found = [
                layers.forward(given[0][part], given[1][part], graph, torch.tensor(users)[part])
                for part in torch.split(torch.arange(len(users)), 65_536)
            ]
        layers.modules.train()
        return np.concatenate([one.numpy() for one in found]) if found else np.empty(0, dtype=np.float32)


def train(
    network: Network,
    convolution: Convolution,
    counters: Counters,
    *,
    weights: Engagement | None = None,
    epochs: int = _EPOCHS,
    seed: int = 0,
    progress: Progress = silent,
) -> Trained:
    """Fit on the training lines, one row each; the epoch of the smallest squared error in the validation part is kept.

    Squared errors between the sigmoid neuron and the label of ``weights``, Adam.
    """
    import torch

    weights = weights or Engagement()
    lines, validation = network.parts.train, network.parts.validation
    torch.manual_seed(seed)
    raw = (
        network.user_vectors(lines.user, lines.at, counters),
        network.content_vectors(lines.content, lines.at, counters),
    )
    scales = _Scale.of(raw[0]), _Scale.of(raw[1])
    users, contents = (torch.from_numpy(scale.features(one)) for scale, one in zip(scales, raw, strict=True))
    parts = _Layers(convolution, users.shape[1], contents.shape[1])
    adam = torch.optim.Adam(parts.modules.parameters(), lr=_RATE)
    labels = torch.from_numpy(lines.label(weights).astype(np.float32))
    judged = validation.label(weights)
    who = torch.tensor(lines.user)
    cuts = np.array_split(np.arange(len(lines)), _BLOCKS)
    blocks = [
        (
            torch.from_numpy(cut),
            _block(network, counters, scales[0], int(lines.at[cut[0]])) if parts.uses_graph else None,
        )
        for cut in cuts
        if len(cut)
    ]
    generator = torch.Generator().manual_seed(seed)
    trained = Trained(network, counters, scales, parts)
    best: tuple[float, dict[str, Any]] | None = None
    for epoch in range(1, epochs + 1):
        steps = []
        for number, (cut, _) in enumerate(blocks):
            order = cut[torch.randperm(len(cut), generator=generator)]
            steps += [(number, part) for part in torch.split(order, max(_BATCH, len(lines) // _STEPS))]
        for step in torch.randperm(len(steps), generator=generator).tolist():
            number, rows = steps[step]
            graph = parts.graph(blocks[number][1])
            error = torch.nn.functional.mse_loss(
                parts.forward(users[rows], contents[rows], graph, who[rows]), labels[rows]
            )
            adam.zero_grad()
            error.backward()  # type: ignore[no-untyped-call]
            adam.step()
        off = float(((trained.predict(validation) - judged) ** 2).mean())
        progress(epoch / epochs, f"{convolution}, {counters}: epoch {epoch} of {epochs}")
        if best is None or off < best[0]:
            best = off, {name: one.clone() for name, one in parts.modules.state_dict().items()}
            trained.epochs = epoch
    if best:
        parts.modules.load_state_dict(best[1])
    return trained


class _Layers:
    """The layers of one network: those over the graph, by `gnn.layers`, and the dense ones on a line."""

    def __init__(self, convolution: Convolution, users: int, contents: int) -> None:
        import torch

        from gnn.layers import CONVOLUTIONS

        self.uses_graph = convolution != "dense"
        linear = torch.nn.Linear
        beside = _GRAPH_WIDTH if self.uses_graph else 0
        self._first, self._second = linear(users + contents + beside, _WIDTH), linear(_WIDTH, _WIDTH)
        self._last = linear(_WIDTH, 1)
        self._start = linear(users, _GRAPH_WIDTH)
        self._convolutions = torch.nn.ModuleList(
            [CONVOLUTIONS[convolution](_GRAPH_WIDTH, _HEADS, 0) for _ in range(_LAYERS)] if self.uses_graph else []
        )
        graph = [self._start, self._convolutions] if self.uses_graph else []
        self.modules = torch.nn.ModuleList([self._first, self._second, self._last, *graph])

    def graph(self, block: tuple[Any, Any] | None) -> Any:
        """Vectors of all people, (users, width), from the features and the relation of one block; None without."""
        import torch

        if not self.uses_graph or block is None:
            return None
        features, relation = block
        vectors = torch.relu(self._start(features))
        convolution: Any
        for convolution in self._convolutions:
            ends = convolution.ends()
            target = vectors if ends is None else tuple(vectors @ end for end in ends)
            vectors = torch.relu(vectors + convolution(vectors, target, relation))
        return vectors

    def forward(self, users: Any, contents: Any, graph: Any, who: Any) -> Any:
        """The neuron, 0 to 1, for each line."""
        import torch

        functional = torch.nn.functional
        beside = [users, contents]
        if graph is not None:
            beside.append(functional.embedding(who, graph))  # the gradient of graph[who] adds in the order of threads
        wide = functional.dropout(torch.relu(self._first(torch.cat(beside, dim=1))), _DROPOUT, self.modules.training)
        narrow = functional.dropout(torch.relu(self._second(wide)), _DROPOUT, self.modules.training)
        return torch.sigmoid(self._last(narrow))[:, 0]


def _block(network: Network, counters: Counters, scale: _Scale, before: int) -> tuple[Any, Any]:
    """Features of all people at a moment, and the social graph before it; as exported, that of the end."""
    import torch

    from gnn.relations import both_directions

    people = np.arange(network.users)
    at = np.full(network.users, before, dtype=np.int64)
    features = scale.features(network.user_vectors(people, at, counters))
    until = before if counters == "as of the moment" else int(network.lines.at.max()) + 1
    social: sp.csr_array = network.social(until)
    towards, _ = both_directions(social.indptr.astype(np.int64), social.indices.astype(np.int32), network.users)
    return torch.from_numpy(features), towards


def _inputs(
    network: Network, counters: Counters, scales: Sequence[_Scale], users: Ints, contents: Ints, at: Ints
) -> tuple[Any, Any]:
    import torch

    vectors = network.user_vectors(users, at, counters), network.content_vectors(contents, at, counters)
    made = [torch.from_numpy(scale.features(one)) for scale, one in zip(scales, vectors, strict=True)]
    return made[0], made[1]


def _logs(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sign(vectors) * np.log1p(np.abs(vectors)), dtype=np.float64)
