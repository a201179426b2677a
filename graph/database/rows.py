"""Plain values of the driver's answers."""

from __future__ import annotations

from typing import Any

import neo4j
from neo4j.graph import Entity, Path
from neo4j.time import Date, DateTime

__all__ = ["Row", "plain_rows"]

Row = dict[str, Any]


def plain_rows(result: neo4j.Result) -> list[Row]:
    """The rows of an answer by the names of its columns."""
    keys = result.keys()
    return [dict(zip(keys, map(_plain, record), strict=True)) for record in result]


def _plain(value: Any) -> Any:
    """Nodes and relationships as their properties, paths as their nodes, times as Python's own."""
    match value:
        case str() | int() | float() | None:
            return value
        case list():
            return [_plain(inner) for inner in value]
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case DateTime() | Date():
            return value.to_native()
        case Entity():
            return {key: _plain(inner) for key, inner in value.items()}
        case Path():
            return [_plain(node) for node in value.nodes]
        case _:
            return value
