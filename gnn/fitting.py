"""From a snapshot to a trained artifact: the validation part, early stopping, checkpoints."""

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
import torch
from torch import Tensor

from gnn import processes
from gnn.artifact import Artifact, Manifest
from gnn.config import GnnConfig
from gnn.cost import epoch_cost, sized
from gnn.embeddings import Embeddings
from gnn.encoder import Encoder
from gnn.features import edge_ages, edge_features, half_lives, node_features, watch_weights
from gnn.friend_loss import Friends
from gnn.recipe import RECIPE
from gnn.reproducible import reproducible
from gnn.topology import Topology
from gnn.trainer import Trainer, device_of
from gnn.validation import ndcg_at_10, sampled
from gnn.watches import Watches
from graph import aside, schema
from graph.errors import ModelError
from graph.snapshot import NO_TIME, Snapshot
from graph.snapshot.ages import newest_watch
from recommenders.core.artifact import environment
from recommenders.core.config import CORE
from recommenders.core.effort import is_large
from recommenders.core.holdout import Holdout, validation
from recommenders.core.options import FitOptions, part_of

__all__ = ["fit", "make_trainer"]

_CHECKPOINT_EVERY_S = 60.0
"""Seconds between two checkpoints, at least. Checkpoints change no result, so the clock may decide."""
_CHECKPOINT_SHARE = 0.05
"""Share of the time that writing checkpoints may take, at most: for a large network one takes seconds."""


def fit(
    name: str, config: GnnConfig, snapshot: Snapshot, options: FitOptions, start: Artifact | None = None
) -> Artifact:
    """See `gnn.recommender.GraphNetwork.fit`; ``start`` is what the ``start`` of ``options`` has learned."""
    config = sized(config.model_copy(update={"seed": options.seed, "device": options.device}), snapshot)
    with reproducible(config.threads, device_of(config.device)):
        return _fit(name, config, snapshot, options, start)


def _fit(name: str, config: GnnConfig, snapshot: Snapshot, options: FitOptions, start: Artifact | None) -> Artifact:
    large = is_large(snapshot)
    begun, metrics = 0.0, dict[str, float]()
    if options.validation is not None and not len(options.validation.users):
        options = options.but(validation=None)
    run: _Run | None = None
    epochs, training_file = config.epochs, options.checkpoint and options.checkpoint / "training.pt"
    if options.validation is None and epochs is None:
        begun = RECIPE.large_search_share if large else RECIPE.search_share
        search_file = options.checkpoint and options.checkpoint / "search.pt"

        def finding(share: float, what: str) -> None:
            options.progress(begun * share, f"finding when to stop, {what}")

        searching = options.but(share=begun * options.share, progress=finding)
        search = _Run.search(config, snapshot, searching, search_file)
        search.cap_share = begun
        search.train()
        epochs = search.trainer.history.best_epoch if search.part else RECIPE.blind_epochs
        metrics = search.metrics
        options = options.but(share=(1.0 - begun) * options.share)
        if large:  # there is no time for a second training, so this one continues, on all watches
            run = search.going_on(snapshot, epochs, options, training_file)
        del search
    elif start is not None and large and epochs is not None:
        run = _Run.after(start.weights, start.manifest.epochs, config, snapshot, epochs, options, training_file)
    run = run or _Run(config, snapshot, options.validation, epochs, options, training_file)
    run.options = options.but(progress=part_of(options.progress, begun, 1.0))
    return run.train().artifact(name, metrics | run.metrics)


class _Run:
    """One training, from its start or its checkpoint to its end."""

    def __init__(
        self,
        config: GnnConfig,
        snapshot: Snapshot,
        part: Holdout | None,
        epochs: int | None,
        options: FitOptions,
        checkpoint: Path | None,
    ) -> None:
        self.snapshot = snapshot
        self.config = config
        self.seen = snapshot.interactions()
        self.part = sampled(part) if part is not None and len(part.users) else None
        self.options = options
        affordable = int(options.work(snapshot) / max(epoch_cost(config, snapshot), 1e-9))
        self.epochs = epochs or min(config.max_epochs, max(1, affordable))
        self.cap_share = RECIPE.cap_share
        self.checkpoint = checkpoint
        self.trainer = make_trainer(config, snapshot)
        self.best: list[Tensor] | None = None
        """Averaged weights of the best epoch so far."""
        self.best_optimiser: dict[str, Any] | None = None
        """The optimiser's state of the same epoch; kept in a large graph only, where training continues from it."""
        self.spent = self.longest = 0.0
        """Seconds so far, and seconds of the longest epoch including its validation."""
        self.saved = -1, False
        """Steps at which the checkpoint was written, and whether it says that the cap was reached."""
        self.epochs_before = 0
        """Epochs of an earlier training whose weights this one started from."""

    @classmethod
    def search(cls, config: GnnConfig, snapshot: Snapshot, options: FitOptions, checkpoint: Path | None) -> _Run:
        """A run that holds out its own validation part; it has one epoch if there is too little to hold out."""
        part = validation(snapshot, seed=config.seed)
        rest = part.train
        if is_large(snapshot):  # training continues on the whole snapshot, so the features must be the same
            rest = Snapshot(snapshot.manifest, rest.nodes, rest.edges)
        return cls(config, rest, part, None if len(part.users) else 1, options, checkpoint)

    @classmethod
    def after(
        cls,
        weights: Sequence[Tensor],
        before: int,
        config: GnnConfig,
        snapshot: Snapshot,
        epochs: int,
        options: FitOptions,
        checkpoint: Path | None,
        optimiser: dict[str, Any] | None = None,
    ) -> _Run | None:
        """A run that continues from ``weights``, trained for ``before`` epochs, for `Recipe.going_on` · ``epochs``.

        None if the network of this snapshot has other shapes; the training then has to start again.
        """
        run = cls(config, snapshot, None, math.ceil(RECIPE.going_on * epochs), options, checkpoint)
        if not run.trainer.takes(weights):
            return None
        run.epochs_before = before
        run.trainer.begin_with(weights, before, optimiser)
        return run

    def going_on(self, snapshot: Snapshot, epochs: int, options: FitOptions, checkpoint: Path | None) -> _Run | None:
        """A run `after` the best epoch of this one, on a ``snapshot`` of the same nodes; ends the use of this run."""
        weights = self.best or self.trainer.average
        optimiser = self.best_optimiser or self.trainer.optimiser.state_dict()
        before = self.trainer.history.best_epoch
        del self.trainer, self.snapshot, self.seen, self.part  # for a large graph, memory holds only one trainer
        return _Run.after(weights, before, self.config, snapshot, epochs, options, checkpoint, optimiser)

    @property
    def metrics(self) -> dict[str, float]:
        history = self.trainer.history
        return {"validation_ndcg@10": max(history.validation.values())} if history.validation else {}

    def train(self) -> _Run:
        """Train epoch after epoch until validation stops rising, all epochs are done, or the time cap is reached."""
        progress = self.options.progress
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
            if self.part and (done % self.epochs_per_validation == 0 or done == self.epochs):
                self._validate(done)
            self.longest = processes.agreed(max(self.longest, time.monotonic() - started))
            self.spent = processes.agreed(time.monotonic() - begun)
            progress(min(done / self.epochs, 1.0), self._status(done, loss))
            if self.checkpoint and time.monotonic() - saved > max(_CHECKPOINT_EVERY_S, saving / _CHECKPOINT_SHARE):
                started = time.monotonic()
                self.save_checkpoint()
                saved = time.monotonic()
                saving = saved - started
        if self.part and not history.validation:
            self._validate(len(history.loss))
        if (trainer.steps, self.options.cap.hit) != self.saved:
            self.save_checkpoint()  # finished, in case of a kill before the artifact is saved
        return self

    def _over(self) -> bool:
        """Whether to stop: all epochs are done, validation no longer rises, or the next epoch would exceed the cap."""
        history = self.trainer.history
        done = len(history.loss)
        waited = max(history.validation) - history.best_epoch if history.validation else 0
        useless = waited >= self.config.patience and self.trainer.steps >= RECIPE.least_steps
        if useless or done >= self.epochs or not self.trainer.watches.content.size:
            return True
        # One epoch is always trained.
        return done > 0 and not processes.agreed(float(self.options.cap.allows(self.longest, self.cap_share)))

    @cached_property
    def epochs_per_validation(self) -> int:
        """Epochs from one validation to the next, from the sizes of the graph and of the network.

        Validation embeds all nodes, at half the cost of a training step's edges (no backward pass), and ranks all
        contents for its users.
        """
        batches, contents = self.trainer.batches, self.snapshot.contents.count
        users = len(self.trainer.watches.users) / batches.steps_per_pass
        layers = 0 if self.config.convolution == "dense" else self.config.layers
        edges = batches.edges_per_step * (1 if self.config.neighbours else layers)
        step = users * (batches.sampled_contents or contents) + RECIPE.pairs_per_edge * edges
        judged = len(self.part.users) if self.part else 0
        validation = RECIPE.validated_pair_cost * judged * contents
        validation += 0.5 * RECIPE.pairs_per_edge * self.trainer.topology.edges * layers
        return 1 + int(validation / (RECIPE.validation_cost * batches.steps_per_epoch * max(step, 1.0)))

    def _status(self, done: int, loss: float) -> str:
        figures = self.trainer.history.validation
        validated = f", NDCG@10 {100 * list(figures.values())[-1]:.2f} %" if figures else ""
        return f"epoch {done} of at most {self.epochs}, loss {loss:.3f}{validated}"

    def _validate(self, done: int) -> None:
        history = self.trainer.history
        assert self.part is not None
        users, contents, _ = self.trainer.embed()
        figure = ndcg_at_10(users, contents, self.trainer.bias, self.seen, self.part)
        history.validation[done] = processes.agreed(figure)
        if history.best_epoch == done:
            self.best = [average.clone() for average in self.trainer.average]
            if is_large(self.snapshot):
                self.best_optimiser = deepcopy(self.trainer.optimiser.state_dict())

    def artifact(self, name: str, metrics: dict[str, float]) -> Artifact:
        """The artifact of the best epoch; without validation, of the last epoch."""
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
            recipe=RECIPE,
            threads=torch.get_num_threads(),
            precision=str(self.trainer.precision).removeprefix("torch."),
            environment=environment(),
            core=CORE.model_dump(mode="json"),
            epochs=self.epochs_before + self.trainer.history.best_epoch,
            capped=self.options.cap.at_end(),
            metrics=metrics,
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
        weights = self.trainer.average if is_large(self.snapshot) else ()
        return Artifact(manifest, embeddings, encoder, weights, self.spent)

    @cached_property
    def _fingerprint(self) -> str:
        shapes = [tuple(parameter.shape) for parameter in self.trainer.parameters]
        described = f"{self.config.model_dump_json()} {RECIPE} {self.snapshot.digest} {self.epochs} {shapes}"
        digest = hashlib.sha256(described.encode())
        if self.part is not None:
            held_out = self.part.held_out
            for array in (self.part.users, held_out.indptr, held_out.indices, held_out.data):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def save_checkpoint(self) -> None:
        """Write the checkpoint file if there is a folder for it; warn and continue if the disk is full."""
        if self.checkpoint is None or processes.rank() > 0:
            return
        best = {"best": self.best, "best_optimiser": self.best_optimiser}
        clock = {"clock": (self.spent, self.longest), "capped": self.options.cap.hit}
        state = best | clock | {"fingerprint": self._fingerprint}
        try:
            with aside.file(self.checkpoint) as file:
                torch.save(state | self.trainer.state(), file)
        except (OSError, RuntimeError) as error:  # torch raises either for a full disk
            warnings.warn(f"No checkpoint was written: {error}", stacklevel=2)
        self.saved = self.trainer.steps, self.options.cap.hit

    def _resume(self) -> None:
        state = _read(self.checkpoint)
        if state and state["fingerprint"] == self._fingerprint:
            self.best, (self.spent, self.longest) = state["best"], state["clock"]
            self.best_optimiser = state["best_optimiser"]
            if self.best is not None:
                self.best = [weight.to(self.trainer.device) for weight in self.best]
            self.trainer.restore(state)
            self.saved = self.trainer.steps, state.get("capped", False)
            self.options.cap.hit |= self.saved[1]
        if processes.agreed(self.trainer.steps) != self.trainer.steps:
            raise ModelError("The processes do not see the same checkpoint.", do="Share the home folder, or delete it.")


def _read(checkpoint: Path | None) -> dict[str, Any]:
    """What `_Run.save_checkpoint` wrote; empty if there is no such file or it cannot be read."""
    try:
        return dict(torch.load(checkpoint, map_location="cpu", weights_only=True)) if checkpoint else {}
    except Exception:  # each of torch's readers raises other errors for a truncated file
        return {}


def make_trainer(config: GnnConfig, snapshot: Snapshot) -> Trainer:
    """A trainer for the snapshot, before its first step."""
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
