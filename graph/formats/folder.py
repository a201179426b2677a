"""Write a snapshot, or a part of it, as a folder in another tool's format.

README.md       how to open it, and what every column is
manifest.json   counts, cut-off, selection, schema hash, sizes and checksums of the other files
ids/<Label>.csv nid (row number from 0) and id
and the format's own files
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl

from graph import aside, schema
from graph.errors import SettingsError
from graph.formats import networks, tables
from graph.formats.hetero import node_features, to_hetero
from graph.snapshot import Manifest, Snapshot, finish, hindsight

__all__ = ["ExportManifest", "Format", "columns", "schema_hash", "write"]


class Format(StrEnum):
    """The formats of ``entourage export --to``."""

    SNAPSHOT = "snapshot"
    PARQUET = "parquet"
    PYG = "pyg"
    NETWORKX = "networkx"
    GRAPHML = "graphml"
    CSV = "csv"
    DGL = "dgl-csv"
    NEO4J = "neo4j-csv"


class ExportManifest(Manifest):
    """The manifest of an exported folder."""

    format: Format
    selection: str
    """The people whose part of the graph was exported."""
    schema_hash: str
    """SHA-256 over the format and the names and types of all columns: equal hashes, equal columns."""


def _pyg(snapshot: Snapshot, folder: Path) -> None:
    import torch

    torch.save(to_hetero(snapshot), folder / "graph.pt")


_WRITERS: Final[dict[Format, Callable[[Snapshot, Path], None]]] = {
    Format.PARQUET: tables.write_parquet,
    Format.PYG: _pyg,
    Format.NETWORKX: lambda snapshot, folder: networks.write_node_link(snapshot, folder / "graph.json"),
    Format.GRAPHML: lambda snapshot, folder: networks.write_graphml(snapshot, folder / "graph.graphml"),
    Format.CSV: tables.write_csv,
    Format.DGL: tables.write_dgl,
    Format.NEO4J: tables.write_neo4j,
}
_TABLES: Final = (Format.PARQUET, Format.CSV, Format.DGL, Format.NEO4J)

_HOW: Final = {
    Format.PARQUET: """Row number = nid. `source` and `target` of an edge are nids.

```python
import polars as pl

users = pl.read_parquet("nodes/User.parquet").with_row_index("nid")
watched = pl.read_parquet("edges/WATCHED.parquet")
```""",
    Format.PYG: """One `HeteroData`. `x` holds the columns marked with their place below, float32, 0 where unknown;
`edge_attr` of `WATCHED` is its engagement; `time` is in milliseconds since 1970, the least int64 where unknown. The
file is a pickle: open only files that you trust.

```python
import torch

data = torch.load("graph.pt", weights_only=False)
data.validate()
```""",
    Format.NETWORKX: """A directed multigraph. A node is called `Label:id`, an edge `TYPE:row`; its type is the property
`type`. Unknown properties are absent.

```python
import json
import networkx as nx

graph = nx.node_link_graph(json.load(open("graph.json", encoding="utf-8")), edges="edges")
```""",
    Format.GRAPHML: """A directed multigraph for Gephi, yEd, Cytoscape and networkx. A node is called `Label:id`,
an edge `TYPE:row`. Unknown properties are absent; a list is JSON text.

```python
import networkx as nx

graph = nx.read_graphml("graph.graphml")
```""",
    Format.CSV: """`source` and `target` of an edge are ids. An empty field is unknown; a list is JSON text.

```python
import polars as pl

ends = {"source": pl.String, "target": pl.String}
watched = pl.read_csv("edges/WATCHED.csv", schema_overrides=ends)
```""",
    Format.DGL: """Only numbers and flags, 0 where unknown: DGL's reader takes no text. Nodes are named by their nids
(`ids/` has the ids). Labels and types without a row have no file.

```python
import dgl

graph = dgl.data.CSVDataset(".")[0]
```""",
    Format.NEO4J: """For Neo4j's bulk importer, with the server stopped:

```console
$ neo4j-admin database import full neo4j @import.args
```

Constraints are not part of it. To use the graph with Entourage, import the original files instead.""",
}


def write(snapshot: Snapshot, format_: Format, path: Path, selection: str = "everyone") -> ExportManifest:
    """Write ``snapshot`` to a temporary folder, rename it to ``path``, and return the manifest.

    ``selection`` describes in the README whose part of the graph it is. Raises SettingsError if ``path`` holds anything
    but an export, SnapshotError if the graph is too large for the format.
    """
    check_free(path)
    about = ExportManifest(
        **snapshot.manifest.model_dump(exclude={"files"}),
        format=format_,
        selection=selection,
        schema_hash=schema_hash(snapshot, format_),
    )
    if format_ is Format.SNAPSHOT:
        snapshot.save(path)
        return about
    with aside.folder(path) as folder:
        for name in ("ids", *(("nodes", "edges") if format_ in _TABLES else ())):
            (folder / name).mkdir()
        for label, nodes in snapshot.nodes.items():
            ids = pl.DataFrame({"nid": range(nodes.count), "id": nodes.ids}, schema={"nid": pl.Int64, "id": pl.String})
            ids.write_csv(folder / "ids" / f"{label}.csv")
        _WRITERS[format_](snapshot, folder)
        (folder / "README.md").write_text(_readme(snapshot, about), "utf-8")
        finish(folder, about)
    return about


def check_free(path: Path) -> None:
    """Raise SettingsError for a path that is a file, or a folder with something else than an export or a snapshot."""
    if path.is_dir() and (_is_export(path) or not any(path.iterdir())):
        return
    if path.exists():
        raise SettingsError(f"{path} exists and is no export.", do="Name a folder that is new, empty or an export.")


def _is_export(path: Path) -> bool:
    """Whether the folder's manifest is one of an export or a snapshot; other programs, and models, have one too."""
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.keys() >= {"graph_id", "nodes", "edges"}


def columns(snapshot: Snapshot, format_: Format) -> dict[str, dict[str, str]]:
    """Label or relationship type → column → its type, for the columns that ``format_`` has."""
    found: dict[str, dict[str, str]] = {}
    for label, nodes in snapshot.nodes.items():
        names = {name: str(dtype) for name, dtype in nodes.frame.schema.items()}
        if format_ in (Format.PYG, Format.DGL):
            names = dict.fromkeys(node_features(snapshot, label)[1], "Float32")
        found[label] = names
    for type_, edges in snapshot.edges.items():
        frame = tables.edge_frame(edges, 0, 1)
        if format_ is Format.NEO4J:
            frame = frame.drop("engagement", strict=False)
        names = {name: str(dtype) for name, dtype in frame.schema.items() if name not in ("source", "target")}
        if format_ is Format.DGL:
            names = {name: dtype for name, dtype in names.items() if dtype != "String"}
        if format_ is Format.PYG:
            names = {name: dtype for name, dtype in names.items() if name in ("engagement", "lastAt", "since")}
        found[type_] = names
    return found


def schema_hash(snapshot: Snapshot, format_: Format) -> str:
    """SHA-256 over the format and `columns`."""
    described = json.dumps([format_.value, columns(snapshot, format_)], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def _readme(snapshot: Snapshot, about: ExportManifest) -> str:
    lines = [
        f"# A graph of Entourage as {about.format.value}",
        "",
        f"Whose part of the graph: {about.selection}. Newest time: {about.cutoff or 'none known'} (ms since 1970).",
        f"Schema hash: `{about.schema_hash}`.",
        "",
        _HOW[about.format],
        "",
        "`ids/<Label>.csv` maps each nid (row number from 0 within a label) to the id of the node.",
        "",
        "Columns marked *hindsight* were counted over all that happened until the export. Leave them out before you",
        "split in time: they know the test part. Times are milliseconds since 1970. A relationship's flag is false",
        "where it is unknown.",
        "",
    ]
    for name, own in columns(snapshot, about.format).items():
        relationship = schema.RELATIONSHIPS.get(name)
        count = about.edges[name] if relationship else about.nodes[name]
        ends = f" ({relationship.source} to {relationship.target})" if relationship else ""
        lines += [f"## {name}{ends}: {count:,}", ""]
        if own:
            lines += ["| column | type | note |", "|---|---|---|"]
        for place, (column, dtype) in enumerate(own.items()):
            notes = [f"place {place} of `x`"] if about.format is Format.PYG and not relationship else []
            notes += ["time"] if column in _TIMES else []
            notes += ["the id"] if column == schema.NODE_KEYS.get(name) else []
            late = name in hindsight.RELATIONSHIPS or column in hindsight.PROPERTIES.get(name, ())
            notes += ["*hindsight*"] if late else []
            lines.append(f"| `{column}` | {dtype} | {', '.join(notes)} |")
        lines += [""] if own else ["No column.", ""]
        if name in hindsight.RELATIONSHIPS:
            lines += ["*Hindsight*, the whole type.", ""]
    return "\n".join(lines)


_TIMES: Final = frozenset(
    (*schema.USER_TIMES, *schema.KEAK_TIMES, *schema.BEAT_TIMES, "since", "at", "firstAt", "lastAt")
)
