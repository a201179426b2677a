"""Column names of the users, keaks and beats files, by type, spelled as in the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from graph import schema

__all__ = ["BEATS", "FRACTIONS", "KEAKS", "NAMED", "USERS", "NodeFile"]

NAMED: Final = pl.Struct({"id": pl.String, "name": pl.String})
"""An element of a list: a genre, mood or hashtag; either field may be null."""


@dataclass(frozen=True)
class NodeFile:
    """Column names of one node file, by type, spelled as in the file."""

    prefix: str
    ids: tuple[str, ...]
    """The id's spellings, best first."""
    times: tuple[str, ...]
    counts: tuple[str, ...]
    flags: tuple[str, ...]
    texts: tuple[str, ...]
    lists: tuple[str, ...]
    references: tuple[str, ...]
    """Columns that hold another node's id."""
    text_lists: tuple[str, ...] = ()
    """Lists of texts that stay a property."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Columns of texts → the property under which the graph keeps them."""
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of flags → the flag."""
    unread: frozenset[str] = frozenset()
    """Flags that are true where their value cannot be read."""

    @property
    def columns(self) -> dict[str, pl.DataType]:
        """Every column and its type in the file, lists left out."""
        texts = dict.fromkeys((*self.ids, *self.times, *self.texts, *self.references, *self.renamed), pl.String())
        return (
            texts | dict.fromkeys(self.counts, pl.Float64()) | dict.fromkeys((*self.flags, *self.spelled), pl.Boolean())
        )

    def without(self, name: str) -> tuple[bool | None, str]:
        """What a value that cannot be read becomes, and the reason that the report gives."""
        if self.spelled.get(name, name) in self.unread:
            return True, f"{name} cannot be read: taken for true"
        return None, f"{name} cannot be read: loaded without it"

    @property
    def all_lists(self) -> tuple[str, ...]:
        return (*self.lists, *self.text_lists)

    @property
    def types(self) -> dict[str, pl.DataType]:
        """Every column and its type once read."""
        return self.columns | dict.fromkeys(self.all_lists, pl.List(NAMED))


_ANY_ID: Final = ("id", "_key", "_id")
USERS: Final = NodeFile(
    schema.USER_PREFIX,
    (schema.USER_ID, *_ANY_ID),
    schema.USER_TIMES,
    schema.USER_COUNTS,
    (*schema.USER_FLAGS, schema.PRIVATE),
    (schema.NAME,),
    schema.USER_LISTS,
    (),
    renamed=schema.USER_RENAMED,
    spelled={"is_private": schema.PRIVATE},
    # Who wants to stay hidden must not be shown because of a spelling that we do not know.
    unread=frozenset([schema.PRIVATE]),
)
KEAKS: Final = NodeFile(
    schema.KEAK_PREFIX,
    (schema.KEAK_ID, "contentId", *_ANY_ID),
    schema.KEAK_TIMES,
    schema.KEAK_COUNTS,
    schema.KEAK_FLAGS,
    (*schema.KEAK_TEXTS, schema.TITLE),
    (*schema.KEAK_LISTS, *schema.BEAT_LISTS),
    (schema.KEAK_AUTHOR, schema.KEAK_BEAT),
    renamed=schema.CONTENT_RENAMED,
)
BEATS: Final = NodeFile(
    schema.BEAT_PREFIX,
    (schema.BEAT_ID, "contentId", *_ANY_ID),
    schema.BEAT_TIMES,
    schema.BEAT_COUNTS,
    (),
    (*schema.BEAT_TEXTS, schema.TITLE),
    (*schema.BEAT_LISTS, *schema.KEAK_LISTS),
    (schema.BEAT_MAKER,),
    schema.BEAT_TEXT_LISTS,
    schema.CONTENT_RENAMED,
)

#: Measured rather than counted: these stay fractions.
FRACTIONS: Final = {"averageViewProgress", "duration", "bpm"}
