"""The graph as arrays: ``load`` opens the folder that ``export`` writes; ``format`` describes it."""

from graph.snapshot.format import (
    MAPPED_COLUMNS,
    NO_TIME,
    Csr,
    Edges,
    Manifest,
    Mode,
    Nodes,
    Snapshot,
    finish,
    graph_id,
    load,
    verify,
    write_topology,
)

__all__ = [
    "MAPPED_COLUMNS",
    "NO_TIME",
    "Csr",
    "Edges",
    "Manifest",
    "Mode",
    "Nodes",
    "Snapshot",
    "finish",
    "graph_id",
    "load",
    "verify",
    "write_topology",
]
