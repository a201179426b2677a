from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice

import pytest
from pydantic import SecretStr

from graph.database.driver import Graph
from graph.errors import GraphAuthError, GraphError, GraphTimeout, GraphUnavailable, SettingsError
from graph.server.ports import free_port
from graph.settings import Settings
from tests.conftest import Warned
from tests.graph.conftest import Queries, wait_for


def test_rows_are_plain_values(graph: Graph, queries: Queries):
    queries["made"] = """
    CREATE path = (user:Made {at: datetime('2026-01-02T03:04:05.1234567Z'), n: $n})
                  -[:KNOWS {since: date('2026-01-01')}]->()
    RETURN user, [user.n] AS list, {at: user.at} AS map, relationships(path)[0] AS edge, null AS nothing
    """
    at = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
    (row,) = graph.write("made", n=3)
    assert row["user"] == {"at": at, "n": 3}
    assert type(row["user"]["at"]) is datetime
    assert row["map"] == {"at": at}
    assert row["list"] == [3]
    assert row["edge"]["since"].isoformat() == "2026-01-01"
    assert row["nothing"] is None


def test_a_read_cannot_write(graph: Graph, queries: Queries):
    queries["sneaky"] = "CREATE (:Sneaky)"
    with pytest.raises(GraphError, match="sneaky was refused"):
        graph.read("sneaky")


def test_a_query_may_have_a_parameter_called_name(graph: Graph, queries: Queries):
    queries["echo"] = "RETURN $name AS name"
    assert graph.read("echo", name="Ada") == [{"name": "Ada"}]


def test_a_deadline_ends_the_query_on_the_server(graph: Graph, queries: Queries):
    queries["slow"] = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(a + b) AS n"
    queries["others"] = "SHOW TRANSACTIONS YIELD metaData WHERE metaData.query = 'slow' RETURN metaData"
    with pytest.raises(GraphTimeout, match="slow did not finish"):
        graph.read("slow", deadline_ms=200)
    wait_for(lambda: graph.read("others") == [])  # it is cancelled, not left running


def test_closing_waits_for_what_other_threads_ask_and_refuses_what_comes_after(graph: Graph, queries: Queries):
    queries["long"] = "UNWIND range(1, 1500) AS a UNWIND range(1, 1500) AS b RETURN count(a + b) AS n"
    own = Graph.connect(Settings(neo4j_uri=graph.where.uri, neo4j_password=SecretStr(graph.where.password or "")))
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(own.read, "long", deadline_ms=0) for _ in range(2)]
        wait_for(lambda: own._asking == 2)
        own.close()
        assert [answer.result() for answer in answers] == [[{"n": 2_250_000}]] * 2
    with pytest.raises(GraphError, match="connection was closed"):
        own.read("long")


def test_a_running_query_tells_its_name_and_request(graph: Graph, queries: Queries):
    queries["who"] = "SHOW TRANSACTIONS YIELD metaData WHERE metaData.query = 'who' RETURN metaData"
    assert graph.read("who", request_id="r-1") == [{"metaData": {"query": "who", "request": "r-1"}}]


def test_batches_arrive_whole_and_report(graph: Graph, queries: Queries):
    queries["put"] = "UNWIND $rows AS row CREATE (:Put {n: row.n, by: $by})"
    queries["sum"] = "MATCH (put:Put {by: 'me'}) RETURN sum(put.n) AS n"
    seen: list[int] = []
    batches = ([{"n": n} for n in range(start, start + 10)] for start in (0, 10, 20))
    assert graph.batches("put", batches, progress=seen.append, by="me") == 30
    assert seen == [10, 10, 10]
    assert graph.read("sum") == [{"n": sum(range(30))}]


def test_a_stream_yields_rows_before_the_last_is_made(graph: Graph, queries: Queries):
    queries["long"] = "UNWIND range(1, $n) AS n RETURN n, toString(n) AS text"
    rows: Iterator[tuple[object, ...]] = graph.stream("long", n=50_000_000)
    assert [tuple(row) for row in islice(rows, 2)] == [(1, "1"), (2, "2")]
    rows.close()  # type: ignore[attr-defined]
    assert sum(n for n, _ in graph.stream("long", n=20_000)) == 20_000 * 20_001 // 2


def test_a_mistake_in_a_query_is_named(graph: Graph, queries: Queries):
    queries["typo"] = "RETRUN 1"
    with pytest.raises(GraphError, match=r"typo was refused.*RETRUN"):
        graph.read("typo")


def test_what_neo4j_warns_about_is_an_error_in_tests(graph: Graph, queries: Queries):
    queries["old"] = "MATCH (n:Put) RETURN id(n) AS id LIMIT 1"
    with pytest.raises(Warned, match="deprecated"):
        graph.read("old")


def test_names_that_no_data_has_yet_are_no_warning(graph: Graph, queries: Queries):
    queries["early"] = "MATCH (n:NotYet)-[:NEITHER]->() RETURN n.nothing AS nothing"
    assert graph.read("early") == []


def test_the_schema_is_applied_once(graph: Graph):
    applied = [row["name"] for row in graph.read("schema/applied")]
    assert applied == sorted(applied)
    assert applied[0].startswith("schema/V0001")
    assert graph.apply_schema() == []


def test_threads_share_one_graph(graph: Graph, queries: Queries):
    queries["echo"] = "RETURN $n AS n"
    answers: list[int] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(graph.read("echo", n=n)[0]["n"])) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(16))


def test_a_read_survives_its_connection(graph: Graph, queries: Queries):
    queries["open"] = "CALL dbms.listConnections() YIELD connectionId RETURN connectionId"
    queries["cut"] = "CALL dbms.killConnections($ids) YIELD message RETURN message"
    mine = [row["connectionId"] for row in graph.read("open")]
    # Asked over one of the connections that it cuts; when it is asked again, that one is gone.
    assert "No connection found with this id" in {row["message"] for row in graph.read("cut", ids=mine)}


def test_a_server_that_is_down_is_said_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graph.database.driver._RETRY_SECONDS", 600.0)
    settings = Settings(neo4j_uri=f"bolt://127.0.0.1:{free_port()}", neo4j_password=SecretStr("x"))
    begun = time.monotonic()
    with pytest.raises(GraphUnavailable, match=r"does not answer.*entourage up"):
        Graph.connect(settings)
    assert time.monotonic() - begun < 300  # no retries, which would go on for twice as long


def test_without_any_server_the_advice_is_to_start_one(no_neo4j: Settings):
    with pytest.raises(GraphUnavailable, match="entourage up"):
        Graph.connect(no_neo4j)


def test_a_wrong_password_and_a_wrong_database_are_told_apart(settings: Settings):
    with pytest.raises(GraphUnavailable, match="database nowhere"):
        Graph.connect(settings.model_copy(update={"neo4j_database": "nowhere"}))


@pytest.mark.parametrize("uri", ["localhost:7687", "http//localhost", "ftp://localhost"])
def test_an_address_that_is_none_is_a_setting_to_correct(uri: str):
    with pytest.raises(SettingsError, match="not the address of a Neo4j"):
        Graph.connect(Settings(neo4j_uri=uri, neo4j_password=SecretStr("x")))


def test_a_wrong_password(settings: Settings):
    with pytest.raises(GraphAuthError, match="NEO4J_PASSWORD"):
        Graph.connect(settings.model_copy(update={"neo4j_password": SecretStr("wrong")}))


def test_what_the_driver_tries_again_does_not_alarm_the_terminal() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("neo4j").handlers)
