"""How well the network ranks contents that it never saw: placed online, trained with them, or ranked by attributes.

    python -m experiments.new_contents --seeds 3

It uses the snapshot of the home folder. A tenth of the contents is held out with all their watches, and only these are
ranked, for the users who watched any of them (`evaluation.splits.cold_contents`). One network is trained without these
contents and places them by features, makers, beats, genres, moods and hashtags (`Recommender.place`). Another network
is trained with them in its graph, without their watches. Content similarity is fitted with them too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console
from rich.table import Table

from evaluation import splits
from experiments.newcomers import properties
from gnn.recommender import GraphNetwork
from graph import schema
from graph.settings import load_settings
from graph.snapshot import Snapshot, load
from ranking import registry
from recommenders.core.holdout import Holdout
from recommenders.core.ndcg import judge, ndcg
from recommenders.core.recommender import NewContent
from recommenders.core.top_k import Floats, top_k

K = 10
#: Relationship types that place a new content, except WATCHED.
NEAR = (schema.MADE, schema.USES, schema.HAS_GENRE, schema.HAS_MOOD, schema.TAGGED)


def without(snapshot: Snapshot, gone: npt.NDArray[np.bool_]) -> Snapshot:
    """The snapshot without the contents in the mask ``gone`` and their relationships; users keep their nids."""
    number = np.where(gone, -1, np.cumsum(~gone) - 1).astype(np.int32)
    nodes = {label: nodes.frame for label, nodes in snapshot.nodes.items()}
    nodes[schema.CONTENT] = nodes[schema.CONTENT].filter(pl.Series(~gone))
    edges = {}
    for name, known in snapshot.edges.items():
        type_ = schema.RELATIONSHIPS[name]
        source, target = (
            number[nids] if label == schema.CONTENT else np.asarray(nids, dtype=np.int32)
            for label, nids in ((type_.source, known.source), (type_.target, np.asarray(known.target)))
        )
        kept = (source >= 0) & (target >= 0)
        columns = {column: np.asarray(values)[kept] for column, values in known.columns.items()}
        edges[name] = pl.DataFrame({"source": source[kept], "target": target[kept], **columns})
    return Snapshot.build(nodes, edges)


def described(snapshot: Snapshot, content: int, kept: npt.NDArray[np.int64]) -> NewContent:
    """What the graph knows of a held-out content; ``kept`` maps contents to their nids in `without`, -1 if held out."""
    near = {}
    for name in NEAR:
        type_, edges = schema.RELATIONSHIPS[name], snapshot.edges[name]
        if type_.source == schema.CONTENT:
            others = np.asarray(edges.target[edges.indptr[content] : edges.indptr[content + 1]], dtype=np.int64)
        else:
            incoming = edges.incoming
            others = np.asarray(incoming.neighbour[incoming.indptr[content] : incoming.indptr[content + 1]])
        if type_.source == type_.target:  # a held-out beat cannot be a neighbour
            others = kept[others]
        near[name] = others[others >= 0]
    return NewContent(properties(snapshot.contents, content), near)


def found(scores: Floats, cold: npt.NDArray[np.int64], split: Holdout) -> npt.NDArray[np.float64]:
    """NDCG@K of each judged user by ``scores`` (users, cold)."""
    ids = np.full((len(scores), K), -1, dtype=np.int64)
    best, _ = top_k(scores, K)
    ids[:, : best.shape[1]] = cold[best]
    return np.asarray(ndcg(judge(ids, split.held_out[split.users]), K))


def measure(split: Holdout) -> dict[str, npt.NDArray[np.float64]]:
    """Ranking → NDCG@K of each judged user."""
    assert split.allowed is not None
    cold = np.flatnonzero(split.allowed)
    kept = np.where(split.allowed, -1, np.cumsum(~split.allowed) - 1)
    network = GraphNetwork().fit(without(split.train, split.allowed))
    placed = network.place([described(split.train, int(content), kept) for content in cold])
    assert placed is not None
    results = {"placed online, never seen": found(placed.scores(split.users), cold, split)}
    for label, name in (("gat, trained with them there", "gat"), ("content similarity", "content-similarity")):
        model = registry.make(name).fit(split.train)
        blocks = np.array_split(split.users, len(split.users) // 1_000 + 1)
        results[label] = found(np.concatenate([model.scores(users)[:, cold] for users in blocks]), cold, split)
    chance = np.random.default_rng(0).random((len(split.users), len(cold)), dtype=np.float32)
    return results | {"chance": found(chance, cold, split)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--snapshot", type=Path, help="by default the one in the home folder")
    parser.add_argument("--fraction", type=float, default=0.1, help="share of the contents that is held out")
    parser.add_argument("--seeds", type=int, default=1, help="splits")
    chosen = parser.parse_args()
    whole = load(chosen.snapshot or load_settings().snapshot_path)
    values: dict[str, list[npt.NDArray[np.float64]]] = {}
    for seed in range(chosen.seeds):
        for label, by_user in measure(splits.cold_contents(whole, chosen.fraction, seed)).items():
            values.setdefault(label, []).append(by_user)
            print(f"split {seed}, {label}: {100 * by_user.mean():.2f}", flush=True)
    table = Table("", f"NDCG@{K}, %", "± over users", "± over splits")
    for label, all_of in values.items():
        means = 100 * np.array([by_user.mean() for by_user in all_of])
        error = 100 * np.concatenate(all_of).std() / np.sqrt(sum(map(len, all_of)))
        spread = f"{means.std(ddof=1):.2f}" if len(means) > 1 else ""
        table.add_row(label, f"{means.mean():.2f}", f"{error:.2f}", spread)
    Console().print(table)


if __name__ == "__main__":
    main()
