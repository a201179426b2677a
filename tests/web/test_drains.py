from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from graph.errors import GraphUnavailable
from web.drains import Drains

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_one_runs_and_the_others_join_the_one_that_waits():
    begun, goes_on = threading.Event(), threading.Event()
    written: list[list[int]] = []

    def drain(seqs: Sequence[int], now: datetime, request_id: str) -> None:
        written.append([*seqs])
        begun.set()
        goes_on.wait()

    drains = Drains(drain)
    first = drains.ask([1, 2], NOW, "a")
    begun.wait()
    others = [drains.ask([seq], NOW, "b") for seq in (5, 3, 4)]
    goes_on.set()
    for one in (first, *others):
        one.result()
    assert written == [[1, 2], [3, 4, 5]]
    drains.close()


def test_a_graph_that_is_away_is_no_error_and_what_else_goes_wrong_is():
    errors: list[Exception] = [GraphUnavailable("away"), OSError("no room")]

    def drain(seqs: Sequence[int], now: datetime, request_id: str) -> None:
        raise errors.pop(0)

    drains = Drains(drain)
    drains.ask([1], NOW, "a").result()
    with pytest.raises(OSError, match="no room"):
        drains.ask([1], NOW, "a").result()
    drains.close()
