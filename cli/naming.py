"""Names of users and contents in a table."""

from __future__ import annotations

from rich.markup import escape

__all__ = ["with_id"]


def with_id(key: str, name: str | None) -> str:
    """Markup of the name with the id after it, which other commands take; of the id alone where there is no name."""
    return f"{escape(name)} [dim]{escape(key)}[/]" if name else escape(key)
