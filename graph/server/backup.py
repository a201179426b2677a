"""The local graph in one file, and back: Neo4j's own dump, with the server stopped around it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from graph import aside, home
from graph.errors import InputError, LocalServerError, SettingsError
from graph.server.jars import StepProgress
from graph.server.local_server import LocalServer

__all__ = ["backup", "restore"]

DATABASE: Final = "neo4j"
#: A store lies in two folders of the data folder.
_PARTS: Final = (f"databases/{DATABASE}", f"transactions/{DATABASE}")


def backup(server: LocalServer, file: Path, progress: StepProgress | None = None) -> int:
    """Write the local graph to ``file``; its size in bytes. A server that runs is stopped meanwhile.

    The file takes its name when it is whole. Raises SettingsError when ``NEO4J_URI`` is set, InputError when there is
    no graph yet.
    """
    _require_local(server)
    if not (server.home / "data" / _PARTS[0]).exists():
        raise InputError(
            f"There is no graph in {server.settings.home} to back up.", do="Run `entourage up` and import first."
        )
    with _stopped(server, progress), aside.file(file.absolute()) as fresh:
        _say(progress, "Writing the backup")
        server.admin("database", "dump", DATABASE, f"--to-path={fresh.parent}")
        (fresh.parent / f"{DATABASE}.dump").rename(fresh)
    return file.stat().st_size


def restore(server: LocalServer, file: Path, progress: StepProgress | None = None) -> None:
    """Put the graph in ``file`` in the place of the local one; a server that runs is stopped meanwhile.

    The backup is loaded next to the present store and checked by starting Neo4j on it; only then is the present store
    deleted. After a failure the present store is unchanged. Raises InputError if the file is no backup.
    """
    _require_local(server)
    if not file.is_file():
        raise InputError(f"There is no file {file}.", do="Name one that `entourage backup` wrote.")
    home.begin(server.settings)
    _say(progress, "Stopping Neo4j")
    ran = server.stop()
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=server.home) as scratch:
            _say(progress, "Loading the backup")
            _exchange(server, _load(server, file, Path(scratch)), Path(scratch) / "old", progress)
    except BaseException:
        if ran:
            server.start(progress)
        raise
    if not ran:
        server.stop()


def _exchange(server: LocalServer, loaded: Path, old: Path, progress: StepProgress | None) -> None:
    """Put the loaded store in the place of the present one and start Neo4j on it, or put everything back."""
    data = server.home / "data"
    _move(data, old)
    try:
        _move(loaded, data)
        server.start(progress)
    except BaseException:
        for part in _PARTS:
            shutil.rmtree(data / part, ignore_errors=True)
        _move(old, data)
        raise


def _load(server: LocalServer, file: Path, scratch: Path) -> Path:
    dumps = scratch / "dump"
    dumps.mkdir()
    (dumps / f"{DATABASE}.dump").symlink_to(file.absolute())
    try:
        server.admin("database", "load", DATABASE, f"--from-path={dumps}", data=scratch / "data")
    except LocalServerError as error:
        raise InputError(
            f"{file} cannot be restored. {error.what}",
            do="The present graph is as it was. Name a file that `entourage backup` wrote.",
        ) from error
    return scratch / "data"


def _move(source: Path, target: Path) -> None:
    for part in _PARTS:
        if (source / part).exists():
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            (source / part).rename(target / part)


@contextmanager
def _stopped(server: LocalServer, progress: StepProgress | None) -> Iterator[None]:
    """Stop the server for the block, and start it again, on the same ports, if it ran."""
    _say(progress, "Stopping Neo4j")
    ran = server.stop()
    try:
        yield
    finally:
        if ran:
            server.start(progress)


def _require_local(server: LocalServer) -> None:
    if server.settings.neo4j_uri:
        raise SettingsError(
            f"NEO4J_URI is set ({server.settings.neo4j_uri}); backup and restore are for the local Neo4j.",
            do="Unset it, or use that server's own `neo4j-admin database dump`.",
        )


def _say(progress: StepProgress | None, what: str) -> None:
    if progress:
        progress(what, 0, 0)
