"""The input of each optimiser step: its users, their labels, and the edges that carry messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from gnn import processes
from gnn.config import GnnConfig
from gnn.friend_loss import Friends
from gnn.recipe import RECIPE
from gnn.relations import Relation, both_directions
from gnn.topology import Cold, Cutoffs, Topology
from gnn.watches import Watches
from graph import schema

__all__ = ["Batch", "Batches"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_LEAST_RECENCY: Final = 1e-30
"""Smallest recency that float32 can still divide by."""


@dataclass(frozen=True)
class Batch:
    """Input of one step. With several processes, this process's share of it."""

    users: Ints
    """Users whose watches are the labels, ascending, shape (n,)."""
    positives: Relation
    """Edges from the watched contents to the n users."""
    weight: Floats
    """Weight of each positive in the loss, (E,), not normalised."""
    relations: list[dict[str, Relation]]
    """The edges that carry messages, by link name, one mapping for each layer."""
    last_users: Ints | None
    """Users that the last layer is computed for; None for all."""
    senders: Ints | None
    """Users whose vectors the only layer of a network reads, ascending; None for all."""
    cold: Cold
    """Nodes that are treated as new in this step: they have no id and no watches."""
    with_friends: Ints
    """Positions in ``users`` of the users whose friends are labels too."""


class Batches:
    """Draws the batches of a training. The same seed gives the same batches."""

    def __init__(
        self,
        config: GnnConfig,
        topology: Topology,
        watches: Watches,
        friends: Friends | None,
        half_lives: Mapping[str, float],
        described: Collection[str],
    ) -> None:
        """``half_lives`` are in days, by relationship type with a recency; ``described`` are labels with features."""
        self.config = config
        self.topology = topology
        self.watches = watches
        self.friends = friends
        self.half_lives = half_lives
        self.rng = np.random.default_rng(config.seed)
        self.watchers = np.bincount(watches.content, minlength=watches.contents)
        """Users who watched each content, (C,)."""
        without_watches = {schema.USER: np.diff(watches.indptr) == 0, schema.CONTENT: self.watchers == 0}
        self.always_cold: Cold = {
            label: nodes for label, nodes in without_watches.items() if config.cold and label in described
        }
        self._pass: tuple[int, list[Ints]] | None = None

    @property
    def sampled_contents(self) -> int:
        """Contents drawn for the softmax's denominator; 0 for all."""
        automatic = RECIPE.sampled_contents if self.watches.contents > RECIPE.full_catalogue else 0
        return self.config.sampled_items or automatic

    @cached_property
    def steps_per_pass(self) -> int:
        """Steps of a pass over all users.

        A step compares `Recipe.step_pairs` pairs, or `Recipe.pairs_per_edge` for each edge with a message if that is
        more.
        """
        users = len(self.watches.users)
        if self.config.steps_per_pass:
            return max(1, min(self.config.steps_per_pass, users // processes.count()))  # one for every process
        pairs = max(RECIPE.step_pairs, RECIPE.pairs_per_edge * self.edges_per_step)
        return max(1, round(users * (self.sampled_contents or self.watches.contents) / pairs))

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch: all steps of a pass, at most `Recipe.epoch_steps`."""
        return min(self.steps_per_pass, RECIPE.epoch_steps)

    @cached_property
    def edges_per_step(self) -> int:
        """About the number of edges that carry a message in a step; for ``neighbours`` 0, the edges of one layer."""
        most, layers = self.config.neighbours, self.config.layers
        if self.config.convolution == "dense" or not layers:
            return 0
        if not most:
            return self.topology.edges
        drawn = {
            link: int(np.minimum(np.diff(self.topology.whole[link.name].indptr), most).sum())
            for link in self.topology.links
        }
        # The last layer is computed for the step's users only.
        last = sum(edges for link, edges in drawn.items() if link.target == schema.CONTENT)
        return (layers - 1) * sum(drawn.values()) + last

    def users_of(self, step: int) -> Ints:
        """Users of a step, ascending. Each pass shuffles all users anew.

        The result depends on the step's number and the seed only, so a resumed run and another process get the same
        users.
        """
        done, place = divmod(step, self.steps_per_pass)
        if self._pass is None or self._pass[0] != done:
            order = np.random.default_rng([self.config.seed, done]).permutation(self.watches.users)
            self._pass = done, np.array_split(order, self.steps_per_pass)
        return np.sort(self._pass[1][place])

    def draw(self, users: Ints) -> Batch:
        """The batch of ``users``, ascending.

        If watches have times, the batch has a random cut-off: messages use edges before it, labels are later watches.
        """
        cutoff = self.watches.draw_cutoff(self.rng) if self.config.in_time else None
        if cutoff is not None:
            users = self.watches.since(users, cutoff)
        with_friends = self.friends.asked(users, RECIPE.step_pairs, self.rng) if self.friends else users[:0]
        users = users[processes.rank() :: processes.count()]
        indptr, content, weight = self.watches.of(users, cutoff)
        cold = self.draw_cold(cutoff)
        last_users = users if len(users) < self.topology.counts[schema.USER] else None
        relations = self._relations(last_users, cold, self.by_type(cutoff) if cutoff is not None else None)
        senders = None
        if last_users is not None and self.config.layers == 1 and self.config.neighbours:
            senders, relations[0] = self.topology.between(last_users, relations[0])
        return Batch(
            users=users,
            positives=both_directions(indptr, content, self.watches.contents)[1],
            weight=weight,
            relations=relations,
            last_users=last_users,
            senders=senders,
            cold=cold,
            with_friends=np.flatnonzero(np.isin(users, with_friends, assume_unique=True)),
        )

    def by_type(self, cutoff: float) -> Cutoffs:
        """Convert a watch-recency cut-off into one per relationship type."""
        watched = self.half_lives[schema.WATCHED]
        return {type_: max(cutoff ** (watched / days), _LEAST_RECENCY) for type_, days in self.half_lives.items()}

    def draw_cold(self, cutoff: float | None) -> Cold:
        """Nodes that a step treats as new, by label; only labels with features have any.

        They are the nodes without watches, a random share of the others (``cold``), and half of the contents that
        have no watch before the ``cutoff``.
        """
        cold = {
            label: always | (self.rng.random(len(always), dtype=np.float32) < self.config.cold)
            for label, always in self.always_cold.items()
        }
        if cutoff is not None and schema.CONTENT in cold:
            unwatched = self.watches.unseen(cutoff)
            drawn = self.rng.random(len(unwatched), dtype=np.float32) < RECIPE.new_share
            cold[schema.CONTENT] |= unwatched & drawn
        return cold

    def _relations(self, users: Ints | None, cold: Cold, cutoffs: Cutoffs | None) -> list[dict[str, Relation]]:
        """The relations of every layer, some edges dropped; in the last layer, edges into users end at ``users``."""
        config, topology, rng = self.config, self.topology, self.rng
        if config.convolution == "dense":
            return [{}] * config.layers
        if not config.neighbours:
            thinned = topology.dropped(rng, config.edge_dropout, cold, cutoffs)
            last = thinned if users is None else topology.into(users, thinned)
        else:
            last = topology.sampled(rng, config.neighbours, config.edge_dropout, cold, users, cutoffs)
            if config.layers < 2 or users is None:
                thinned = last
            else:
                thinned = topology.sampled(rng, config.neighbours, config.edge_dropout, cold, None, cutoffs)
        return [thinned] * (config.layers - 1) + [last]
