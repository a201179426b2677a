"""The second thing that the network learns to tell: whom a user knows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gnn import processes
from gnn.loss import popularity_bias, softmax_loss
from gnn.relations import both_directions, rows_of
from graph.snapshot import Snapshot
from recommenders.core.interactions import symmetric_social

__all__ = ["Friends"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Friends:
    """Users × users CSR of who follows, or is followed by, whom; nobody is their own friend."""

    indptr: Ints
    friend: npt.NDArray[np.int32]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """All friends of everyone in the snapshot."""
        social = symmetric_social(snapshot)
        return cls(social.indptr.astype(np.int64), social.indices.astype(np.int32))

    @cached_property
    def count(self) -> Ints:
        """Friends of every user, (users,)."""
        return np.diff(self.indptr)

    def asked(self, users: Ints, pairs: int, rng: np.random.Generator) -> Ints:
        """Who of ``users``, ascending, is to tell their friends from everyone: all that have any, or a draw of them.

        They are drawn where that would compare more than ``pairs`` pairs of users.
        """
        some, most = users[self.count[users] > 0], max(1, pairs // len(self.count))
        return some if len(some) <= most else np.sort(rng.choice(some, most, replace=False))

    def loss(
        self,
        users: Ints,
        vectors: Tensor,
        ids: Tensor,
        temperature: float,
        popularity: float,
        precision: torch.dtype = torch.float32,
    ) -> Tensor:
        """Mean over the friendships of ``users`` of the cross-entropy of the friend against everyone; 0 without any.

        ``vectors`` (n, D) of unit length are those of ``users`` (n,), ``ids`` (users, D) what everyone is known by.
        Logits are the cosines of both over ``temperature``, plus the log of one more than the number of a friend's
        friends times ``popularity``, as contents have it. So friends come to share a direction, and what one watched
        speaks for the other: Ma et al. (SoRec, CIKM 2008) learn both in one factorisation.
        """
        indptr, places = rows_of(self.indptr, users)
        positives = both_directions(indptr, self.friend[places], len(self.count))[1]
        # What several processes find is averaged, and should be added up.
        share = processes.count() / max(processes.added_up(float(len(places))), 1.0)
        return softmax_loss(
            vectors,
            torch.nn.functional.normalize(ids, dim=1),
            positives,
            torch.full((len(places),), share, device=vectors.device),
            temperature,
            precision=precision,
            bias=popularity_bias(self.count, temperature, popularity, ids.device),
        )
