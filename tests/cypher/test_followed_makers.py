"""Who follows more makers than a question looks at is answered from the newest contents of all instead."""

from typing import Any

import pytest

from graph.database.driver import Graph

MAKERS = [f"maker{n}" for n in range(6)]
KEAKS = [f"keaks/{n:02}" for n in range(30)]
"""Maker n % 6 made keak n, at minute n. The fan follows all makers but the last."""


@pytest.fixture(scope="module", autouse=True)
def makers(graph: Graph) -> None:
    def send(query: str, rows: list[Any]) -> None:
        graph.write(f"load/{query}", deadline_ms=0, rows=rows)

    send("users", [{"id": id_, "properties": {}} for id_ in ("fan", *MAKERS)])
    send("keaks", [{"id": id_, "properties": {"createdAt": 60_000 * n}} for n, id_ in enumerate(KEAKS)])
    send("made", [[MAKERS[n % 6], [[keak]]] for n, keak in enumerate(KEAKS)])
    send("follows", [["fan", [[maker, None]]] for maker in MAKERS[:5]])


def newest(graph: Graph, **caps: int) -> list[str]:
    params: dict[str, Any] = {"friends": 5, "perFriend": 5, "scanned": 0, "limit": 30} | caps
    rows = graph.read("candidates/followed_makers", userId="fan", seen=[], label="Content", **params)
    return [row["contentId"] for row in rows]


def test_all_that_followed_makers_made_comes_newest_first(graph):
    assert newest(graph) == [keak for n, keak in reversed(list(enumerate(KEAKS))) if n % 6 != 5]


@pytest.mark.parametrize("friends", [0, 1, 4])
def test_makers_beyond_the_cap_are_found_from_the_newest_contents(graph, friends):
    assert newest(graph, friends=friends, scanned=30) == newest(graph)


def test_the_newest_contents_are_looked_at_up_to_their_cap_and_only_for_who_follows_many(graph):
    assert newest(graph, friends=0, scanned=7) == [f"keaks/{n}" for n in (28, 27, 26, 25, 24)]
    assert newest(graph, friends=5, perFriend=0, scanned=30) == []
