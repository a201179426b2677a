"""Vectors of tracks that plays teach, and the choice among them on sessions later in time.

Each source makes one vector for each track. The session model (`recommenders.session`) uses the source under which the
newest sessions are likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from graph.errors import EntourageError
from recommenders.core.config import CORE
from recommenders.core.nearest import unit
from recommenders.core.options import FitOptions
from recommenders.core.sequences import Sequences
from recommenders.core.singular import right_singular_vectors
from recommenders.core.top_k import Floats, Ints
from recommenders.interest import Weights
from recommenders.interest_fit import ALL, evidence, fit_weights, heard_of
from recommenders.plays import Plays, adjusted
from recommenders.track2vec import Track2Vec

__all__ = ["Chosen", "Source", "Taught", "choose", "item_item", "settled", "shares", "text_alone", "track2vec"]


@dataclass(frozen=True)
class Taught:
    """The data that a source learns from."""

    plays: Plays
    artists: Ints
    """Number of the artist of every track, shape (contents,)."""
    ids: pl.Series
    """Id of every track, shape (contents,)."""
    weights: Weights
    dim: int
    """Most numbers of a vector."""
    options: FitOptions

    @property
    def lists(self) -> Sequences:
        """For each session, its first track and the tracks that were heard, each once.

        Heard is at least `CoreConfig.heard_share`; the discount for earlier tracks of an artist is taken out first.
        """
        share, _ = adjusted(self.plays, self.artists)
        heard = (share >= CORE.heard_share) | (self.plays.place == 0)
        number = np.unique(self.plays.session, return_inverse=True)[1][heard]
        indptr = np.concatenate(([0], np.cumsum(np.bincount(number)))).astype(np.int64)
        return Sequences(indptr, self.plays.track[heard], len(self.artists))


Source = Callable[[Taught], Floats]
"""Gives vectors of all tracks, shape (contents, at most ``dim``), float32. Raises EntourageError if it cannot."""


@dataclass(frozen=True)
class Chosen:
    """The source that was chosen, and how the sources did."""

    name: str
    vectors: Floats
    """Learned from the sessions before the validation part."""
    evidence: dict[str, float] = field(default_factory=dict)
    """Mean log-likelihood of a play of the judged sessions, by source."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Sources that could not be tried, and why."""


def choose(sources: Mapping[str, Source], taught: Taught, validation: Plays, text: Floats) -> Chosen:
    """The source under which the newer half of the validation sessions is likeliest; of equal ones the first.

    The older half fits the weights for each source. ``validation`` must be later than the plays that teach. A source
    that cannot be fitted is left out, unless it is the only one.
    """
    seed = taught.options.seed
    middle = int(np.median(validation.began[validation.place == 0]))
    older, newer = validation.until(middle), validation.keep(validation.began >= middle)
    found: dict[str, float] = {}
    left_out: dict[str, str] = {}
    best, highest = Chosen("text", text_alone(taught)), -np.inf
    if not min(len(part.began) for part in (taught.plays, older, newer)):
        return best  # nearly all sessions began at one moment: nothing is earlier than anything
    for name, source in sources.items():
        if found and not taught.options.cap.allows():
            left_out[name] = "no time was left"
            continue
        try:
            vectors = source(taught)
        except EntourageError as error:
            if len(sources) == 1:
                raise
            left_out[name] = str(error)
            continue
        weights = fit_weights(older, taught.artists, text, vectors, taught.weights, free=ALL, seed=seed)
        found[name] = evidence(newer, taught.artists, text, vectors, weights, seed)
        if found[name] > highest:
            best, highest = Chosen(name, vectors), found[name]
    return Chosen(best.name, best.vectors, found, left_out)


def text_alone(taught: Taught) -> Floats:
    """No vectors: artists and texts alone say what tracks have in common."""
    return np.zeros((len(taught.artists), 1), dtype=np.float32)


def shares(taught: Taught) -> Floats:
    """Vectors whose products with a session's vector give the shares heard (`interest_fit.heard_of`)."""
    return heard_of(taught.plays, taught.artists, taught.weights, taught.dim, taught.options.seed)


def item_item(taught: Taught) -> Floats:
    """Vectors whose products are the item-item cosines: in how many sessions two tracks were heard together."""
    lists = taught.lists
    matrix = lists.matrix()
    matrix.data /= np.sqrt(np.maximum(lists.counts, 1)).astype(np.float32)[matrix.indices]
    basis = right_singular_vectors(matrix, taught.dim, seed=taught.options.seed)
    return settled(basis * np.linalg.norm(matrix @ basis, axis=0), lists.counts, taught.artists, taught.dim)


def track2vec(taught: Taught) -> Floats:
    """Vectors of `Track2Vec` (gensim's skip-gram), with each track's artist as a token after it."""
    lists = taught.lists
    tokens = np.stack([lists.items, lists.width + taught.artists[lists.items]], axis=1).ravel()
    doubled = Sequences(2 * lists.indptr, tokens, lists.width + int(taught.artists.max(initial=0)) + 1)
    epochs = int(np.clip(CORE.session_tokens // max(1, len(tokens)), 1, CORE.session_epochs))
    model = Track2Vec(factors=taught.dim, artists=True)
    found = model.vectors_of(doubled, taught.options, epochs=epochs, subsample=0.0)[: lists.width]
    return settled(found, lists.counts, taught.artists, taught.dim)


def settled(vectors: Floats, counts: Ints, artists: Ints, dim: int) -> Floats:
    """Vectors of heard tracks, turned into a part of the session model's covariance: shape (tracks, at most ``dim``).

    Directions of unit length about their mean, reduced to ``dim`` numbers; the less a track was heard
    (``counts``, shape (tracks,)), the nearer to its artist's mean, and the less its artist was heard, the nearer to 0.
    Scaled so that those of heard tracks have a mean length of 1.
    """
    heard = np.flatnonzero(counts > 0)
    found = np.zeros((len(vectors), min(dim, vectors.shape[1])), dtype=np.float32)
    if not len(heard):
        return found
    own = unit(np.asarray(vectors[heard], dtype=np.float64))
    own = unit(own - own.mean(axis=0))
    if own.shape[1] > dim:
        own = own @ np.linalg.eigh(own.T @ own)[1][:, ::-1][:, :dim]
    plays = counts[heard].astype(np.float64)
    of_artist = np.zeros((int(artists.max()) + 1, own.shape[1]))
    np.add.at(of_artist, artists[heard], plays[:, None] * own)
    of_artist /= (np.bincount(artists, weights=counts, minlength=len(of_artist)) + CORE.vector_plays)[:, None]
    found[:] = of_artist[artists]
    share = (plays / (plays + CORE.vector_plays))[:, None]
    found[heard] = share * own + (1.0 - share) * of_artist[artists[heard]]
    length = float(np.mean(np.sum(found[heard] ** 2, axis=1)))
    return np.asarray(found / np.sqrt(max(length, 1e-9)), dtype=np.float32)
