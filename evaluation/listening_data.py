"""Lists of tracks from a folder of files, for suites that need no graph, or from a snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from evaluation import play_data
from evaluation.next_track import Titles
from graph import schema
from graph.errors import InputError
from graph.files import play_logs, play_sessions
from graph.files.playlists import lists_of
from graph.snapshot import Snapshot
from recommenders.core.config import CORE
from recommenders.core.sequences import Sequences, Source, sequences_of

__all__ = ["heard", "listed", "of_snapshot"]


def heard(folder: Path, told: play_data.Told | None = None) -> tuple[Sequences, Titles]:
    """For each session in a player's logs, the tracks of which at least half was heard, in the order of time.

    Tracks are those of the catalogue, ``tracks.jsonl``. Raises InputError if there is no catalogue or no log.
    """
    catalogue, _ = play_data.find_logs(folder)
    if catalogue is None:
        raise InputError(
            f"{folder} holds play logs and no catalogue.",
            do='Put tracks.jsonl beside them, with lines such as {"track": 1, "artist": "…", "title": "…"}, or name '
            "another folder with --data.",
        )
    tracks = play_logs.read_tracks(catalogue).sort("track")
    plays = play_sessions.sessions_of(play_data.lines(folder, set(tracks["track"].to_list()), told))
    kept = plays.filter(pl.col("share") >= CORE.heard_share)
    grouped = kept.group_by("session", maintain_order=True).agg("track")
    numbers = {track: number for number, track in enumerate(tracks["track"].to_list())}
    lists = [[numbers[track] for track in row] for row in grouped["track"].to_list()]
    ids = pl.Series("contentId", [f"{schema.TRACK_PREFIX}{track}" for track in tracks["track"].to_list()])
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
    """The lists of a snapshot (`recommenders.core.sequences.sequences_of`), and the first artist of each content."""
    performed = snapshot.edges[schema.PERFORMED_BY]
    artists: list[str | None] = [None] * snapshot.contents.count
    ids = snapshot.nodes[schema.ARTIST].ids.to_list()
    for content, artist in zip(performed.source[::-1].tolist(), performed.target[::-1].tolist(), strict=True):
        artists[content] = ids[artist]
    known = pl.Series("artist", artists, dtype=pl.String)
    return sequences_of(snapshot, source), Titles(snapshot.contents.ids, known)
