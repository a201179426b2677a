"""The only module that talks to Neo4j: it runs queries by name and returns plain rows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, LiteralString, cast

import neo4j
from neo4j.exceptions import (
    AuthConfigurationError,
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

import cypher
from graph import schema
from graph.database.bookmark import Transaction, transaction
from graph.database.connection import Connection, connection
from graph.database.rows import Row, plain_rows
from graph.errors import GraphAuthError, GraphError, GraphTimeout, GraphUnavailable, SettingsError
from graph.settings import Settings

__all__ = ["Graph", "Row"]

# Retried transactions are not logged; a final failure is raised.
logging.getLogger("neo4j").addHandler(logging.NullHandler())

_CONNECT_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 15.0
_FETCH_ROWS: Final = 5_000
#: A type or key without data is no mistake (a test checks every name against graph.schema), so this warning is off.
_NO_MISTAKES: Final = [neo4j.NotificationDisabledClassification.UNRECOGNIZED]
#: id() is deprecated for elementId(), a string many times its size, which exports cannot afford.
_DEPRECATED: Final = neo4j.NotificationDisabledClassification.DEPRECATION
_INDEX_SECONDS: Final = 3_600
_TIMEOUTS: Final = ("TransactionTimedOut", "TransactionTimedOutClientConfiguration", "LockClientStopped", "Terminated")
_AWAY: Final = ("DatabaseUnavailable", "DatabaseNotFound", "ServiceUnavailable", "NotALeader")


_OF_EVENTS: Final = (schema.WATCHED, schema.FOLLOWS, schema.HID, schema.BLOCKED)
_OF_CHANGES: Final = (
    *(schema.MADE, schema.USES, schema.HAS_GENRE, schema.HAS_MOOD, schema.TAGGED),
    *(schema.LISTENS_TO, schema.CREATES_IN),
)
_LABELS: Final = (schema.USER, schema.CONTENT, *schema.KIND_LABELS, schema.GENRE, schema.MOOD, schema.HASHTAG)
"""What events and changes of the catalogue write."""


class Graph:
    """A connection pool to one Neo4j database; safe to share between threads, not between processes.

    ``$parameters`` are keyword arguments with the names of the ``.cypher`` file. Every query has its name and the
    request's id as transaction metadata (``SHOW TRANSACTIONS``, the query log), and is retried after a temporary
    failure.
    """

    def __init__(self, driver: neo4j.Driver, where: Connection, deadline_ms: int) -> None:
        self._driver = driver
        self._deadline_ms = deadline_ms
        self._turn = threading.Condition()
        self._asking = 0
        self._closed = False
        self.where = where

    @classmethod
    def connect(cls, settings: Settings, *, any_schema: bool = False) -> Graph:
        """Connect to ``NEO4J_URI`` or the running local server, and make sure that it answers.

        Raises GraphUnavailable, GraphAuthError, SettingsError for an address that is none, and, unless ``any_schema``,
        SettingsError for a graph that an older version filled.
        """
        where = connection(settings)
        try:
            driver = neo4j.GraphDatabase.driver(
                where.uri,
                auth=(where.user, where.password) if where.password else None,
                user_agent="entourage",
                connection_timeout=_CONNECT_SECONDS,
                connection_acquisition_timeout=2 * _CONNECT_SECONDS,
                telemetry_disabled=True,
                # Notifications are logged (neo4j.notifications). To warn of them as well, the driver would read the
                # stack of Python at every query, which costs up to 80 ms of processor time.
                warn_notification_severity=neo4j.NotificationMinimumSeverity.OFF,
                notifications_disabled_classifications=_NO_MISTAKES,
            )
        except (ConfigurationError, ValueError) as error:
            raise SettingsError(
                f"NEO4J_URI={where.uri} is not the address of a Neo4j: {error}.",
                do="It looks like bolt://host:7687, neo4j://host:7687 or neo4j+s://host.",
            ) from error
        graph = cls(driver, where, settings.query_deadline_ms)
        try:
            with graph._explained("the first contact"):
                driver.verify_connectivity()  # at once, without the retries of a query
            graph.verify(deadline_ms=0)  # the database may be another than the user's own
            if not any_schema:
                graph._refuse_older()
        except BaseException:
            driver.close()
            raise
        return graph

    def read(
        self, name: str, /, *, deadline_ms: int | None = None, request_id: str | None = None, **params: Any
    ) -> list[Row]:
        """Run the query called ``name``; gives its rows as plain values (nodes as properties, times as datetime).

        ``deadline_ms`` includes retries; None is ``settings.query_deadline_ms``, 0 is no deadline. Raises GraphTimeout,
        GraphUnavailable, GraphAuthError, or GraphError for anything else.
        """
        query, seconds = self._query(name, deadline_ms, request_id)
        begun = time.monotonic()
        with self._explained(name):
            # An auto-commit transaction needs one exchange with the server instead of three. After a temporary failure
            # (a lost connection, a new leader) the read is repeated in the time that is left.
            try:
                with self._session(neo4j.READ_ACCESS) as session:
                    return plain_rows(session.run(query, params))
            except (DriverError, Neo4jError) as error:
                left = seconds - (time.monotonic() - begun)
                if not error.is_retryable() or (seconds and left <= 0.0):
                    raise
            return self._managed(neo4j.READ_ACCESS, query, left if seconds else 0.0, params)[0]

    def write(
        self, name: str, /, *, deadline_ms: int | None = None, request_id: str | None = None, **params: Any
    ) -> list[Row]:
        """Like ``read``, for a query that changes the graph: all its changes are made, or none.

        The deadline applies to each attempt.
        """
        return self.write_and_tell(name, deadline_ms=deadline_ms, request_id=request_id, **params)[0]

    def write_and_tell(
        self, name: str, /, *, deadline_ms: int | None = None, request_id: str | None = None, **params: Any
    ) -> tuple[list[Row], bool]:
        """Like ``write``, and whether the graph is another than before."""
        query, seconds = self._query(name, deadline_ms, request_id)
        with self._explained(name):
            return self._managed(neo4j.WRITE_ACCESS, query, seconds, params)

    def rehearse(
        self, name: str, /, *, deadline_ms: int | None = None, request_id: str | None = None, **params: Any
    ) -> list[Row]:
        """Like ``write``, taken back at once: nothing changes, and Neo4j has planned the query."""
        query, seconds = self._query(name, deadline_ms, request_id)
        with (
            self._explained(name),
            self._session(neo4j.WRITE_ACCESS) as session,
            session.begin_transaction(metadata=query.metadata, timeout=seconds) as taken_back,
        ):
            rows = plain_rows(taken_back.run(query.text, params))
            taken_back.rollback()  # left open, it would be committed
            return rows

    def transaction(self, *, deadline_ms: int | None = None) -> Transaction | None:
        """The last transaction that changed the database; None where its Neo4j does not tell in a way we know."""
        query, _ = self._query("schema/ping", deadline_ms, None)
        with self._explained("the last transaction"), self._session(neo4j.READ_ACCESS) as session:
            session.run(query).consume()
            told = [transaction(bookmark) for bookmark in session.last_bookmarks().raw_values]
        return told[0] if len(told) == 1 else None

    def batches(
        self,
        name: str,
        /,
        rows: Iterable[Sequence[Any]],
        *,
        progress: Callable[[int], object] | None = None,
        **params: Any,
    ) -> int:
        """Send each batch as ``$rows`` in a transaction of its own, without deadline; gives the number of rows sent.

        ``progress`` is called with the number of rows of each batch after it is written.
        """
        sent = 0
        for batch in rows:
            self.write(name, deadline_ms=0, rows=batch, **params)
            sent += len(batch)
            if progress:
                progress(len(batch))
        return sent

    def stream(self, name: str, /, **params: Any) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows of a long answer, as tuples in the order of its RETURN, without deadline.

        For exports: values keep the driver's types, and a failure raises in the middle of the iteration.
        """
        config = {"fetch_size": _FETCH_ROWS, "notifications_disabled_classifications": [*_NO_MISTAKES, _DEPRECATED]}
        # `close` does not wait for it: whoever reads may have stopped in the middle.
        with self._explained(name), self._open(neo4j.READ_ACCESS, **config) as session:
            query = neo4j.Query(cypher.load(name), metadata={"query": name}, timeout=0)
            yield from session.run(query, params)

    def ask(self, question: str, /) -> list[tuple[Any, ...]]:
        """The rows of a question that the user of the command line wrote; without deadline, and it may not write.

        Raises like ``read``.
        """
        text = cast("LiteralString", question)  # type: ignore[redundant-cast]  # the user's own graph and account
        with self._explained("The question"), self._session(neo4j.READ_ACCESS) as session:
            return [tuple(row) for row in session.run(neo4j.Query(text, metadata={"query": "asked"}, timeout=0))]

    def pending_schema(self) -> list[str]:
        """The names of the schema files that this graph has not seen, in order."""
        return self._unseen({row["name"] for row in self.read("schema/applied", deadline_ms=0)})

    def apply_schema(self, *, filled_now: bool = False) -> list[str]:
        """Apply the schema files that this graph has not seen, in order; the names of those applied now.

        ``filled_now``: all of its data were written by this version, so the statements that mend data of older ones are
        left out. At full size they take minutes. They are left out in an empty graph too.
        """
        fresh = self.pending_schema()
        filled_now = filled_now or bool(fresh and not self.read("schema/holds", deadline_ms=0)[0]["holds"])
        for name in fresh:
            for statement in _statements(cypher.load(name)):
                if filled_now and not statement.startswith(_OF_SCHEMA):
                    continue
                with self._explained(name), self._session(neo4j.WRITE_ACCESS) as session:
                    session.run(statement).consume()
            self.write("schema/record", deadline_ms=0, name=name)
        if fresh:
            self.know_names()
            self.read("schema/await_indexes", deadline_ms=0, seconds=_INDEX_SECONDS)
        return fresh

    def know_names(self) -> None:
        """Make the names that events and changes write known to the database; nothing changes where they are."""
        types = [schema.RELATIONSHIPS[name] for name in (*_OF_EVENTS, *_OF_CHANGES)]
        properties = {*schema.BOOKKEEPING[schema.EVENT], *schema.CONTENT_KEPT, *schema.UNDONE, *schema.PUBLISHED}
        properties.update(name for one in types for name in (*one.properties, *one.books))
        self.write(
            "schema/names",
            deadline_ms=0,
            labels=[schema.EVENT, *_LABELS],
            types=[*(one.name for one in types), schema.UNDID, schema.LESS],
            properties=sorted(
                {*properties, *(schema.NODE_KEYS[label] for label in _LABELS if label in schema.NODE_KEYS)}
            ),
        )

    @staticmethod
    def _unseen(seen: set[str]) -> list[str]:
        return [name for name in cypher.names() if name.startswith("schema/V") and name not in seen]

    def _refuse_older(self) -> None:
        """Raise SettingsError for a filled graph that has seen some schema files and not the newest.

        One that has seen none was not filled by ``entourage import``, or is being filled by the bulk importer.
        """
        seen = {row["name"] for row in self.read("schema/applied", deadline_ms=0)}
        if seen and self._unseen(seen) and any(self.read("lookup/filled", deadline_ms=0)[0].values()):
            raise SettingsError(
                f"The graph at {self.where.uri} was filled by an older version of Entourage.",
                do="Run `entourage upgrade`; it brings the graph up to date and keeps what it holds.",
            )

    def verify(self, *, deadline_ms: int | None = None) -> None:
        """Make sure that the database answers; raises like ``read``."""
        self.read("schema/ping", deadline_ms=deadline_ms)

    def server_version(self) -> str:
        """Name and version of the server, e.g. ``Neo4j/5.26.30``."""
        with self._explained("the server's version"):
            return str(self._driver.get_server_info().agent)

    def close(self) -> None:
        """Close all connections, once what other threads ask has been answered, or after fifteen seconds.

        The driver's connections belong to one thread each: closed in the middle of a question they fail anyhow.
        """
        with self._turn:
            self._closed = True
            answered = self._turn.wait_for(lambda: not self._asking, _CLOSE_SECONDS)
        try:
            self._driver.close()
        except Exception:  # in the middle of a question it says anything
            if answered:
                raise

    def __enter__(self) -> Graph:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _query(self, name: str, deadline_ms: int | None, request_id: str | None) -> tuple[neo4j.Query, float]:
        """The query with its name and deadline as metadata, and its deadline in seconds."""
        seconds = (self._deadline_ms if deadline_ms is None else deadline_ms) / 1000
        metadata = {"query": name} | ({"request": request_id} if request_id else {})
        return neo4j.Query(cypher.load(name), metadata=metadata, timeout=seconds), seconds

    def _managed(
        self, access: str, query: neo4j.Query, seconds: float, params: dict[str, Any]
    ) -> tuple[list[Row], bool]:
        """The rows of a transaction that the driver repeats after a temporary failure.

        And whether it changed anything.
        """

        @neo4j.unit_of_work(metadata=query.metadata, timeout=seconds)
        def work(transaction: neo4j.ManagedTransaction) -> tuple[list[Row], bool]:
            result = transaction.run(query.text, params)
            rows = plain_rows(result)
            return rows, bool(result.consume().counters.contains_updates)

        with self._session(access, max_transaction_retry_time=seconds or _RETRY_SECONDS) as session:
            return session.execute_read(work) if access == neo4j.READ_ACCESS else session.execute_write(work)

    @contextmanager
    def _session(self, access: str, **config: Any) -> Iterator[neo4j.Session]:
        """A session that ``close`` waits for. Raises ServiceUnavailable once closed: what was to be written waits."""
        with self._turn:
            if self._closed:
                raise ServiceUnavailable("the connection was closed")
            self._asking += 1
        try:
            with self._open(access, **config) as session:
                yield session
        finally:
            with self._turn:
                self._asking -= 1
                self._turn.notify_all()

    def _open(self, access: str, **config: Any) -> neo4j.Session:
        return self._driver.session(database=self.where.database, default_access_mode=access, **config)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """Turn the driver's errors into GraphErrors."""
        try:
            yield
        except (AuthError, AuthConfigurationError) as error:
            raise GraphAuthError(
                f"Neo4j at {self.where.uri} refuses the user {self.where.user!r}: {_text(error)}",
                do="Set NEO4J_USER and NEO4J_PASSWORD (for the local server, unset NEO4J_URI).",
            ) from error
        except (ServiceUnavailable, SessionExpired, OSError) as error:
            raise self._unavailable(error) from error
        except Neo4jError as error:
            kind = (error.code or "").rsplit(".", 1)[-1]
            if kind in _TIMEOUTS:
                raise GraphTimeout(
                    f"{name} did not finish before its deadline.",
                    do="Raise ENTOURAGE_QUERY_DEADLINE_MS if this happens often.",
                ) from error
            if kind in _AWAY:
                raise self._unavailable(error) from error
            if kind == "AuthenticationRateLimit":
                raise GraphAuthError(
                    f"Neo4j at {self.where.uri} saw too many wrong passwords.", do="Wait some seconds, then try again."
                ) from error
            what = "was refused" if isinstance(error, ClientError) else "failed"
            raise GraphError(f"{name} {what} by Neo4j: {_text(error)}", do="Its log says more.") from error
        except DriverError as error:
            raise GraphError(f"{name} failed: {error}") from error
        except (BufferError, AttributeError) as error:  # what a connection says that is closed while it is read
            if not self._closed:
                raise
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> GraphUnavailable:
        return GraphUnavailable(
            f"Neo4j at {self.where.uri} (database {self.where.database}) does not answer: {_text(error)}",
            do="Start it (`entourage up` for the local one), or correct NEO4J_URI and NEO4J_DATABASE.",
        )


_OF_SCHEMA: Final = ("CREATE CONSTRAINT", "CREATE INDEX", "CREATE FULLTEXT INDEX", "DROP CONSTRAINT", "DROP INDEX")
"""Beginnings of the statements of schema files that change no data."""


def _statements(text: LiteralString) -> Iterator[LiteralString]:
    """The statements of a schema file, which end in semicolons; comments are whole lines."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    for statement in "\n".join(lines).split(";"):
        if statement.strip():
            yield cast("LiteralString", statement.strip())  # type: ignore[redundant-cast]  # see cypher.load


def _text(error: Exception) -> str:
    message = error.message if isinstance(error, Neo4jError) and error.message else str(error)
    return message.strip().splitlines()[0] if message.strip() else type(error).__name__
