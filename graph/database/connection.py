"""Address, user and password of Neo4j: ``NEO4J_URI`` if it is set, else the local server of ``entourage up``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import psutil

from graph.errors import GraphAuthError, GraphUnavailable
from graph.settings import Settings

__all__ = [
    "Connection",
    "Running",
    "connection",
    "local_home",
    "password_file",
    "remembered",
    "running",
    "unfinished_import",
]

LOCAL_USER: Final = "neo4j"


@dataclass(frozen=True)
class Connection:
    """One Neo4j database and the name and password that open it."""

    uri: str
    user: str
    password: str = field(repr=False)
    database: str
    browser: str | None
    """Address of Neo4j Browser; None if it is unknown."""


@dataclass(frozen=True)
class Running:
    """The local server's process, as saved in its state file."""

    pid: int
    bolt_port: int
    http_port: int
    heap_mb: int
    page_cache_mb: int

    @property
    def bolt(self) -> str:
        """The address for drivers."""
        return f"bolt://127.0.0.1:{self.bolt_port}"

    @property
    def browser(self) -> str:
        """The address for people."""
        return f"http://127.0.0.1:{self.http_port}/browser/"

    def process(self, home: Path) -> psutil.Process | None:
        """The process itself, or None when it is gone; its pid may have passed to another program since."""
        try:
            process = psutil.Process(self.pid)
            ours = f"--home-dir={home}" in process.cmdline()
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None

    def write(self, home: Path) -> None:
        """Remember this process in ``home``."""
        fresh = home / "server.json.new"
        fresh.write_text(json.dumps(asdict(self)), "utf-8")
        fresh.replace(home / "server.json")


def local_home(settings: Settings) -> Path:
    """Where the local server keeps its configuration, data, logs and password."""
    return settings.home / "neo4j"


def unfinished_import(settings: Settings) -> Path:
    """The file that exists during a bulk import: while it is there, the import may replace the store."""
    return local_home(settings) / "offline-import"


def password_file(settings: Settings) -> Path:
    """The file with the local server's generated password; only its owner can read it."""
    return local_home(settings) / "password"


def remembered(settings: Settings) -> Running | None:
    """The last local server that was started, alive or not."""
    try:
        return Running(**json.loads((local_home(settings) / "server.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # never started, or the file was damaged: as good as never started
        return None


def running(settings: Settings) -> Running | None:
    """The local server that runs now, if one does."""
    last = remembered(settings)
    return last if last and last.process(local_home(settings)) else None


def connection(settings: Settings) -> Connection:
    """The Neo4j to use: ``NEO4J_URI``, or the running local server.

    Raises GraphUnavailable when there is neither.
    """
    if settings.neo4j_uri:
        password = settings.neo4j_password.get_secret_value() if settings.neo4j_password else ""
        return Connection(settings.neo4j_uri, settings.neo4j_user, password, settings.neo4j_database, None)
    now = running(settings)
    if not now:
        raise GraphUnavailable(
            f"No Neo4j is running for {settings.home}.", do="Start one with `entourage up`, or set NEO4J_URI."
        )
    file = password_file(settings)
    try:
        password = file.read_text("utf-8").strip()
    except OSError as error:
        raise GraphAuthError(
            f"The local Neo4j's password cannot be read: {error}.", do="Only the user who ran `entourage up` can."
        ) from error
    return Connection(now.bolt, LOCAL_USER, password, settings.neo4j_database, now.browser)
