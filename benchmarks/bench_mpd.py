"""What reading the Million Playlist Dataset costs: ``python -m benchmarks.bench_mpd``.

The data set is not at hand: slices of its shape (1,000 playlists of 66 entries each, a power law over 2.3 million
tracks by 296,000 artists, the fields as published) are drawn at random, read with `graph.files.playlists`, and the cost
is told for each million entries. The whole has 1,000 slices with 66.3 million entries. Nothing else means anything
here: a ranking of models least of all.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from graph.files.playlists import lists_of

LISTS: Final = 1_000
"""Playlists in a slice."""
ENTRIES: Final = 66_346_428
"""Entries of all playlists of the data set (Chen et al., RecSys 2018)."""
_TRACKS: Final = 2_262_292
_ARTISTS: Final = 295_860
_LONGEST: Final = 250


def write(folder: Path, slices: int, seed: int = 0) -> int:
    """Write ``slices`` files ``mpd.slice.*.json``; the number of entries in them."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(1.0 / np.arange(200, _TRACKS + 200))
    artist = random.integers(0, _ARTISTS, _TRACKS)
    entries = 0
    for number in range(slices):
        first = number * LISTS
        lengths = np.clip(random.gamma(1.3, ENTRIES / 1_000_000 / 1.3, LISTS).round().astype(int), 5, _LONGEST)
        tracks = np.searchsorted(weights, random.random(int(lengths.sum())) * weights[-1])
        rows = np.split(tracks, np.cumsum(lengths)[:-1])
        entries += len(tracks)
        told = {
            "info": {"slice": f"{first}-{first + LISTS - 1}", "version": "v1"},
            "playlists": [
                {
                    "name": f"list {first + place}",
                    "collaborative": "false",
                    "pid": first + place,
                    "modified_at": 1_493_424_000,
                    "num_tracks": len(row),
                    "tracks": [_entry(pos, track, int(artist[track])) for pos, track in enumerate(row.tolist())],
                }
                for place, row in enumerate(rows)
            ],
        }
        (folder / f"mpd.slice.{first}-{first + LISTS - 1}.json").write_text(json.dumps(told, indent=4), "utf-8")
    return entries


def _entry(pos: int, track: int, artist: int) -> dict[str, object]:
    return {
        "pos": pos,
        "artist_name": f"Artist {artist}",
        "track_uri": f"spotify:track:{track:022d}",
        "artist_uri": f"spotify:artist:{artist:022d}",
        "track_name": f"Title {track}",
        "album_uri": f"spotify:album:{track // 11:022d}",
        "duration_ms": 200_000 + track % 90_000,
        "album_name": f"Album {track // 11}",
    }


def main() -> None:
    """Write, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=20)
    slices = parser.parse_args().slices
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = write(folder, slices)
        size = sum(file.stat().st_size for file in folder.iterdir())
        before, began, clock = _peak(), time.process_time(), time.monotonic()
        read = lists_of(folder)
        spent, waited = time.process_time() - began, time.monotonic() - clock
    assert read.entries.height == entries
    per = 1e6 / entries
    print(f"{slices} slices, {entries:,} entries, {read.tracks.height:,} tracks, {size / 2**20:,.0f} MiB")
    print(f"read in {waited:.1f} s, {spent:.1f} s of processor time: {spent * per:.1f} s a million entries")
    print(f"peak memory {_peak():,.0f} MiB, {(_peak() - before) * per:,.0f} MiB a million entries more than before it")
    print(f"the whole at that rate: {spent * ENTRIES / entries / 60:.0f} minutes (tracks repeat more in more slices)")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
