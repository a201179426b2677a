"""The one Neo4j of a test process, and what every test may ask for."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import hypothesis
import neo4j
import pytest
from pydantic import SecretStr
from xdist.scheduler import LoadFileScheduling

from graph.database.driver import Graph
from graph.home import begin
from graph.server import jars, java, local_server
from graph.server.local_server import Connection, LocalServer
from graph.server.memory import SMALL, Memory, machine_mb
from graph.settings import Settings

for name in ("COLUMNS", "LINES"):  # pytest's workers inherit 80 and 24 from readline, and a console would keep them
    os.environ.pop(name, None)

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")

_AT_ONCE: Final = 20_000
_EMPTY: Final = """
MATCH (node) WHERE NOT node:SchemaVersion
WITH node LIMIT $most
DETACH DELETE node
RETURN count(*) AS deleted
"""

#: The files that take longest, longest first: a worker that gets one of them last would keep the other one waiting.
_FIRST: Final = (
    "ranking/test_pipeline.py", "recommend/test_live.py", "graph/load/test_import_killed.py", "graph/load/test_bulk.py",
    "gnn/test_training.py", "cli/test_upgrade.py", "notebooks/test_notebooks.py", "test_readme.py",
    "graph/server/test_backup.py", "gnn/test_processes.py", "ranking/test_processes.py", "ranking/test_determinism.py",
    "graph/server/test_local_server.py", "recommend/test_reasons_are_facts.py", "graph/formats/test_stores.py",
    "cli/test_demo.py", "web/test_server.py", "web/test_what_is_shown.py",
)  # fmt: skip

#: Folders whose tests that ask Neo4j are one half of all such, by the time they take.
_ASK_FIRST: Final = ("cypher", "recommend", "web")
_ROOMY_MB: Final = 12_000
_GROUPS: Final = "ENTOURAGE_TESTS_GROUPS"
"""Where a worker tells the scheduler, which collects nothing itself, which files ask Neo4j."""

SHARED_DATA = Path(os.environ.get("ENTOURAGE_DATA") or Path(__file__).parents[2] / "shared" / "data")


#: Neo4j plans anew where a graph has grown, and once for each order of magnitude of a list that is handed over.
_ONE_PLAN: Final = """
dbms.cypher.statistics_divergence_threshold=1.0
dbms.cypher.min_replan_interval=1d
internal.cypher.use_parameter_size=false
"""


class _Server(LocalServer):
    """Plans a query once: tests fill and empty the graph all the time, and planning anew costs more than asking."""

    def _configure(self, chosen: tuple[int, int], memory: Memory) -> None:
        super()._configure(chosen, memory)
        with (self.home / "neo4j.conf").open("a", encoding="utf-8") as file:
            file.write(_ONE_PLAN)


@pytest.fixture(scope="session", autouse=True)
def _small_servers() -> Iterator[None]:
    """Servers that are sized by the machine are small as well: a short life gains nothing by a thorough compiler."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_server, "advise", lambda *_: SMALL)
        yield


class Warned(Exception):
    """What Neo4j warns about is an error in tests."""


class _Raising(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise Warned(record.getMessage())


@pytest.fixture(scope="session", autouse=True)
def _warnings_of_neo4j() -> Iterator[None]:
    handler = _Raising(logging.WARNING)
    logging.getLogger("neo4j.notifications").addHandler(handler)
    yield
    logging.getLogger("neo4j.notifications").removeHandler(handler)


def _keep_classes(home: Settings) -> None:
    """Start and stop one server where no archive of Neo4j's classes is: the thirty starts of a run then map it."""
    class_path = jars.fetch(home.cache)
    with (jars.home(home.cache) / ".tests").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the other process waits and has the archive too
        if not java.shared_classes(class_path):
            with LocalServer(home, memory=SMALL, bolt_port=0, http_port=0), Graph.connect(home) as graph:
                graph.apply_schema()


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """``NEO4J_URI`` where it is set and holds nobody, else a local server that lives as long as the process."""
    given = Settings()
    if given.neo4j_uri:
        with Graph.connect(given, any_schema=True) as graph:
            if any(graph.read("lookup/filled")[0].values()) and not os.environ.get("ENTOURAGE_TESTS_MAY_WIPE"):
                pytest.exit("The tests empty the graph at NEO4J_URI, and it holds data. Unset NEO4J_URI, or set "
                            "ENTOURAGE_TESTS_MAY_WIPE=1 if all of it may go.", returncode=4)  # fmt: skip
        password = given.neo4j_password.get_secret_value() if given.neo4j_password else ""
        yield Connection(given.neo4j_uri, given.neo4j_user, password, given.neo4j_database, None)
        return
    _keep_classes(Settings(home=tmp_path_factory.mktemp("classes")))
    home = Settings(home=tmp_path_factory.mktemp("neo4j"))
    with _Server(home, memory=SMALL, bolt_port=0, http_port=0) as where:
        yield where


@pytest.fixture(scope="session")
def session_settings(neo4j_server: Connection, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of ``settings``, for fixtures that outlive a test."""
    return _settings(neo4j_server, tmp_path_factory.mktemp("home"))


@pytest.fixture
def settings(neo4j_server: Connection, tmp_path: Path) -> Settings:
    """Settings for the process's Neo4j, with a home of the test's own and a deadline that a busy machine keeps."""
    return _settings(neo4j_server, tmp_path / "home")


@pytest.fixture(scope="module")
def graph(session_settings: Settings) -> Iterator[Graph]:
    """An empty database with the schema applied."""
    with Graph.connect(session_settings) as graph:
        empty(graph)
        graph.apply_schema()
        yield graph


@pytest.fixture
def shared_data() -> Path:
    """The folder of public data sets; tests that use it are left out where there is none."""
    return SHARED_DATA


class _TwoServers(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out files as wholes, and all files that ask Neo4j in two groups: a third worker starts no third server."""

    def _split_scope(self, nodeid: str) -> str:
        if not hasattr(self, "_groups"):
            self._groups = json.loads(Path(os.environ[_GROUPS]).read_text("utf-8"))
        file = nodeid.split("::", 1)[0]
        return str(self._groups.get(file, file))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """See `_TwoServers`."""
    return _TwoServers(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: two workers, each with a Neo4j of its own, and one more for while they wait for it.

    None where a Neo4j is given.
    """
    if Settings().neo4j_uri:
        return 0
    return 3 if machine_mb() >= _ROOMY_MB else 2


def pytest_configure(config: pytest.Config) -> None:
    """Refuse several workers on one Neo4j."""
    if config.getoption("numprocesses", None) and Settings().neo4j_uri:
        raise pytest.UsageError("The workers would empty each other's graph at NEO4J_URI. Use -n auto, or unset it.")
    if config.getoption("numprocesses", None):
        folder = tempfile.TemporaryDirectory(prefix="entourage-tests-")
        config.add_cleanup(folder.cleanup)
        os.environ[_GROUPS] = str(Path(folder.name) / "groups.json")  # which the workers inherit


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start what takes longest first, and leave out tests of public data sets on machines that have none.

    A stranger's run is whole without those.
    """
    here = Path(__file__).parent
    asking = {item.path for item in items if "neo4j_server" in getattr(item, "fixturenames", ())}
    groups = {path: 1 if path.relative_to(here).parts[0] in _ASK_FIRST else 2 for path in asking}
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0":
        told = {item.nodeid.split("::", 1)[0]: f"neo4j-{groups[item.path]}" for item in items if item.path in groups}
        Path(os.environ[_GROUPS]).write_text(json.dumps(told), "utf-8")
    places = {here / file: place for place, file in enumerate(_FIRST)}
    items.sort(key=lambda item: (-groups.get(item.path, 0), places.get(item.path, len(places))))
    if SHARED_DATA.is_dir():
        return
    needing = [item for item in items if "shared_data" in getattr(item, "fixturenames", ())]
    if needing:
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


def pytest_report_header() -> str:
    """Say where the public data sets are, since tests that use them depend on it."""
    if SHARED_DATA.is_dir():
        return f"public data sets: {SHARED_DATA}"
    return f"public data sets: none at {SHARED_DATA} (set ENTOURAGE_DATA); the tests that use them are deselected"


def empty(graph: Graph) -> None:
    """Delete all nodes and relationships but the schema's record, so that its files are not applied for every test."""
    with graph._session(neo4j.WRITE_ACCESS) as session:
        while session.run(_EMPTY, most=_AT_ONCE).single(strict=True)["deleted"] == _AT_ONCE:
            pass


def seen_by(graph: Graph, user_id: str) -> list[str]:
    """What the service hands to the queries of candidates as ``seen``."""
    (row,) = graph.read("filters/seen", deadline_ms=0, userId=user_id)
    return [*row["watched"], *row["made"]]


def _settings(server: Connection, home: Path) -> Settings:
    settings = Settings(
        home=home,
        neo4j_uri=server.uri,
        neo4j_user=server.user,
        neo4j_password=SecretStr(server.password),
        neo4j_database=server.database,
        query_deadline_ms=30_000,
    )
    begin(settings)
    return settings
