"""Write changes of the catalogue into the graph. Writing one twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from graph import schema
from graph.catalogue.change import properties_of
from graph.catalogue.changes import Change
from graph.database.driver import Row

__all__ = ["Store", "write"]

_LISTS: Final = {"genres": schema.GENRE, "moods": schema.MOOD, "hashtags": schema.HASHTAG}
_LISTS_OF_USERS: Final = {"listens_to": "listensTo", "creates_in": "createsIn"}
_LOADED: Final = {schema.GENRE: "load/genres", schema.MOOD: "load/moods", schema.HASHTAG: "load/hashtags"}
_IDS: Final = dict(zip(schema.CONTENT_PREFIXES, (schema.KEAK_ID, schema.BEAT_ID, schema.TRACK_ID), strict=True))
"""Prefix → the property with the bare id, as in files."""


class Store(Protocol):
    """The part of a `graph.database.driver.Graph` that this module uses."""

    def read(self, name: str, /, **params: Any) -> list[Row]:
        """See there."""

    def write(self, name: str, /, **params: Any) -> list[Row]:
        """See there."""


def write(
    graph: Store, changes: Sequence[Change], *, now: int, deadline_ms: int = 0, request_id: str | None = None
) -> list[bool]:
    """Write the changes; of each whether it was written. The others name contents that nobody knows.

    ``now`` (ms) is when a new content was made that does not say so. Each query is whole or not there at all; when it
    fails midway, write all again. Raises the graph errors.
    """
    how: dict[str, Any] = {"deadline_ms": deadline_ms, "request_id": request_id}
    keys = _keys(graph, changes, how)
    rows: dict[str, list[dict[str, Any]]] = {"users": [], "contents": [], "take_down": []}
    for place, change in enumerate(changes):
        if change.target.startswith(schema.USER_PREFIX):
            rows["users"].append(_user_row(place, change, keys))
            continue
        if change.taken_down:
            rows["take_down"].append({"place": place, "id": change.target})
        if change.body or not change.taken_down:  # what was said before a take-down is there when it comes back
            rows["contents"].append(_content_row(place, change, keys))
    # Beats first: a keak of the same batch may use them.
    rows["contents"].sort(key=lambda row: (row["kind"] != "beat", row["id"]))
    told: set[int] = set()
    for name, wanted in (
        ("users", rows["users"]),
        ("contents", [row for row in rows["contents"] if row["kind"] == "beat"]),
        ("contents", [row for row in rows["contents"] if row["kind"] != "beat"]),
        ("take_down", rows["take_down"]),
    ):
        if wanted:
            extra = {"now": now} if name == "contents" else {}
            told.update(graph.write(f"catalogue/{name}", rows=wanted, **extra, **how)[0]["told"])
    return [place in told for place in range(len(changes))]


def _content_row(place: int, change: Change, keys: _Keys) -> dict[str, Any]:
    body = change.body
    prefix = next(prefix for prefix in _IDS if change.target.startswith(prefix))
    kind = schema.KINDS[schema.CONTENT_PREFIXES.index(prefix)]
    return {
        "place": place,
        "id": change.target,
        "kind": kind,
        "properties": {_IDS[prefix]: change.target.removeprefix(prefix), **properties_of(body)},
        "makers": body.get("makers"),
        "beats": body.get("beats"),
        **{field: keys.of(label, body.get(field)) for field, label in _LISTS.items()},
    }


def _user_row(place: int, change: Change, keys: _Keys) -> dict[str, Any]:
    lists = {ours: keys.of(schema.GENRE, change.body.get(field)) for field, ours in _LISTS_OF_USERS.items()}
    properties = properties_of(change.body)
    if schema.PRIVATE in properties:
        properties[schema.SAID_PRIVATE] = properties[schema.PRIVATE]
    return {"place": place, "id": change.target.removeprefix(schema.USER_PREFIX), "properties": properties, **lists}


class _Keys:
    """The ids of genres, moods and hashtags, by what people call them."""

    def __init__(self, found: Iterable[tuple[str, str, str]]) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}
        for label, text, key in found:
            self._found.setdefault((label, text), []).append(key)

    def of(self, label: str, given: Sequence[Any] | None) -> list[str] | None:
        if given is None:
            return None
        return [*dict.fromkeys(self.key(label, *_parts(one)) for one in given)]

    def key(self, label: str, id_: str, name: str | None) -> str:
        """The node's id: that of the same spelling, else of the same letters, else the text itself."""
        keys = self._found.get((label, id_.lower()), [])
        return id_ if id_ in keys or not keys or name is not None else keys[0]

    def knows(self, label: str, id_: str, name: str | None) -> bool:
        return self.key(label, id_, name) in self._found.get((label, id_.lower()), [])


def _keys(graph: Store, changes: Sequence[Change], how: dict[str, Any]) -> _Keys:
    """Keys of the tags that the changes name; tags that are not known yet are added to the graph."""
    wanted: dict[tuple[str, str, str | None], None] = {}
    for change in changes:
        for field, label in (*_LISTS.items(), *((field, schema.GENRE) for field in _LISTS_OF_USERS)):
            wanted |= {(label, *_parts(one)): None for one in change.body.get(field) or ()}
    if not wanted:
        return _Keys(())
    asked: dict[str, Any] = {
        f"{label.lower()}s": sorted({id_.lower() for other, id_, _ in wanted if other == label})
        for label in _LISTS.values()
    }
    (row,) = graph.read("lookup/spelled", **how, **asked)
    found: list[tuple[str, str, str]] = [(label, text, key) for label, text, key in row["found"]]
    keys = _Keys(found)
    fresh: dict[str, dict[str, dict[str, str]]] = {}
    for label, id_, name in wanted:
        if not keys.knows(label, id_, name):
            spelled = fresh.setdefault(label, {})
            same = id_ if name else next((one for one in spelled if one.lower() == id_.lower()), id_)
            if name or same not in spelled:
                spelled[same] = {} if label == schema.HASHTAG else {"name": name or id_}
    for label, nodes in fresh.items():
        rows = [{"id": id_, "properties": properties} for id_, properties in sorted(nodes.items())]
        graph.write(_LOADED[label], rows=rows, **how)
    return _Keys([*found, *((label, id_.lower(), id_) for label, nodes in fresh.items() for id_ in nodes)])


def _parts(given: Any) -> tuple[str, str | None]:
    """Id and name of a genre or mood as ``{id, name}``, or of a hashtag, whose id is its name."""
    return (given, None) if isinstance(given, str) else (given["id"], given["name"])
