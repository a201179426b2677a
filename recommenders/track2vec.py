"""Track2Vec: vectors of tracks learned from lists, by gensim's skip-gram or by a network of our own.

Both learn to distinguish a track's neighbours in a list from randomly drawn tracks (Mikolov et al., NeurIPS 2013).
gensim's skip-gram has two vectors for each track and compares them by their product; the network has one vector and
one neuron on the cosine of two tracks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
import polars as pl
from pydantic import Field

from graph.errors import ModelError, SettingsError
from graph.snapshot import Snapshot
from recommenders.core.baseline import Count, Learned, Positive, Share
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.nearest import nearest, others, unit
from recommenders.core.options import FitOptions, Progress
from recommenders.core.sequences import Sequences, entries_of
from recommenders.core.top_k import Floats, Ints, Mask
from recommenders.counting import context_of
from recommenders.next_item import Context, SequenceModel
from recommenders.track_gradient import clear, gradient

__all__ = ["NOTEBOOK", "PUBLISHED", "Track2Vec", "Track2VecNetwork", "with_artists"]

Exponent = Annotated[float, Field(ge=-1.0, le=1.0)]
Metric = Literal["cosine", "euclidean"]

NOTEBOOK: Final[Mapping[str, Any]] = {
    "factors": 30,
    "window": 3,
    "epochs": 6,
    "negatives": 5,
    "exponent": 0.5,
    "subsample": 1e-5,
    "metric": "euclidean",
    "context": "last",
}
"""The settings of the notebook: its 60 rounds of 200 batches of 50 of 100,000 playlists are 6 epochs."""
PUBLISHED: Final[Mapping[str, Any]] = {**NOTEBOOK, "epochs": 130, "exponent": -0.5, "metric": "cosine"}
"""The best on Deezer playlists in Caselles-Dupré, Lesaint and Royo-Letelier, "Word2vec applied to recommendation:
hyperparameters matter" (RecSys 2018)."""


@dataclass
class _Vectors(SequenceModel):
    """Base of both: settings, and scores from the learned vectors. Defaults are `NOTEBOOK`, except ``metric``.

    Epochs and subsampling follow the number of entries of all lists, rare tracks included, and are the notebook's at
    its size. In the table of `entourage evaluate --suite playlists` the row "defaults" has them, "notebook" has not.
    """

    factors: Count = 30
    """Length of a track's vector."""
    window: Count = 3
    """Tracks on either side that count as neighbours."""
    epochs: Count | None = None
    """Passes over all lists; None for the notebook's work, with its 6 epochs at least and
    `CoreConfig.track2vec_most_epochs` at most."""
    negatives: Count = 5
    """Random tracks for each pair of neighbours."""
    exponent: Exponent = 0.5
    """A negative is drawn in proportion to its count to this power; below 0 rare tracks are drawn more often."""
    subsample: Share | None = None
    """Tracks with more than this share of all entries are randomly left out, the more frequent the more often; 0 for
    never, None for the share of `CoreConfig.track2vec_often` entries, which is at least the notebook's."""
    artists: bool = False
    """Whether each track is followed by its artist, who then has a vector too; windows are twice as wide."""
    least: Count = 1
    """Fewest occurrences of a track that is learned; the notebook has 2."""
    metric: Metric = "cosine"
    """Similarity of two tracks: the cosine of their vectors, or their Euclidean distance."""
    context: Context = "last"
    """Whether to use the last track of a list, or the mean of all its tracks."""

    late: ClassVar[frozenset[str]] = frozenset({"metric", "context"})
    space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "exponent": (0.5, 0.0, -0.5, -1.0, 1.0),
        "subsample": (1e-5, 1e-4, 1e-3, 0.0),
        "epochs": (6, 30, 90, 150),
        "window": (3, 5, 7),
        "context": ("last", "all"),
        "metric": ("cosine", "euclidean"),
    }

    @abstractmethod
    def vectors_of(self, lists: Sequences, options: FitOptions, *, epochs: int, subsample: float) -> Floats:
        """A vector for each token, shape (width, factors); zeros for tokens that do not occur."""

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        lists = self._sequences(snapshot).frequent(self.least)
        count = snapshot.contents.count
        tokens = with_artists(lists, snapshot) if self.artists else lists
        vectors = np.zeros((count, self.factors), np.float32)
        if len(tokens.items):
            vectors = self.vectors_of(tokens, options, **self._used(snapshot))[:count]
        beside = tokens.keep((tokens.lengths > 1)[tokens.rows])  # what stands alone has the vector that it began with
        known = beside.counts[:count] > 0
        vectors[~known] = 0.0
        return {"latent_positions": vectors, "known": known}

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        return {**self.settings, **self._used(snapshot)}

    @property
    def told(self) -> str:
        used, most = self._used(self.snapshot), "at most " if self._capped else ""
        return (
            f"Learned in {most}{used['epochs']} epochs over {entries_of(self.snapshot, self.source):,} entries of "
            f"lists, with a subsampling of {used['subsample']:.2g}."
        )

    @property
    def _computed_with(self) -> dict[str, Any]:
        return {"used": self._used(self.snapshot)}

    def _used(self, snapshot: Snapshot) -> dict[str, Any]:
        """Epochs and subsampling, which follow the entries of a snapshot's lists where the settings leave them open."""
        entries = max(1, entries_of(snapshot, self.source))
        epochs, subsample = self.epochs, self.subsample
        if epochs is None:
            fewest = NOTEBOOK["epochs"]
            most = CORE.track2vec_most_epochs
            epochs = int(np.clip(fewest * CORE.track2vec_entries // entries, fewest, most))
        if subsample is None:
            often, least = CORE.track2vec_often, CORE.track2vec_often / CORE.track2vec_entries
            subsample = float(np.clip(often / entries, least, CORE.track2vec_thinned_from))
        return {"epochs": epochs, "subsample": subsample}

    def _cost(self, snapshot: Snapshot) -> float:
        twice = 2 if self.artists else 1
        entries: int = entries_of(snapshot, self.source) * twice
        pairs = self.window * twice + 1  # of an entry: gensim draws a window from 1 to this one for each
        return COSTS.track2vec_pair * pairs * (1 + self.negatives) * float(self._used(snapshot)["epochs"]) * entries

    @property
    def vectors(self) -> Floats:
        """A vector for each content, shape (contents, factors)."""
        return self._dense("latent_positions")

    @property
    def content_vectors(self) -> Floats:
        return self.vectors

    @property
    def known_contents(self) -> Mask:
        return self._dense("known")

    def list_scores(self, lists: Sequences) -> Floats:
        """Cosine, or minus the distance, of each content to the list's last content or to the mean of the list."""
        if self.metric == "cosine":
            vectors = unit(self.vectors)
            scores = unit(context_of(lists, vectors, self.context)) @ vectors.T
        else:
            vectors = self.vectors
            asked = context_of(lists, vectors, self.context)
            squares = (asked**2).sum(axis=1)[:, None] - 2.0 * asked @ vectors.T + (vectors**2).sum(axis=1)
            scores = -np.sqrt(np.maximum(squares, 0.0))
        return np.asarray(scores, dtype=np.float32)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        if self.metric == "cosine":
            return nearest(self.vectors, items, k)
        batch = np.atleast_1d(np.asarray(items, dtype=np.int64))
        scores = self.list_scores(Sequences.of(batch[:, None], self.snapshot.contents.count))
        known = self.known_contents  # the vectors of others are zeros, which lie nearer than most
        scores[:, ~known] = -np.inf
        scores[~known[batch]] = -np.inf
        return others(scores, items, k)


class _CapReached(Exception):
    """Ends a training of gensim between two epochs; holds the model as it is then."""

    def __init__(self, model: Any) -> None:
        self.model = model


@dataclass
class Track2Vec(_Vectors):
    """gensim's skip-gram with one worker thread, so that the same seed gives the same vectors."""

    name: ClassVar[str] = "track2vec"

    @property
    def _computed_with(self) -> dict[str, Any]:
        return {**super()._computed_with, "threads": 1, "precision": "float32"}

    def vectors_of(self, lists: Sequences, options: FitOptions, *, epochs: int, subsample: float) -> Floats:
        try:
            from gensim.models import Word2Vec
            from gensim.models.callbacks import CallbackAny2Vec
        except ImportError:
            raise ModelError(
                "track2vec needs the package gensim.",
                do="Install it with `pip install 'entourage[listening]'`, or train track2vec-network.",
            ) from None

        words = lists.items.astype(str)
        sentences = [
            words[start:stop].tolist() for start, stop in zip(lists.indptr[:-1], lists.indptr[1:], strict=True)
        ]
        another = options.cap.another()

        class Tell(CallbackAny2Vec):  # type: ignore[misc]
            done = 0

            def on_epoch_end(tell, model: Any) -> None:  # noqa: N805 (self is the recommender)
                tell.done += 1
                options.progress(tell.done / epochs, f"epoch {tell.done} of {epochs}")
                if tell.done < epochs and not another():
                    raise _CapReached(model)

        try:
            model = Word2Vec(
                sentences,
                sg=1,
                vector_size=self.factors,
                window=self.window * (2 if self.artists else 1),
                negative=self.negatives,
                ns_exponent=self.exponent,
                sample=subsample,
                epochs=epochs,
                min_count=1,
                workers=1,
                seed=options.seed + 1,
                callbacks=[Tell()],
            )
        except _CapReached as reached:
            model = reached.model
        vectors = np.zeros((lists.width, self.factors), dtype=np.float32)
        vectors[np.array(model.wv.index_to_key, dtype=np.int64)] = model.wv.vectors
        return vectors


@dataclass
class Track2VecNetwork(_Vectors):
    """The notebook's network: one shared embedding, the cosine of two tracks, a sigmoid neuron, cross-entropy, Adam."""

    rate: Positive = 0.001
    """Of Adam."""
    batch: Count = 50
    """Lists in a step, drawn at random."""

    name: ClassVar[str] = "track2vec-network"

    def _cost(self, snapshot: Snapshot) -> float:
        return 2.0 * super()._cost(snapshot)

    def vectors_of(self, lists: Sequences, options: FitOptions, *, epochs: int, subsample: float) -> Floats:
        import torch

        random = np.random.default_rng(options.seed)
        seen = np.flatnonzero(lists.counts)  # only tokens that occur get an embedding
        number = np.full(lists.width, -1, dtype=np.int64)
        number[seen] = np.arange(len(seen))
        counts = lists.counts[seen].astype(np.float64)
        drawn = np.cumsum(counts**self.exponent)
        kept = _kept(counts, subsample)
        filled = lists.take(np.flatnonzero(lists.lengths > 1))
        start = random.uniform(-CORE.track2vec_start, CORE.track2vec_start, (len(seen), self.factors))
        vectors_of_seen = torch.nn.Parameter(torch.from_numpy(start.astype(np.float32)))
        neuron = torch.nn.Parameter(torch.tensor([1.0, 0.0]))  # a negative weight would first push neighbours apart
        # Fused: one pass over all vectors. It takes a third of the time at the notebook's size.
        adam = torch.optim.Adam([vectors_of_seen, neuron], lr=self.rate, fused=True)
        vectors_of_seen.grad, neuron.grad = torch.zeros_like(vectors_of_seen), torch.zeros(2)
        values, slope = vectors_of_seen.detach().numpy(), vectors_of_seen.grad.numpy()
        steps, an_epoch = -(-epochs * len(filled) // self.batch), -(-len(filled) // self.batch)
        another = options.cap.another()
        for step in range(steps):
            if step and step % an_epoch == 0 and not another():
                break
            some = filled.take(random.integers(0, len(filled), self.batch))
            pairs = _pairs(some, self.window * (2 if self.artists else 1), number, kept, random)
            if len(pairs):
                ends = _with_negatives(pairs, self.negatives, drawn, random)
                neuron.grad.copy_(torch.from_numpy(gradient(values, neuron.detach().numpy(), *ends, slope)))
                adam.step()
                clear(slope, *ends[:2])
            _tell(options.progress, step, steps)
        vectors = np.zeros((lists.width, self.factors), dtype=np.float32)
        vectors[seen] = values
        return vectors


def with_artists(lists: Sequences, snapshot: Snapshot) -> Sequences:
    """Each track followed by its first artist, as the number of contents plus the artist's number."""
    artist = _artists(snapshot)
    contents = snapshot.contents.count
    tokens = np.stack([lists.items, np.where(artist >= 0, contents + artist, -1)[lists.items]], axis=1).ravel()
    doubled = Sequences(2 * lists.indptr, tokens, contents + int(artist.max()) + 1)
    return doubled.keep(tokens >= 0)


def _artists(snapshot: Snapshot) -> Ints:
    """Number of the first artist of each content, shape (contents,), -1 where unknown. Raises SettingsError for none.

    From the graph's PERFORMED_BY, or from the contents' property ``artist``.
    """
    found = np.full(snapshot.contents.count, -1, dtype=np.int64)
    performed = snapshot.edges.get("PERFORMED_BY")
    if performed is not None and len(performed):
        found[np.asarray(performed.source)[::-1]] = np.asarray(performed.target)[::-1]
    elif "artist" in snapshot.contents.frame.columns:
        names = snapshot.contents.frame["artist"]
        number = names.rank("dense").cast(pl.Int64) - 1
        found = number.fill_null(-1).to_numpy().astype(np.int64)
    if found.max(initial=-1) < 0:
        raise SettingsError("No content of the snapshot has an artist.", do="Leave the setting `artists` off.")
    return found


def _kept(counts: np.ndarray[Any, Any], threshold: float) -> np.ndarray[Any, Any]:
    """Probability to keep an entry, by token: sqrt(t / f) + t / f for a token's share f of all entries, at most 1."""
    if not threshold:
        return np.ones(len(counts))
    ratio = threshold * counts.sum() / counts
    return np.asarray(np.minimum(np.sqrt(ratio) + ratio, 1.0))


def _pairs(
    lists: Sequences, window: int, number: Ints, kept: np.ndarray[Any, Any], random: np.random.Generator
) -> Ints:
    """Ordered pairs of neighbours at most ``window`` places apart, shape (n, 2), after subsampling by ``kept``."""
    tokens = number[lists.items]
    stays = random.random(len(tokens)) < kept[tokens]
    thinned = lists.keep(stays)
    tokens, rows = tokens[stays], thinned.rows
    found = []
    for distance in range(1, window + 1):
        together = rows[distance:] == rows[:-distance]
        pairs = np.stack([tokens[:-distance][together], tokens[distance:][together]], axis=1)
        found += [pairs, pairs[:, ::-1]]
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


def _with_negatives(
    pairs: Ints, negatives: int, drawn: np.ndarray[Any, Any], random: np.random.Generator
) -> tuple[Ints, Ints, Floats]:
    """The pairs with label 1, then ``negatives`` random pairs for each with label 0."""
    left = np.concatenate([pairs[:, 0], np.repeat(pairs[:, 0], negatives)])
    wrong = np.searchsorted(drawn, random.random(len(pairs) * negatives) * drawn[-1], side="right")
    right = np.concatenate([pairs[:, 1], np.minimum(wrong, len(drawn) - 1)])
    label = np.zeros(len(left), dtype=np.float32)
    label[: len(pairs)] = 1.0
    return np.ascontiguousarray(left), np.ascontiguousarray(right), label


def _tell(progress: Progress, step: int, steps: int) -> None:
    if step % 100 == 0 or step + 1 == steps:
        progress((step + 1) / steps, f"step {step + 1:,} of {steps:,}")
