"""Playlists of the notebook's shape and size, drawn at random: ``python -m benchmarks.playlists_shape FOLDER``.

100,000 lists of some 12 tracks, each followed by its artist; some 331,000 tracks occur, 123,000 of them twice or more
(the notebook: 338,509 and 123,241). Only costs may be measured on them: a ranking of models means nothing here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from graph import aside
from recommenders.core.sequences import Sequences

LISTS: Final = 100_000
TRACKS: Final = 1_000_000
_ARTISTS: Final = 60_000
_MEAN: Final = 12.1
_LONGEST: Final = 100


def generated(lists: int = LISTS, seed: int = 0) -> Sequences:
    """Lists of geometric length; tracks by a power law with exponent 1 that is flat for the first hundred."""
    random = np.random.default_rng(seed)
    lengths = np.minimum(random.geometric(1 / _MEAN, lists), _LONGEST)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    weights = np.cumsum(1.0 / np.arange(100, TRACKS + 100))
    items = np.searchsorted(weights, random.random(int(indptr[-1])) * weights[-1])
    return Sequences(indptr, items.astype(np.int64), TRACKS)


def write(folder: Path, lists: int = LISTS, seed: int = 0) -> None:
    """Write ``playlists.npy`` and ``TracksArtists.csv``."""
    drawn = generated(lists, seed)
    artist = np.random.default_rng(seed).integers(0, _ARTISTS, TRACKS)
    tokens = [
        [token for track in drawn.items[start:stop] for token in (f"track_{track}", f"artist_{artist[track]}")]
        for start, stop in zip(drawn.indptr[:-1], drawn.indptr[1:], strict=True)
    ]
    rows = np.empty(len(tokens), dtype=object)
    rows[:] = tokens
    folder.mkdir(parents=True, exist_ok=True)
    with aside.file(folder / "playlists.npy") as file, file.open("wb") as opened:
        np.save(opened, rows, allow_pickle=True)
    seen = np.flatnonzero(drawn.counts)
    titles = pl.DataFrame({
        "track_id": [f"track_{track}" for track in seen],
        "title": [f"Title {track}" for track in seen],
        "name": [f"Artist {number}" for number in artist[seen]],
        "preview": [None] * len(seen),
    }, schema_overrides={"preview": pl.String})  # fmt: skip
    with aside.file(folder / "TracksArtists.csv") as file:
        titles.write_csv(file)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lists", type=int, default=LISTS)
    told = parser.parse_args()
    write(told.folder, told.lists)


if __name__ == "__main__":
    main()
