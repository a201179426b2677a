"""The jars of Neo4j Community: pinned by Maven coordinate and checksum in ``jars.lock``, downloaded once per machine.

``python -m graph.server.jars lock`` resolves the roots below anew and rewrites the lock; ``… fetch``
downloads what the lock names. The lock holds coordinates and checksums only, so it is the same for every mirror.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graph import aside
from graph.checksum import sha256
from graph.errors import LocalServerError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

__all__ = ["NEO4J_VERSION", "Jar", "StepProgress", "damaged", "fetch", "home", "locked", "paths", "write_lock"]

NEO4J_VERSION: Final = "5.26.30"
ROOTS: Final = (
    f"org.neo4j:neo4j:{NEO4J_VERSION}",
    f"org.neo4j.app:neo4j-server:{NEO4J_VERSION}",
    f"org.neo4j:neo4j-import-tool:{NEO4J_VERSION}",
    f"org.neo4j:cypher-shell:{NEO4J_VERSION}",
    "org.neo4j.client:neo4j-browser:5.24.0",
)
LOCK: Final = Path(__file__).with_name("jars.lock")
DOWNLOAD_MB: Final = 150

StepProgress = Callable[[str, int, int], None]
"""Called with the name of a step, what it has done and its total, in a unit of its own; 0 for an unknown total."""


@dataclass(frozen=True)
class Jar:
    """One jar: its coordinate ``group:artifact:version[:classifier]`` and the SHA-256 of its bytes."""

    coordinate: str
    sha256: str

    @property
    def file(self) -> str:
        """The jar's file name, unique within the lock."""
        group, *rest = self.coordinate.split(":")
        return f"{group}.{'-'.join(rest)}.jar"


def locked() -> list[Jar]:
    """The jars that the lock names, in class path order."""
    lines = LOCK.read_text("utf-8").splitlines()
    return [Jar(*line.split()) for line in lines if line and not line.startswith("#")]


def home(cache: Path) -> Path:
    """The folder under ``cache`` that holds this version's jars."""
    return cache / f"neo4j-{NEO4J_VERSION}"


def damaged(cache: Path) -> list[Jar]:
    """The locked jars that are missing from ``cache`` or whose bytes are not the locked ones."""
    jars, folder = locked(), home(cache)
    with ThreadPoolExecutor(2) as pool:  # hashing releases the interpreter's lock
        return [
            jar for jar, fine in zip(jars, pool.map(lambda jar: _is_fine(folder, jar), jars), strict=True) if not fine
        ]


def fetch(cache: Path, progress: StepProgress | None = None) -> list[Path]:
    """The paths of all locked jars, each checked; what is missing or damaged is downloaded first (150 MB, once).

    Each jar is written aside, checked and renamed, so an interrupted download goes on where it stopped. Raises
    LocalServerError when the download fails, does not match the lock, or the disk is too small.
    """
    folder = home(cache)
    if damaged(cache):
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder / ".lock"):
            _download(damaged(cache), folder, progress)  # asked again: another process may have done it meanwhile
    return paths(cache)


def paths(cache: Path) -> list[Path]:
    """The paths of the locked jars, in class path order; a jar may not exist yet."""
    return [home(cache) / jar.file for jar in locked()]


def write_lock(progress: StepProgress | None = None) -> int:
    """Resolve ROOTS, download every jar and write the lock; the number of jars."""
    with tempfile.TemporaryDirectory(prefix="entourage-jars-") as scratch:
        context = _maven(Path(scratch))
        inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
        artifacts = {_coordinate(dependency): dependency.artifact for dependency in [*inputs, *transitive]}
        lines = []
        for number, (coordinate, artifact) in enumerate(sorted(artifacts.items())):
            lines.append(f"{coordinate} {sha256(artifact.resolve())}\n")
            if progress:
                progress(coordinate, number + 1, len(artifacts))
    head = f"# Neo4j {NEO4J_VERSION}: Maven coordinates and SHA-256. Written by `python -m graph.server.jars lock`.\n"
    with aside.file(LOCK) as fresh:
        fresh.write_text(head + "".join(lines), "utf-8")
    return len(lines)


def _download(jars: list[Jar], folder: Path, progress: StepProgress | None) -> None:
    free = shutil.disk_usage(folder).free
    if free < 2 * DOWNLOAD_MB * 1_000_000:
        raise LocalServerError(
            f"Neo4j's jars need {2 * DOWNLOAD_MB} MB on the disk of {folder}, and {free // 1_000_000} MB are free.",
            do="Free some space, or set ENTOURAGE_CACHE to a folder on a larger disk.",
        )
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        context = _maven(Path(scratch))

        def download(jar: Jar) -> None:
            group, artifact, version, *classifier = jar.coordinate.split(":")
            try:
                component = context.project(group, artifact).at_version(version)
                path = Path(component.artifact(*classifier).resolve())
            except (RuntimeError, OSError) as error:  # requests' errors are OSErrors
                raise LocalServerError(
                    f"{jar.coordinate} cannot be downloaded: {error}.",
                    do="Check the connection to Maven Central and run the command again; it goes on where it stopped.",
                ) from error
            if (found := sha256(path)) != jar.sha256:
                raise LocalServerError(
                    f"{jar.coordinate} was downloaded with checksum {found[:12]}…, but {LOCK.name} says "
                    f"{jar.sha256[:12]}….",
                    do="Nothing was installed. Run the command again; if it stays so, do not trust the mirror in use.",
                )
            path.replace(folder / jar.file)

        with ThreadPoolExecutor(4) as pool:
            pending = [pool.submit(download, jar) for jar in jars]
            try:
                for number, done in enumerate(pending):
                    done.result()
                    if progress:
                        progress("Downloading Neo4j", number + 1, len(pending))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _maven(cache: Path) -> MavenContext:
    # Imported here because jgo is slow to import and not needed if all jars are there.
    from jgo.maven import MavenContext, PythonResolver

    return MavenContext(repo_cache=cache, resolver=PythonResolver(), timeout=60)


def _coordinate(dependency: Any) -> str:
    parts = [dependency.groupId, dependency.artifactId, dependency.version]
    return ":".join([*parts, dependency.classifier] if dependency.classifier else parts)


def _is_fine(folder: Path, jar: Jar) -> bool:
    path = folder / jar.file
    return path.is_file() and sha256(path) == jar.sha256


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    from graph.settings import load_settings

    def show(what: str, done: int, total: int) -> None:
        """Print one line that overwrites the last."""
        sys.stderr.write(f"\r\x1b[K{done}/{total} {what}")

    if sys.argv[1:] == ["lock"]:
        sys.stderr.write(f"\n{write_lock(show)} jars locked in {LOCK.name}.\n")
    elif sys.argv[1:] == ["fetch"]:
        sys.stderr.write(f"\n{len(fetch(load_settings().cache, show))} jars ready.\n")
    else:
        sys.exit("usage: python -m graph.server.jars lock|fetch")
