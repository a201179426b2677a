"""Names for showing: those of the ids that an answer mentions, beside them and in its sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import polars as pl

from graph import schema
from graph.snapshot import Snapshot
from recommend import marks
from recommend.feed import Person, Recommendation
from recommenders.core.top_k import Mask

__all__ = ["SnapshotNames", "named"]

T = TypeVar("T", Recommendation, Person)
Ask = Callable[[Sequence[str], Sequence[str]], Mapping[str, str]]
"""Takes bare user ids and content ids; gives the names of those that have one, by prefixed id."""

_NONE: Final = pl.Series([], dtype=pl.String)


def named(found: Sequence[T], ask: Ask) -> tuple[T, ...]:
    """The same items or people, with ``display_names`` and with names in the text of their reasons."""
    mentioned = [_mentioned(one) for one in found]
    users = sorted({user for users, _ in mentioned for user in users})
    contents = sorted({content for _, contents in mentioned for content in contents})
    names = ask(users, contents) if users or contents else {}
    if not names:
        return tuple(found)
    return tuple(_with(one, *ids, names) for one, ids in zip(found, mentioned, strict=True))


def _with(one: T, users: Sequence[str], contents: Sequence[str], names: Mapping[str, str]) -> T:
    ids = dict.fromkeys((*(schema.USER_PREFIX + user for user in users), *contents))
    reasons = tuple(reason.called(names) for reason in one.reasons)
    return replace(one, reasons=reasons, display_names={id_: names[id_] for id_ in ids if id_ in names})


def _mentioned(one: Recommendation | Person) -> tuple[list[str], list[str]]:
    """Bare ids of the people, and the contents."""
    if isinstance(one, Person):
        users, contents = [one.user_id, *one.mutual], [*one.shared]
    else:
        users, contents = [*one.made_by], [one.content_id]
    for reason in one.reasons:
        users += reason.people
        contents += reason.contents
    return users, contents


class SnapshotNames:
    """Names as of a snapshot, by the rules of ``cypher/lookup/names``."""

    def __init__(self, snapshot: Snapshot) -> None:
        users, contents = snapshot.users, snapshot.contents
        self._snapshot = snapshot
        self._users = _or_none(users.column(schema.NAME))
        self._contents = _or_none(contents.column(schema.TITLE))

    def __call__(
        self, user_ids: Sequence[str], content_ids: Sequence[str], private: Mask | None = None
    ) -> dict[str, str]:
        """Names by prefixed id; ``private`` (users,) says who is not named, by default whom the snapshot marks so."""
        hidden = marks.private(self._snapshot) if private is None else private
        names: dict[str, str] = {}
        for ids, nodes, called, prefix in (
            (user_ids, self._snapshot.users, self._users, schema.USER_PREFIX),
            (content_ids, self._snapshot.contents, self._contents, ""),
        ):
            if not len(called):
                continue
            known = [id_ for id_ in ids if id_ in nodes]
            for id_, nid in zip(
                known, nodes.nids(known).tolist(), strict=True
            ):  # `gather` costs more than all of these
                if not (prefix and hidden[nid]) and (name := called[nid]):
                    names[prefix + id_] = name
        return names


def _or_none(column: pl.Series | None) -> pl.Series:
    return _NONE if column is None else column.cast(pl.String)
