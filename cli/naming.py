"""Names of users and contents in a table, and ids as somebody types them."""

from __future__ import annotations

from rich.markup import escape

from graph.errors import SettingsError
from graph.identifiers import canonical_user

__all__ = ["user_id", "with_id"]


def with_id(key: str, name: str | None) -> str:
    """Markup of the name with the id after it, which other commands take; of the id alone where there is no name."""
    return f"{escape(name)} [dim]{escape(key)}[/]" if name else escape(key)


def user_id(typed: str) -> str:
    """The bare id of a user, in the spelling of the graph. Raises SettingsError for what is no id of a user."""
    try:
        return canonical_user(typed)
    except ValueError as error:
        what = f"{typed!r} is no id of a user: {error}."
        raise SettingsError(what, do="Give an id such as 123 or users/123.") from None
