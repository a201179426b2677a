"""``entourage upgrade``: a home and a graph of an older version, brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from cli.progress import bars
from cli.terminal import make_console
from graph.errors import SettingsError
from graph.settings import Settings, load_settings
from graph.upgrade import BEFORE, Upgrade
from graph.upgrade import upgrade as bring_up_to_date
from ranking import registry
from recommenders.core.artifact import FORMAT

__all__ = ["upgrade"]

_console = make_console(soft_wrap=True)
_WATCHES: Final = "schema/V0005__one_definition"
_GAT: Final = "since this version gat is the graph attention network alone, and pipeline is the whole."


def upgrade() -> None:
    """Bring the home and the graph of an older version up to date. It may be killed, and run again.

    The graph keeps its data. Models that cannot be read any more are put aside; the snapshot is exported again.
    """
    settings = load_settings()
    _console.print(f"Upgrading {settings.home} …")
    with bars(_console) as progress:
        done = bring_up_to_date(settings, FORMAT, progress)
    if done.nothing:
        _console.print("Nothing to do: everything is as this version has it.")
        return
    table = Table("what", "done", title="Upgraded", title_justify="left")
    for what, result in _lines(done):
        table.add_row(what, escape(result))
    _console.print(table)
    if _WATCHES in done.applied and done.exported:
        _console.print(
            "Older versions kept the first and the last time of a pair's watches only, and the first time of a follow. "
            "`entourage import` of the same files adds the others."
        )
    for where, told in _settings_to_look_at(settings, done.moved):
        _console.print(f"[yellow]{escape(where)}:[/] {escape(told)}")
    if done.put_aside:
        _console.print("Next: `entourage import FOLDER`, `entourage export`, then `entourage train`.")
    elif done.exported or settings.snapshot_path.exists():
        serves = registry.trained(settings) and not done.moved
        _console.print(f"Next: `entourage {'serve' if serves else 'train'}`.")
    else:
        _console.print("Next: `entourage export`, then `entourage train`.")


def _settings_to_look_at(settings: Settings, moved: Sequence[str]) -> list[tuple[str, str]]:
    """Settings that name a model which was put aside, or which no version knows by that name any more, and why."""
    named = [(f"service.model is {settings.service.model}", settings.service.model)]
    named += [(f"feed.recommenders names {name}", name) for name in settings.feed.recommenders]
    found = []
    for where, name in named:
        try:
            registry.check(name)
        except SettingsError as error:
            found.append((where, str(error)))
            continue
        if name in moved:
            again = f"models called {name} must be trained again: `entourage train --model {name}`."
            found.append((where, _GAT if name == "gat" else again))
    return found


def _lines(done: Upgrade) -> list[tuple[str, str]]:
    names = ", ".join(name.removeprefix("schema/") for name in done.applied)
    graph = names or ("nothing to apply" if done.graph else "there is none")
    snapshot = "written anew" if done.exported else "there was none, or it is up to date"
    if done.put_aside:
        snapshot = f"the graph holds nothing to export: the old one is {done.put_aside}"
    models = f"moved to models/{BEFORE}: {', '.join(done.moved)}" if done.moved else "none had to be moved"
    return [(f"graph {done.graph}" if done.graph else "graph", graph), ("models", models), ("snapshot", snapshot)]
