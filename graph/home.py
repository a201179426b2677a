"""The format of a home: whether this version can use what earlier versions left in ``settings.home``.

The file ``format`` holds one number. It is written before a home is filled for the first time. A home that is filled
and has no such file was made before there was one.
"""

from __future__ import annotations

from typing import Final

from graph import aside
from graph.errors import SettingsError
from graph.settings import Settings

__all__ = ["FORMAT", "UNFINISHED", "begin", "check", "format_of", "write"]

FORMAT: Final = 5
"""Counted up when a home that was made before cannot be used as it is."""
UNFINISHED: Final = 1
"""An upgrade was begun, or the home was made before the file ``format``."""
_FILE: Final = "format"
#: What a home is filled with: any of these makes it one that was used.
_FILLED: Final = ("snapshot", "models", "neo4j/data")


def format_of(settings: Settings) -> int | None:
    """The number of the home's format; None for a home that holds nothing yet.

    A file that holds no number counts as `UNFINISHED`.
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
    """Write today's format into a home that holds nothing yet; leave every other home as it is."""
    if format_of(settings) is None:
        write(settings, FORMAT)


def write(settings: Settings, number: int) -> None:
    """Write the format of the home."""
    with aside.file(settings.home / _FILE) as file:
        file.write_text(f"{number}\n", "utf-8")
