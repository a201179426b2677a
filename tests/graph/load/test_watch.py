"""The order in which relationships are written."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from graph.load import watch

EDGES = st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 2**42))), max_size=30)


@given(EDGES, st.sampled_from(["lastAt", "since"]))
def test_newest_last_sorts_by_time_and_loses_nothing(rows: list[tuple[int, int | None]], name: str) -> None:
    schema: dict[str, Any] = {"source": pl.Int32, "target": pl.Int32, name: pl.Int64}
    edges = pl.DataFrame([(s, n, at) for n, (s, at) in enumerate(rows)], schema=schema, orient="row")
    found = watch.newest_last(edges)
    assert sorted(found.rows(), key=lambda row: row[1]) == edges.rows()
    at = found[name]
    assert at.head(at.null_count()).null_count() == at.null_count(), "unknown times come first"
    assert at.drop_nulls().is_sorted()


def test_without_times_the_order_stays() -> None:
    edges = pl.DataFrame({"source": [0, 0], "target": [2, 1]})
    assert watch.newest_last(edges).equals(edges)
