"""The session model with the vectors of a graph network among those that it chooses from."""

from __future__ import annotations

import numpy as np
import polars as pl

from gnn.recommender import GatNetwork
from graph import schema
from graph.snapshot import Snapshot
from recommenders.core.config import CORE
from recommenders.core.options import part_of
from recommenders.core.top_k import Floats
from recommenders.item_vectors import Source, Taught, settled
from recommenders.session import SessionModel

__all__ = ["PlayerModel"]


class PlayerModel(SessionModel):
    """See `SessionModel`. It may also use vectors of the graph attention network on sessions and heard tracks."""

    def _sources(self) -> dict[str, Source]:
        return {**super()._sources(), "gat": _gat}


def _gat(taught: Taught) -> Floats:
    """Vectors of the network `gat`, trained on the graph of sessions and the tracks heard in them."""
    lists = taught.lists
    heard = pl.DataFrame({"source": lists.rows.astype(np.int32), "target": lists.items.astype(np.int32)})
    nodes = {
        schema.USER: pl.DataFrame({"userId": [str(row) for row in range(len(lists))]}, schema={"userId": pl.String}),
        schema.CONTENT: pl.DataFrame({"contentId": taught.ids}),
    }
    graph = Snapshot.build(nodes, {schema.WATCHED: heard})
    options = taught.options
    model = GatNetwork().fit(
        graph,
        options.but(
            validation=None,
            start=None,
            checkpoint=None,
            share=CORE.network_share * options.share,
            progress=part_of(options.progress, 0.2, 0.6),
        ),
    )
    return settled(np.asarray(model.artifact.embeddings.contents), lists.counts, taught.artists, taught.dim)
