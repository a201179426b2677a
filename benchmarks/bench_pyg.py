"""Train PyG's stock GAT from a live Neo4j, no snapshot needed, and print what both sources give in nodes a second.

    python -m benchmarks.bench_pyg [--epochs 3] [--batches 20]

The task: which genre a keak's beat has, by the properties of both, who watched the keak and who follows whom. It asks
the graph of NEO4J_URI or of the local server; the snapshot's figure is printed where there is one.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import torch

from graph import snapshot
from graph.settings import load_settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyG's imports warn of their own parts
    from torch_geometric.loader import NodeLoader
    from torch_geometric.nn import GAT, to_hetero

    from graph.formats.backend import SnapshotFeatures, SnapshotTopology
    from graph.formats.live import LiveFeatures, LiveGraph, LiveTopology
    from graph.formats.sampler import NeighbourSampler, SnapshotNeighbours

TYPES = ("WATCHED", "FOLLOWS", "USES")
KINDS = [
    ("User", "WATCHED", "Content"),
    ("Content", "rev_WATCHED", "User"),
    ("Content", "USES", "Content"),
    ("Content", "rev_USES", "Content"),
    ("User", "FOLLOWS", "User"),
    ("User", "rev_FOLLOWS", "User"),
]
HOPS = [8, 4]
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batches", type=int, default=20, help="of each source, for nodes a second")
    asked = parser.parse_args()
    torch.manual_seed(0)
    settings = load_settings()
    live = LiveGraph(settings)
    stores, sampler = (LiveFeatures(live), LiveTopology(live)), NeighbourSampler(live, HOPS, TYPES)
    train(live, stores, sampler, asked.epochs)
    print(f"live Neo4j: {pace(stores, sampler, asked.batches):,.0f} nodes a second")
    if (settings.snapshot_path / "manifest.json").is_file():
        held = snapshot.load(settings.snapshot_path)
        drawn = NeighbourSampler(SnapshotNeighbours(held), HOPS, TYPES)
        found = pace((SnapshotFeatures(held), SnapshotTopology(held)), drawn, asked.batches)
        print(f"snapshot: {found:,.0f} nodes a second")
    live.close()


def train(live: LiveGraph, stores: Any, sampler: NeighbourSampler, epochs: int) -> None:
    """Learn on four fifths of the keaks whose beat has a genre, and say how many of the others are told right."""
    ((numbers, genres),) = live.graph.stream("sample/genre_of_keaks")
    nids = live.numbered["Content"].nids(numbers)
    names, codes = np.unique(genres, return_inverse=True)
    label = torch.full((live.counts["Content"],), -1)
    label[torch.from_numpy(nids.astype(np.int64))] = torch.from_numpy(codes)
    order = torch.from_numpy(np.random.default_rng(0).permutation(nids).astype(np.int64))
    first, held_out = order[: 4 * len(order) // 5], order[4 * len(order) // 5 :]
    most = torch.bincount(label[first]).argmax()
    print(f"{len(names)} genres; always the commonest: {(label[held_out] == most).float().mean():.1%}")
    model = to_hetero(GAT((-1, -1), 32, 2, len(names), add_self_loops=False), (["User", "Content"], KINDS))

    standard = {name: live.features(name) for name in ("User", "Content")}

    def scaled(batch: Any) -> Any:
        for name, whole in standard.items():
            x = (batch[name].x - whole.mean(dim=0)) / whole.std(dim=0).clamp(min=1e-3)
            batch[name].x = x.clamp(-3, 3)
        return batch

    def loader(nodes: torch.Tensor, *, shuffle: bool) -> NodeLoader:
        return NodeLoader(stores, sampler, ("Content", nodes), transform=scaled, batch_size=BATCH, shuffle=shuffle)

    with torch.no_grad():
        model(*inputs(next(iter(loader(first, shuffle=False)))))  # gives the lazy weights their shapes
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        begun, total = time.monotonic(), 0.0
        for batch in loader(first, shuffle=True):
            wanted = label[batch["Content"].n_id[: batch["Content"].batch_size]]
            loss = torch.nn.functional.cross_entropy(model(*inputs(batch))["Content"][: len(wanted)], wanted)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(wanted)
        right = 0
        with torch.no_grad():
            for batch in loader(held_out, shuffle=False):
                wanted = label[batch["Content"].n_id[: batch["Content"].batch_size]]
                right += int((model(*inputs(batch))["Content"][: len(wanted)].argmax(dim=1) == wanted).sum())
        print(
            f"epoch {epoch + 1}: loss {total / len(first):.3f}, right {right / len(held_out):.1%}, "
            f"{time.monotonic() - begun:.1f} s"
        )


def inputs(batch: Any) -> tuple[dict[str, torch.Tensor], dict[tuple[str, str, str], torch.Tensor]]:
    """Features and edges of a batch; a kind that it has no edge of is empty."""
    none = torch.empty((2, 0), dtype=torch.int64)
    edges = {kind: batch[kind].edge_index if kind in batch.edge_types else none for kind in KINDS}
    return {name: batch[name].x for name in ("User", "Content")}, edges


def pace(stores: Any, sampler: NeighbourSampler, batches: int) -> float:
    """Nodes with their features a second, of the first batches of contents."""
    loader = iter(NodeLoader(stores, sampler, "Content", batch_size=BATCH))
    next(loader)
    begun, nodes = time.monotonic(), 0
    for _, batch in zip(range(batches), loader, strict=False):
        nodes += batch.num_nodes
    return nodes / (time.monotonic() - begun)


if __name__ == "__main__":
    main()
