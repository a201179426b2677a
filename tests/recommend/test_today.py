"""The model's scores follow what a known person does, in the service and in a graph whose engagement does not vary."""

from __future__ import annotations

import pytest

from graph import snapshot as snapshots
from graph.live import Pair, View
from graph.live.facts import ContentNow
from graph.live.mirror import Mirror
from graph.settings import Service, Settings
from graph.snapshot.export import export
from recommend.request import Deadline, Request
from recommend.service import FeedService
from recommend.sources import best_for_known
from recommend.today import today
from recommenders.knn import ItemKnn
from tests import checkerboard
from tests.recommend.followed import Followed

KEAKS = checkerboard.contents()


def test_the_model_follows_what_a_known_person_does(followed: Followed, settings: Settings) -> None:
    """Another view is made of the same files, as in a service that starts: it catches up from the ledger."""
    whole = snapshots.load(settings.snapshot_path)
    assert today(followed.view, whole, "u004") is None, "nothing happened"
    model = ItemKnn(fashion=0.0).fit(whole)
    slow = settings.model_copy(update={"service": Service(deadline_ms=60_000)})
    feeds = FeedService(followed.graph, whole, model, slow, mirror=followed.mirror)
    before = feeds.recommend("u004", 5, debug=True)
    followed.happens("watch", "u004", content_id=KEAKS[3], progress=1.0)
    followed.happens("watch", "u004", content_id=KEAKS[5], progress=1.0)
    followed.happens("follow", "u004", target_id="u001")
    now = today(followed.view, whole, "u004")
    assert now is not None
    assert now.change.indices.tolist() == whole.contents.nids([KEAKS[3], KEAKS[5]]).tolist()
    assert whole.users.nids(["u001"])[0] in now.follows
    after = feeds.recommend("u004", 5, debug=True)
    request = Request("r", "u004", 20, None, frozenset({"keaks/none"}), True, Deadline(60_000))
    said = [{row.content_id: row.score for row in best_for_known(model, request, one)} for one in (None, now)]
    assert said[0] != said[1]
    assert KEAKS[3] not in said[1]
    assert (before.rung, after.rung) == ("model", "model")
    odd = {item.content_id for item in after.items} & {*KEAKS[1::2]}
    assert len(odd) > len({item.content_id for item in before.items} & {*KEAKS[1::2]})
    again = Mirror(settings)
    again.refresh(followed.graph)
    view = again.view()
    assert view is not None
    caught_up = today(view, whole, "u004")
    assert caught_up is not None
    assert caught_up.watched.tolist() == now.watched.tolist()
    again.close()
    followed.happens("unfollow", "u004", target_id="u001")
    assert today(followed.view, whole, "u002") is None


def test_the_model_follows_also_where_the_view_is_of_a_later_export(followed: Followed, settings: Settings) -> None:
    """Somebody new came before the second export, so that people and contents have other numbers there."""
    learned = snapshots.load(settings.snapshot_path)
    followed.happens("watch", "a newcomer", content_id=KEAKS[3])
    followed.happens("watch", "u004", content_id=KEAKS[3], progress=1.0)
    export(followed.graph, settings.snapshot_path, settings)
    view = followed.view
    assert view.snapshot.manifest.graph_id != learned.manifest.graph_id
    assert view.users.number("u004") != learned.users.nid("u004")
    followed.happens("follow", "u004", target_id="u001")
    now = today(followed.view, learned, "u004")
    assert now is not None
    assert now.user == learned.users.nid("u004")
    assert now.change.indices.tolist() == learned.contents.nids([KEAKS[3]]).tolist()
    assert learned.users.nid("u001") in now.follows.tolist()
    assert today(followed.view, learned, "u002") is None
    assert today(followed.view, learned, "a newcomer") is None


def test_by_queries_the_model_follows_as_it_does_from_memory(followed: Followed, settings: Settings) -> None:
    whole = snapshots.load(settings.snapshot_path)
    model = ItemKnn(fashion=0.0).fit(whole)
    slow = settings.model_copy(update={"service": Service(deadline_ms=60_000)})
    memory = FeedService(followed.graph, whole, model, slow, mirror=followed.mirror)
    plain = FeedService(followed.graph, whole, model, slow)
    trained = plain.recommend("u004", 9, request_id="r").items
    for kind, about in (
        ("watch", {"content_id": KEAKS[3], "progress": 0.9}),
        ("like", {"content_id": KEAKS[5]}),
        ("follow", {"target_id": "u001"}),
    ):
        followed.happens(kind, "u004", **about)
        followed.mirror.refresh(followed.graph)
        ours, theirs = (feeds.recommend("u004", 9, request_id="r") for feeds in (memory, plain))
        assert [(one.content_id, one.sources) for one in ours.items] == [
            (one.content_id, one.sources) for one in theirs.items
        ]
        assert [one.score for one in ours.items] == pytest.approx([one.score for one in theirs.items], abs=1e-6)
    assert theirs.items != trained


def test_where_engagement_does_not_vary_every_pair_counts_as_it_was_learned(settings: Settings) -> None:
    """A like of what was watched changes nothing, and half a watch counts as a whole one."""
    whole = checkerboard.snapshot()
    assert whole.mode == "implicit"
    view = View(whole, settings.engagement)
    user = checkerboard.users()[4]
    seen = {content for one, content in checkerboard.watched_pairs() if one == 4}
    watched, new = checkerboard.contents()[min(seen)], checkerboard.contents()[1]
    view.apply([Pair(user, watched, people=False, holds=True, liked=True, audience=9)])
    assert today(view, whole, user) is None
    view.apply([Pair(user, new, people=False, holds=True, progress=0.5, audience=1)])
    now = today(view, whole, user)
    assert now is not None
    assert set(now.engagement.tolist()) == {1.0}
    assert now.change.indices.tolist() == [1]
    later = "keaks/k0015"  # which the model cannot have learned
    view.apply([Pair(user, later, people=False, holds=True), ContentNow(later, "keak")])
    with_later = today(view, whole, user)
    assert with_later is not None
    assert with_later.watched.tolist() == now.watched.tolist()
