"""What each part of the graph network contributes: one part at a time is left out or replaced.

    python -m experiments.ablations --snapshot FOLDER --parts edges,convolutions

Parts: ``edges`` (each relationship type that the network uses, except WATCHED), ``features`` (each group of node
properties, and each property of edges), ``convolutions``, ``losses``, ``recipe`` (depth, start, regularisation),
``pipeline`` (the pipeline with and without friends, and its models). Each part has its own leaderboard, in a folder of
its name, tested against the complete model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import numpy as np
import typer
from rich.console import Console

from cli.progress import bar
from evaluation import leaderboard, report
from evaluation.contenders import Contender
from evaluation.splits import How, hold_out
from gnn.config import Convolution, GnnConfig
from gnn.features import edge_ages, edge_features
from gnn.recommender import GraphNetwork
from graph import schema
from graph import snapshot as snapshots
from graph.errors import SettingsError
from graph.snapshot import Edges, Nodes, Snapshot, hindsight
from ranking import registry
from recommenders.core.options import FitOptions

console = Console()
COMPLETE: Final = "complete"

#: Group of node properties → their names, of users and contents alike.
FEATURES: Final[dict[str, frozenset[str]]] = {
    "times": frozenset((*schema.USER_TIMES, *schema.KEAK_TIMES, *schema.BEAT_TIMES)),
    "counts": frozenset((*schema.USER_COUNTS, *schema.KEAK_COUNTS, *schema.BEAT_COUNTS)),
    "flags": frozenset((*schema.USER_FLAGS, *schema.KEAK_FLAGS)),
    "texts": frozenset(("kind", *schema.KEAK_TEXTS, *schema.BEAT_TEXTS, *schema.BEAT_TEXT_LISTS)),
}

#: Property of an edge that the network uses → its relationship type.
EDGE_FEATURES: Final[dict[str, str]] = {
    "engagement": schema.WATCHED,
    "lastAt": schema.WATCHED,
    "since": schema.FOLLOWS,
}

#: Change of the recipe → settings that differ from the defaults.
RECIPE: Final[dict[str, dict[str, Any]]] = {
    "ids start at random": {"init": "random"},
    "no layers": {"layers": 0},
    "one layer": {"layers": 1},
    "two layers": {"layers": 2},
    "temperature 0.1": {"temperature": 0.1},
    "temperature 0.3": {"temperature": 0.3},
    "blind to popularity": {"popularity": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "no edge dropout": {"edge_dropout": 0.0},
    "no newcomers": {"cold": 0.0},
    "messages of all times": {"in_time": False},
    "no averaging": {"ema": 0.0},
    "half as wide": {"dim": 64},
}

#: Another loss → settings. The complete model has a softmax over all contents, and one over all users for friends.
LOSSES: Final[dict[str, dict[str, Any]]] = {
    "softmax over 1,024 drawn contents": {"sampled_items": 1024},
    "pairs (BPR)": {"loss": "bpr"},
    "friends not learned": {"friends": 0.0},
}

View = Callable[[Snapshot], Snapshot]


def without_edges(type_: str) -> View:
    """The snapshot without the relationships of one type. Without FOLLOWS there is no loss on friends either."""

    def view(snapshot: Snapshot) -> Snapshot:
        edges = snapshot.edges[type_]
        return snapshot.with_edges(edges.keep(np.zeros(len(edges), dtype=bool)))

    return view


def without_features(names: frozenset[str]) -> View:
    """The snapshot without some properties of users and contents."""

    def view(snapshot: Snapshot) -> Snapshot:
        nodes = {**snapshot.nodes}
        for label in (schema.USER, schema.CONTENT):
            frame = nodes[label].frame
            nodes[label] = Nodes(label, frame.drop([name for name in frame.columns if name in names]), frame.height)
        return Snapshot(snapshot.manifest, nodes, snapshot.edges)

    return view


def without_property(name: str) -> View:
    """The snapshot without one of `EDGE_FEATURES`: every engagement becomes 1, or times become unknown.

    This also changes the weights of watches in the loss. Without times, the validation part is random, steps have no
    cut-off, and ages of follows are measured from the newest follow.
    """

    def view(snapshot: Snapshot) -> Snapshot:
        edges = snapshot.edges[EDGE_FEATURES[name]]
        columns = {key: column for key, column in edges.columns.items() if key != name}
        if name == "engagement":
            columns[name] = np.ones(len(edges), dtype=np.float32)
        return snapshot.with_edges(Edges(edges.type, edges.indptr, edges.target, edges.width, columns))

    return view


def network(label: str, view: View = lambda snapshot: snapshot, **settings: Any) -> Contender:
    """The graph network alone, with some settings, on a view of the training part."""

    def fit(train: Snapshot, options: FitOptions) -> GraphNetwork:
        return GraphNetwork(**settings).fit(view(train), options)

    return Contender(label, fit)


def registered(label: str, name: str, view: View = lambda snapshot: snapshot) -> Contender:
    """A recommender of the registry on a view of the training part."""
    return Contender(label, lambda train, options: registry.make(name).fit(view(train), options))


def contenders(part: str, whole: Snapshot) -> list[Contender]:
    """The contenders of one part, the complete model first. Raises SettingsError for an unknown part."""
    complete = network(COMPLETE)
    match part:
        case "edges":
            hidden = {
                schema.WATCHED,
                *hindsight.RELATIONSHIPS,
            }  # the labels, and the relations that the network never uses
            types = [name for name, edges in whole.edges.items() if len(edges) and name not in hidden]
            return [complete, *(network(f"without {name}", without_edges(name)) for name in types)]
        case "features":
            there = set(whole.users.frame.columns) | set(whole.contents.frame.columns)
            groups = {name: columns for name, columns in FEATURES.items() if columns & there}
            groups["any"] = frozenset().union(*FEATURES.values())
            described = edge_features(whole, edge_ages(whole))
            told = [
                name
                for name, type_ in EDGE_FEATURES.items()
                if name in whole.edges[type_].columns and type_ in described
                if name != "engagement" or whole.mode == "engagement"
            ]
            return [
                complete,
                *(network(f"without {name}", without_features(c)) for name, c in groups.items()),
                *(network(f"without {name}", without_property(name)) for name in told),
            ]
        case "convolutions":
            others = [name for name in get_args(Convolution) if name != GnnConfig().convolution]
            return [complete, *(network(name, convolution=name) for name in others)]
        case "losses" | "recipe":
            changes = LOSSES if part == "losses" else RECIPE
            return [complete, *(network(label, **settings) for label, settings in changes.items())]
        case "pipeline":
            alone = [registered(f"{name} alone", name) for name in ("gat", "ease", "als")]
            friendless = registered("without FOLLOWS", "pipeline", without_edges(schema.FOLLOWS))
            return [registered(COMPLETE, "pipeline"), friendless, *alone]
    raise SettingsError(
        f"No part is called {part!r}.", do="Known ones: edges, features, convolutions, losses, recipe, pipeline."
    )


def main(
    snapshot: Annotated[Path, typer.Option(help="Folder of the snapshot.")],
    out: Annotated[Path, typer.Option(help="Folder to write; one folder a part.")] = Path("ablations"),
    parts: Annotated[
        str, typer.Option(help="Comma-separated parts.")
    ] = "edges,features,convolutions,losses,recipe,pipeline",
    split: Annotated[How, typer.Option(help="How the test part is held out.")] = How.RANDOM,
    fraction: Annotated[float, typer.Option(help="Size of the test part.")] = 0.2,
    seeds: Annotated[int, typer.Option(min=1, help="Splits.")] = 1,
    users: Annotated[int, typer.Option(help="Judge only so many users; 0 judges all.")] = 0,
) -> None:
    """Leave out one thing at a time."""
    whole = snapshots.load(snapshot)
    chosen = {part: contenders(part, whole) for part in parts.split(",")}
    made = [hold_out(whole, split, fraction, seed) for seed in range(seeds)]
    made = [one.sample(users) for one in made] if users else made
    for part, taking_part in chosen.items():
        with bar(console) as progress:
            options = FitOptions(progress=progress)
            board = leaderboard.evaluate(taking_part, made, (10, 20), options, reference=COMPLETE)
        report.write(board, out / part, f"python -m experiments.ablations --parts {part}")
        console.print(report.table(board, console.width))
    console.print(f"Written to {out}.")


if __name__ == "__main__":
    typer.run(main)
