"""The format of a home: tells whether this version can use the files in ``settings.home``.

The file ``format`` holds one number, written before a home gets its first files. A home that has files but no
``format`` was made by a version without it.
"""

from __future__ import annotations

from typing import Final

from graph import aside
from graph.errors import SettingsError
from graph.settings import Settings

__all__ = ["FORMAT", "UNFINISHED", "begin", "check", "format_of", "write"]

FORMAT: Final = 6
"""Present format; it is raised when homes made before cannot be used unchanged."""
UNFINISHED: Final = 1
"""An upgrade was begun, or the home was made before the file ``format``."""
_FILE: Final = "format"
#: A home with any of these has been used.
_FILLED: Final = ("snapshot", "models", "neo4j/data")


def format_of(settings: Settings) -> int | None:
    """The number of the home's format; None for an unused home.

    A file without a number counts as `UNFINISHED`.
    """
    try:
        return int((settings.home / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        filled = any((settings.home / name).exists() for name in _FILLED)
        return UNFINISHED if filled else None
    except ValueError:
        return UNFINISHED


def check(settings: Settings) -> None:
    """Raise SettingsError for a home that an older or a newer version made."""
    found = format_of(settings)
    if found is not None and found < FORMAT:
        raise SettingsError(
            f"The home {settings.home} was made by an older version of Entourage.",
            do=f"Run `ENTOURAGE_HOME={settings.home} entourage upgrade`; it keeps the graph and puts old models aside.",
        )
    if found is not None and found > FORMAT:
        raise SettingsError(
            f"The home {settings.home} has format {found}; this version of Entourage knows formats up to {FORMAT}.",
            do="Install the newer version that made it, or set ENTOURAGE_HOME to another folder.",
        )


def begin(settings: Settings) -> None:
    """Write the present format into an unused home; leave every other home unchanged."""
    if format_of(settings) is None:
        write(settings, FORMAT)


def write(settings: Settings, number: int) -> None:
    """Write the format of the home."""
    with aside.file(settings.home / _FILE) as file:
        file.write_text(f"{number}\n", "utf-8")
