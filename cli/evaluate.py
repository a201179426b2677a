"""``entourage evaluate``: compare recommenders on a held-out part of the snapshot."""

from __future__ import annotations

import inspect
import shlex
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from cli.progress import bar
from cli.suite_artists import artists
from cli.suite_botify import botify
from cli.suite_keakr import keakr
from cli.suite_playlists import Lists, playlists
from cli.suite_watch_ratio import watch_ratio
from cli.terminal import make_console
from evaluation import contenders, leaderboard, report
from evaluation.saved_rankings import SavedRankings
from evaluation.served import with_feeds
from evaluation.splits import How, hold_out
from graph import snapshot as snapshots
from graph.errors import SettingsError
from graph.settings import load_settings
from ranking import registry
from recommenders.core.effort import Cap, Effort
from recommenders.core.options import FitOptions

__all__ = ["How", "Suite", "evaluate"]

_console = make_console()


class Suite(StrEnum):
    """Comparisons with a protocol of their own."""

    BOTIFY = "botify"
    PLAYLISTS = "playlists"
    WATCH_RATIO = "watch-ratio"
    ARTISTS = "artists"
    KEAKR = "keakr"


_OF_SUITES: Final = ("--suite", "--data", "--first-seed", "--out")
_OF_SUITE: Final[Mapping[Suite, tuple[str, ...]]] = {
    Suite.BOTIFY: ("--snapshot", "--budget"),
    Suite.KEAKR: ("--budget",),
    Suite.PLAYLISTS: ("--snapshot", "--sequences"),
}
"""Options that suites read: all of them, and those of one beside."""


def evaluate(
    suite: Annotated[
        Suite | None, typer.Option(help="A comparison with a protocol of its own, instead of a split of watches.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="With --suite: folder of its data.")] = None,
    sequences: Annotated[
        Lists | None, typer.Option(help="With --suite playlists: which lists to use; by default those of play logs.")
    ] = None,
    models: Annotated[
        str, typer.Option(help=f"Comma-separated names: {', '.join(registry.NAMES)}.")
    ] = "popularity,friends-items,item-knn,user-knn,ease,als,gat,pipeline",
    split: Annotated[
        How,
        typer.Option(
            help="What is held out: random watches, the newest watches, all watches of some users or of some contents, "
            "or all watches of some users and the newest of the others."
        ),
    ] = How.RANDOM,
    fraction: Annotated[float, typer.Option(help="Share held out, between 0 and 1.")] = 0.2,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of splits, each with its own seed; with --split time, number of fits.")
    ] = 1,
    first_seed: Annotated[
        int, typer.Option(min=0, help="First split seed; for final results use one that nobody has inspected.")
    ] = 0,
    k: Annotated[str, typer.Option(help="Comma-separated list lengths; the first orders the table.")] = "10,20",
    effort: Annotated[
        Effort, typer.Option(help="How much work every model gets. The same seed and effort give the same table.")
    ] = Effort.NORMAL,
    search: Annotated[
        bool, typer.Option(help="Let every model search its settings on training data, or use the defaults.")
    ] = True,
    budget: Annotated[
        float | None,
        typer.Option(
            help="Most minutes for each fit, search included. Models that cannot be cut run to their end; the row of a "
            "model whose fit reached the limit says so."
        ),
    ] = None,
    users: Annotated[int, typer.Option(min=0, help="Judge only this many random users; 0 judges all.")] = 0,
    served: Annotated[
        bool, typer.Option("--served", help="Judge the feeds that the service composes with each model too.")
    ] = False,
    known_only: Annotated[
        bool, typer.Option(help="Do not judge contents that nobody watches in the training part.")
    ] = False,
    keep_counts: Annotated[
        bool, typer.Option(help="Keep counts that include the held-out part, such as likeCount.")
    ] = False,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="JSON file of settings by model, as `entourage tune` writes it.")
    ] = None,
    snapshot: Annotated[Path | None, typer.Option(help="Folder of the snapshot; by default the exported one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report; by default in the home folder.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder for finished rankings; those already in it are not fitted again.")
    ] = None,
) -> None:
    """Compare recommenders on a held-out part of the snapshot.

    Prints one table and writes JSON, Markdown and a plot. Every content is ranked, and training contents are left out.
    """
    given_here = _given(locals())
    command = _command(given_here)
    if suite is None and (data or sequences):
        raise SettingsError("--data and --sequences go with --suite.", do="For example `--suite playlists`.")
    if suite is not None:
        _check_read(suite, given_here)
    if suite is Suite.PLAYLISTS:
        playlists(data, sequences, snapshot, first_seed, out, command)
        return
    if suite is Suite.BOTIFY:
        botify(data, snapshot, first_seed, out, command, budget)
        return
    if suite is Suite.WATCH_RATIO:
        watch_ratio(data, first_seed, out, command)
        return
    if suite is Suite.ARTISTS:
        artists(data, first_seed, out, command)
        return
    if suite is Suite.KEAKR:
        keakr(data, Effort.QUICK, first_seed, out, command, budget)
        return
    settings = load_settings()
    names = [name.strip() for name in models.split(",") if name.strip()]
    lengths = _lengths(k)
    given = contenders.read_settings(settings_file) if settings_file else {}
    taking_part = contenders.named(names, given, searched=search)
    cap = Cap(budget)
    if not taking_part or len(set(names)) < len(names):
        raise SettingsError("--models names nothing, or something twice.", do="Give different names, with commas.")
    if served and split not in (How.RANDOM, How.TIME):
        raise SettingsError("--served judges feeds of known users.", do="Use --split random or --split time.")
    if served:
        taking_part = with_feeds(taking_part, settings.engagement, settings.feed)
    whole = snapshots.load(snapshot or settings.snapshot_path)
    made = [
        hold_out(whole, split, fraction, seed, known_only=known_only, keep_counts=keep_counts)
        for seed in range(first_seed, first_seed + seeds)
    ]
    if users:
        made = [one.sample(users) for one in made]
    feeds = " and composing their feeds" if served else ""
    _console.print(
        f"Fitting {len(names)} recommenders{feeds} on {seeds} split{'s' if seeds > 1 else ''} ({made[0].name}) of "
        f"{whole.users.count:,} users, {whole.contents.count:,} contents and {len(whole.watched):,} watches."
    )
    began = time.monotonic()
    with bar(_console) as progress:
        board = leaderboard.evaluate(
            taking_part,
            made,
            lengths,
            FitOptions(effort=effort, cap=cap, progress=progress),
            saved=SavedRankings(resume) if resume else None,
        )
    folder = out or settings.home / "evaluation" / split.value
    report.write(board, folder, command)
    _console.print(report.table(board, _console.width))
    if capped := report.reached([row.model for row in board.rows if row.capped]):
        _console.print(f"[yellow]{escape(capped)}[/]")
    _console.print(f"Took {time.monotonic() - began:.0f} s. Tests, breakdowns and the plot: {folder}/leaderboard.md")
    _console.print(
        "Next: `entourage tune MODEL` searches settings, `entourage train --model MODEL` trains on everything."
    )


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Option → value of those that are not the defaults."""
    known = inspect.signature(evaluate).parameters
    return {_option(name): arguments[name] for name, known_as in known.items() if arguments[name] != known_as.default}


def _option(name: str) -> str:
    return "--settings" if name == "settings_file" else f"--{name.replace('_', '-')}"


def _check_read(suite: Suite, given: Mapping[str, Any]) -> None:
    """Raises SettingsError for an option that the suite would pass over in silence."""
    if unread := [option for option in given if option not in (*_OF_SUITES, *_OF_SUITE.get(suite, ()))]:
        raise SettingsError(
            f"--suite {suite.value} has a protocol of its own and does not read {', '.join(unread)}.",
            do="Leave that out, or compare models on a split of watches without --suite.",
        )
    if "--data" in given and "--snapshot" in given:
        raise SettingsError("--data and --snapshot both say what is compared.", do="Give one of them.")


def _command(given: Mapping[str, Any]) -> str:
    """The command line of these options; ``sys.argv`` would be wrong when the demo calls the function."""
    words = ["entourage", "evaluate"]
    for option, value in given.items():
        flag = {True: [option], False: [f"--no-{option[2:]}"]}
        words += flag[value] if isinstance(value, bool) else [option, str(value)]
    return shlex.join(words)


def _lengths(text: str) -> list[int]:
    try:
        found = list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise SettingsError(f"--k {text!r} is no list of lengths.", do="Give whole numbers from 1 on, such as 10,20.")
    return found
