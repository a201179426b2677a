"""The training loop: propagate over a thinned graph, softmax loss, AdamW, averaged weights, early stopping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from gnn import processes
from gnn.config import GnnConfig
from gnn.features import NodeFeatures
from gnn.friends import Friends
from gnn.loss import Negatives, pairwise_loss, popularity_bias, softmax_loss
from gnn.model import Network
from gnn.relations import Relation, both_directions
from gnn.spectral import leading_directions
from gnn.topology import Cold, Moment, Topology
from gnn.watches import Watches
from graph import schema

__all__ = ["Trainer"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


_STEP_LOGITS = 250_000_000
"""Users times contents that one optimiser step may compare; more users go into more steps. And users times users: of
more a draw is asked who their friends are."""
_LOGITS_PER_EDGE = 80
"""Pairs compared for each edge that carries a message in a step, at least: about what costs the same."""
_EPOCH_STEPS = 25
"""Steps after which an epoch is over though not every user had a turn: judging and checkpoints wait for its end."""
_FULL_CATALOGUE = 500_000
"""Contents up to which the softmax is over all of them: a step on a part of them teaches so much less (docs/gnn.md)
that fewer users a step are the better saving."""
_SAMPLED_ITEMS = 16_384
_NEW_THEN = 0.5
"""Share of the contents that were new at a step's moment which it treats so: their ids have to learn too."""
_LEAST = 1e-30
"""Recency that float32 can still divide by."""


@dataclass
class History:
    """What happened: losses by epoch and validation figures by the epoch they were taken after."""

    loss: list[float] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)

    @property
    def best_epoch(self) -> int:
        """The epoch with the best validation figure, the last one without validation."""
        return max(self.validation, key=lambda e: self.validation[e]) if self.validation else len(self.loss)


class Trainer:
    """One network on its way through the epochs."""

    def __init__(
        self,
        config: GnnConfig,
        topology: Topology,
        watches: Watches,
        features: NodeFeatures,
        half_lives: Mapping[str, float],
        friends: Friends | None = None,
    ) -> None:
        """``half_lives`` are in days, of the recency that some types' edges have.

        Without ``friends`` nothing is learned from who they are, beyond what messages between them say.
        """
        self.config = config
        self.half_lives = half_lives
        self.topology = topology
        self.columns = features.columns
        self.watches = watches
        self.friends = friends
        self.rng = np.random.default_rng(config.seed)
        self.device = _device(config.device)
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            tensors = {label: torch.from_numpy(values) for label, values in features.values.items()}
            self.network = Network(config, topology.counts, topology.links, tensors).to(self.device)
        watchers = np.bincount(watches.content, minlength=watches.contents)
        self.bias = popularity_bias(watchers, config.temperature, config.popularity, self.device)
        """What every content's cosines have added to them, (C,): at most 0."""
        nobody = watchers == 0
        self._usual_bias = self.bias[torch.from_numpy(~nobody)].mean() if not nobody.all() else self.bias.new_zeros(())
        unknown = {schema.USER: np.diff(watches.indptr) == 0, schema.CONTENT: nobody}
        self._unknown: Cold = {
            label: nodes for label, nodes in unknown.items() if config.cold and label in features.values
        }
        self.bias = self._biased(self._unknown)
        self._shared: torch.nn.Module = self.network
        if processes.count() > 1:
            self._shared = DistributedDataParallel(
                self.network,
                find_unused_parameters=True,  # in the last layer nothing goes to genres, say
                forward_sync_buffers=False,  # features, the same everywhere
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
        self._pass: tuple[int, list[Ints]] | None = None
        contents = watches.contents
        self._sampled = config.sampled_items or (_SAMPLED_ITEMS if contents > _FULL_CATALOGUE else 0)
        popularity = watchers**0.75
        mixed = 0.5 / max(1, contents) + 0.5 * popularity / max(1.0, popularity.sum())
        self._chances = np.cumsum(mixed / mixed.sum())
        self.precision = torch.bfloat16 if _multiplies_bfloat16(self.device) else torch.float32

    def epoch(self) -> float:
        """A pass over all users that watched anything, or the next twenty-five steps of it; gives the mean loss."""
        losses = [self.step(self.turn(self.steps)) for _ in range(self._steps_per_epoch)]
        self.history.loss.append(float(np.mean(losses)))
        return self.history.loss[-1]

    @property
    def _steps_per_epoch(self) -> int:
        return min(self.steps_per_pass, _EPOCH_STEPS)

    def turn(self, step: int) -> Ints:
        """Whose turn it is in a step, ascending: pass after pass over all users, each in an order of its own.

        The step's number is all that it depends on, so that a run resumed, or another process, goes on with the same.
        """
        done, place = divmod(step, self.steps_per_pass)
        if self._pass is None or self._pass[0] != done:
            order = np.random.default_rng([self.config.seed, done]).permutation(self.watches.users)
            self._pass = done, np.array_split(order, self.steps_per_pass)
        return np.sort(self._pass[1][place])

    @cached_property
    def steps_per_pass(self) -> int:
        """Steps that a pass over all users takes.

        A step compares `_STEP_LOGITS` pairs of user and content, or more where passing its messages costs as much.
        """
        users = len(self.watches.users)
        if self.config.steps_per_pass:
            return max(1, min(self.config.steps_per_pass, users // processes.count()))  # one for every process
        pairs = max(_STEP_LOGITS, _LOGITS_PER_EDGE * self._edges_a_step)
        return max(1, round(users * (self._sampled or self.watches.contents) / pairs))

    @property
    def _edges_a_step(self) -> int:
        most, layers = self.config.neighbours, self.config.layers
        if not self.network.links or not layers:
            return 0
        if not most:  # what the steps of the recipe were measured with, whatever its layers
            return self.topology.edges
        drawn = {
            link: int(np.minimum(np.diff(self.topology.whole[link.name].indptr), most).sum())
            for link in self.topology.links
        }
        # The last layer's users are those of the step.
        last = sum(edges for link, edges in drawn.items() if link.target == schema.CONTENT)
        return (layers - 1) * sum(drawn.values()) + last

    def step(self, users: Ints) -> float:
        """One optimiser step on the watches and friends of ``users``; messages pass over the whole thinned graph.

        Where watches have times, messages are those of the past of a moment, and learned is what was watched since.

        In the last layer only those into ``users`` and contents, as nothing else of that layer is compared.
        """
        moment = self.watches.moment(self.rng) if self.config.in_time else None
        if moment is not None:
            users = self.watches.since(users, moment)
        asked = self.friends.asked(users, _STEP_LOGITS, self.rng) if self.friends else users[:0]
        users = users[processes.rank() :: processes.count()]
        indptr, content, weight = self.watches.of(users, moment)
        positives = both_directions(indptr, content, self.watches.contents)[1]
        some = users if len(users) < self.topology.counts[schema.USER] else None
        cold = self._cold(moment)
        relations = self._relations(some, cold, self._by_type(moment) if moment is not None else None)
        senders = None
        if some is not None and self.config.layers == 1 and self.config.neighbours:
            senders, relations[0] = self.topology.between(some, relations[0])
        user_vectors, content_vectors = self._shared(relations, some, cold, senders)
        # What several processes find is averaged, and should be added up.
        share = np.float32(processes.count() / max(processes.added_up(float(weight.sum())), 1e-12))
        shares = torch.from_numpy(weight * share).to(self.device)
        told = user_vectors, content_vectors, positives, shares
        if self.config.loss == "bpr":
            loss = pairwise_loss(*told, self._rivals(positives.count), self.config.temperature, self._biased(cold))
        else:
            loss = softmax_loss(*told, self.config.temperature, self._negatives(), self.precision, self._biased(cold))
        if self.friends:
            mine = np.flatnonzero(np.isin(users, asked, assume_unique=True))
            loss = loss + self.config.friends * self.friends.loss(
                users[mine],
                user_vectors[torch.from_numpy(mine).to(self.device)],
                self.network.embeddings[schema.USER],
                self.config.temperature,
                self.config.popularity,
                self.precision,
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.steps += 1
        decay = min(self.config.ema, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1.0 - decay)
        return float(loss.detach())

    def _by_type(self, moment: float) -> Moment:
        """The recency that edges of each type have, of the moment of which watches have the recency ``moment``."""
        watched = self.half_lives[schema.WATCHED]
        return {type_: max(moment ** (watched / days), _LEAST) for type_, days in self.half_lives.items()}

    def _relations(self, users: Ints | None, cold: Cold, moment: Moment | None) -> list[dict[str, Relation]]:
        """The thinned relations of every layer; in the last one nothing goes to users who are not compared."""
        config, topology = self.config, self.topology
        if not self.network.links:
            return [{}] * config.layers
        if not config.neighbours:
            thinned = topology.dropped(self.rng, config.edge_dropout, cold, moment)
            last = thinned if users is None else topology.into(users, thinned)
        else:
            last = topology.sampled(self.rng, config.neighbours, config.edge_dropout, cold, users, moment)
            if config.layers < 2 or users is None:
                thinned = last
            else:
                thinned = topology.sampled(self.rng, config.neighbours, config.edge_dropout, cold, None, moment)
        return [thinned] * (config.layers - 1) + [last]

    def _cold(self, moment: float | None) -> Cold:
        """Who is a newcomer in this step, beside those that are, where features can speak for them.

        So are half of the contents that nobody had watched by its ``moment``.
        """
        cold = {
            label: unknown | (self.rng.random(len(unknown), dtype=np.float32) < self.config.cold)
            for label, unknown in self._unknown.items()
        }
        if moment is not None and schema.CONTENT in cold:
            unseen = self.watches.unseen(moment)
            cold[schema.CONTENT] |= unseen & (self.rng.random(len(unseen), dtype=np.float32) < _NEW_THEN)
        return cold

    def _biased(self, cold: Cold) -> Tensor:
        """``bias``, where new contents have the mean one: that nobody watched them yet says nothing of them."""
        if schema.CONTENT not in cold:
            return self.bias
        return torch.where(torch.from_numpy(cold[schema.CONTENT]).to(self.device), self._usual_bias, self.bias)

    def _negatives(self) -> Negatives:
        """All contents, or a draw of them, half of it by popularity, with what each stands for."""
        if not self._sampled:
            return Negatives()
        ids = np.searchsorted(self._chances, self.rng.random(self._sampled), side="right")
        chance = np.diff(self._chances, prepend=0.0)[ids]
        weight = torch.from_numpy((1.0 / (self._sampled * chance)).astype(np.float32))
        return Negatives(torch.from_numpy(ids).to(self.device), weight.to(self.device))

    def _rivals(self, count: int) -> Ints:
        """One content for each of ``count`` watches, all as likely; they follow from the step and the process.

        So several processes draw others than one would.
        """
        rng = np.random.default_rng([self.config.seed, self.steps, processes.rank()])
        return rng.integers(self.watches.contents, size=count)

    @torch.no_grad()
    def embed(self) -> tuple[Tensor, Tensor, list[dict[str, Tensor]]]:
        """Unit vectors of users and contents, and all layers, under the averaged weights and the whole graph."""
        self._swap()
        try:
            layers = self.network.propagate([self.topology.whole] * self.config.layers, cold=self._unknown)
            # The first layer may be the parameters themselves, which are about to be swapped back.
            layers[0] = {label: vectors.detach().clone() for label, vectors in layers[0].items()}
            users, contents = (
                self.network.mixed(label, [layer[label] for layer in layers]) for label in (schema.USER, schema.CONTENT)
            )
            return users, contents, layers
        finally:
            self._swap()

    def takes(self, weights: Sequence[Tensor]) -> bool:
        """Whether the weights of another trainer have the shapes of this one's."""
        return [p.shape for p in self.parameters] == [weight.shape for weight in weights]

    def place_ids(self) -> None:
        """Put the ids of whoever watched, and of what was watched, where ``init`` says; at random they are already.

        Along `gnn.spectral.leading_directions` they are as long on average as random ones. Where there are fewer
        directions than the network is wide, the rest of each id stays random.
        """
        if self.config.init == "random":
            return
        labels = (schema.USER, schema.CONTENT)
        if processes.rank() == 0:
            indptr, contents = self.watches.indptr, self.watches.contents
            watches = (self.watches.weight, self.watches.content, indptr)
            weights = sp.csr_array(watches, shape=(len(indptr) - 1, contents))
            found = leading_directions(weights, self.config.dim, self.config.seed)
            for label, directions in zip(labels, map(torch.from_numpy, found), strict=True):
                ids, norms = self.network.embeddings[label], directions.norm(dim=1)
                known = torch.nonzero(norms)[:, 0]
                width = directions.shape[1]
                if len(known):
                    size = self.config.init_std * width**0.5 / norms[known].mean()
                    with torch.no_grad():
                        ids[known, :width] = (size * directions[known]).to(ids.device)
        for label in labels:
            processes.shared(self.network.embeddings[label])
        for mine, average in zip(self.parameters, self.average, strict=True):
            average.copy_(mine.detach())

    def begin_with(self, weights: Sequence[Tensor], epochs: int, optimiser: dict[str, Any] | None = None) -> None:
        """Go on from another trainer's weights after ``epochs``, and from its optimiser's state where there is one."""
        self.steps = epochs * self._steps_per_epoch
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
        """Averaged weights by parameter name, without the id embeddings."""
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        kept = zip((names[id(p)] for p in self.parameters), self.average, strict=True)
        return {name: average.cpu().numpy() for name, average in kept if not name.startswith("embeddings.")}

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs to go on as if nothing had happened."""
        return {
            "parameters": [p.detach() for p in self.parameters],
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "history": asdict(self.history),
            "steps": self.steps,
            "rng": json.dumps(self.rng.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what ``state`` gave."""
        for mine, kept in ((self.parameters, state["parameters"]), (self.average, state["average"])):
            for tensor, value in zip(mine, kept, strict=True):
                tensor.data.copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])
        self.history.loss[:] = state["history"]["loss"]
        self.history.validation.update(state["history"]["validation"])
        self.steps = state["steps"]
        self.rng.bit_generator.state = json.loads(state["rng"])


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are quicker than float32 ones here; elsewhere they are emulated, and slower."""
    if device.type == "cuda":
        return True
    return bool(torch.cpu._is_avx512_bf16_supported())
