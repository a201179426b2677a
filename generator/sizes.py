"""Sizes of a network: those of the real one times a scale, or those of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from graph.errors import SettingsError

__all__ = ["DEMO", "FULL", "LARGEST", "SMALLEST", "Sizes"]

SMALLEST: Final = 0.001
LARGEST: Final = 3.0


@dataclass(frozen=True)
class Sizes:
    """Numbers of nodes and of rows; a generated network has exactly these."""

    users: int
    keaks: int
    beats: int
    follows: int
    audiences: int

    @property
    def contents(self) -> int:
        """Keaks and beats together."""
        return self.keaks + self.beats

    @classmethod
    def at(cls, scale: float) -> Sizes:
        """The sizes of the real network times ``scale``. Raises SettingsError outside 0.001..3."""
        if not SMALLEST <= scale <= LARGEST:
            raise SettingsError(
                f"The scale {scale:g} is outside {SMALLEST:g} to {LARGEST:g}.",
                do="Choose one in between, or give the sizes one by one (--users, --keaks …).",
            )
        return cls(*(round(scale * full) for full in vars(FULL).values()))

    def with_(self, **sizes: int | None) -> Sizes:
        """Return the sizes with the given ones replaced. Raises SettingsError if no network can have them."""
        changed = replace(self, **{name: size for name, size in sizes.items() if size is not None})
        for name, least in {"users": 20, "keaks": 10, "beats": 5, "follows": 1, "audiences": 1}.items():
            if getattr(changed, name) < least:
                raise SettingsError(f"A network needs at least {least} {name}.", do=f"Give --{name} {least} or more.")
        if changed.follows > changed.users * (changed.users - 1) // 8:
            raise SettingsError(
                f"{changed.follows:,} follows are too many among {changed.users:,} users.",
                do="Give fewer --follows or more --users.",
            )
        return changed


FULL: Final = Sizes(users=1_162_572, keaks=274_472, beats=59_761, follows=10_506_442, audiences=28_952_275)
DEMO: Final = Sizes(users=5_000, keaks=3_000, beats=600, follows=60_000, audiences=250_000)
