"""The graph as arrays: one folder that training, evaluation and serving read without a database.

    manifest.json                 version, graph id, counts, cut-off, mode, sizes and checksums of the other files
    nodes/<Label>.parquet         row number = nid; the key column first, then the node's properties
    edges/<TYPE>.parquet          source, target (nids), then the properties; sorted by (source, target)
    topology/<TYPE>.<array>.npy   memory-mapped: indptr and target (CSR by source), in_indptr, in_source and in_order
                                  (CSR by target; in_order is each incoming edge's row in the Parquet file);
                                  for WATCHED also engagement and lastAt, in row order

``nid`` counts from 0 within a label; keaks and beats share the label Content and its nids (column ``kind``).
Times of edges are int64 milliseconds since 1970 with ``NO_TIME`` where unknown; ``engagement`` is float32 in 0..1.
In the Parquet files every other unknown value is null; read as an array it is NaN, or False for a flag.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Literal
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
from pydantic import BaseModel, ValidationError

from graph import aside, schema
from graph.checksum import sha256
from graph.errors import SnapshotError
from graph.snapshot.arrays import NO_TIME, Array, Csr, Edges, Ints, Nodes, Parquet, transpose

__all__ = [
    "MAPPED_COLUMNS",
    "NO_TIME",
    "Csr",
    "Edges",
    "Manifest",
    "Mode",
    "Nodes",
    "Snapshot",
    "Step",
    "finish",
    "graph_id",
    "load",
    "verify",
    "write_topology",
]

Mode = Literal["implicit", "engagement"]

_EXPORT_AGAIN = "Run `entourage export` to write a fresh one."
_OPEN: Final[WeakValueDictionary[tuple[str, int, int], Snapshot]] = WeakValueDictionary()
"""Snapshots in use, by path, inode and time of their manifests."""
MAPPED_COLUMNS: Final = {schema.WATCHED: ("engagement", "lastAt"), schema.FOLLOWS: ("since",)}
_LEARNED_COLUMNS: Final = {
    schema.HOLDS: ("place",),
    schema.PLAYED: ("place", "share", "at"),
    schema.WATCH_RATIO: ("ratio",),
}
"""Further properties of edges that models learn from; all are numbers."""


class FileEntry(BaseModel):
    """Size in bytes and SHA-256 of one file of the snapshot."""

    bytes: int
    sha256: str


class Step(BaseModel):
    """The state of the graph when the snapshot was made, as the ledger of `graph.live` names it."""

    ledger: str
    mark: str
    seq: int


class Manifest(BaseModel):
    """The manifest of a snapshot; see the module docstring."""

    version: int = schema.SNAPSHOT_VERSION
    graph_id: str
    """SHA-256 over the user ids and the content ids in nid order: a model is only valid on the graph it names."""
    mode: Mode
    """``implicit``: every engagement is the same, a pair is all that is known. ``engagement``: the label varies."""
    cutoff: int | None = None
    """The newest time in the graph, in milliseconds; None without times."""
    nodes: dict[str, int]
    edges: dict[str, int]
    files: dict[str, FileEntry] = {}
    begun: int | None = None
    """When the graph began to be read, in milliseconds: what was in it before is in the snapshot. None: not known."""
    step: Step | None = None
    """None where it is not known, or where others wrote while it was made."""


class _DiskEdges(Edges):
    """Edges whose CSR by target lies on disk too."""

    def __init__(self, type_: str, folder: Path, width: int) -> None:
        def array(name: str) -> Array:
            return _map(folder / "topology" / f"{type_}.{name}.npy")

        super().__init__(type_, array("indptr"), array("target"), width, _DiskColumns(folder, type_))
        self._incoming = Csr(array("in_indptr"), array("in_source"), array("in_order"))

    @property
    def incoming(self) -> Csr:
        return self._incoming


class _DiskColumns(Mapping[str, Array]):
    """Edge properties, each read when first asked for: memory-mapped where there is an array, else from Parquet."""

    def __init__(self, folder: Path, type_: str) -> None:
        self._read: dict[str, Array] = {
            name: _map(folder / "topology" / f"{type_}.{name}.npy")
            for name in MAPPED_COLUMNS.get(type_, ())
            if (folder / "topology" / f"{type_}.{name}.npy").is_file()
        }
        self._parquet = Parquet(folder / "edges" / f"{type_}.parquet")
        names = pl.read_parquet_schema(folder / "edges" / f"{type_}.parquet")
        self._names = [name for name in names if name not in ("source", "target")]

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = _without_nulls(self._parquet.read([name])[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Snapshot:
    """Nodes and edges with their manifest. ``load`` reads one; ``build`` makes one in memory."""

    def __init__(self, manifest: Manifest, nodes: Mapping[str, Nodes], edges: Mapping[str, Edges]) -> None:
        self.manifest = manifest
        self.nodes = nodes
        self.edges = edges
        self.beside: Path | None = None
        """A folder for arrays that are worked out of the snapshot, so that processes share them; None for none."""

    @property
    def users(self) -> Nodes:
        return self.nodes[schema.USER]

    @property
    def contents(self) -> Nodes:
        return self.nodes[schema.CONTENT]

    @property
    def watched(self) -> Edges:
        return self.edges[schema.WATCHED]

    @property
    def follows(self) -> Edges:
        return self.edges[schema.FOLLOWS]

    @property
    def mode(self) -> Mode:
        return self.manifest.mode

    @cached_property
    def kinds(self) -> npt.NDArray[np.str_]:
        """``keak`` or ``beat`` for every content, shape (contents,)."""
        return self.contents.frame["kind"].to_numpy().astype(str)

    @cached_property
    def digest(self) -> str:
        """A hash of all that is learned from: nodes with their properties, edges with their engagement and times, and
        what sessions, playlists and ratios say of theirs."""
        found = hashlib.sha256(f"{self.manifest.graph_id} {self.mode}".encode())
        for nodes in self.nodes.values():
            found.update(nodes.frame.hash_rows(seed=0).to_numpy().data)
        for edges in self.edges.values():
            names = "engagement", "lastAt", "since", *_LEARNED_COLUMNS.get(edges.type, ())
            told = [edges.columns[name] for name in names if name in edges.columns]
            for array in (edges.indptr, edges.target, *told):
                found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def interactions(self, *, weighted: bool = False) -> sp.csr_array:
        """Users × contents: 1.0 for every watched content, or its engagement when ``weighted``. float32."""
        values = self.watched.columns["engagement"] if weighted else np.ones(len(self.watched), dtype=np.float32)
        return self._matrix(self.watched, values)

    def social(self) -> sp.csr_array:
        """Users × users: 1.0 where the row follows the column. float32."""
        return self.adjacency(schema.FOLLOWS)

    def adjacency(self, type_: str) -> sp.csr_array:
        """Source × target nodes of a relationship type: 1.0 for every relationship. float32."""
        edges = self.edges[type_]
        return self._matrix(edges, np.ones(len(edges), dtype=np.float32))

    def session_owners(self) -> npt.NDArray[np.int64]:
        """The user nid of each session, shape (sessions,); -1 where nobody opened it."""
        opened = self.edges[schema.OPENED]
        owner = np.full(opened.width, -1, dtype=np.int64)
        owner[opened.target] = opened.source
        return owner

    @staticmethod
    def _matrix(edges: Edges, values: Array) -> sp.csr_array:
        shape = (len(edges.indptr) - 1, edges.width)
        # scipy makes all indices as wide as the widest, of this matrix and of all that are made from it.
        indptr = np.asarray(edges.indptr, dtype=np.int32 if len(edges) <= np.iinfo(np.int32).max else np.int64)
        return sp.csr_array((np.asarray(values, dtype=np.float32), edges.target, indptr), shape=shape)

    def with_edges(self, *replacements: Edges) -> Snapshot:
        """The same nodes with some edge types replaced: what a split hands to ``fit``."""
        edges = {**self.edges, **{replacement.type: replacement for replacement in replacements}}
        manifest = _describe(self.nodes, edges, self.manifest.graph_id)
        return Snapshot(manifest, self.nodes, edges)

    @classmethod
    def build(cls, nodes: Mapping[str, pl.DataFrame], edges: Mapping[str, pl.DataFrame]) -> Snapshot:
        """From frames in memory: nodes with their key column, edges with ``source`` and ``target`` nids.

        Missing labels and types are empty; a Content frame without ``kind`` is all keaks; WATCHED without
        ``engagement`` gets 1.0 everywhere. Nulls become what they are in a snapshot on disk.
        """
        made_nodes = {}
        for label, key in schema.NODE_KEYS.items():
            frame = nodes.get(label, pl.DataFrame({key: pl.Series([], dtype=pl.String)}))
            if label == schema.CONTENT and "kind" not in frame.columns:
                frame = frame.with_columns(pl.lit("keak").alias("kind"))
            made_nodes[label] = Nodes(label, frame, frame.height)
        made_edges = {}
        for name, type_ in schema.RELATIONSHIPS.items():
            frame = edges.get(
                name, pl.DataFrame({"source": [], "target": []}, schema={"source": pl.Int32, "target": pl.Int32})
            )
            if name == schema.WATCHED and "engagement" not in frame.columns:
                frame = frame.with_columns(pl.lit(1.0, dtype=pl.Float32).alias("engagement"))
            columns = {c: _without_nulls(frame[c]) for c in frame.columns if c not in ("source", "target")}
            made_edges[name] = Edges.build(
                name,
                frame["source"].to_numpy(),
                frame["target"].to_numpy(),
                (made_nodes[type_.source].count, made_nodes[type_.target].count),
                columns,
            )
        identity = graph_id(made_nodes[schema.USER].ids, made_nodes[schema.CONTENT].ids)
        return cls(_describe(made_nodes, made_edges, identity), made_nodes, made_edges)

    def save(self, path: Path) -> None:
        """Write the snapshot aside and rename it into place; an older one at ``path`` is replaced."""
        with aside.folder(path) as folder:
            for name in ("nodes", "edges", "topology"):
                (folder / name).mkdir()
            for label, nodes in self.nodes.items():
                nodes.frame.write_parquet(folder / "nodes" / f"{label}.parquet")
            for name, edges in self.edges.items():
                columns = {column: _texts_too(values) for column, values in edges.columns.items()}
                frame = pl.DataFrame({"source": edges.source, "target": edges.target, **columns})
                frame.write_parquet(folder / "edges" / f"{name}.parquet")
                width = self.nodes[schema.RELATIONSHIPS[name].target].count
                write_topology(folder, name, edges.indptr, edges.target, width, edges.columns)
            finish(folder, self.manifest)


def load(path: Path) -> Snapshot:
    """Open the snapshot at ``path`` by memory map; nothing large is read yet, and what replaces it is not mixed in.

    While one is in use, opening the same again gives the same object, with all that was worked out of it.
    Raises SnapshotError when there is none, when a file is missing or cut short, or when the version is another.
    """
    try:
        with (path / "manifest.json").open() as file:
            held = os.fstat(file.fileno())
            manifest = Manifest.model_validate_json(file.read())
    except FileNotFoundError:
        raise SnapshotError(f"There is no snapshot at {path}.", do=_EXPORT_AGAIN) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise SnapshotError(f"The manifest of {path} is damaged: {error}.", do=_EXPORT_AGAIN) from error
    if manifest.version != schema.SNAPSHOT_VERSION:
        raise SnapshotError(
            f"The snapshot at {path} has version {manifest.version}; this is version {schema.SNAPSHOT_VERSION}.",
            do=_EXPORT_AGAIN,
        )
    for name, entry in manifest.files.items():
        part = path / name
        if not part.is_file() or part.stat().st_size != entry.bytes:
            raise SnapshotError(f"{part} is missing or cut short.", do=_EXPORT_AGAIN)
    key = str(path), held.st_ino, held.st_mtime_ns
    if (opened := _OPEN.get(key)) is not None:
        return opened
    nodes = {
        label: Nodes(label, Parquet(path / "nodes" / f"{label}.parquet"), count)
        for label, count in manifest.nodes.items()
    }
    edges = {name: _DiskEdges(name, path, manifest.nodes[schema.RELATIONSHIPS[name].target]) for name in manifest.edges}
    return _OPEN.setdefault(key, Snapshot(manifest, nodes, edges))


def verify(path: Path) -> None:
    """Read every file and compare its checksum. Raises SnapshotError naming the first that differs."""
    manifest = load(path).manifest
    for name, entry in manifest.files.items():
        if sha256(path / name) != entry.sha256:
            raise SnapshotError(f"{path / name} does not match its checksum.", do=_EXPORT_AGAIN)


def graph_id(user_ids: pl.Series, content_ids: pl.Series) -> str:
    """SHA-256 over both id lists in nid order."""
    digest = hashlib.sha256()
    for ids in (user_ids, content_ids):
        for start in range(0, len(ids), 100_000):
            digest.update("\n".join(ids.slice(start, 100_000).to_list()).encode())
            digest.update(b"\n")
        digest.update(b"\0")
    return digest.hexdigest()


def write_topology(
    folder: Path, name: str, indptr: Ints, target: Array, width: int, columns: Mapping[str, Array]
) -> None:
    """Write the memory-mapped arrays of one relationship type; ``width`` is the number of target nodes."""
    incoming = transpose(indptr, np.asarray(target, dtype=np.int32), width)
    arrays: dict[str, Array] = {
        "indptr": np.asarray(indptr, dtype=np.int64),
        "target": np.asarray(target, dtype=np.int32),
        "in_indptr": incoming.indptr,
        "in_source": incoming.neighbour,
        "in_order": incoming.row if incoming.row is not None else np.empty(0, dtype=np.int64),
    }
    arrays |= {c: columns[c] for c in MAPPED_COLUMNS.get(name, ()) if c in columns}
    for array_name, values in arrays.items():
        np.save(folder / "topology" / f"{name}.{array_name}.npy", values)


def finish(folder: Path, manifest: Manifest) -> None:
    """Add the size and checksum of every file below ``folder`` and write ``manifest.json``, last."""
    files = {
        str(file.relative_to(folder)): FileEntry(bytes=file.stat().st_size, sha256=sha256(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    described = manifest.model_copy(update={"files": files})
    (folder / "manifest.json").write_text(described.model_dump_json(indent=1))


def _describe(nodes: Mapping[str, Nodes], edges: Mapping[str, Edges], identity: str) -> Manifest:
    watched = edges[schema.WATCHED]
    engagement = np.asarray(watched.columns["engagement"])
    varies = engagement.size > 0 and float(engagement.max()) - float(engagement.min()) > 1e-6
    newest = int(watched.columns["lastAt"].max()) if "lastAt" in watched.columns and len(watched) else NO_TIME
    return Manifest(
        graph_id=identity,
        mode="engagement" if varies else "implicit",
        cutoff=None if newest == NO_TIME else newest,
        nodes={label: n.count for label, n in nodes.items()},
        edges={name: e.count for name, e in edges.items()},
    )


def _without_nulls(values: pl.Series) -> Array:
    """What is unknown becomes False among flags, NaN among fractions and ``NO_TIME`` among whole numbers."""
    if values.dtype == pl.Boolean:
        return values.fill_null(value=False).to_numpy()
    return values.fill_null(NO_TIME).to_numpy() if values.dtype == pl.Int64 else values.to_numpy()


def _texts_too(values: Array) -> Array | pl.Series:
    """Texts are objects to numpy, and nothing to Parquet."""
    return pl.Series(values.tolist(), dtype=pl.String) if values.dtype == object else values


def _map(path: Path) -> Array:
    array: Array = np.load(path, mmap_mode="r")
    return array
