"""The consoles that commands print on."""

from __future__ import annotations

from rich.console import Console

__all__ = ["make_console"]


def make_console(*, soft_wrap: bool = False, stderr: bool = False) -> Console:
    """A console that prints ids as they are: rich makes an emoji of ``:id:``, which no command takes back."""
    return Console(emoji=False, soft_wrap=soft_wrap, stderr=stderr)
