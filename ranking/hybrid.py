"""The whole pipeline as one recommender: every model tuned, their candidates ranked together, nothing set by hand."""

from __future__ import annotations

import gc
import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import scipy.sparse as sp

from gnn import processes
from gnn.config import LARGE, SMALLER
from graph import aside
from graph.errors import ModelError
from graph.snapshot import Snapshot
from ranking import holdout, registry, second_stage
from ranking.candidates import Context, collect, gather, standardise, standardised
from ranking.first_stage import FirstStage, plan
from ranking.second_stage import SecondStage
from recommenders.baseline import nearest, row_of, silent
from recommenders.core.artifact import FORMAT, reading
from recommenders.core.recommender import Floats, Ints, NewContent, Placed, Progress, Recommender

__all__ = ["Hybrid"]

_DEPTH: Final = 100
"""Candidates that every model names for each user."""
_JUDGED: Final = 12_000
"""Held-out users that the second stage learns from."""
_JUDGED_VALUES_A_SECOND: Final = 1_400_000
"""Fewer users where the catalogue is large and the time short: so many scores of a model for each second of the budget.
With 334,000 contents and 48 minutes they are 12,000, whose candidates take a fourteenth of that."""
_HASTE_S: Final = 240.0
"""With less time than this the network learns nothing of newcomers, nor in the order of time: its first steps then
teach less of those it knows."""
_BLOCK_VALUES: Final = 40_000_000
"""Scores of all models held at once: 160 MB of float32."""
_COLD: Final = {"friends-items": 1.0, "gnn": 1.0, "popularity": 0.5}
"""The blend for who has watched nothing (docs/results.md has what was measured) …"""
_COLD_TAUGHT: Final = {**_COLD, "gnn": 4.0}
"""… and where the network learned to place people by what is known of them."""
_PLACED: Final = {"gnn": 2.0, "item-knn": 2.0, "friends-items": 1.0, "popularity": 0.5}
"""The blend for who came after the training and has watched something: of what need not be fitted anew."""


class Hybrid(Recommender):
    """Everything of `ranking.first_stage.plan`, blended and re-ranked as validation on its own training data says.

    ``budget_min`` is the time for the whole of ``fit``, in minutes; None chooses by the number of links: 35 at most, 55
    where these are more than `gnn.config.LARGE`.
    """

    name: ClassVar[str] = "gat"
    trains_together: ClassVar[bool] = True

    def __init__(self, *, budget_min: float | None = None, seed: int = 0, device: str = "auto") -> None:
        if budget_min is not None and not budget_min > 0:
            raise ModelError(f"A budget of {budget_min:g} minutes is none.", do="Give a positive number of minutes.")
        self.budget_min = budget_min
        self.seed = seed
        self.device = device
        self.metrics: dict[str, Any] = {}

    def fit(self, snapshot: Snapshot, progress: Progress | None = None, *, checkpoint: Path | None = None) -> Self:
        """Search, blend and re-rank on a validation part, then fit what is needed on everything.

        A run that was killed goes on from the models that it had finished searching, and from where its network was,
        when started again with the same settings on the same graph; blending, ranking and fitting the other models on
        everything begin anew. All that is kept in folders of its own in ``checkpoint``, for the caller to delete once
        the model is saved.

        Several processes (`gnn.processes`) train the network together, and the first alone does everything else: in the
        others the result can neither recommend nor be saved.
        """
        progress = progress or silent
        checkpoint = checkpoint and self._own(checkpoint, snapshot)
        begun = time.monotonic()
        links = len(snapshot.watched) + len(snapshot.follows)
        large = links > LARGE
        longest = 55.0 if large else 35.0
        total = 60.0 * (self.budget_min or float(np.clip(links / 11_000, 5.0, longest)))

        def left() -> float:
            return total - (time.monotonic() - begun)

        hasty = {"cold": 0.0, "in_time": False} if total < _HASTE_S else {}
        part = holdout.cut(snapshot, seed=self.seed)
        members = [member for member in plan(snapshot) if member.name == "gnn" or processes.rank() == 0]
        search = 0.2 if any(member.name == "ease" for member in members) else 0.13  # EASE has the longest
        first = FirstStage.tuned(
            members,
            part,
            search_s=search * total,
            network_s=0.4 * total,
            network={"seed": self.seed, "device": self.device, **hasty, **(SMALLER if large else {})},
            progress=_between(progress, 0.0, 0.5),
            seed=self.seed,
            checkpoint=checkpoint,
        )
        if processes.rank() > 0:
            first.models = first.models if large else {}
            del part
            gc.collect()
            return self._helping(first, snapshot, checkpoint)
        begun = min(begun, time.monotonic() - sum(first.seconds.values()))  # what an earlier run took counts
        names = list(first.models)
        judged = part.users
        most = min(_JUDGED, max(1, int(_JUDGED_VALUES_A_SECOND * total) // max(1, snapshot.contents.count)))
        if len(judged) > most:
            judged = np.sort(np.random.default_rng(self.seed).choice(judged, most, replace=False))
        context = Context.of(part.train)
        candidates = gather(first.models, judged, context.watched, _DEPTH, _between(progress, 0.5, 0.55))
        first.models = {"gnn": first.models["gnn"]} if large else {}  # there is no time to begin it anew
        stage, verdict = second_stage.learn(
            names,
            candidates,
            part.worth,
            context,
            budget_s=min(max(0.12 * total, 15.0), 0.4 * left()),
            progress=_between(progress, 0.55, 0.7),
            seed=self.seed,
        )
        kept = _with_cold(stage.needed, names)
        self._second = stage.keep(kept)
        depth = round(len(candidates.contents) / max(len(judged), 1), 1)
        del part, context, candidates
        gc.collect()  # models that were let go hold on to each other, and of a large graph there is no room for both
        processes.agreed(float("gnn" in kept), patiently=True)  # see _helping
        self._first = first.again(
            kept, snapshot, lambda: max(0.9 * left(), 0.1 * total), _between(progress, 0.7, 1.0), checkpoint
        )
        self.metrics = {
            "NDCG@20 on validation": {name: round(value, 5) for name, value in verdict.figures.items()},
            "chosen": verdict.chosen,
            "weights": {name: round(float(w), 3) for name, w in zip(kept, self._second.weights, strict=True)},
            "settings": {name: first.settings[name] for name in names},
            "epochs": first.epochs,
            "importance": verdict.importance,
            "users judged": len(judged),
            "candidates a user": depth,
            "seconds": {
                "in all": round(time.monotonic() - begun, 1),
                "search": {name: round(s, 1) for name, s in first.seconds.items()},
                "on everything": {name: round(s, 1) for name, s in self._first.seconds.items()},
            },
        }
        self._attach(snapshot)
        progress(1.0, "done")
        return self

    def _helping(self, first: FirstStage, snapshot: Snapshot, checkpoint: Path | None) -> Self:
        """What is left for a process that is not the first: to train the network on everything, if it has a say."""
        if processes.agreed(0.0, patiently=True):
            first.again(["gnn"], snapshot, lambda: 0.0, silent, checkpoint)
        return self

    def _own(self, checkpoint: Path, snapshot: Snapshot) -> Path:
        """The folder in ``checkpoint`` of these settings and this graph; those of others are deleted."""
        told = f"{FORMAT} {self.budget_min} {self.seed} {self.device} {snapshot.digest}"
        own = checkpoint / f"search-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        for other in checkpoint.glob("search-*"):
            if other != own and processes.rank() == 0:
                shutil.rmtree(other)
        return own

    def _attach(self, snapshot: Snapshot) -> None:
        self.__dict__.pop("_context", None)
        self._snapshot = snapshot

    @cached_property
    def _context(self) -> Context:
        return Context.of(self.snapshot)

    def scores(self, users: Ints) -> Floats:
        width = self.snapshot.contents.count
        size = max(1, _BLOCK_VALUES // max(1, width * len(self._first.models)))
        found = np.empty((len(users), width), dtype=np.float32)
        for start in range(0, len(users), size):
            found[start : start + size] = self._block(users[start : start + size])
        return found

    def _block(self, users: Ints) -> Floats:
        stage, context = self._second, self._context
        seen = sp.csr_array(context.watched[users])
        tables = [standardised(self._first.models[name], users, seen) for name in stage.models]
        cold = np.diff(seen.indptr) == 0
        newcomers = self._newcomers
        found = np.zeros((len(users), context.watched.shape[1]), dtype=np.float32)
        for name, weight, table in zip(stage.models, stage.weights, tables, strict=True):
            found += np.where(cold, newcomers.get(name, 0.0), weight).astype(np.float32)[:, None] * table
        warm = np.flatnonzero(~cold)
        if stage.ranker is not None and len(warm):
            rows = [table[warm] for table in tables] if len(warm) < len(users) else tables
            candidates = collect(rows, users[warm], sp.csr_array(seen[warm]), _DEPTH)
            ranked = stage.rank(candidates, context)
            lowest = np.zeros(len(warm), dtype=np.float32)
            np.minimum.at(lowest, candidates.row_user, ranked)
            found[warm] += (lowest - found[warm].max(axis=1) - 1.0)[:, None]  # what is no candidate comes after them
            found[warm[candidates.row_user], candidates.contents] = ranked
        return found

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """A blend of the models that need not be fitted anew; None where only popularity is left."""
        seen = row_of(watched, self.snapshot.contents.count)
        parts = dict[str, Floats]()
        for name, weight in (_PLACED if len(watched) else self._newcomers).items():
            model = self._first.models.get(name)
            scores = model.newcomer_scores(watched, follows, followers, properties=properties) if model else None
            part = None if scores is None else standardise(scores[None, :], seen)[0]
            if part is not None and part.any():
                parts[name] = np.float32(weight) * part
        return np.asarray(sum(parts.values()), dtype=np.float32) if parts.keys() - {"popularity"} else None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """As the graph network does, where it has a say."""
        network = self._first.models.get("gnn")
        return network.place(contents) if network else None

    @property
    def _newcomers(self) -> Mapping[str, float]:
        """The weights for who has watched nothing."""
        network: Any = self._first.models.get("gnn")
        return _COLD_TAUGHT if network and network.places_newcomers else _COLD

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """Those of the graph network where it has a say, else by the cosine between the contents' watchers."""
        if "gnn" in self._first.models:
            return self._first.models["gnn"].similar_items(items, k)
        return nearest(sp.csr_array(self._context.watched.T), items, k)

    def save(self, path: Path) -> None:
        with aside.folder(path) as folder:
            for name, model in self._first.models.items():
                model.save(folder / name)
            self._second.save(folder)
            sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.is_file()}
            graph_id = self.snapshot.manifest.graph_id
            told = {"model": self.name, "format": FORMAT, "graph_id": graph_id}
            manifest = {**told, "metrics": self.metrics, "bytes": sizes}
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        with reading(path, cls.name, snapshot.manifest.graph_id) as manifest:
            for file, size in manifest.get("bytes", {}).items():  # LightGBM ends the process over a forest cut short
                if (path / file).stat().st_size != size:
                    raise ValueError(f"{file} is cut short")
            model = cls()
            model.metrics = manifest["metrics"]
            model._second = SecondStage.load(path)
            model._first = FirstStage(
                {name: registry.kind(name).load(path / name, snapshot) for name in model._second.models}
            )
        model._attach(snapshot)
        return model


def _with_cold(needed: Sequence[str], names: Sequence[str]) -> list[str]:
    """The models with a say and those that newcomers are served from, in their first order."""
    return [name for name in names if name in needed or (name in _PLACED and name != "gnn")]


def _between(progress: Progress, start: float, stop: float) -> Progress:
    def tell(share: float, what: str) -> None:
        progress(start + (stop - start) * (share if math.isfinite(share) else 0.0), what)

    return tell
