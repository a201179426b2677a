"""A local Neo4j Community without an installation: Java from a wheel, jars from `jars`, one home per server.

Everything it writes lies under ``settings.home / "neo4j"``: ``neo4j.conf``, ``data/``, ``logs/``, ``password`` (mode
0600) and ``server.json`` (the process). It listens on loopback only and reports its usage to nobody.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from graph import home
from graph.database.connection import (
    LOCAL_USER,
    Connection,
    Running,
    connection,
    local_home,
    password_file,
    remembered,
    running,
)
from graph.errors import LocalServerError
from graph.server import jars, java, ports
from graph.server.jars import StepProgress
from graph.server.memory import SMALL, Memory, advise, available_mb, machine_mb
from graph.settings import Settings

__all__ = ["Connection", "LocalServer", "Status", "connection", "password_file"]

STANDARD_PORTS: Final = (7687, 7474)
START_SECONDS: Final = 180
STOP_SECONDS: Final = 60
DISK_MB: Final = 700
"""A fresh store with its logs takes 200 MB; the rest is for the first import."""

_ENTRY: Final = "org.neo4j.server.CommunityEntryPoint"
#: References to server processes that keep running: Python warns when a running process is garbage-collected.
_left_running: Final[list[subprocess.Popen[bytes]]] = []
#: A process that stops a child server when the pipe from the parent breaks, so also after the parent was killed.
_WATCH: Final = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""


@dataclass(frozen=True)
class Status:
    """The state of the local server."""

    home: Path
    running: Running | None
    user: str
    password_file: Path
    neo4j_version: str
    java_version: str
    uptime_seconds: float
    memory_mb: int
    """Resident memory of the process; 0 when it is down."""
    store_mb: int
    """The data on disk, transaction logs included."""


class LocalServer:
    """The local Neo4j of one home.

    ``start`` leaves the server running after this process. As a context manager the server is a child that stops when
    the block ends or this process dies, unless it ran before. A port of None is the port used last, else Neo4j's usual
    one, else any free one; 0 is any free one. Memory of None is chosen by the machine and the store.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        memory: Memory | None = None,
        bolt_port: int | None = None,
        http_port: int | None = None,
        progress: StepProgress | None = None,
    ) -> None:
        self.settings = settings
        self.home = local_home(settings)
        self.memory = memory
        self.ports = (bolt_port, http_port)
        self.progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self, progress: StepProgress | None = None, *, child: bool = False) -> Connection:
        """Start the server, or find the one that runs; returns when it answers, after about 10 s.

        ``child`` ties its life to this process's. Raises LocalServerError when memory, disk or a port is short, the
        jars cannot be had, or Java dies.
        """
        progress = progress or self.progress
        with self._exclusive():
            now = running(self.settings)
            if now:  # perhaps still starting, for a command that was killed meanwhile
                started = self._wait(now, progress)
            else:
                self._check_disk()
                class_path = jars.fetch(self.settings.cache, progress)
                now = self._launch(class_path, self._choose_ports(), progress, child=child)
                started = self._wait(now, progress)
                if not started and not any(self.ports):  # somebody took a port between our look and Java's
                    now = self._launch(class_path, (ports.free_port(), ports.free_port()), progress, child=child)
                    started = self._wait(now, progress)
            if not started:
                raise ports.port_taken(now.bolt_port)
            if self._process and not child:
                _left_running.append(self._process)
        return connection(self.settings)

    def stop(self) -> bool:
        """Stop the server cleanly; False when none was running."""
        with self._exclusive():
            now = running(self.settings)
            process = now.process(self.home) if now else None
            if process and _end(process):
                java.keep_classes(jars.paths(self.settings.cache), self._classes)
            self._reap()
            return process is not None

    def status(self) -> Status:
        """The state of the server, its address and its size."""
        now = running(self.settings)
        process = now.process(self.home) if now else None
        return Status(
            home=self.home,
            running=now,
            user=LOCAL_USER,
            password_file=password_file(self.settings),
            neo4j_version=jars.NEO4J_VERSION,
            java_version=java.version(),
            uptime_seconds=time.time() - process.create_time() if process else 0.0,
            memory_mb=process.memory_info().rss // 2**20 if process else 0,
            store_mb=_size_mb(self.home / "data"),
        )

    def admin(self, *arguments: str, data: Path | None = None) -> str:
        """Run Neo4j's administration tool on the stopped server, e.g. ``admin("database", "check", "neo4j")``.

        It has the memory that the server would have; ``data`` names another data folder than the server's. Returns
        what the tool printed; raises LocalServerError with the end of its report when it fails, or when the server
        runs.
        """
        with self._exclusive():
            if running(self.settings):
                raise LocalServerError(
                    f"The local Neo4j runs, and `{' '.join(arguments[:2])}` needs it stopped.",
                    do="Stop it with `entourage down`.",
                )
            memory = self._sized()
            self._configure(self._choose_ports(), memory)
            class_path = jars.fetch(self.settings.cache, self.progress)
            if data is None:
                return java.run_admin(arguments, class_path, self.home, self.home, memory)
            with tempfile.TemporaryDirectory(prefix="entourage-conf-") as other:
                text = (self.home / "neo4j.conf").read_text("utf-8")
                (Path(other) / "neo4j.conf").write_text(f"{text}server.directories.data={data}\n", "utf-8")
                return java.run_admin(arguments, class_path, self.home, Path(other), memory)

    def __enter__(self) -> Connection:
        return self.start(child=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process:  # one that ran before stays
            self.stop()

    def _launch(
        self, class_path: list[Path], chosen: tuple[int, int], progress: StepProgress | None, *, child: bool
    ) -> Running:
        memory = self._sized()
        self._configure(chosen, memory)
        self._set_password(class_path, progress)
        # The user log goes to standard output as well, where _wait reads it from its beginning.
        arguments = (f"--home-dir={self.home}", f"--config-dir={self.home}", "--console-mode")
        plugins = self._plugins()
        classes = java.shared_classes(class_path, None if plugins else self._classes)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                java.command(_ENTRY, memory, *arguments, classes=classes),
                cwd=self.home,
                env=java.environment([*class_path, *plugins], self.home, self.home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        if child:
            self._watch = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCH, str(self._process.pid)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        now = Running(self._process.pid, *chosen, memory.heap_mb, memory.page_cache_mb)
        now.write(self.home)
        return now

    def _wait(self, now: Running, progress: StepProgress | None) -> bool:
        """Wait until the server says that it has started; False when one of its ports was taken."""
        begun = time.monotonic()
        try:
            while (seconds := time.monotonic() - begun) < START_SECONDS:
                # Our own child is asked itself: while a program replaces another, a process has no command line.
                alive = self._process.poll() is None if self._process else now.process(self.home)
                text = self._log.read_text("utf-8", errors="replace")
                if " INFO  Started." in text:
                    return True
                if not alive:
                    self._reap()
                    if "java.net.BindException" in text or "Address already in use" in text:
                        return False
                    raise LocalServerError(
                        f"Neo4j stopped while starting. The end of {self._log}:\n{java.tail(text)}",
                        do="`entourage doctor` looks for the usual causes.",
                    )
                if progress:
                    progress("Starting Neo4j", int(seconds), 0)
                time.sleep(0.1)
            raise LocalServerError(
                f"Neo4j did not start within {START_SECONDS} s. The end of {self._log}:\n{java.tail(text)}",
                do="A busy machine may need longer: run the command again.",
            )
        except BaseException:  # Ctrl-C too: what we launched and cannot hand over does not stay behind
            if self._process:
                _end(psutil.Process(self._process.pid))
                self._reap()
            raise

    def _plugins(self) -> list[Path]:
        """The jars that the user put into ``plugins``: Neo4j looks for services on the class path alone."""
        return sorted((self.home / "plugins").glob("*.jar"))

    def _configure(self, chosen: tuple[int, int], memory: Memory) -> None:
        home.begin(self.settings)
        for name in ("data", "logs", "run", "import", "plugins", "licenses", "certificates"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        bolt, http = chosen
        lines = [
            "# Written by Entourage at every start: changes here are lost.",
            "server.default_listen_address=127.0.0.1",
            f"server.bolt.listen_address=127.0.0.1:{bolt}",
            f"server.bolt.advertised_address=127.0.0.1:{bolt}",
            f"server.http.listen_address=127.0.0.1:{http}",
            f"server.http.advertised_address=127.0.0.1:{http}",
            "server.https.enabled=false",
            f"server.memory.heap.max_size={memory.heap_mb}m",
            f"server.memory.pagecache.size={memory.page_cache_mb}m",
            "dbms.usage_report.enabled=false",
            "client.allow_telemetry=false",
            # A generated password on loopback is not guessed, and one client's mistake must not lock out the others.
            "dbms.security.auth_max_failed_attempts=0",
            # Deadlines are kept to a tenth of a second, not to the default's two.
            "db.transaction.monitor.check.interval=100ms",
            "db.tx_log.preallocate=false",
            "db.tx_log.rotation.retention_policy=2 files",
            # The databases are closed by then; waiting for stragglers only makes each stop 5 s longer.
            "internal.dbms.bolt.netty_server_shutdown_quiet_period=0",
        ]
        (self.home / "neo4j.conf").write_text("\n".join(lines) + "\n", "utf-8")

    def _set_password(self, class_path: list[Path], progress: StepProgress | None) -> None:
        file = password_file(self.settings)
        if file.exists():
            return
        system = self.home / "data" / "databases" / "system"
        if system.exists():
            raise LocalServerError(
                f"The store in {self.home} has a password, and the file with it, {file.name}, is gone.",
                do=f"Bring the file back. Without it: delete {system} and {self.home / 'data' / 'transactions'}"
                "/system, which hold users and passwords only, and start again.",
            )
        if progress:
            progress("Choosing a password", 0, 0)
        fresh = file.with_name("password.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(24) + "\n")
        # From a file, since anybody on the machine can read a command line.
        java.run_admin(("dbms", "set-initial-password", f"@{fresh}"), class_path, self.home, self.home, SMALL)
        fresh.replace(file)

    def _sized(self) -> Memory:
        free = available_mb()
        memory = self.memory or advise(machine_mb(), free, _size_mb(self.home / "data" / "databases"))
        if memory.total_mb > free:
            raise LocalServerError(
                f"Neo4j would take {memory.total_mb} MiB of memory, and {free} MiB are free.",
                do="Close other programs, or point NEO4J_URI at a Neo4j on another machine.",
            )
        return memory

    def _choose_ports(self) -> tuple[int, int]:
        last = remembered(self.settings)
        used = (last.bolt_port, last.http_port) if last else STANDARD_PORTS
        bolt, http = (
            ports.choose(wanted, usual) for wanted, *usual in zip(self.ports, used, STANDARD_PORTS, strict=True)
        )
        return bolt, http

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.home).free // 1_000_000
        if free < DISK_MB:
            raise LocalServerError(
                f"Neo4j needs {DISK_MB} MB on the disk of {self.home}, and {free} MB are free.",
                do="Free some space, or set ENTOURAGE_HOME to a folder on a larger disk.",
            )

    def _reap(self) -> None:
        """Let go of the processes we started, the server having ended."""
        if self._watch:
            self._watch.kill()
            self._watch.communicate()
        if self._process:
            self._process.wait(STOP_SECONDS)
        self._process = self._watch = None
        _left_running[:] = [process for process in _left_running if process.poll() is None]

    @property
    def _classes(self) -> Path:
        """The path to which a server writes its archive of classes when it ends."""
        return self.home / "run" / "classes.jsa"

    @property
    def _log(self) -> Path:
        return self.home / "logs" / "console.log"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One command at a time starts, stops or repairs the server of a home; the next waits."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _end(process: psutil.Process) -> bool:
    """End it; False when it had to be killed, or was gone already."""
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        if _ended(process):
            return True
        process.kill()  # safe: the transaction log brings the store back at the next start
        _ended(process)
    return False


def _ended(process: psutil.Process) -> bool:
    """Wait for the end, which is not when its entry goes: a parent that lives on may never ask for that."""
    deadline = time.monotonic() + STOP_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _size_mb(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a running server deletes old logs
            total += path.lstat().st_blocks * 512
    return total // 2**20
