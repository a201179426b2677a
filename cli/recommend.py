"""``entourage recommend``: for one user as a table, or for all users into a file."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cli.latest_events import latest_events
from cli.naming import user_id, with_id
from cli.terminal import make_console
from graph import schema
from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import (
    EntourageError,
    GraphUnavailable,
    ModelError,
    SettingsError,
    SnapshotError,
    UnknownUser,
)
from graph.settings import Settings, load_settings
from graph.snapshot import Snapshot
from graph.snapshot.ages import DAY
from ranking import registry
from recommend.batch import write_all, write_tracks
from recommend.feed import Feed
from recommend.served_model import ServedModel, Together
from recommend.service import FeedService
from recommend.wanted import Wanted
from recommenders.core.recommender import Recommender

__all__ = ["recommend"]

_console = make_console(soft_wrap=True)

_PATIENCE_MS: Final = 30_000
"""Deadline at a terminal: a person can wait longer than a page, and a cold cache should not leave a source out."""


class Kind(StrEnum):
    """Kinds of content to recommend."""

    KEAK = "keak"
    BEAT = "beat"
    TRACK = "track"


class Ids(StrEnum):
    """Notations of content ids."""

    PREFIXED = "prefixed"
    BARE = "bare"
    NUMBERS = "numbers"


def recommend(
    user: Annotated[str | None, typer.Option(help="Id of one user, as in users.jsonl.")] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Recommend to all users of the snapshot, into --out.")
    ] = False,
    k: Annotated[int, typer.Option("--k", "-n", min=1, max=1000, help="Contents for each user.")] = 20,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind of content.")] = None,
    out: Annotated[Path | None, typer.Option(help="With --all: the file to write, one JSON object a line.")] = None,
    ids: Annotated[
        Ids,
        typer.Option(
            help='With --all: content ids as keaks/123, as 123, or users and tracks as {"user": 1, "tracks": [2]}.'
        ),
    ] = Ids.PREFIXED,
    heard: Annotated[
        bool, typer.Option("--heard", help="With --ids numbers: let tracks that the user has played stand there too.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="A trained model; by default the one that the service uses.")
    ] = None,
    genre: Annotated[list[str] | None, typer.Option(help="With --user: only this genre, by its id or name.")] = None,
    mood: Annotated[list[str] | None, typer.Option(help="With --user: only this mood, by its id or name.")] = None,
    hashtag: Annotated[list[str] | None, typer.Option(help="With --user: only this hashtag.")] = None,
    maker: Annotated[list[str] | None, typer.Option(help="With --user: only what this user made.")] = None,
    max_age: Annotated[
        float | None, typer.Option(min=0.001, max=36_500, help="With --user: only what was created in so many days.")
    ] = None,
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="For an unknown id, recommend what a newcomer would see.")
    ] = False,
) -> None:
    """Recommend to one user, with sources and reasons, or to all of them into a file. Seen contents are left out."""
    settings = load_settings()
    name = model or settings.service.model
    if (user is None) == (not everyone):
        raise SettingsError("No user is given.", do="Give --user ID, or --all with --out FILE.")
    if max_age is not None and not math.isfinite(max_age):
        raise SettingsError(f"--max-age is {max_age:g}.", do="Give a number of days.")
    since = None if max_age is None else int(time.time() * 1_000 - max_age * DAY)
    makers = [user_id(one) for one in maker or []]
    wanted = Wanted.of(genre or [], mood or [], hashtag or [], makers, since)
    if everyone:
        if wanted:
            raise SettingsError("--all recommends all genres, moods, hashtags, makers and ages.", do="Give --user ID.")
        if out is None:
            raise SettingsError("--all needs a file to write.", do="Add --out recs.jsonl.")
        if heard and ids is not Ids.NUMBERS:
            raise SettingsError("--heard goes with --ids numbers.", do="Add that, or leave --heard out.")
        if ids is Ids.NUMBERS and kind:
            raise SettingsError("--ids numbers writes tracks.", do="Leave --kind out.")
        if ids is Ids.NUMBERS:
            _tracks_to_all(settings, name, k, out, heard=heard)
            return
        _to_all(settings, name, k, kind, out, bare=ids is Ids.BARE)
    elif user is not None:
        if out or heard or ids is not Ids.PREFIXED:
            raise SettingsError("--out, --ids and --heard go with --all.", do="Leave them out, or give --all.")
        _to_one(
            settings,
            name,
            user_id(user),
            k,
            kind,
            wanted,
            asked_for_model=model is not None,
            allow_unknown=allow_unknown,
        )


def _to_all(settings: Settings, name: str, k: int, kind: Kind | None, out: Path, *, bare: bool) -> None:
    snapshot = snapshots.load(settings.snapshot_path)
    trained = registry.open_trained(name, settings, snapshot)
    if bare and kind is None and len(set(snapshot.kinds.tolist())) > 1:
        raise SettingsError("Bare ids cannot tell a keak from a beat.", do="Add --kind keak or --kind beat.")
    what = f"{kind.value}s" if kind else "contents"
    _console.print(f"Recommending {k} {what} to each of {snapshot.users.count:,} users with {escape(name)} …")
    begun = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=_console, transient=True) as bar:
        task = bar.add_task("users", total=snapshot.users.count)
        with latest_events(settings) as recent:
            written = write_all(
                trained,
                out,
                k,
                kind=kind.value if kind else None,
                bare=bare,
                recent=recent,
                progress=lambda users: bar.advance(task, users),
            )
    seconds = time.monotonic() - begun
    rate = written / max(seconds, 1e-9)
    _console.print(f"Wrote {written:,} lines to {escape(str(out))} in {seconds:.1f} s ({rate:,.0f} users a second).")
    _console.print(
        "Next: `entourage recommend --user ID` shows one user's with reasons; `entourage serve` serves them."
    )


def _tracks_to_all(settings: Settings, name: str, k: int, out: Path, *, heard: bool) -> None:
    snapshot = snapshots.load(settings.snapshot_path)
    trained = registry.open_trained(name, settings, snapshot)
    begun = time.monotonic()
    with latest_events(settings) as recent:
        written = write_tracks(trained, out, k, heard=heard, recent=recent)
    seconds = max(time.monotonic() - begun, 1e-9)
    _console.print(
        f"Wrote {written:,} lines to {escape(str(out))} in {seconds:.1f} s ({written / seconds:,.0f} a second)."
    )
    _console.print("Next: `entourage history USER` shows one user's list beside what they played.")


def _to_one(
    settings: Settings,
    name: str,
    user: str,
    k: int,
    kind: Kind | None,
    wanted: Wanted,
    *,
    asked_for_model: bool,
    allow_unknown: bool,
) -> None:
    graph = _graph(settings)
    called: str | None = None
    try:
        several = () if asked_for_model else tuple(settings.feed.recommenders)
        snapshot, trained = _trained(settings, several or (name,), needed=asked_for_model)
        if several and not trained:  # the service has its own model then
            snapshot, trained = _trained(settings, (name,), needed=False)
            several = ()
        feeds = FeedService(graph, snapshot, trained.get(name), settings)
        together = _together(trained, settings, graph) if several else None
        try:
            called = feeds.user(user)["properties"].get(schema.NAME)
        except UnknownUser as unknown:
            if not allow_unknown:
                raise
            _console.print(f"[yellow]{escape(unknown.what)}[/] This is what a newcomer would see.")
        only = kind.value if kind else None
        feed = feeds.recommend(user, n=k, kind=only, deadline_ms=_PATIENCE_MS, wanted=wanted, served=together)
    finally:
        if graph:
            graph.close()
    _show(feed, called)


def _show(feed: Feed, name: str | None) -> None:
    table = Table("", "content", "score", "sources", "reasons", title=f"For {with_id(feed.user_id, name)}")
    table.columns[0].justify = table.columns[2].justify = "right"
    for rank, item in enumerate(feed.items, start=1):
        why = "\n".join(reason.text for reason in item.reasons)
        content = with_id(item.content_id, item.display_names.get(item.content_id))
        table.add_row(str(rank), content, f"{item.score:.3f}", ", ".join(item.sources), escape(why))
    make_console().print(table)
    model = f" by {escape(feed.model_version)}" if feed.model_version else ""
    _console.print(f"{len(feed.items)} contents{model}, rung: {feed.rung}, {sum(feed.timings_ms.values()):.0f} ms.")
    if feed.graph_down:
        _console.print("[yellow]Degraded:[/] Neo4j was down; this answer is from the snapshot. Try `entourage up`.")
    if feed.failed:
        _console.print(f"[yellow]Left out because of an error:[/] {', '.join(feed.failed)}.")
    if feed.late:
        _console.print(f"[yellow]Left out, too late:[/] {', '.join(feed.late)}.")
    _console.print("Next: `entourage serve` answers the same over HTTP and draws the neighbourhood.")


def _graph(settings: Settings) -> Graph | None:
    try:
        return Graph.connect(settings)
    except GraphUnavailable as down:
        _console.print(f"[yellow]{escape(down.what)}[/] Answering from the snapshot.")
        return None


def _trained(
    settings: Settings, names: Sequence[str], *, needed: bool
) -> tuple[Snapshot | None, dict[str, Recommender]]:
    """The snapshot and the models by name, without those that are missing unless they are ``needed``."""
    snapshot: Snapshot | None = None
    models: dict[str, Recommender] = {}
    try:
        snapshot = snapshots.load(settings.snapshot_path)
    except SnapshotError as missing:
        _do_without(missing, needed)
        return None, models
    for name in names:
        try:
            models[name] = registry.open_trained(name, settings, snapshot)
        except ModelError as missing:
            _do_without(missing, needed)
    return snapshot, models


def _do_without(missing: EntourageError, needed: bool) -> None:
    if needed:
        raise missing
    _console.print(f"[yellow]{escape(missing.what)}[/] Answering without it.")


def _together(models: Mapping[str, Recommender], settings: Settings, graph: Graph | None) -> ServedModel | None:
    """The models of ``[feed.recommenders]`` as one, which is how the service asks them; None where none is there."""
    names = settings.feed.recommenders
    those = {name: ServedModel(models[name], name, graph) if name in models else None for name in names}
    return Together(those, settings.feed) if models else None
