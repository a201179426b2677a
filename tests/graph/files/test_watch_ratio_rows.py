"""A row of watch ratios is the same edge in every import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import schema
from graph.files import watch_ratios
from graph.files.watch_ratios import read_watch_ratios
from tests.graph.files.test_watch_ratios import BIG, SMALL, folder


def ratios(folder: Path, type_: str = schema.WATCH_RATIO) -> list[tuple[str, str, int, float, int | None]]:
    """User, content, row, ratio and time of every edge."""
    tables, _ = read_watch_ratios(folder, folder.parent / "home")
    edges, ids = tables.edges[type_], tables.ids
    users, contents = ids[schema.USER].gather(edges["source"]), ids[schema.CONTENT].gather(edges["target"])
    return list(zip(users, contents, edges["row"], edges["ratio"], edges["at"], strict=True))


def test_a_row_is_the_same_edge_whatever_stands_around_it(tmp_path: Path) -> None:
    twice = [BIG[0], BIG[0], "0,10,5,10,,,,0.5", "0,10,5,10,,,,0.5", "0,10,7,10,,,,0.7", *BIG]
    broken, mended = ["1,11,3000,12000,,2020,,0.25", *twice], ["1,11,6000,12000,,,,0.5", *twice]
    files = folder(tmp_path / "one", broken), folder(tmp_path / "two", [mended[0], *mended[:0:-1]], [BIG[1], *SMALL])
    before, after = (ratios(one) for one in files)
    assert set(before) < set(after)
    assert len(set(before)) == len(before) == len(after) - 1 == 8
    assert len({one[:3] for one in after}) == len(after), "user, content and row tell all of them apart"
    held = [ratios(one, schema.HELD_OUT) for one in files]
    assert set(held[0]) < set(held[1])
    rows = [f"{user},12,{1649581149287 + user},5,10" for user in range(3)]
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "log2.csv").write_text("\n".join(["user_id,video_id,time_ms,play_time_ms,duration_ms", *rows]))
    alone = ratios(logs)
    (logs / "log1.csv").write_text("\n".join(["user_id,video_id,time_ms,play_time_ms,duration_ms", "0,12,1,9,10"]))
    assert set(alone) < set(ratios(logs))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)), max_size=30))
def test_rows_of_a_pair_are_told_apart_and_keep_their_keys_where_they_can(some: list[tuple[int, int, int]]) -> None:
    some = sorted(some)
    columns = np.array(some, dtype=np.int64).reshape(-1, 3).T
    told = watch_ratios._increasing(*columns).tolist()
    pairs = list(zip(columns[0].tolist(), columns[1].tolist(), told, strict=True))
    assert pairs == sorted(set(pairs))
    last: dict[tuple[int, int], int] = {}
    for (source, target, key), row in zip(some, told, strict=True):
        assert row == max(key, last.get((source, target), -1) + 1)
        last[source, target] = row
