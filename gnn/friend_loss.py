"""The second loss of the network: each user predicts their friends among all users."""

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
    """Users × users CSR of friends, who follow or are followed by a user; no user is their own friend."""

    indptr: Ints
    friend: npt.NDArray[np.int32]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """The friends of every user of the snapshot."""
        social = symmetric_social(snapshot)
        return cls(social.indptr.astype(np.int64), social.indices.astype(np.int32))

    @cached_property
    def count(self) -> Ints:
        """Number of friends of every user, (users,)."""
        return np.diff(self.indptr)

    def asked(self, users: Ints, pairs: int, rng: np.random.Generator) -> Ints:
        """Those of ``users``, ascending, whose friends are labels in this step: all who have friends, or a sample.

        A sample is drawn if all of them would compare more than ``pairs`` pairs of users.
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
        """Mean over the friendships of ``users`` of the cross-entropy of the friend among all users; 0 without any.

        ``vectors`` (n, D) are the unit vectors of ``users`` (n,), ``ids`` (users, D) the id embeddings of all users.
        A logit is the cosine of both over ``temperature`` plus ``popularity`` · log(1 + number of the friend's
        friends), as for contents. The loss moves friends' vectors towards each other, so that the watches of one change
        the scores of the other: Ma et al. (SoRec, CIKM 2008) learn both in one factorisation.
        """
        indptr, places = rows_of(self.indptr, users)
        positives = both_directions(indptr, self.friend[places], len(self.count))[1]
        # DistributedDataParallel averages the gradients of the processes, but their sum is needed.
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
