"""``entourage history``: what a user played beside what is recommended."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import zip_longest
from typing import Annotated, Any, Final, Literal

import numpy as np
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from cli.latest_events import latest_events
from cli.naming import user_id
from cli.terminal import make_console
from graph import schema
from graph import snapshot as snapshots
from graph.errors import SettingsError
from graph.settings import load_settings
from graph.snapshot import Snapshot
from ranking import registry
from recommend.batch import permitted
from recommenders.plays import plays_of

__all__ = ["history"]

_console: Final = make_console(soft_wrap=True)


def history(
    user: Annotated[str, typer.Argument(help="Id of the user.")],
    n: Annotated[int, typer.Option("--n", min=1, max=1_000, help="Rows on each side.")] = 20,
    model: Annotated[str, typer.Option(help="Model that recommends; fitted now if it is not trained.")] = "play-cf",
) -> None:
    """Show what a user played, newest first, beside what is recommended, with score, artist, title, genre and pop."""
    settings = load_settings()
    snapshot = snapshots.load(settings.snapshot_path)
    nid = int(snapshot.users.nids([user_id(user)])[0])
    path = settings.model_path(model)
    kind = registry.kind(model)
    recommender = kind.load(path, snapshot) if path.is_dir() else kind.make().fit(snapshot)
    with latest_events(settings) as recent:
        allowed, held_back = permitted(snapshot, recent)
    ids, scores = recommender.recommend(nid, n, allowed=allowed, held_back=held_back)
    names = Names(snapshot)
    played = _played(snapshot, nid)[:n]
    if not played:
        raise SettingsError(f"{user} has played nothing.", do="Name another user.")
    table = Table(title=f"{escape(user)}: played, and recommended by {model}", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("when", "share", *names.columns, "", "score", *names.columns):
        least = len("2026-01-01 00:00") if name == "when" else None
        side: Literal["left", "right"] = "right" if name in ("share", "score") else "left"
        table.add_column(name, justify=side, min_width=least, overflow="fold")
    offered = [(f"{score:.3f}", *names.of(int(i))) for i, score in zip(ids, scores, strict=True) if i >= 0]
    heard = [(f"{datetime.fromtimestamp(at / 1_000, UTC):%Y-%m-%d %H:%M}" if at else "", f"{share:.2f}",
              *names.of(track)) for at, share, track in played]  # fmt: skip
    for left, right in zip_longest(heard, offered):
        width = len(names.columns)
        cells = (*(left or ("",) * (2 + width)), "", *(right or ("",) * (1 + width)))
        table.add_row(*(escape(cell) for cell in cells))
    _console.print(table)
    if recommender.told:
        _console.print(escape(recommender.told))


class Names:
    """What is told of contents: artist, title (the id where it is missing), and genres and popularity where known."""

    def __init__(self, snapshot: Snapshot) -> None:
        titles = snapshot.contents.column(schema.TITLE)
        ids = snapshot.contents.ids.to_list()
        known = titles.to_list() if titles is not None else [None] * len(ids)
        self._titles = [title or id_ for title, id_ in zip(known, ids, strict=True)]
        self._snapshot = snapshot
        pop = snapshot.contents.column("pop")
        self._pop = pop.to_list() if pop is not None and pop.null_count() < len(pop) else None
        self._genres = len(snapshot.edges[schema.HAS_GENRE]) > 0

    @property
    def columns(self) -> list[str]:
        """Names of what `of` gives."""
        more = [*(["genre"] if self._genres else []), *(["pop"] if self._pop else [])]
        return ["artist", "title", *([", ".join(more)] if more else [])]

    def of(self, nid: int) -> list[str]:
        """One text for each of `columns`."""
        told = [self._linked(schema.PERFORMED_BY, schema.ARTIST, nid), self._titles[nid]]
        pop = self._pop[nid] if self._pop else None
        more = [self._linked(schema.HAS_GENRE, schema.GENRE, nid), "" if pop is None else f"{pop:g}"]
        return [*told, ", ".join(filter(None, more))][: len(self.columns)]

    def _linked(self, type_: str, label: str, nid: int) -> str:
        edges = self._snapshot.edges[type_]
        names = self._snapshot.nodes[label].column("name")
        ends: Any = edges.target[edges.indptr[nid] : edges.indptr[nid + 1]]
        ids = self._snapshot.nodes[label].ids
        nodes = names if names is not None else ids
        return ", ".join(str(nodes[int(end)] or ids[int(end)]) for end in ends)


def _played(snapshot: Snapshot, user: int) -> list[tuple[int, float, int]]:
    """Time (ms, 0 where unknown), share and track of each play, newest first; of watches without plays."""
    plays = plays_of(snapshot)
    mine = plays.keep(plays.user == user)
    if len(mine):
        rows = list(zip(mine.at.tolist(), mine.share.tolist(), mine.track.tolist(), strict=True))
    else:
        watched = snapshot.watched
        row = slice(int(watched.indptr[user]), int(watched.indptr[user + 1]))
        tracks = watched.target[row]
        last = np.maximum(watched.columns["lastAt"][row], 0) if "lastAt" in watched.columns else np.zeros(len(tracks))
        shares = watched.columns["engagement"][row]
        rows = [(int(a), float(s), int(t)) for a, s, t in zip(last, shares, tracks, strict=True)]
    return sorted(rows, key=lambda row: -row[0])
