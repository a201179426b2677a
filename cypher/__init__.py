"""Every question we ask the graph: one ``.cypher`` file each, found by its path without the suffix.

``cypher/candidates/friends_of_friends.cypher`` is ``"candidates/friends_of_friends"``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import LiteralString, cast

__all__ = ["folder", "load", "names"]

folder = Path(__file__).parent
"""Where the files lie; ``explore/`` holds what Neo4j Browser reads."""


@cache
def load(name: str) -> LiteralString:
    """The text of the query called ``name``, the comment that opens it included.

    Raises KeyError for a name that is not in ``names()``: a mistake in our code, not in anyone's input.
    """
    if name not in names():
        raise KeyError(f"There is no query {name!r} in {folder.name}/.")
    # The one place where text becomes a LiteralString: what a file holds, never what a caller built.
    # (mypy takes LiteralString for str; pyright, which knows better, needs the cast.)
    return cast("LiteralString", (folder / f"{name}.cypher").read_text("utf-8"))  # type: ignore[redundant-cast]


def names() -> list[str]:
    """The names of all queries, sorted."""
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.cypher"))
