"""The pipeline as one recommender: it tunes every model, blends their scores and re-ranks the candidates."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import scipy.sparse as sp

from gnn import processes
from gnn.cost import smaller
from graph import aside
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from ranking import registry, second_stage
from ranking.candidates import Context, collect, gather, standardise, standardised
from ranking.config import CONFIG
from ranking.first_stage import NETWORK, FirstStage, Member, plan
from ranking.second_stage import Choice, SecondStage
from ranking.shortlist import candidates_of
from recommenders.core.artifact import FORMAT, environment, reading
from recommenders.core.config import CORE
from recommenders.core.effort import is_large
from recommenders.core.holdout import Holdout, validation
from recommenders.core.interactions import counts, row_of, rows_of
from recommenders.core.nearest import nearest
from recommenders.core.options import FitOptions, part_of
from recommenders.core.recommender import NewContent, Placed, Recommender
from recommenders.core.today import Today
from recommenders.core.top_k import Floats, Ints

__all__ = ["Pipeline"]

_BLOCK_VALUES: Final = 40_000_000
"""Scores of all models held at once: 160 MB of float32."""


class Pipeline(Recommender):
    """The models of `ranking.first_stage.plan`, blended and re-ranked by a validation part of the training data."""

    name: ClassVar[str] = "pipeline"
    trains_together: ClassVar[bool] = True

    def __init__(self) -> None:
        self.metrics: Mapping[str, Any] = {}
        """Results on the validation part, the choices made and the numbers of trials; saved in the manifest."""
        self.seconds: Mapping[str, Any] = {}
        """Seconds of each step; saved in a file of their own, because nothing else depends on the clock."""

    @classmethod
    def make(cls, **settings: Any) -> Self:
        for name in settings:
            raise SettingsError(
                f"{cls.name} has no setting {name!r}.", do="It chooses those of its models while it trains."
            )
        return cls()

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        """Search, blend and re-rank on a validation part, then fit the models that are used on everything.

        A run that was killed and is started again with the same options on the same graph continues from the models
        whose search was finished and from the network's last checkpoint; blending, ranking and the fits on everything
        start again. Checkpoints are folders in ``options.checkpoint``.

        Under a cap models are left out, then the ranker; ``metrics["capped"]`` says whether it was reached, by this run
        or by the searches of a killed one that it continues.

        Several processes (`gnn.processes`) train the network together, and the first process does everything else
        alone: the results of the others can neither recommend nor be saved.
        """
        options = options or FitOptions()
        options = options.but(checkpoint=options.checkpoint and _own(options, snapshot))
        began = time.monotonic()
        large, work = is_large(snapshot), options.work(snapshot)
        quick = work < CONFIG.quick_s
        part = validation(snapshot, seed=options.seed)
        members = [member for member in plan(snapshot, quick=quick) if member.name == NETWORK or processes.rank() == 0]
        first = FirstStage.tuned(
            members,
            part,
            options.but(share=options.share * work / options.work(part.train)),
            network={**({"cold": 0.0, "in_time": False} if quick else {}), **(smaller(snapshot) if large else {})},
            shares=_shares(members, quick=quick, large=large),
            progress=part_of(options.progress, 0.0, 0.5),
        )
        refit = options.but(progress=part_of(options.progress, 0.7, 1.0))
        if processes.rank() > 0:
            first.models = first.models if large else {}
            del part
            gc.collect()
            if processes.agreed(0.0, patiently=True):  # the first process will train the network on everything
                first.again([NETWORK], snapshot, refit)
            return self
        names = list(first.models)
        stage, choice, sizes = self._second_stage(first, part, options, work, keep_network=large)
        kept = _with_newcomers(stage.needed, names)
        self._second = stage.keep(kept)
        del part
        gc.collect()  # freed models refer to each other, and a large graph leaves no room for old and new ones
        processes.agreed(float(NETWORK in kept), patiently=True)
        self._first = first.again(kept, snapshot, refit)
        self.metrics = {
            "NDCG@20 on validation": {name: round(value, 5) for name, value in choice.figures.items()},
            "chosen": choice.chosen,
            "weights": {name: round(float(w), 3) for name, w in zip(kept, self._second.weights, strict=True)},
            "settings": {name: first.settings[name] for name in names},
            "trials": first.trials,
            "importance": choice.importance,
            "effort": options.effort.value,
            "seed": options.seed,
            "capped": options.cap.at_end(),
            **sizes,
        }
        self.seconds = {
            "in all": round(time.monotonic() - began, 1),
            "search": {name: round(seconds, 1) for name, seconds in first.seconds.items()},
            "on everything": {name: round(seconds, 1) for name, seconds in self._first.seconds.items()},
        }
        self._attach(snapshot)
        options.progress(1.0, "done")
        return self

    def _second_stage(
        self, first: FirstStage, part: Holdout, options: FitOptions, work: float, *, keep_network: bool
    ) -> tuple[SecondStage, Choice, dict[str, Any]]:
        """Learn blend and ranker on ``part``; also gives the numbers of users and candidates they learned from.

        Frees the models of ``first`` to save memory, but not the network with ``keep_network``.
        """
        most = min(CONFIG.judged, max(1, int(CONFIG.judged_values * work) // max(1, part.train.contents.count)))
        judged = part.sample(most).users
        context = Context.of(part.train)
        names = list(first.models)
        tell = part_of(options.progress, 0.5, 0.55)
        depth = CONFIG.quick_depth if work < CONFIG.quick_s else CONFIG.depth
        candidates = gather(first.models, judged, context.watched, depth, tell)
        first.models = {NETWORK: first.models[NETWORK]} if keep_network else {}
        learning = options.but(progress=part_of(options.progress, 0.55, 0.7))
        stage, choice = second_stage.learn(names, candidates, part.held_out, context, learning)
        stage.depth = depth
        mean = round(len(candidates.contents) / max(len(judged), 1), 1)
        return stage, choice, {"users judged": len(judged), "candidates a user": mean}

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

    def moved_scores(self, today: Today) -> Floats | None:
        """The blend of each model's scores as of now, corrected by the ranker, whose other features do not move.

        Somebody without a watch in the training is scored as a newcomer is.
        """
        if not counts(self._context.watched, np.array([today.user]))[0]:
            incoming, user = self.snapshot.follows.incoming, today.user
            followers = incoming.neighbour[incoming.indptr[user] : incoming.indptr[user + 1]].astype(np.int64)
            return self.newcomer_scores(today.watched, today.follows, followers)
        return np.asarray(self._block(np.array([today.user]), today)[0])

    def shortlist(self, user: int, today: Today | None = None, least: float = 0.0) -> tuple[Ints, Floats] | None:
        """What the ranker ranks of the candidates of a user with watches.

        None without a ranker, and unless every model has a form for one user: in small graphs some have not.
        """
        stage, context = self._second, self._context
        models = [self._first.models[name] for name in stage.models]
        if len(models) * stage.depth < least:
            return None
        if stage.ranker is None or not all(one.has_one_user and one.known_contents is None for one in models):
            return None
        seen = rows_of(context.watched, np.array([user])) if today is None else today.row
        if not seen.nnz or not counts(context.watched, np.array([user]))[0]:
            return None
        parts = [model.one_user(user, today) for model in models]
        candidates = candidates_of(user, parts, seen.indices.astype(np.int64), seen.shape[1], stage.depth)
        ranked = stage.rank(candidates, context)
        order = np.argsort(-ranked, kind="stable")
        return candidates.contents[order], ranked[order]

    def _block(self, users: Ints, today: Today | None = None) -> Floats:
        """Scores (n, contents) of ``users``. With ``today``, the scores of its one user as of now."""
        stage, context = self._second, self._context
        seen = rows_of(context.watched, users) if today is None else today.row
        tables = [standardised(self._first.models[name], users, seen, today) for name in stage.models]
        cold = np.diff(seen.indptr) == 0
        newcomers = self._newcomers
        found = np.zeros((len(users), context.watched.shape[1]), dtype=np.float32)
        for name, weight, table in zip(stage.models, stage.weights, tables, strict=True):
            found += np.where(cold, newcomers.get(name, 0.0), weight).astype(np.float32)[:, None] * table
        warm = np.flatnonzero(~cold)
        if stage.ranker is not None and len(warm):
            rows = [table[warm] for table in tables] if len(warm) < len(users) else tables
            known = [self._first.models[name].known_contents for name in stage.models]
            candidates = collect(rows, users[warm], rows_of(seen, warm), stage.depth, known)
            ranked = stage.rank(candidates, context)
            lowest = np.zeros(len(warm), dtype=np.float32)
            np.minimum.at(lowest, candidates.row_user, ranked)
            found[warm] += (lowest - found[warm].max(axis=1) - 1.0)[:, None]  # others come after the candidates
            found[warm[candidates.row_user], candidates.contents] = ranked
        return found

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """A blend of the models that can score newcomers without another fit; None if only popularity can."""
        seen = row_of(watched, self.snapshot.contents.count)
        parts = dict[str, Floats]()
        for name, weight in (CONFIG.newcomers if len(watched) else self._newcomers).items():
            model = self._first.models.get(name)
            scores = model.newcomer_scores(watched, follows, followers, properties=properties) if model else None
            part = None if scores is None else standardise(scores[None, :], seen)[0]
            if part is not None and part.any():
                parts[name] = np.float32(weight) * part
        return np.asarray(sum(parts.values()), dtype=np.float32) if parts.keys() - {"popularity"} else None

    def place(self, contents: Sequence[NewContent]) -> Placed | None:
        """The vectors of the graph network; None if the pipeline does not use it."""
        network = self._first.models.get(NETWORK)
        return network.place(contents) if network else None

    @property
    def _newcomers(self) -> Mapping[str, float]:
        """The weights of the models for users without watches."""
        network = self._first.models.get(NETWORK)
        return CONFIG.cold_taught if network and network.places_newcomers else CONFIG.cold

    @property
    def content_vectors(self) -> Floats | None:
        """The content vectors of the graph network."""
        return self._first.models[NETWORK].content_vectors if NETWORK in self._first.models else None

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """Similar items by the graph network; without it, by the cosine between the contents' watchers."""
        if NETWORK in self._first.models:
            return self._first.models[NETWORK].similar_items(items, k)
        return nearest(sp.csr_array(self._context.watched.T), items, k)

    def save(self, path: Path) -> None:
        with aside.folder(path) as folder:
            for name, model in self._first.models.items():
                model.save(folder / name)
            self._second.save(folder)
            sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.is_file()}
            graph_id = self.snapshot.manifest.graph_id
            about = {"model": self.name, "format": FORMAT, "graph_id": graph_id, "environment": environment()}
            constants = {"config": CONFIG.model_dump(), "core": CORE.model_dump(mode="json")}
            manifest = {**about, "metrics": self.metrics, **constants, "bytes": sizes}
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
            (folder / "seconds.json").write_text(json.dumps(self.seconds, indent=1))

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        with reading(path, cls.name, snapshot.manifest.graph_id) as manifest:
            for file, size in manifest.get("bytes", {}).items():  # LightGBM ends the process on a truncated forest
                if (path / file).stat().st_size != size:
                    raise ValueError(f"{file} is truncated")
            model = cls()
            model.metrics = manifest["metrics"]
            model._second = SecondStage.load(path)
            model._first = FirstStage(
                {name: registry.kind(name).load(path / name, snapshot) for name in model._second.models}
            )
        model._attach(snapshot)
        return model


def _with_newcomers(needed: Sequence[str], names: Sequence[str]) -> list[str]:
    """The models that are used, and those that newcomers are served from, in the order of ``names``."""
    return [name for name in names if name in needed or (name in CONFIG.newcomers and name != NETWORK)]


def _shares(members: Sequence[Member], *, quick: bool, large: bool) -> dict[str, float]:
    """Each member's share of the pipeline's work."""
    search = CONFIG.quick_search_share if quick else CONFIG.large_search_share if large else CONFIG.search_share
    parts = sum(member.share for member in members)
    shares = {member.name: search * member.share / max(parts, 1e-9) for member in members}
    return shares | {NETWORK: CONFIG.quick_network_share if quick else CONFIG.network_share}


def _own(options: FitOptions, snapshot: Snapshot) -> Path:
    """The folder in ``options.checkpoint`` for these options and this graph; deletes the folders of others."""
    assert options.checkpoint is not None
    about = f"{FORMAT} {options.effort} {options.share} {options.cap.minutes} {options.seed} {options.device}"
    digest = hashlib.sha256(f"{about} {snapshot.digest}".encode()).hexdigest()
    own = options.checkpoint / f"search-{digest[:16]}"
    for other in options.checkpoint.glob("search-*"):
        if other != own and processes.rank() == 0:
            shutil.rmtree(other)
    return own
