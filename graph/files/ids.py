"""Ids of the files, and the numbers (codes) that represent them while the files are read."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.files.canonical import CONTROL
from graph.identifiers import MAX_BYTES

__all__ = ["Codes", "Contents", "Ends", "IdMap", "Named", "Users", "unfit"]

_TABLE_LIMIT: Final = 1 << 24
"""Numeric ids below this are looked up in an array (64 MiB at most); others by a join."""

Codes = npt.NDArray[np.int32]


class IdMap:
    """Bare ids ↔ codes 0, 1, 2 … in the order they were added."""

    def __init__(self, *, grows: bool = True) -> None:
        self.grows = grows
        """Whether ids met for the first time in a relationship may be added."""
        self._ids: list[pl.Series] = []
        self._count = 0
        self._table = np.full(1024, -1, dtype=np.int32)
        self._others = pl.DataFrame(schema={"id": pl.String, "code": pl.Int32})

    def __len__(self) -> int:
        return self._count

    @property
    def ids(self) -> pl.Series:
        """The ids in code order."""
        return pl.concat(self._ids) if self._ids else pl.Series([], dtype=pl.String)

    def codes(self, ids: pl.Series) -> Codes:
        """The code of every id, -1 where it is null or unknown; shape (n,)."""
        numbers = _numbers(ids)
        numeric = numbers >= 0
        codes = np.full(len(ids), -1, dtype=np.int32)
        inside = numeric & (numbers < len(self._table))
        codes[inside] = self._table[numbers[inside]]
        if self._others.height and not numeric.all():
            rest = np.flatnonzero(~numeric)
            joined = ids.gather(rest).to_frame("id").join(self._others, on="id", how="left", maintain_order="left")
            codes[rest] = joined["code"].fill_null(-1).to_numpy()
        return codes

    def add(self, ids: pl.Series) -> None:
        """Give codes to the ids that have none yet."""
        fresh = ids.filter(pl.Series(self.codes(ids) < 0) & ids.is_not_null()).unique(maintain_order=True)
        if fresh.is_empty():
            return
        codes = np.arange(self._count, self._count + len(fresh), dtype=np.int32)
        numbers = _numbers(fresh)
        numeric = numbers >= 0
        if numeric.any():
            self._reach(int(numbers.max()))
            self._table[numbers[numeric]] = codes[numeric]
        others = pl.DataFrame({"id": fresh, "code": codes}).filter(pl.Series(~numeric))
        self._others = self._others.vstack(others).rechunk()
        self._ids.append(fresh.alias("id"))
        self._count += len(fresh)

    def _reach(self, number: int) -> None:
        if number >= len(self._table):
            longer = np.full(max(number + 1, 2 * len(self._table)), -1, dtype=np.int32)
            longer[: len(self._table)] = self._table
            self._table = longer


def _numbers(ids: pl.Series) -> npt.NDArray[np.int64]:
    """The ids that are plain numbers as int64, -1 for every other ("007" and "+7" are not "7"); shape (n,)."""
    numbers = ids.cast(pl.Int64, strict=False).fill_null(-1).to_numpy().copy()
    lengths = ids.str.len_bytes().fill_null(0).to_numpy()
    digits = np.ones(len(numbers), dtype=np.uint32)
    power = 10
    for _ in range(8):
        digits += numbers >= power
        power *= 10
    numbers[(digits != lengths) | (numbers < 0) | (numbers >= _TABLE_LIMIT)] = -1
    return numbers


class Ends(ABC):
    """The nodes of one label as ends of relationships: ids as the files spell them → codes."""

    what: str
    prefixes: tuple[str, ...]

    @abstractmethod
    def codes(self, raw: pl.Series) -> Codes:
        """The code of every id, prefixed or bare; -1 where unknown."""

    @abstractmethod
    def takes(self, raw: pl.Series) -> npt.NDArray[np.bool_]:
        """Whether `add` would add each of these ids."""

    @abstractmethod
    def add(self, raw: pl.Series) -> None:
        """Give codes to those ids that may still be added."""

    @abstractmethod
    def places(self) -> tuple[pl.Series, Codes]:
        """All ids as the graph spells them, sorted, and for every code its place among them."""


class Users(Ends):
    """Users: the code is the place in the map."""

    what = "user"
    prefixes = (schema.USER_PREFIX,)

    def __init__(self, ids: IdMap) -> None:
        self.map = ids

    def codes(self, raw: pl.Series) -> Codes:
        return self.map.codes(raw.str.strip_prefix(schema.USER_PREFIX))

    def takes(self, raw: pl.Series) -> npt.NDArray[np.bool_]:
        return np.full(len(raw), self.map.grows)

    def add(self, raw: pl.Series) -> None:
        if self.map.grows:
            self.map.add(raw.str.strip_prefix(schema.USER_PREFIX))

    def places(self) -> tuple[pl.Series, Codes]:
        return _sorted(self.map.ids)


class Contents(Ends):
    """Keaks and beats: even codes are twice a keak's place, odd ones twice a beat's plus one."""

    what = "content"
    prefixes = (schema.KEAK_PREFIX, schema.BEAT_PREFIX)

    def __init__(self, keaks: IdMap, beats: IdMap) -> None:
        self.keaks = keaks
        self.beats = beats

    def codes(self, raw: pl.Series) -> Codes:
        raw = raw.fill_null("")
        beat = raw.str.starts_with(schema.BEAT_PREFIX)
        codes = self.keaks.codes(raw.str.strip_prefix(schema.KEAK_PREFIX))
        codes[codes >= 0] *= 2
        # A bare id that is no keak's may be a beat's.
        keak = raw.str.starts_with(schema.KEAK_PREFIX)
        others = np.flatnonzero(beat.to_numpy() | ((codes < 0) & ~keak.to_numpy()))
        if len(others):
            found = self.beats.codes(raw.gather(others).str.strip_prefix(schema.BEAT_PREFIX))
            codes[others] = np.where(found >= 0, 2 * found + 1, -1)
        return codes

    def takes(self, raw: pl.Series) -> npt.NDArray[np.bool_]:
        return np.where(raw.str.starts_with(schema.BEAT_PREFIX).to_numpy(), self.beats.grows, self.keaks.grows)

    def add(self, raw: pl.Series) -> None:
        beat = raw.str.starts_with(schema.BEAT_PREFIX)
        if self.keaks.grows:
            self.keaks.add(raw.filter(~beat).str.strip_prefix(schema.KEAK_PREFIX))
        if self.beats.grows:
            self.beats.add(raw.filter(beat).str.strip_prefix(schema.BEAT_PREFIX))

    def places(self) -> tuple[pl.Series, Codes]:
        keaks, beats = len(self.keaks), len(self.beats)
        ids, rank = _sorted(pl.concat([schema.KEAK_PREFIX + self.keaks.ids, schema.BEAT_PREFIX + self.beats.ids]))
        places = np.full(2 * max(keaks, beats), -1, dtype=np.int32)
        places[: 2 * keaks : 2] = rank[:keaks]
        places[1 : 2 * beats : 2] = rank[keaks:]
        return ids, places


class Named:
    """Genres, moods or hashtags: elements of lists, which give an id, a name or both.

    Hashtags that differ by case are one, under the spelling that came first.
    """

    def __init__(self, label: str, known: Mapping[str, str]) -> None:
        self.map = IdMap()
        self.label = label
        self.names = dict(known)
        """id → name."""
        self._known = set(known)
        self._id_of = {name: key for key, name in known.items()}
        self._spelling = {_tidy(name).lower(): name for name in known}
        """Hashtag in lower case → the spelling that stays."""
        self.map.add(pl.Series(list(known), dtype=pl.String))

    def learn(self, elements: pl.DataFrame) -> None:
        """Take note of the names that elements (columns id and name) give ids, before any is resolved by its name."""
        if self.label != schema.HASHTAG:  # a hashtag's id is its name
            for texts in elements.drop_nulls().iter_rows():
                id_, name = map(_tidy, texts)
                if id_ and name:
                    self._key(id_, name)

    def resolve(self, elements: pl.DataFrame) -> Codes:
        """Codes of elements with columns id and name; -1 where both are null. New ones are added."""
        key_of: dict[tuple[str | None, str | None], str] = {}
        unique = elements.unique(maintain_order=True).sort(pl.col("id").is_null(), maintain_order=True)
        for given in unique.iter_rows():
            if key := self._key(*(_tidy(text) if text else None for text in given)):
                key_of[given] = key
        keys = pl.DataFrame(
            [(*given, key) for given, key in key_of.items()],
            schema={"id": pl.String, "name": pl.String, "key": pl.String},
            orient="row",
        )
        self.map.add(keys["key"])
        found = elements.join(keys, on=["id", "name"], how="left", nulls_equal=True, maintain_order="left")
        return self.map.codes(found["key"])

    def _key(self, id_: str | None, name: str | None) -> str | None:
        """The id to use. An element without one is found by its name; a hashtag's id is its name."""
        if self.label == schema.HASHTAG and (spelled := name or id_):
            name = id_ = self._spelling.setdefault(spelled.lower(), spelled)
        if not id_:
            if not name:
                return None
            id_ = name if name in self.names else self._id_of.get(name, name)
        if id_ not in self.names or (name and self.names[id_] == id_):
            if name and name != id_:
                self._known.discard(id_)  # its name is new
            self.names[id_] = name or id_
            self._id_of.setdefault(self.names[id_], id_)
        return id_

    def fresh(self) -> pl.DataFrame:
        """The key column, and the name where that is another, of the elements that were not known before."""
        key = schema.NODE_KEYS[self.label]
        fresh = [id_ for id_ in self.names if id_ not in self._known]
        columns = {key: fresh} if key == "name" else {key: fresh, "name": [self.names[id_] for id_ in fresh]}
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    def places(self) -> tuple[pl.Series, Codes]:
        """See `Ends.places`."""
        return _sorted(self.map.ids)


def unfit(elements: pl.DataFrame) -> pl.Series:
    """Whether the id or the name of each element can be no id."""
    texts = pl.col("id", "name")
    found = pl.any_horizontal(texts.str.len_bytes() > MAX_BYTES, texts.str.contains(CONTROL))
    return elements.select(found.fill_null(value=False)).to_series()


def _tidy(text: str) -> str:
    """The text in NFC, without ``#`` in front and without white space around it."""
    return unicodedata.normalize("NFC", text).strip().lstrip("#").strip()


def _sorted(ids: pl.Series) -> tuple[pl.Series, Codes]:
    order = ids.arg_sort().to_numpy()
    places = np.empty(len(ids), dtype=np.int32)
    places[order] = np.arange(len(ids), dtype=np.int32)
    return ids.gather(order), places
