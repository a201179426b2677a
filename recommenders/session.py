"""The session player's model: what a listener wants now, learned from play logs (`recommenders.interest`)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Literal

import numpy as np
import scipy.sparse as sp

from graph import schema
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from recommenders.core.baseline import Baseline, Count, Learned, Share
from recommenders.core.config import CORE
from recommenders.core.interactions import counts, interactions, row_of
from recommenders.core.nearest import nearest
from recommenders.core.options import FitOptions
from recommenders.core.singular import right_singular_vectors
from recommenders.core.top_k import Floats, Ints, Mask
from recommenders.interest import Heard, Interest, Weights
from recommenders.interest_fit import ALL, fit_weights, own_choices, same_artist_share
from recommenders.item_vectors import Chosen, Source, Taught, choose, item_item, shares, text_alone, track2vec
from recommenders.plays import Plays, artists_of, plays_of
from recommenders.track_vectors import text_vectors

__all__ = ["EXPERIMENT", "SessionModel", "Vectors", "other_numbers"]

EXPERIMENT: Final = "PLAYER"
"""Name of the experiment under which the player logs its own choices."""

Vectors = Literal["auto", "text", "shares", "item-item", "track2vec", "gat"]


@dataclass
class SessionModel(Baseline):
    """An estimate of what a session wants, over vectors of tracks from texts, artists and what was heard together.

    The weights of these parts, and which vectors stand for what was heard together, are chosen by the likelihood of the
    newest sessions (`recommenders.item_vectors`). Where arms named after the artist seldom chose a track of the same
    artist, the logs number their tracks otherwise than the catalogue: then they teach levels, and nothing about tracks.
    Without play logs each user's watches are one session.
    """

    dim: Count = 16
    """Length of the vectors learned from the shares heard. By hand."""
    vectors_by: Vectors = "auto"
    """What plays teach about tracks; "text" for nothing beside artists and texts. "auto" lets the newest sessions
    choose."""
    temperature: Share = 0.01
    """Exploration: a track whose expected share is lower by this much is drawn e times less often. Simulated listeners
    (experiments/player_arms.py), where 0.01 and 0.02 tie."""

    name: ClassVar[str] = "session"
    late: ClassVar[frozenset[str]] = frozenset({"temperature"})

    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        artists, text = artists_of(snapshot), _texts(snapshot)
        plays = plays_of(snapshot)
        heard = np.zeros((snapshot.contents.count, 1), dtype=np.float32)
        weights, foreign = Weights(), 0.0
        chosen = Chosen("text", heard)
        if not len(plays):
            heard = _watched_together(snapshot, self.dim)
        else:
            usable = plays
            if other_numbers(plays, artists):
                foreign = 1.0
                usable = plays.keep(own_choices(plays, EXPERIMENT))
                options.progress(0.1, "learning the level of listeners")
                unknown = np.arange(snapshot.contents.count)  # whose artists and texts they are is not known
                weights = fit_weights(plays, unknown, heard, heard, weights, free=frozenset({"mean", "level", "noise"}))
            if len(np.unique(usable.session)) >= CORE.fewest_sessions:
                cut = int(np.quantile(usable.began[usable.place == 0], 1.0 - CORE.newest_sessions))
                newest = usable.keep(usable.began >= cut)
                sources = self._asked()
                options.progress(0.2, f"learning vectors of tracks by {', '.join(sources)}")
                taught = Taught(usable.until(cut), artists, snapshot.contents.ids, weights, self.dim, options)
                chosen = choose(sources, taught, newest, text)
                options.progress(0.6, "weighing what tracks have in common")
                weights = fit_weights(newest, artists, text, chosen.vectors, weights, free=ALL, seed=options.seed)
                options.progress(0.7, f"learning vectors of tracks from all sessions by {chosen.name}")
                heard = self._sources()[chosen.name](replace(taught, plays=usable, weights=weights))
        return {
            "artists": artists,
            "text": text,
            "heard": heard,
            "weights": np.array(weights.vector()),
            "foreign": np.array([foreign]),
            "choice": np.array(json.dumps([chosen.name, chosen.evidence, chosen.left_out])),
        }

    def _sources(self) -> dict[str, Source]:
        """Every source of vectors by name. `ranking.player` adds the graph network's."""
        return {"text": text_alone, "shares": shares, "item-item": item_item, "track2vec": track2vec}

    def _asked(self) -> dict[str, Source]:
        """The sources to choose from."""
        sources = self._sources()
        if self.vectors_by == "auto":
            return sources
        if self.vectors_by not in sources:
            raise SettingsError(f"{type(self).__name__} has no vectors by {self.vectors_by}.", do="Train `session`.")
        return {self.vectors_by: sources[self.vectors_by]}

    @property
    def choice(self) -> Chosen:
        """Which vectors were chosen, and how every source did on the newest sessions."""
        name, found, left_out = json.loads(str(self._dense("choice")))
        return Chosen(name, self._dense("heard"), found, left_out)

    @property
    def _computed_with(self) -> dict[str, Any]:
        chosen = self.choice
        return {"vectors": chosen.name, "log_likelihoods": chosen.evidence, "vectors_left_out": chosen.left_out}

    @property
    def told(self) -> str:
        weights = ", ".join(f"{name} {value:.2f}" for name, value in self.weights.dump().items())
        told = [f"Weights, in logits: {weights}."]
        chosen = self.choice
        if chosen.evidence:
            tried = ", ".join(f"{name} {value:.4f}" for name, value in chosen.evidence.items())
            told.append(
                f"Vectors of tracks: {chosen.name}. Mean log-likelihood of a play in the newest sessions: {tried}."
            )
        told += [f"{name} was not tried: {why}" for name, why in chosen.left_out.items()]
        if self.foreign:
            count, share = _of_same_artist(plays_of(self.snapshot), np.asarray(self._dense("artists")))
            told.append(
                f"Of {count:,} choices of arms named after the artist {share:.1%} were of the same artist: these logs "
                "number tracks otherwise than the catalogue, so nothing about tracks was learned from them."
            )
        return "\n".join(told)

    @property
    def weights(self) -> Weights:
        return Weights(*(float(value) for value in self._dense("weights")))

    @property
    def foreign(self) -> bool:
        """Whether the logs of other players number tracks otherwise than the catalogue."""
        return bool(self._dense("foreign")[0])

    @cached_property
    def interest(self) -> Interest:
        return Interest(np.asarray(self._dense("artists")), self._dense("text"), self._dense("heard"), self.weights)

    @cached_property
    def past(self) -> Mapping[int, list[Heard]]:
        """The newest sessions of each user, newest first."""
        plays = plays_of(self.snapshot)
        ours = own_choices(plays, EXPERIMENT) if self.foreign else np.ones(len(plays), dtype=bool)
        starts = np.flatnonzero(np.diff(plays.session, prepend=-1))
        stops = np.append(starts[1:], len(plays))
        found: dict[int, list[Heard]] = defaultdict(list)
        for at in np.argsort(-plays.at[starts], kind="stable").tolist():
            one, user = slice(starts[at], stops[at]), int(plays.user[starts[at]])
            if len(found[user]) < CORE.past_sessions:
                tracks, shares = tuple(plays.track[one].tolist()), tuple(plays.share[one].tolist())
                found[user].append(Heard(tracks, shares, not ours[starts[at]], int(plays.at[starts[at]])))
        return found

    @cached_property
    def _profiles(self) -> tuple[sp.csr_array, Floats]:
        """Engagement of each user with each artist (users × artists), and the engagement-weighted sum of vectors."""
        interest = self.interest
        count = self.snapshot.contents.count
        pairs = np.arange(count), interest.artists
        performed = sp.csr_array((np.ones(count, dtype=np.float32), pairs), shape=(count, interest.artist_count))
        return sp.csr_array(self.watched @ performed), np.asarray(self.watched @ interest.vectors, dtype=np.float32)

    def known_users(self, users: Ints) -> Mask:
        """Whether each of ``users`` heard something."""
        return np.asarray(counts(self.watched, users) > 0)

    def scores(self, users: Ints) -> Floats:
        """Similarity of each content to what they heard, summed, weighted by how much they heard of it."""
        artists, vectors = self._profiles
        return self._alike(np.asarray(artists[users].toarray(), dtype=np.float32), vectors[users])

    def newcomer_scores(
        self, watched: Ints, follows: Ints, followers: Ints, *, properties: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """The same sums, over what they watched; every watch counts the same."""
        if not len(watched):
            return None
        row = row_of(watched, self.snapshot.contents.count)
        artists = np.bincount(self.interest.artists[watched], minlength=self.interest.artist_count)
        found: Floats = self._alike(artists[None, :].astype(np.float32), np.asarray(row @ self.interest.vectors))[0]
        return found

    def _alike(self, artists: Floats, vectors: Floats) -> Floats:
        interest = self.interest
        by_artist = np.float32(interest.weights.artist) * artists[:, interest.artists]
        return np.asarray(vectors @ interest.vectors.T + by_artist, dtype=np.float32)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        return nearest(self.interest.vectors, items, k)


def other_numbers(plays: Plays, artists: Ints) -> bool:
    """Whether the logs of other players than ours number tracks otherwise than the catalogue does.

    An arm with "artist" in its name chooses tracks of one artist; where it seldom does so by the catalogue, the numbers
    are not the catalogue's.
    """
    count, share = _of_same_artist(plays, artists)
    return count >= CORE.foreign_choices and share < CORE.foreign_share


def _of_same_artist(plays: Plays, artists: Ints) -> tuple[int, float]:
    """Number and `same_artist_share` of the choices by arms of other players with "artist" in their name."""
    return same_artist_share(plays.keep(~own_choices(plays, EXPERIMENT)), artists)


def _texts(snapshot: Snapshot) -> Floats:
    frame = snapshot.contents.frame
    titles = frame["title"].fill_null("").to_list() if "title" in frame.columns else [""] * frame.height
    names = snapshot.nodes[schema.ARTIST].frame
    performed = snapshot.edges[schema.PERFORMED_BY]
    artist = [""] * frame.height
    if len(performed) and "name" in names.columns:
        told = names["name"].fill_null("").to_list()
        for source, target in zip(performed.source.tolist(), performed.target.tolist(), strict=True):
            artist[source] = told[target]
    texts = [f"{one} {two}".strip() for one, two in zip(artist, titles, strict=True)]
    return text_vectors(texts) if any(texts) else np.zeros((frame.height, 1), dtype=np.float32)


def _watched_together(snapshot: Snapshot, dim: int) -> Floats:
    """Vectors of contents whose products are about the watchers two have in common, of mean length 1."""
    watched = interactions(snapshot)
    found = np.zeros((watched.shape[1], 1), dtype=np.float32)
    if watched.nnz:
        basis = right_singular_vectors(sp.csr_array(watched), dim)
        found = basis * np.linalg.norm(watched @ basis, axis=0)
        found /= np.sqrt(max(float(np.mean(np.sum(found * found, axis=1))), 1e-12))
    return np.asarray(found, dtype=np.float32)
