"""From a snapshot to a trained artifact: what to hold out, when to stop, what to keep, how to go on after a kill."""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from gnn import processes
from gnn.artifact import Artifact, Manifest
from gnn.config import LARGE, SMALLER, GnnConfig
from gnn.embeddings import Embeddings
from gnn.encoder import Encoder
from gnn.features import edge_ages, edge_features, half_lives, node_features, watch_weights
from gnn.friends import Friends
from gnn.topology import Topology
from gnn.training import Trainer
from gnn.validation import hold_out, judged_users, ndcg_at_10
from gnn.watches import Watches
from graph import aside, schema
from graph.errors import ModelError
from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot.ages import newest_watch
from recommenders.core.recommender import Progress

__all__ = ["fit", "trainer"]

Ints = npt.NDArray[np.int64]

_SEARCH_SHARE = 0.5
"""Of the time, for finding the number of epochs where no validation part is given."""
_BLIND_EPOCHS = 60
"""Where there is too little to hold anything out."""
_JUDGING_PAUSE = 2.0
"""Time for epochs, as a multiple of the time that judging takes, before an epoch is judged again."""
_LEAST_STEPS = 40
"""Before so many validation stops nothing: where ids start spectrally it rises, rests a dozen steps, and goes on."""
_CHECKPOINT_EVERY_S = 60.0
_CHECKPOINT_SHARE = 0.05
"""Of the time, for writing checkpoints: of a large network one takes seconds."""
_LARGE_BUDGET_S = 3_300.0
"""For training on a large graph, where nobody said."""
_LARGE_SEARCH_SHARE = 0.8
"""Of the time on a large graph, until what was held out is learned from too."""
_GOING_ON = 0.5
"""Epochs on everything for each epoch before."""


def fit(
    name: str,
    config: GnnConfig,
    snapshot: Snapshot,
    progress: Progress | None,
    validation: sp.csr_array | None,
    epochs: int | None,
    budget_s: float | None,
    checkpoint: Path | None,
    start: Artifact | None = None,
) -> Artifact:
    """See `gnn.recommender.GraphNetwork.fit`."""
    progress = progress or (lambda share, what: None)
    large = _is_large(snapshot)
    if large:  # once, for the search and the training alike
        unset = SMALLER.keys() - config.model_fields_set
        config = config.model_copy(update={key: SMALLER[key] for key in unset})
    begun, metrics = 0.0, dict[str, float]()
    run: _Run | None = None
    training_file = checkpoint and checkpoint / "training.pt"
    if validation is None and epochs is None:
        begun = _LARGE_SEARCH_SHARE if large else _SEARCH_SHARE
        budget_s = budget_s or (_LARGE_BUDGET_S if large else None)
        searching: Progress = lambda share, what: progress(begun * share, f"finding when to stop, {what}")  # noqa: E731
        search_file = checkpoint and checkpoint / "search.pt"
        search_s = None if budget_s is None else begun * budget_s
        search = _Run.blind(config, snapshot, search_s, search_file).train(searching)
        epochs, metrics = search.trainer.history.best_epoch if search.judged.size else _BLIND_EPOCHS, search.metrics
        budget_s = None if budget_s is None else (1.0 - begun) * budget_s
        if large:  # there is no time to begin anew, so what was held out is learned from now
            run = search.going_on(snapshot, epochs, budget_s, training_file)
        del search
    elif start is not None and large and epochs is not None:
        run = _Run.after(start.weights, start.manifest.epochs, config, snapshot, epochs, budget_s, training_file)
    training: Progress = lambda share, what: progress(begun + (1.0 - begun) * share, what)  # noqa: E731
    run = (run or _Run(config, snapshot, validation, epochs, budget_s, training_file)).train(training)
    return run.artifact(name, metrics | run.metrics)


def _is_large(snapshot: Snapshot) -> bool:
    return len(snapshot.watched) + len(snapshot.follows) > LARGE


class _Run:
    """One training from scratch, or from its checkpoint, to its end."""

    def __init__(
        self,
        config: GnnConfig,
        snapshot: Snapshot,
        validation: sp.csr_array | None,
        epochs: int | None,
        budget_s: float | None,
        checkpoint: Path | None,
    ) -> None:
        self.snapshot = snapshot
        self.config = config
        self.seen = snapshot.interactions()
        self.validation = validation
        self.judged = judged_users(validation)
        self.epochs = epochs or config.max_epochs
        self.budget_s = budget_s
        self.checkpoint = checkpoint
        self.trainer = trainer(config, snapshot)
        self.best: list[Tensor] | None = None
        """Averaged weights of the best epoch so far."""
        self.best_optimiser: dict[str, Any] | None = None
        """The optimiser's state of the same epoch, in a large graph, where training goes on from there."""
        self.spent = self.longest = self.judging = 0.0
        """Seconds: in all, for the longest epoch, and for judging one."""
        self.kept = -1
        """Steps at which the checkpoint was written."""
        self.before = 0
        """Epochs that the weights it began with had been trained for."""

    @classmethod
    def blind(cls, config: GnnConfig, snapshot: Snapshot, budget_s: float | None, checkpoint: Path | None) -> _Run:
        """A run that holds out itself what it is judged by, of one epoch where there is too little."""
        rest, validation = hold_out(snapshot, np.random.default_rng(config.seed))
        if _is_large(snapshot):  # it goes on with the whole: what edges and nodes are described by has to stay
            rest = Snapshot(snapshot.manifest, rest.nodes, rest.edges)
        return cls(config, rest, validation, None if validation.nnz else 1, budget_s, checkpoint)

    @classmethod
    def after(
        cls,
        weights: Sequence[Tensor],
        before: int,
        config: GnnConfig,
        snapshot: Snapshot,
        epochs: int,
        budget_s: float | None,
        checkpoint: Path | None,
        optimiser: dict[str, Any] | None = None,
    ) -> _Run | None:
        """A run that goes on from ``weights``, which took ``before`` epochs, for a part of ``epochs``.

        None where the network of this snapshot has other shapes: it has to begin anew.
        """
        run = cls(config, snapshot, None, math.ceil(_GOING_ON * epochs), budget_s, checkpoint)
        if not run.trainer.takes(weights):
            return None
        run.before = before
        run.trainer.begin_with(weights, before, optimiser)
        return run

    def going_on(self, snapshot: Snapshot, epochs: int, budget_s: float | None, checkpoint: Path | None) -> _Run | None:
        """`after` the best weights of this run, which is over then, on a ``snapshot`` of the same nodes."""
        weights = self.best or self.trainer.average
        optimiser = self.best_optimiser or self.trainer.optimiser.state_dict()
        before = self.trainer.history.best_epoch
        del self.trainer, self.snapshot, self.seen, self.validation  # of a large graph there is no room for two
        return _Run.after(weights, before, self.config, snapshot, epochs, budget_s, checkpoint, optimiser)

    @property
    def metrics(self) -> dict[str, float]:
        history = self.trainer.history
        return {"validation_ndcg@10": max(history.validation.values())} if history.validation else {}

    def train(self, progress: Progress) -> _Run:
        """Epoch after epoch until it no longer helps, they are all done, or the time is up."""
        trainer, history = self.trainer, self.trainer.history
        self._resume()
        begun, saved, saving = time.monotonic() - self.spent, time.monotonic(), 0.0
        if trainer.steps == 0 and not self._over():
            progress(0.0, "placing ids")
            trainer.place_ids()
        while not self._over():
            started = time.monotonic()
            loss = trainer.epoch()
            done = len(history.loss)
            self.longest = processes.agreed(max(self.longest, time.monotonic() - started))
            # Judging costs a pass over the graph and a ranking: at most a third of the time goes there.
            pause = 1 + int(_JUDGING_PAUSE * self.judging / max(self.longest, 1e-9))
            if len(self.judged) and (done % pause == 0 or done == self.epochs):
                started = time.monotonic()
                self._judge(done)
                self.judging = processes.agreed(time.monotonic() - started)
            self.spent = processes.agreed(time.monotonic() - begun)
            share = done / self.epochs
            if self.budget_s is not None:
                share = max(share, self.spent / self.budget_s)
            progress(min(share, 1.0), self._said(done, loss, share))
            if self.checkpoint and time.monotonic() - saved > max(_CHECKPOINT_EVERY_S, saving / _CHECKPOINT_SHARE):
                started = time.monotonic()
                self.keep()
                saved = time.monotonic()
                saving = saved - started
        if len(self.judged) and not history.validation:
            self._judge(len(history.loss))
        if trainer.steps != self.kept:
            self.keep()  # over, for whoever is killed before what it found is saved
        return self

    def _over(self) -> bool:
        """Whether another epoch has no use, no place or no time."""
        history = self.trainer.history
        done = len(history.loss)
        late = self.budget_s is not None and done > 0 and self.spent + self.longest > self.budget_s
        waited = max(history.validation) - history.best_epoch if history.validation else 0
        useless = waited >= self.config.patience and self.trainer.steps >= _LEAST_STEPS
        return late or useless or done >= self.epochs or not self.trainer.watches.content.size

    def _said(self, done: int, loss: float, share: float) -> str:
        left = max(0.0, self.spent * (1.0 / max(share, 1e-9) - 1.0))  # one epoch is trained whatever it takes
        figures = self.trainer.history.validation
        judged = f", NDCG@10 {100 * list(figures.values())[-1]:.2f} %" if figures else ""
        return f"epoch {done}, loss {loss:.3f}{judged}, at most {left:.0f} s left"

    def _judge(self, done: int) -> None:
        history = self.trainer.history
        assert self.validation is not None
        users, contents, _ = self.trainer.embed()
        found = ndcg_at_10(users, contents, self.trainer.bias, self.seen, self.validation, self.judged)
        history.validation[done] = processes.agreed(found)
        if history.best_epoch == done:
            self.best = [average.clone() for average in self.trainer.average]
            if _is_large(self.snapshot):
                self.best_optimiser = deepcopy(self.trainer.optimiser.state_dict())

    def artifact(self, name: str, metrics: dict[str, float]) -> Artifact:
        """What is kept: the vectors of the best epoch, or of the last one without validation."""
        if self.best is not None:
            self.trainer.average = self.best
        users, contents, layers = self.trainer.embed()
        known = np.zeros(self.snapshot.users.count, dtype=bool)
        for relation, link in ((self.trainer.topology.whole[link.name], link) for link in self.trainer.topology.links):
            if link.target == schema.USER:
                known |= np.diff(relation.indptr) > 0
        if schema.USER in self.trainer.network.projections:
            known[:] = True
        watchers = np.asarray(self.seen.sum(axis=0)).ravel()
        embeddings = Embeddings(
            users.cpu().numpy() * known[:, None].astype(np.float32),
            contents.cpu().numpy(),
            self.trainer.bias.cpu().numpy(),
            (watchers / max(1.0, watchers.sum())).astype(np.float32),
        )
        manifest = Manifest(
            model=name,
            graph_id=self.snapshot.manifest.graph_id,
            config=self.config,
            epochs=self.before + self.trainer.history.best_epoch,
            metrics=metrics,
            seconds=self.spent,
            cutoff=self.snapshot.manifest.cutoff,
        )
        topology = self.trainer.topology
        encoder = Encoder(
            self.config.convolution,
            topology.links,
            self.trainer.weights(),
            {label: [layer[label].cpu().numpy() for layer in layers[:-1]] for label in topology.counts},
            {link.name: topology.whole[link.name].degrees for link in topology.links},
            self.trainer.columns,
            newest_watch(self.snapshot),
        )
        weights = self.trainer.average if _is_large(self.snapshot) else ()
        return Artifact(manifest, embeddings, encoder, weights)

    @cached_property
    def _fingerprint(self) -> str:
        shapes = [tuple(parameter.shape) for parameter in self.trainer.parameters]
        told = f"{self.config.model_dump_json()} {self.snapshot.digest} {self.epochs} {shapes}"
        found = hashlib.sha256(told.encode())
        if self.validation is not None:
            for array in (self.validation.indptr, self.validation.indices):
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def keep(self) -> None:
        """Write the checkpoint file, if one is wanted; without room for it, training goes on all the same."""
        if self.checkpoint is None or processes.rank() > 0:
            return
        clock = self.spent, self.longest, self.judging
        best = {"best": self.best, "best_optimiser": self.best_optimiser}
        state = best | {"fingerprint": self._fingerprint, "clock": clock}
        try:
            with aside.file(self.checkpoint) as file:
                torch.save(state | self.trainer.state(), file)
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by either
            warnings.warn(f"No checkpoint was written: {error}", stacklevel=2)
        self.kept = self.trainer.steps

    def _resume(self) -> None:
        state = _read(self.checkpoint)
        if state and state["fingerprint"] == self._fingerprint:
            self.best, (self.spent, self.longest, self.judging) = state["best"], state["clock"]
            self.best_optimiser = state["best_optimiser"]
            if self.best is not None:
                self.best = [weight.to(self.trainer.device) for weight in self.best]
            self.trainer.restore(state)
            self.kept = self.trainer.steps
        if processes.agreed(self.trainer.steps) != self.trainer.steps:
            raise ModelError("The processes do not see the same checkpoint.", do="Share the home folder, or delete it.")


def _read(checkpoint: Path | None) -> dict[str, Any]:
    """What `_Run.keep` wrote; nothing where there is no such file, or none that can be read."""
    try:
        return dict(torch.load(checkpoint, map_location="cpu", weights_only=True)) if checkpoint else {}
    except Exception:  # a file cut short has as many errors as there are readers in torch
        return {}


def trainer(config: GnnConfig, snapshot: Snapshot) -> Trainer:
    """One that has not taken a step yet."""
    watched = snapshot.watched
    ages = edge_ages(snapshot)
    described, halved = edge_features(snapshot, ages), half_lives(ages)
    recency = None
    if schema.WATCHED in halved:
        recency = np.where(np.asarray(watched.columns["lastAt"]) == NO_TIME, np.inf, described[schema.WATCHED][:, -1])
    csr = np.asarray(watched.indptr), np.asarray(watched.target)
    watches = Watches(*csr, watch_weights(snapshot, ages), watched.width, recency)
    friends = Friends.of(snapshot) if config.friends and len(snapshot.follows) else None
    return Trainer(config, Topology(snapshot, described), watches, node_features(snapshot), halved, friends)
