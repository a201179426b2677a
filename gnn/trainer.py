"""The training loop: draw a batch, compute its loss, take an AdamW step, update the running average of the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from gnn import processes
from gnn.batches import Batch, Batches
from gnn.config import GnnConfig
from gnn.features import NodeFeatures
from gnn.friend_loss import Friends
from gnn.loss import CatalogueSample, pairwise_loss, popularity_bias, softmax_loss
from gnn.model import Network
from gnn.recipe import RECIPE
from gnn.spectral import leading_directions
from gnn.topology import Cold, Topology
from gnn.watches import Watches
from graph import schema

__all__ = ["History", "Trainer", "device_of"]

Ints = npt.NDArray[np.int64]


@dataclass
class History:
    """Mean loss of every epoch, and number of epochs → NDCG@10 on validation after them."""

    loss: list[float] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int:
        """The epoch with the best validation figure; without validation, the last one."""
        return max(self.validation, key=lambda e: self.validation[e]) if self.validation else len(self.loss)


class Trainer:
    """A network with its optimiser, its batches and the running average of its weights."""

    def __init__(
        self,
        config: GnnConfig,
        topology: Topology,
        watches: Watches,
        features: NodeFeatures,
        half_lives: Mapping[str, float],
        friends: Friends | None = None,
    ) -> None:
        """``half_lives``: relationship type → half-life of its recency in days. ``friends``: None for no such loss."""
        self.config = config
        self.topology = topology
        self.columns = features.columns
        self.watches = watches
        self.friends = friends
        self.device = device_of(config.device)
        self.precision = _precision(config, self.device)
        self.batches = Batches(config, topology, watches, friends, half_lives, features.values)
        self._sample = CatalogueSample(self.batches.watchers, self.batches.sampled_contents, self.device)
        self.bias, self._mean_bias = self._start_bias()
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            tensors = {label: torch.from_numpy(values) for label, values in features.values.items()}
            self.network = Network(config, topology.counts, topology.links, tensors).to(self.device)
        self._shared: torch.nn.Module = self.network
        if processes.count() > 1:
            self._shared = DistributedDataParallel(
                self.network,
                find_unused_parameters=True,  # the last layer sends no messages to genres, for example
                forward_sync_buffers=False,  # buffers hold features, which are the same in every process
            )
        embeddings = list(self.network.embeddings.parameters())
        known = {id(p) for p in embeddings}
        rest = [p for p in self.network.parameters() if id(p) not in known]
        self.optimiser = torch.optim.AdamW(
            [{"params": embeddings, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}],
            lr=config.lr,
            fused=True,
        )
        self.parameters = embeddings + rest
        self.average = [p.detach().clone() for p in self.parameters]
        self.history = History()
        self.steps = 0

    def epoch(self) -> float:
        """Train a pass over all users, or its next `Recipe.epoch_steps` steps; returns the mean loss."""
        steps = range(self.batches.steps_per_epoch)
        self.history.loss.append(float(np.mean([self.step(self.batches.users_of(self.steps)) for _ in steps])))
        return self.history.loss[-1]

    def step(self, users: Ints) -> float:
        """One optimiser step on the watches and friends of ``users``, ascending; returns the loss."""
        loss = self._loss(self.batches.draw(users))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.steps += 1
        self._update_average()
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        """The loss over watches, plus the weighted loss over friends."""
        users, contents = self._shared(batch.relations, batch.last_users, batch.cold, batch.senders)
        loss = self._watch_loss(batch, users, contents)
        if self.friends is None:
            return loss
        return loss + self.config.friends * self.friends.loss(
            batch.users[batch.with_friends],
            users[torch.from_numpy(batch.with_friends).to(self.device)],
            self.network.embeddings[schema.USER],
            self.config.temperature,
            self.config.popularity,
            self.precision,
        )

    def _watch_loss(self, batch: Batch, users: Tensor, contents: Tensor) -> Tensor:
        """``users`` (n, dim) are those of the batch, ``contents`` (C, dim) are all."""
        # DistributedDataParallel averages the gradients of the processes, but their sum is needed.
        share = np.float32(processes.count() / max(processes.added_up(float(batch.weight.sum())), 1e-12))
        weight = torch.from_numpy(batch.weight * share).to(self.device)
        temperature, bias = self.config.temperature, self._biased(batch.cold)
        if self.config.loss == "bpr":
            rivals = self._rivals(batch.positives.count)
            return pairwise_loss(users, contents, batch.positives, weight, rivals, temperature, bias)
        negatives = self._sample.draw(self.batches.rng)
        return softmax_loss(users, contents, batch.positives, weight, temperature, negatives, self.precision, bias)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema, (1 + self.steps) / (RECIPE.average_warmup + self.steps))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1.0 - decay)

    def _start_bias(self) -> tuple[Tensor, Tensor]:
        """Each content's popularity bias, (C,), at most 0, and its mean over the watched contents.

        Contents without watches get the mean if the network places them as new: nobody could watch them yet.
        """
        watchers = self.batches.watchers
        bias = popularity_bias(watchers, self.config.temperature, self.config.popularity, self.device)
        watched = watchers > 0
        mean = bias[torch.from_numpy(watched)].mean() if watched.any() else bias.new_zeros(())
        cold = self.batches.always_cold.get(schema.CONTENT)
        if cold is not None:
            bias = torch.where(torch.from_numpy(cold).to(self.device), mean, bias)
        return bias, mean

    def _biased(self, cold: Cold) -> Tensor:
        """``bias`` (C,), with the mean bias for ``cold`` contents."""
        if schema.CONTENT not in cold:
            return self.bias
        return torch.where(torch.from_numpy(cold[schema.CONTENT]).to(self.device), self._mean_bias, self.bias)

    def _rivals(self, count: int) -> Ints:
        """One uniformly drawn content for each of ``count`` watches; depends on the step and the process."""
        rng = np.random.default_rng([self.config.seed, self.steps, processes.rank()])
        return rng.integers(self.watches.contents, size=count)

    @torch.no_grad()
    def embed(self) -> tuple[Tensor, Tensor, list[dict[str, Tensor]]]:
        """Unit vectors of users and contents, and all layers, with the averaged weights over the whole graph."""
        self._swap()
        try:
            whole = [self.topology.whole] * self.config.layers
            layers = self.network.propagate(whole, cold=self.batches.always_cold)
            # A layer may be the parameters themselves, which are swapped back below: the first one, and then that of a
            # label that gets no messages.
            kept = [{label: vectors.detach().clone() for label, vectors in layers[0].items()}]
            for before, layer in pairwise(layers):
                passed = {label: kept[-1][label] for label in layer if layer[label] is before[label]}
                kept.append({**layer, **passed})
            layers = kept
            users, contents = (
                self.network.mixed(label, [layer[label] for layer in layers]) for label in (schema.USER, schema.CONTENT)
            )
            return users, contents, layers
        finally:
            self._swap()

    def place_ids(self) -> None:
        """Set the ids of watched contents and of users with watches to their start by ``init``; "random" keeps them.

        `gnn.spectral.leading_directions` are scaled to the mean length of random ids. If there are fewer directions
        than ``dim``, the rest of each id stays random.
        """
        if self.config.init == "random":
            return
        labels = (schema.USER, schema.CONTENT)
        if processes.rank() == 0:
            indptr, contents = self.watches.indptr, self.watches.contents
            watches = (self.watches.weight, self.watches.content, indptr)
            weights = sp.csr_array(watches, shape=(len(indptr) - 1, contents))
            directions = leading_directions(weights, self.config.dim, self.config.seed)
            for label, rows in zip(labels, map(torch.from_numpy, directions), strict=True):
                ids, norms = self.network.embeddings[label], rows.norm(dim=1)
                known = torch.nonzero(norms)[:, 0]
                width = rows.shape[1]
                if len(known):
                    size = self.config.init_std * width**0.5 / norms[known].mean()
                    with torch.no_grad():
                        ids[known, :width] = (size * rows[known]).to(ids.device)
        for label in labels:
            processes.shared(self.network.embeddings[label])
        for mine, average in zip(self.parameters, self.average, strict=True):
            average.copy_(mine.detach())

    def takes(self, weights: Sequence[Tensor]) -> bool:
        """Whether the weights of another trainer have the shapes of this one's."""
        return [p.shape for p in self.parameters] == [weight.shape for weight in weights]

    def begin_with(self, weights: Sequence[Tensor], epochs: int, optimiser: dict[str, Any] | None = None) -> None:
        """Start from another trainer's weights after ``epochs``, and from its optimiser's state if given."""
        self.steps = epochs * self.batches.steps_per_epoch
        with torch.no_grad():
            for mine, average, weight in zip(self.parameters, self.average, weights, strict=True):
                mine.copy_(weight)
                average.copy_(weight)
        if optimiser is not None:
            self.optimiser.load_state_dict(optimiser)

    def _swap(self) -> None:
        for parameter, average in zip(self.parameters, self.average, strict=True):
            parameter.data, average.data = average.data, parameter.data

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """Parameter name → averaged weights, without the id embeddings."""
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        named = zip((names[id(p)] for p in self.parameters), self.average, strict=True)
        return {name: average.cpu().numpy() for name, average in named if not name.startswith("embeddings.")}

    def state(self) -> dict[str, Any]:
        """Everything that ``restore`` needs to continue as if the training had not been interrupted."""
        return {
            "parameters": [p.detach() for p in self.parameters],
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "history": asdict(self.history),
            "steps": self.steps,
            "rng": json.dumps(self.batches.rng.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state``."""
        for mine, saved in ((self.parameters, state["parameters"]), (self.average, state["average"])):
            for tensor, value in zip(mine, saved, strict=True):
                tensor.data.copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self.history.loss[:] = state["history"]["loss"]
        self.history.validation.update(state["history"]["validation"])
        self.steps = state["steps"]
        self.batches.rng.bit_generator.state = json.loads(state["rng"])


def device_of(name: str) -> torch.device:
    """The device that `GnnConfig.device` names; "auto" is CUDA if there is a GPU, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def _precision(config: GnnConfig, device: torch.device) -> torch.dtype:
    """Number type of the loss's products. "auto" is bfloat16 if the processor multiplies it: emulated, it is slower."""
    if config.precision == "auto":
        quick = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if quick else torch.float32
    return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
