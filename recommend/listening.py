"""Look-up of tracks by title, completion of lists, and a radio: from a snapshot and any model, without the database."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final, Literal, NamedTuple

import numpy as np

from graph import schema
from graph.errors import SettingsError, UnknownContent
from graph.identifiers import normal
from graph.snapshot import Snapshot
from recommend.marks import taken_down
from recommenders.core.recommender import Recommender
from recommenders.core.sequences import Sequences
from recommenders.core.top_k import Ints, Mask

__all__ = ["INSTEAD", "MODEL", "Listening", "Step", "Track", "Why", "folded"]

MODEL: Final = "track2vec"
"""The model for completion and radio where none is named."""
_HINTS: Final = 3
Why = Literal["near", "artist", "title", "popular"]
INSTEAD: Final[dict[Why, str]] = {"artist": "same artist", "title": "same title", "popular": "popular"}
"""What the radio goes by, in this order, where the model has nothing near that was not heard yet."""


@dataclass(frozen=True)
class Track:
    """One content of a list or of the radio."""

    content_id: str
    title: str | None
    artist: str | None
    """The first of its artists, by name where there is one."""
    preview: str | None
    """A link to listen to; None where there is none."""
    score: float | None = None
    skipped: bool = False
    """Chosen by the radio, but not played, because it has no preview."""


class Step(NamedTuple):
    """One step of a walk."""

    number: int
    """The number of the content."""
    why: Why
    """``near`` for one of the nearest by the model, or how it stood in for these (`INSTEAD`)."""


def folded(text: str) -> str:
    """A title without case, accents and spaces at its ends, so that `Beyonce` finds `Beyoncé`."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(character for character in apart if not unicodedata.combining(character)).casefold().strip()


class Listening:
    """Look-up, completion and radio for one snapshot and model. Safe to share between threads."""

    def __init__(
        self, snapshot: Snapshot, model: Recommender, since: Callable[[], Mapping[str, bool]] | None = None
    ) -> None:
        """``since`` tells what was taken down or came back after the snapshot (`Recent.taken_down`)."""
        self.snapshot = snapshot
        self.model = model
        self._since = since
        self._ids: list[str] = snapshot.contents.ids.to_list()
        self._titles = self._texts("title")
        self._artists = self._first_artists()
        self._previews = self._texts("preview")

    def _texts(self, column: str) -> Sequence[str | None]:
        frame = self.snapshot.contents.frame
        return frame[column].to_list() if column in frame.columns else [None] * len(self._ids)

    def _first_artists(self) -> Sequence[str | None]:
        performed, artists = self.snapshot.edges[schema.PERFORMED_BY], self.snapshot.nodes[schema.ARTIST]
        frame = artists.frame
        names = (frame["name"].fill_null(artists.ids) if "name" in frame.columns else artists.ids).to_list()
        found: list[str | None] = [None] * len(self._ids)
        for content, artist in zip(performed.source[::-1].tolist(), performed.target[::-1].tolist(), strict=True):
            found[content] = names[artist]
        return found

    @cached_property
    def has_previews(self) -> bool:
        """Whether any content has a preview. Without any, nothing is skipped."""
        return any(self._previews)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {content_id: number for number, content_id in enumerate(self._ids)}

    @cached_property
    def _audience(self) -> Ints:
        """How many people watched each content and how many playlists hold it, shape (contents,)."""
        sizes = [np.diff(self.snapshot.edges[type_].incoming.indptr) for type_ in (schema.WATCHED, schema.HOLDS)]
        return np.asarray(sum(sizes))

    @cached_property
    def _popular(self) -> tuple[list[int], int]:
        """All numbers, the largest `_audience` first, and how many have been heard at all."""
        return np.argsort(-self._audience, kind="stable").tolist(), int(np.count_nonzero(self._audience))

    @cached_property
    def _by_title(self) -> dict[str, list[int]]:
        """Numbers by folded title, in the order of `_popular`."""
        return self._grouped([folded(title) if title else None for title in self._titles])

    @cached_property
    def _by_artist(self) -> dict[str, list[int]]:
        """Numbers by first artist, in the order of `_popular`."""
        return self._grouped(self._artists)

    def _grouped(self, names: Sequence[str | None]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number in self._popular[0]:
            name = names[number]
            if name:
                found.setdefault(name, []).append(number)
        return found

    def find(self, text: str) -> int:
        """The number of a content by its id, with prefix or without, or by its title, accents and case forgiven.

        Of several with one title, the one that most watched or put into playlists. Raises UnknownContent, which names
        titles that begin the same.
        """
        gone = self.gone
        number = self._number_of(text, gone)
        if number is not None:
            return number
        wanted = folded(text)
        near = [
            numbers[0]
            for title, numbers in self._by_title.items()
            if wanted and title.startswith(wanted) and not gone[numbers[0]]
        ][:_HINTS]
        shown = ", ".join(repr(self._titles[number]) for number in near)
        raise UnknownContent(
            f"No content has the id or the title {text!r}." + (f" Titles that begin so: {shown}." if near else ""),
            do="Give an id such as tracks/1, or a whole title.",
        )

    def _number_of(self, text: str, gone: Mask) -> int | None:
        """`find` without hints, which take as long as the catalogue is large; None for what is unknown or ``gone``."""
        id_ = normal(text)
        for name in (id_, *(f"{prefix}/{id_}" for prefix in ("tracks", "keaks", "beats"))):
            if (number := self._number.get(name)) is not None and not gone[number]:
                return number
        return next((number for number in self._by_title.get(folded(text), ()) if not gone[number]), None)

    @property
    def gone(self) -> Mask:
        """Whether each content is taken down, shape (contents,)."""
        return taken_down(self.snapshot, self._since()) if self._since else taken_down(self.snapshot)

    def usable(self, numbers: Ints) -> Ints:
        """The given contents that the model learned or has a vector of, less those taken down, largest audience first.

        It may have vectors of contents that it does not recommend.
        """
        kept, known = ~self.gone[numbers], self.model.known_contents
        if known is not None:
            vectors = self.model.content_vectors
            kept &= known[numbers] if vectors is None else known[numbers] | np.any(vectors[numbers] != 0.0, axis=1)
        return numbers[kept][np.argsort(-self._audience[numbers[kept]], kind="stable")]

    def learned(self, number: int) -> bool:
        """Whether the model can say what goes with a content; its vectors hold nothing of the others."""
        known = self.model.known_contents
        return known is None or bool(known[number])

    def track(self, number: int, *, score: float | None = None, skipped: bool = False) -> Track:
        """The track with this number."""
        title, artist, preview = self._titles[number], self._artists[number], self._previews[number] or None
        return Track(self._ids[number], title, artist, preview, score, skipped)

    def similar(self, number: int, n: int) -> list[Track]:
        """The ``n`` contents nearest to one, best first; fewer where others have nothing in common with it."""
        gone = self.gone
        ids, scores = self.model.similar_items(number, min(n + int(gone.sum()), len(self._ids)))
        pairs = zip(ids.tolist(), scores.tolist(), strict=True)
        shown = [self.track(one, score=round(score, 6)) for one, score in pairs if one >= 0 and not gone[one]]
        return shown[:n]

    def complete(self, lists: Sequence[Sequence[str]], n: int) -> list[tuple[list[Track], list[str]]]:
        """For each list of ids or titles, the ``n`` best further contents, and the texts of the list that are unknown.

        Unknown is also what the model did not learn. A list without any known content gets none.
        """
        numbers, unknown, gone = [], [], self.gone
        known = self.model.known_contents
        for given in lists:
            found, missing = [], []
            for text in given:
                number = self._number_of(text, gone)
                if number is None or (known is not None and not known[number]):
                    missing.append(text)
                else:
                    found.append(number)
            numbers.append(found)
            unknown.append(missing)
        ids, scores = self.model.complete(Sequences.of(numbers, len(self._ids)), n, allowed=~gone)
        answers = []
        for row, missing in enumerate(unknown):
            told = [
                self.track(int(number), score=round(float(score), 6))
                for number, score in zip(ids[row], scores[row], strict=True)
                if number >= 0 and numbers[row]
            ]
            answers.append((told, missing))
        return answers

    def walk(self, start: int, candidates: int, dice: random.Random, played: Sequence[int] = ()) -> Iterator[Step]:
        """A walk without end: each next content at random among the ``candidates`` nearest of the one before.

        Where the model has nothing near that was not heard yet, as beside a content that it did not learn, it is drawn
        among the most popular of the same artist, else of the same title, else of all (`Step.why`). The walk begins
        after ``start`` and never comes to it, to one of ``played``, or to one twice; it ends only when everything that
        the model learned was heard. It goes on from each content that can be played (`skips`). Raises SettingsError for
        fewer than one candidate.
        """
        if candidates < 1:
            raise SettingsError("The radio needs a candidate.", do="Give --candidates 1 or more.")
        gone, present = {start, *played, *np.flatnonzero(self.gone).tolist()}, start
        while True:
            why, within = self._within_reach(present, candidates, gone)
            if not within:
                return
            chosen = dice.choice(within)
            gone.add(chosen)
            yield Step(chosen, why)
            if not self.skips(chosen):
                present = chosen

    def skips(self, number: int) -> bool:
        """Whether the radio passes over a content: it has no preview while others have."""
        return self.has_previews and not self._previews[number]

    def _within_reach(self, present: int, candidates: int, gone: set[int]) -> tuple[Why, list[int]]:
        near = self._nearest(present, candidates, gone)
        if near:
            return "near", near
        title, (popular, heard) = self._titles[present], self._popular
        groups: dict[Why, Sequence[int]] = {
            "artist": self._by_artist.get(self._artists[present] or "", []),
            "title": self._by_title.get(folded(title), []) if title else [],
            "popular": popular[:heard],
        }
        why: Why = "popular"
        for why, group in groups.items():
            others = (number for number in group if number not in gone and self.learned(number))
            if found := list(islice(others, candidates)):
                return why, found
        return why, []

    def _nearest(self, present: int, candidates: int, gone: set[int]) -> list[int]:
        if not self.learned(present):
            return []
        most = len(self._ids)
        k = min(most, candidates + 32)
        while True:
            ids, _ = self.model.similar_items(present, k)
            found = ids[ids >= 0].tolist()
            near = [number for number in found if number not in gone and self.learned(number)][:candidates]
            if len(near) == candidates or len(found) < k or k == most:
                return near
            k = min(most, 4 * k)
