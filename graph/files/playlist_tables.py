"""Playlists, their tracks and artists as nodes and edges."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from graph import schema
from graph.files.quarantine import FileReport
from graph.files.tables import Tables
from graph.load import watch

__all__ = ["Playlists", "tables_of"]


@dataclass(frozen=True)
class Playlists:
    """The playlists of a folder, and what it says of their tracks."""

    playlists: pl.DataFrame
    """playlistId, name (null where unknown), in the order of the files."""
    entries: pl.DataFrame
    """playlist (row of `playlists`), place (from 0), track (row of `tracks`): one row for each track of a playlist."""
    tracks: pl.DataFrame
    """track (id), title, artist (row of `artists`) and preview, null where unknown; each track once."""
    artists: pl.DataFrame
    """artistId (the file's, or the name where it has none) and name, null where unknown."""
    files: list[FileReport]


def tables_of(read: Playlists) -> Tables:
    """Tables of what was read, in the order of the ids."""
    tracks = read.tracks.select(
        (schema.TRACK_PREFIX + pl.col("track")).alias("contentId"),
        pl.lit("track").alias("kind"),
        pl.col("track").alias(schema.TRACK_ID),
        "title",
        "preview",
        "artist",
    )
    content, contents = _sorted(tracks, "contentId")
    artist, artists = _sorted(read.artists, "artistId")
    playlist, playlists = _sorted(read.playlists.with_columns(_digests(read)), "playlistId")
    performed = tracks["artist"].is_not_null().to_numpy()
    holds = pl.DataFrame(
        {
            "source": playlist[read.entries["playlist"].to_numpy()],
            "target": content[read.entries["track"].to_numpy()],
            "place": read.entries["place"],
        }
    ).sort("source", "place")
    empty = pl.DataFrame(schema={"userId": pl.String})
    nodes = {
        schema.USER: empty,
        schema.CONTENT: contents.drop("artist"),
        schema.ARTIST: artists,
        schema.PLAYLIST: playlists,
    }
    edges = {
        schema.PERFORMED_BY: watch.pairs(
            content[performed], artist[tracks["artist"].drop_nulls().cast(pl.Int64).to_numpy()]
        ),
        schema.HOLDS: holds,
    }
    return Tables({label: frame[schema.NODE_KEYS[label]] for label, frame in nodes.items()}, nodes, edges)


def _sorted(frame: pl.DataFrame, key: str) -> tuple[np.ndarray[Any, Any], pl.DataFrame]:
    """The place of each row once sorted by ``key``, and the sorted frame."""
    order = frame[key].arg_sort().to_numpy()
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places, frame[order]


def _digests(read: Playlists) -> pl.Series:
    """A hash of the tracks of each playlist in their order: tells the graph whether it holds the same list."""
    ids = ("\n" + read.tracks["track"]).to_list()
    hashes = [hashlib.sha256() for _ in range(read.playlists.height)]
    for playlist, track in read.entries.select("playlist", "track").iter_rows():
        hashes[playlist].update(ids[track].encode())
    return pl.Series("digest", [one.hexdigest()[:32] for one in hashes], dtype=pl.String)
