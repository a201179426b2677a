"""The graph as arrays: ``load`` opens the folder that ``export`` writes; ``format`` describes it."""

from graph.snapshot.format import NO_TIME, Csr, Edges, Manifest, Nodes, Snapshot, Step, finish, graph_id, load, verify

__all__ = ["NO_TIME", "Csr", "Edges", "Manifest", "Nodes", "Snapshot", "Step", "finish", "graph_id", "load", "verify"]
