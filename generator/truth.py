"""What is true behind the files, written apart: who would like what, and how well that can be foretold at best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from generator.chance import stream
from generator.files import moments
from generator.follows import Follows
from generator.profiles import Names
from generator.tastes import World
from generator.watching import Sessions, State, choices
from graph import schema

__all__ = ["write"]

PROBED: Final = 2_000
"""Users whose held-out future is told."""


def write(
    folder: Path,
    world: World,
    names: Names,
    graph: Follows,
    visits: Sessions,
    state: State,
    cut: int,
    futures: int | None = None,
) -> None:
    """Write the latent tastes and the true odds of the future that begins with session ``cut``."""
    folder.mkdir()
    people, catalogue = world.people, world.catalogue
    pl.DataFrame(
        {
            "userId": pl.Series(names.users).cast(pl.String),
            "vector": people.vector,
            "community": people.community[:, 0],
            "sociability": people.sociability,
            "generosity": people.generosity,
        }
    ).write_parquet(folder / "users.parquet")
    pl.DataFrame(
        {
            "contentId": names.prefixed_contents,
            "vector": catalogue.vector,
            "quality": catalogue.quality,
            "community": catalogue.community,
        }
    ).write_parquet(folder / "contents.parquet")
