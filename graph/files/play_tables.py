"""A catalogue and the plays of a player's logs as nodes and edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from graph import schema
from graph.files.play_sessions import digests
from graph.files.tables import Tables
from graph.load import watch

__all__ = ["tables_of"]


def tables_of(tracks: pl.DataFrame, plays: pl.DataFrame) -> Tables:
    """Checked tables of a catalogue (`play_logs.read_tracks`) and plays (`play_sessions.sessions_of`).

    Plays may name tracks that the catalogue lacks and the graph has.
    """
    content = (schema.TRACK_PREFIX + pl.col("track").cast(pl.String)).alias("contentId")
    number = pl.col("track").cast(pl.String).alias(schema.TRACK_ID)
    properties = [name for name in (*schema.TRACK_TEXTS, *schema.TRACK_COUNTS) if name in tracks.columns]
    contents = tracks.select(content, pl.lit("track").alias("kind"), number, *properties).sort("contentId")
    users = plays.select(pl.col("user").cast(pl.String).alias("userId")).unique().sort("userId")
    sessions = (
        plays.group_by("session")
        .agg(
            pl.col("arm").drop_nulls().first(),
            pl.col("began").first().alias("startedAt"),
            pl.col("ended").first().alias("endedAt"),
            pl.col("user").first().cast(pl.String),
        )
        .join(digests(plays), on="session")
        .sort("session")
    )
    played = plays.select(content)["contentId"]  # tracks that the graph has, beside those of the catalogue
    every = pl.concat([contents["contentId"], played]).unique().sort()
    made = _Ends(every, users["userId"], sessions["session"])
    edges = {schema.OPENED: made.pairs(sessions, "user", "session", made.user, made.session)}
    nodes = {schema.USER: users, schema.CONTENT: contents}
    ids = {schema.USER: made.users, schema.CONTENT: made.contents}
    for label, type_, column in (
        (schema.GENRE, schema.HAS_GENRE, "genre"),
        (schema.ARTIST, schema.PERFORMED_BY, "artist"),
    ):
        if column not in tracks.columns:
            continue
        named = tracks.select(content, pl.col(column).alias("name"))
        named = (named.explode("name") if column == "genre" else named).drop_nulls("name")
        names = named["name"].unique().sort()
        nodes[label] = pl.DataFrame({schema.NODE_KEYS[label]: names, "name": names})
        ids[label] = names
        edges[type_] = made.pairs(named, "contentId", "name", made.content, _places(names))
    nodes[schema.SESSION] = sessions.select(
        pl.col("session").alias("sessionId"), *schema.SESSION_TEXTS, *schema.SESSION_TIMES, *schema.SESSION_KEPT
    )
    ids[schema.SESSION] = made.sessions
    told = plays.select("session", content, "place", "share", "at", "user", "chosen_by", "chosen_with")
    ends = made.session(told["session"]), made.content(told["contentId"])
    edges[schema.PLAYED] = pl.DataFrame(
        {
            "source": ends[0],
            "target": ends[1],
            **{name: told[name] for name in ("place", "share", "at")},
            "arm": told["chosen_by"],
            "propensity": told["chosen_with"],
        }
    ).sort("source", "place")
    rows = told.select(
        "at",
        pl.col("share").alias("progress"),
        *(pl.lit(None, pl.Boolean).alias(f) for f in ("liked", "commented", "shared")),
    )
    edges[schema.WATCHED], repeated = watch.watched(made.user(told["user"].cast(pl.String)), ends[1], rows)
    return Tables(ids, nodes, edges, repeated)


class _Ends:
    """The sorted ids of contents, users and sessions, and the place of given ones among them."""

    def __init__(self, contents: pl.Series, users: pl.Series, sessions: pl.Series) -> None:
        self.contents, self.users, self.sessions = contents, users, sessions
        self.content, self.user, self.session = _places(contents), _places(users), _places(sessions)

    @staticmethod
    def pairs(
        rows: pl.DataFrame,
        source: str,
        target: str,
        sources: Callable[[pl.Series], np.ndarray[Any, Any]],
        targets: Callable[[pl.Series], np.ndarray[Any, Any]],
    ) -> pl.DataFrame:
        return watch.pairs(sources(rows[source]), targets(rows[target]))


def _places(ids: pl.Series) -> Callable[[pl.Series], np.ndarray[Any, Any]]:
    return lambda wanted: ids.search_sorted(wanted).to_numpy().astype(np.int32)
