"""Lists of tracks from a folder of files, for suites that need no graph, or from a snapshot."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from evaluation.next_track import Titles
from graph import schema
from graph.errors import InputError
from graph.files.playlists import lists_of
from graph.snapshot import Snapshot
from recommenders.sequences import HEARD, Sequences, Source, sequences_of

__all__ = ["heard", "listed", "of_snapshot"]

_PLAY: Final = {
    "message": pl.String(),
    "timestamp": pl.Int64(),
    "user": pl.Int64(),
    "track": pl.Int64(),
    "time": pl.Float64(),
}
_TRACK: Final = {"track": pl.Int64(), "artist": pl.String(), "title": pl.String()}


def heard(folder: Path) -> tuple[Sequences, Titles]:
    """For each session in a player's logs, the tracks of which at least half was heard, in the order of time.

    Reads ``tracks.jsonl`` and every other ``.jsonl`` of ``folder``, compressed with gzip or not. A user's lines may be
    in several files; a session ends with the message ``last``. Raises InputError if there is nothing to read.
    """
    files = sorted(path for path in folder.glob("*") if path.name.removesuffix(".gz").endswith(".jsonl"))
    catalogues = [path for path in files if path.name.startswith("tracks.")]
    logs = [path for path in files if path not in catalogues]
    if not logs or len(catalogues) != 1:
        raise InputError(
            f"{folder} holds no play logs.",
            do="Expected tracks.jsonl and logs in JSON lines, or name another folder with --data.",
        )
    tracks = _read(catalogues[0], _TRACK).unique("track").sort("track")
    plays = pl.concat([_read(path, _PLAY) for path in logs]).unique(maintain_order=True)
    plays = plays.sort("user", "timestamp", maintain_order=True)
    opens = (pl.col("message").shift(1) == "last") | (pl.col("user") != pl.col("user").shift(1))
    plays = plays.with_columns(opens.fill_null(value=True).cum_sum().alias("session"))
    kept = plays.filter((pl.col("time") >= HEARD) & pl.col("track").is_in(tracks["track"].implode()))
    grouped = kept.group_by("session", maintain_order=True).agg("track")
    numbers = {track: number for number, track in enumerate(tracks["track"].to_list())}
    lists = [[numbers[track] for track in row] for row in grouped["track"].to_list()]
    ids = pl.Series("contentId", [f"tracks/{track}" for track in tracks["track"].to_list()])
    return Sequences.of(lists, tracks.height), Titles(ids, tracks["artist"])


def listed(folder: Path) -> tuple[Sequences, Titles, int]:
    """The tracks of each playlist in a folder of published playlists, and how many rows were no tracks or repeats.

    Raises InputError as `graph.files.playlists.lists_of` does.
    """
    read = lists_of(folder)
    order = read.tracks["track"].arg_sort().to_numpy()
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    counts = np.bincount(read.entries["playlist"].to_numpy(), minlength=read.playlists.height)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    lists = Sequences(indptr, number[read.entries["track"].to_numpy()], len(order))
    tracks = read.tracks[order]
    ids = (schema.TRACK_PREFIX + tracks["track"]).alias("contentId")
    artists = read.artists["artistId"].gather(tracks["artist"]).alias("artist")
    return lists, Titles(ids, artists), sum(file.merged + file.quarantined for file in read.files)


def of_snapshot(snapshot: Snapshot, source: Source) -> tuple[Sequences, Titles]:
    """The lists that a snapshot holds (`recommenders.sequences.sequences_of`), and the first artist of each content."""
    performed = snapshot.edges[schema.PERFORMED_BY]
    artists: list[str | None] = [None] * snapshot.contents.count
    ids = snapshot.nodes[schema.ARTIST].ids.to_list()
    for content, artist in zip(performed.source[::-1].tolist(), performed.target[::-1].tolist(), strict=True):
        artists[content] = ids[artist]
    known = pl.Series("artist", artists, dtype=pl.String)
    return sequences_of(snapshot, source), Titles(snapshot.contents.ids, known)


def _read(path: Path, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return pl.read_ndjson(io.BytesIO(data), schema=columns)
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {error}.", do="Fetch the file again.") from error
