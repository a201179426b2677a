"""A snapshot as the tables that ``graph.construct`` of Neo4j's GDS client takes."""

from __future__ import annotations

import polars as pl

from graph import schema
from graph.snapshot import Snapshot

__all__ = ["frames"]


def frames(snapshot: Snapshot) -> tuple[list[pl.DataFrame], list[pl.DataFrame], pl.DataFrame]:
    """(nodes, relationships, ids): a table a label and one a relationship type that has rows, and who is who.

    Nodes have ``nodeId`` (unique over all labels) and ``labels``; relationships ``sourceNodeId``, ``targetNodeId``,
    ``relationshipType``, and WATCHED its ``engagement`` where the graph has it. ``ids`` has ``nodeId``, ``label`` and
    ``id``. GDS holds no text, and construct no property of a node that some nodes lack, so nodes have no property.
    """
    first: dict[str, int] = {}
    nodes, ids = [], []
    total = 0
    for label, own in snapshot.nodes.items():
        first[label] = total
        numbers = pl.int_range(total, total + own.count, dtype=pl.Int64, eager=True).alias("nodeId")
        ids.append(pl.DataFrame([numbers]).with_columns(pl.lit(label).alias("label"), own.ids.alias("id")))
        labels = pl.concat_list(pl.lit(label))
        if label == schema.CONTENT:
            kinds = own.frame["kind"].str.to_titlecase().alias("kind")
            labels = pl.concat_list(pl.lit(label), kinds).list.drop_nulls()
        nodes.append(pl.DataFrame([numbers]).with_columns(labels.alias("labels")))
        total += own.count
    relationships = []
    for type_, edges in snapshot.edges.items():
        ends = schema.RELATIONSHIPS[type_]
        columns = {
            "sourceNodeId": pl.Series(edges.source, dtype=pl.Int64) + first[ends.source],
            "targetNodeId": pl.Series(edges.target, dtype=pl.Int64) + first[ends.target],
            "relationshipType": pl.repeat(type_, len(edges), eager=True),
        }
        if type_ == schema.WATCHED and "engagement" in edges.columns:
            columns["engagement"] = pl.Series(edges.columns["engagement"], dtype=pl.Float64)
        relationships.append(pl.DataFrame(columns))
    return [one for one in nodes if one.height], [one for one in relationships if one.height], pl.concat(ids)
