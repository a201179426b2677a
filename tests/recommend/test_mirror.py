"""The mirror keeps a view in step: over workers, starts, newer exports, failures, and what others write."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from graph import snapshot as snapshots
from graph.database.driver import Graph
from graph.errors import GraphTimeout
from graph.events import Entry
from graph.live import View
from graph.live import mirror as mirrors
from graph.live.mirror import Mirror
from graph.live.record import apply
from graph.settings import Settings
from graph.snapshot.export import export
from tests import checkerboard, checkerboard_graph
from tests.graph.conftest import wait_for
from tests.recommend.drawn_graph import Database
from tests.recommend.followed import Followed

KEAKS = checkerboard.contents()


def watched(view: View | None, user: str, content: str) -> bool:
    """Whether the view has a watch."""
    assert view is not None, "not in step"
    me = view.users.number(user)
    assert me is not None
    return view.contents.number(content) in view.watches.of_node(me)


def test_another_worker_and_a_later_start_know_what_happened(followed: Followed, settings: Settings) -> None:
    other = Mirror(settings)
    other.refresh(followed.graph)
    followed.happens("watch", "u001", content_id=KEAKS[4])
    late = Mirror(settings)
    late.refresh(followed.graph)
    for mirror in (other, late):
        assert watched(mirror.view(), "u001", KEAKS[4])


def test_a_view_that_took_long_to_open_is_in_use_at_once(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "_STALE_S", 1.0)
    late = Mirror(followed.settings, lambda view: time.sleep(1.2))
    late.refresh(followed.graph)
    assert late.view() is not None


def test_what_a_snapshot_holds_is_forgotten_and_who_had_not_read_it_opens_the_snapshot(
    followed: Followed, settings: Settings
) -> None:
    behind = Mirror(settings)
    behind.refresh(followed.graph)
    followed.happens("watch", "u001", content_id=KEAKS[4])
    export(followed.graph, settings.snapshot_path, settings)
    restarted = Mirror(settings)
    restarted.refresh(followed.graph)
    assert restarted.ledger.since(0)[1] == []
    followed.happens("watch", "u002", content_id=KEAKS[4])
    assert behind.view() is None
    for mirror in (behind, restarted, followed.mirror):
        mirror.refresh(followed.graph)
        for user in ("u001", "u002"):
            assert watched(mirror.view(), user, KEAKS[4])


def test_a_newer_export_is_taken_over_while_the_view_before_it_answers(
    followed: Followed, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a model of the new export and the view have the same people, and what the export holds is forgotten."""
    before = followed.view
    followed.happens("watch", "u001", content_id=KEAKS[4])
    followed.happens("watch", "a newcomer", content_id=KEAKS[4])
    export(followed.graph, settings.snapshot_path, settings)
    opened: list[View | None] = []
    monkeypatch.setattr(mirrors, "_STALE_S", 20.0)
    monkeypatch.setattr(mirrors, "_CHECK_S", 0.1)

    def slowly(view: View) -> None:
        checked = followed.mirror.ledger.state().checked
        wait_for(lambda: followed.mirror.ledger.state().checked > checked + 1.0)
        opened.append(followed.mirror.view())

    monkeypatch.setattr(followed.mirror, "_prepare", slowly)
    after = followed.view
    assert opened == [before], "until the new one was there"
    assert after is not before
    assert after.snapshot is snapshots.load(settings.snapshot_path)
    assert followed.mirror.ledger.since(0)[1] == []
    followed.happens("watch", "u002", content_id=KEAKS[4])
    again = followed.view
    assert again is after
    for user in ("u001", "a newcomer", "u002"):
        assert watched(again, user, KEAKS[4])


def test_what_was_written_before_a_batch_failed_is_told_to_every_view(
    followed: Followed, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follow is in the graph and the watch is not: the view goes on, with the follow."""
    before, write = followed.view, Graph.write_and_tell
    mark = followed.mirror.ledger.state().mark

    def refuses(graph: Graph, name: str, /, **params: Any) -> Any:
        if name == "events/watch":
            raise GraphTimeout("too late")
        return write(graph, name, **params)

    entries = [
        Entry("", "half-1", "follow", "u001", "u002", checkerboard_graph.DAY),
        Entry("", "half-2", "watch", "u001", KEAKS[4], checkerboard_graph.DAY, 0.5),
    ]
    ledger = followed.mirror.ledger
    with monkeypatch.context() as patch, ledger.turn(60):
        patch.setattr(Graph, "write_and_tell", refuses)
        with pytest.raises(GraphTimeout):
            apply(followed.graph, ledger, entries, now=datetime.now(UTC), deadline_ms=60_000)
    after = followed.view
    assert after is before
    assert ledger.state().mark == mark
    one, other = (after.users.number(name) or 0 for name in ("u001", "u002"))
    assert other in after.follows.of_node(one)
    assert not watched(after, "u001", KEAKS[4])


def test_a_ledger_that_cannot_be_read_leaves_the_answers_to_neo4j(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(seq: int) -> None:
        raise sqlite3.DatabaseError("file is not a database")

    assert followed.view
    monkeypatch.setattr(followed.mirror.ledger, "news", damaged)
    assert followed.mirror.view() is None


def test_what_others_write_ends_the_use_of_the_view_until_the_graph_is_read_anew(
    followed: Followed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "_CHECK_S", 0.0)
    monkeypatch.setattr(mirrors, "_CALM_S", 0.0)
    mirror = Mirror(followed.settings)
    mirror.refresh(followed.graph)
    assert mirror.view()
    database.ask("MATCH (u:User {userId: 'u001'}) SET u.isPrivate = true")
    mirror.refresh(followed.graph)
    assert mirror.view() is None
    started = Mirror(followed.settings)
    started.refresh(followed.graph)
    for one in (mirror, started):
        assert one.view() is None
        assert one.behind()
    followed.happens("watch", "u001", content_id=KEAKS[4])
    assert watched(started.behind(), "u001", KEAKS[4])
    mirror.refresh(followed.graph)
    mirror.refresh(followed.graph)
    assert mirror._reading
    assert mirror._reading.wait(600) == 0
    mirror.refresh(followed.graph)
    view = mirror.view()
    assert view is not None
    assert mirror.behind() is None
    me = view.users.number("u001")
    assert me is not None
    assert view.private[me]
    mirror.close()
