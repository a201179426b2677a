"""Generate a whole network into a folder: tastes, follows, watches, the five files and the ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from generator import memory, profiles, truth, watching
from generator.dirt import sprinkle
from generator.files import Format, Table, moments
from generator.follows import Follows, follows
from generator.profiles import Names, Tally
from generator.sessions import sessions
from generator.sizes import Sizes
from generator.tastes import world
from generator.watching import Views
from graph import aside, schema
from graph.errors import InputError
from graph.progress import Progress

__all__ = ["MARK", "Generated", "generate"]

MARK: Final = "generated.json"
"""This file marks a generated folder, which may be replaced; other folders may not."""
HELD_OUT: Final = 0.2
"""Share of the views, the last ones, that the ground truth is about."""


@dataclass(frozen=True)
class Generated:
    """Folder, sizes and numbers of rows of a generated network."""

    folder: Path
    sizes: Sizes
    seed: int
    rows: dict[str, int]
    """Rows by file name."""
    bytes: int
    """Size of the five files together."""


def generate(
    folder: Path,
    sizes: Sizes,
    seed: int,
    *,
    packing: Format = "plain",
    dirt: bool = False,
    makers: bool = True,
    futures: int | None = None,
    progress: Progress | None = None,
) -> Generated:
    """Write users, keaks, beats, followers, audiences and the folder ``truth`` to a temporary folder, then rename it.

    ``makers``: whether keaks name their maker and beat; in the published files they do not. ``dirt`` adds bad rows that
    an import must refuse; ``rows`` counts them too. ``futures``: simulated futures of the held-out part averaged into
    the ground truth; None chooses by size. Raises InputError if ``folder`` is there and is not a generated network.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        raise InputError(f"{folder} is there already and was not written by this command.", do="Name a new folder.")
    say = progress or (lambda share, what: None)
    with aside.folder(folder) as fresh:
        say(0.0, "tastes, people and catalogue")
        place = world(sizes, seed)
        names = Names.draw(place)
        say(0.02, "follows")
        graph = follows(place)
        tables = [_write_follows(fresh, packing, names, graph, dirt)]
        say(0.12, "sessions")
        visits = sessions(place)
        tally = Tally(place)
        with Table(fresh, "audiences.csv", packing) as audiences:
            state = memory.start(place, visits)
            cut = int(np.searchsorted(np.cumsum(visits.length), (1 - HELD_OUT) * sizes.audiences))

            def live(begin: int, end: int, low: float, high: float) -> None:
                before = audiences.rows
                whole = max(1, int(visits.length[begin:end].sum()))
                for views in watching.watch(place, graph, visits, state, begin, end):
                    tally.add(views)
                    audiences.write(_audience(names, views))
                    say(low + (high - low) * (audiences.rows - before) / whole, "watching")

            live(0, cut, 0.15, 0.65)
            say(0.65, "the truth about the held-out part")
            truth.write(fresh / "truth", place, names, graph, visits, state, cut, futures)
            live(cut, len(visits.user), 0.75, 0.9)
            if dirt:
                sprinkle(audiences)
        say(0.9, "profiles")
        pieces: dict[str, Iterator[pl.DataFrame]] = {
            "users.jsonl": profiles.users(place, names, graph, visits, tally),
            "keaks.jsonl": profiles.keaks(place, names, tally, makers=makers),
            "beats.jsonl": profiles.beats(place, names, tally),
        }
        tables = [_write(fresh, name, packing, frames, dirt) for name, frames in pieces.items()] + tables + [audiences]
        rows = {table.path.name: table.rows for table in tables}
        (fresh / MARK).write_text(json.dumps({"seed": seed, "sizes": asdict(sizes), "rows": rows}, indent=2) + "\n")
        total = sum(table.path.stat().st_size for table in tables)
        say(1.0, "done")
    return Generated(folder, sizes, seed, rows, total)


def _write(
    folder: Path, name: str, packing: Format, frames: Iterator[pl.DataFrame], dirt: bool, *, header: bool = True
) -> Table:
    with Table(folder, name, packing, header=header) as table:
        for frame in frames:
            table.write(frame)
        if dirt:
            sprinkle(table)
    return table


def _write_follows(folder: Path, packing: Format, names: Names, graph: Follows, dirt: bool) -> Table:
    follower = np.repeat(np.arange(len(graph.start) - 1, dtype=np.int32), np.diff(graph.start))

    def frames(step: int = 1_000_000) -> Iterator[pl.DataFrame]:
        for begin in range(0, len(follower), step):
            rows = slice(begin, begin + step)
            columns = (
                names.prefixed_users.gather(follower[rows]),
                names.prefixed_users.gather(graph.target[rows]),
                moments(graph.since[rows]),
            )
            yield pl.DataFrame(dict(zip(schema.FOLLOWER_COLUMNS, columns, strict=True)))

    return _write(folder, "followers.csv", packing, frames(), dirt, header=False)


def _audience(names: Names, views: Views) -> pl.DataFrame:
    columns = (
        names.prefixed_users.gather(views.user),
        names.prefixed_contents.gather(views.content),
        moments(views.at).str.strip_suffix("Z"),
        pl.Series(np.rint(views.progress * 100).astype(np.int64)),
        *(pl.Series(views.marks & bit > 0) for bit in (watching.LIKED, watching.COMMENTED, watching.SHARED)),
    )
    return pl.DataFrame(dict(zip(schema.AUDIENCE_COLUMNS, columns, strict=True)))
