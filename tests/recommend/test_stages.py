"""Scorer, selector and batch, each by itself."""

import json
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.database.driver import Graph
from graph.events import Entry, Outbox
from graph.settings import Composition, FeedSource, Settings
from graph.snapshot import Snapshot
from recommend import exploration, filters, lookups, scorer, selector, sources
from recommend.batch import write_all, write_tracks
from recommend.filters import Facts
from recommend.new_contents import NEW_CONTENTS
from recommend.request import Deadline, Request
from recommend.restrictions import Recent
from recommend.service import FeedService
from recommend.snapshot_reader import SnapshotReader
from recommend.sources import Candidate, Source
from recommenders.core.recommender import Recommender
from recommenders.friends import FriendsItems
from recommenders.knn import ItemKnn, UserKnn
from recommenders.play_cf import PlayCf
from recommenders.popularity import Popularity
from tests import checkerboard

STRONG, WEAK = Source("strong", "graph", 3.0), Source("weak", "graph", 1.0)


def candidates(*ids: str) -> list[Candidate]:
    return [Candidate(content_id, 1.0) for content_id in ids]


def test_the_stronger_source_leads_and_agreement_counts():
    scored = scorer.score([(STRONG, candidates("a", "b")), (WEAK, candidates("c", "b"))])
    assert [one.content_id for one in scored] == ["b", "a", "c"]
    assert scored[0].score == 1.0
    assert [source.name for source, _ in scored[0].said] == ["strong", "weak"]
    assert scorer.score([]) == []


def test_ties_go_by_id():
    scored = scorer.score([(WEAK, candidates("b")), (WEAK, candidates("a"))])
    assert [one.content_id for one in scored] == ["a", "b"]


@pytest.mark.parametrize(("n", "by_one"), [(4, 2), (20, 4)])
def test_no_maker_fills_the_feed_while_others_are_left(n, by_one):
    ids = [f"keaks/{i:02d}" for i in range(50)]
    facts = {i: Facts(i, "keak", made_by=("star",) if at < 30 else (f"maker {at}",)) for at, i in enumerate(ids)}
    chosen = selector.select(scorer.score([(STRONG, candidates(*ids))]), facts, n)
    assert len(chosen) == n
    assert sum(facts[one.content_id].made_by == ("star",) for one in chosen) == by_one
    assert chosen[0].content_id == ids[0]


def naive(scores: list[float], makers: list[tuple[str, ...]], n: int, how: Composition) -> list[int]:
    """Every time the best of all that are left, worked out anew."""
    chosen: list[tuple[float, int]] = []
    for most in (max(2, int(n * how.most_of_maker + 1e-9)), n + 1):
        while len(chosen) < n:
            made = Counter(maker for _, place in chosen for maker in makers[place])
            left = []
            for place in set(range(len(scores))) - {place for _, place in chosen}:
                count = max((made[maker] for maker in makers[place]), default=0)
                if count < most:
                    left.append((-scores[place] * max(how.maker_floor, how.maker_decay**count), place))
            if not left:
                break
            chosen.append(min(left))
    return [place for _, place in sorted(chosen)]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.sets(st.sampled_from("abc"), max_size=2)), max_size=14
    ),
    st.integers(1, 8),
    st.sampled_from([1.0, 0.8, 0.3]),
    st.sampled_from([0.0, 0.5]),
)
def test_each_time_the_best_by_what_it_is_worth_then_is_taken(drawn, n, decay, floor):
    """Where others are left; afterwards those that were passed over come, in their order."""
    scores, makers = [score for score, _ in drawn], [tuple(sorted(theirs)) for _, theirs in drawn]
    how = Composition(most_of_maker=1.0, maker_decay=decay, maker_floor=floor)
    if n >= 2:
        assert selector.places(scores, lambda place: makers[place], n, how) == naive(scores, makers, n, how)
    capped = selector.places(scores, lambda place: makers[place], n, how.model_copy(update={"most_of_maker": 0.2}))
    assert len(capped) == len(set(capped)) == min(n, len(scores))


def test_a_source_weighs_what_the_settings_say():
    proposals = [(STRONG, candidates("a")), (Source("fresh", "trending", 0.2), candidates("b"))]
    assert [one.content_id for one in scorer.score(proposals)] == ["a", "b"]
    how = Composition(weights={"fresh": 9.0})
    assert [one.content_id for one in scorer.score(proposals, how)] == ["b", "a"]
    none = Composition(weights={"trending": 0.0})
    left = {source.name for source in scorer.asked(sources.GRAPH_SOURCES, none)}
    assert left == {source.name for source in sources.GRAPH_SOURCES} - {"trending"}


def test_every_source_can_be_weighed_and_the_example_file_says_what_it_weighs():
    every = [sources.MODEL, NEW_CONTENTS, *sources.GRAPH_SOURCES, sources.LAST_RESORT, sources.UNWATCHED]
    every.append(sources.REPLAYS)
    assert {source.name for source in every} == {*get_args(FeedSource)}
    told = tomllib.loads((Path(__file__).parents[2] / "docs" / "entourage.toml").read_text())["feed"]
    assert told["weights"] == {source.name: source.weight for source in every}


def test_a_share_of_the_places_is_drawn_and_says_how_likely_it_was():
    taken, stood = [0, 3, 1], Counter[int]()
    for hour in range(2_000):
        drawn = exploration.drawn(taken, 10, 0.4, exploration.key("u1", "v", hour * exploration.HOUR_MS))
        assert len({place for place, _ in drawn}) == 3
        for best, (place, propensity) in zip(taken, drawn, strict=True):
            assert place == best or place not in taken
            assert propensity == 0.6 if place == best else propensity in (0.4 / 7, 0.4 / 6, 0.4 / 5)
        stood.update(place for place, _ in drawn if place not in taken)
    assert sum(stood.values()) == pytest.approx(0.4 * 3 * 2_000, rel=0.1)
    assert min(stood.values()) > 0.8 * max(stood.values()), "each as likely as the others"


def test_the_draw_is_the_same_within_an_hour_and_nothing_is_drawn_for_nobody():
    first, later, next_hour = (
        exploration.key("u1", "v", at) for at in (10, exploration.HOUR_MS - 1, exploration.HOUR_MS)
    )
    assert first == later != next_hour
    assert exploration.drawn([4, 2], 9, 0.5, first) == exploration.drawn([4, 2], 9, 0.5, later)
    assert exploration.drawn([4, 2], 9, 0.5, exploration.key("", "v", 0)) == [(4, None), (2, None)]
    assert exploration.drawn([4, 2], 9, 0.0, first) == [(4, None), (2, None)]
    assert exploration.drawn([1, 0], 2, 1.0, first) == [(1, 1.0), (0, 1.0)], "nothing else may stand there"


def test_a_feed_that_explores_has_propensities_and_is_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)  # the draw follows from the hour
    snapshot = checkerboard.snapshot()
    settings = Settings(home=tmp_path, neo4j_uri=None, feed=Composition(exploration=0.9))
    feeds = FeedService(None, snapshot, ItemKnn().fit(snapshot), settings)
    feed = feeds.recommend(checkerboard.users()[3], 5, request_id="r")
    assert {item.propensity for item in feed.items} - {1.0 - 0.9}, "something was drawn"
    assert feeds.recommend(checkerboard.users()[3], 5).items == feed.items
    plain = FeedService(None, snapshot, feeds.model, settings.model_copy(update={"feed": Composition()}))
    assert {item.propensity for item in plain.recommend(checkerboard.users()[3], 5).items} == {None}


def test_a_lone_maker_may_fill_it():
    ids = [f"keaks/{i}" for i in range(8)]
    facts = {i: Facts(i, "keak", made_by=("star",)) for i in ids}
    chosen = selector.select(scorer.score([(STRONG, candidates(*ids))]), facts, 5)
    assert [one.content_id for one in chosen] == ids[:5]


@pytest.mark.parametrize("bare", [False, True])
def test_everyone_gets_a_line_with_the_withheld_keak_first(tmp_path, bare):
    model = ItemKnn().fit(checkerboard.snapshot())
    path = tmp_path / "recs.jsonl"
    told: list[int] = []
    assert write_all(model, path, 3, bare=bare, progress=told.append) == sum(told) == checkerboard.SIZE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["user"] for line in lines] == checkerboard.users()
    first = [line["items"][0] for line in lines]
    assert first == [content.split("/")[1] if bare else content for content in checkerboard.contents()]
    seen = {(checkerboard.users()[u], checkerboard.contents()[k]) for u, k in checkerboard.watched_pairs()}
    if not bare:
        assert not any((line["user"], item) in seen for line in lines for item in line["items"])


def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    model = ItemKnn().fit(checkerboard.snapshot())
    path = tmp_path / "recs.jsonl"
    path.write_text("old")
    monkeypatch.setattr(model, "recommend", lambda *_, **__: np.zeros(0)[1])
    with pytest.raises(IndexError):
        write_all(model, path, 3)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def newcomers() -> Snapshot:
    """Two users without a watch: u0 knows nobody, u1 follows u2, who watched k3 as u3 and u4 did."""
    return network(watched=[(2, 3), (3, 3), (4, 3), (3, 1), (4, 1), (4, 2)], follows=[(1, 2)])


def network(**edges: list[tuple[int, int]]) -> Snapshot:
    """Six users and six contents with these edges, by relationship type."""
    frames = {
        name.upper(): pl.DataFrame(pairs, schema={"source": pl.Int32, "target": pl.Int32}, orient="row")
        for name, pairs in edges.items()
    }
    nodes = {
        "User": pl.DataFrame({"userId": checkerboard.users(6)}),
        "Content": pl.DataFrame({"contentId": checkerboard.contents(6)}),
    }
    return Snapshot.build(nodes, frames)


def asked(model: Recommender, user: int) -> list[str]:
    request = Request("r", checkerboard.users(6)[user], 3, None, frozenset(), False, Deadline(1_000))
    return [candidate.content_id for candidate in sources.best_for_known(model, request)]


@pytest.mark.parametrize("model", [ItemKnn(), UserKnn(friends=0.0)])
def test_a_model_that_knows_nothing_of_a_user_proposes_nothing(model):
    model = model.fit(newcomers())
    assert [asked(model, user) for user in (0, 1)] == [[], []]
    assert asked(model, 3)


@pytest.mark.parametrize("model", [FriendsItems(), UserKnn()])
def test_a_model_that_knows_whom_a_newcomer_follows_proposes_what_they_watched(model):
    model = model.fit(newcomers())
    assert asked(model, 0) == []
    assert asked(model, 1)[0] == checkerboard.contents()[3]


class Around(Graph):
    """A graph in which somebody new has watched and follows what a test says."""

    def __init__(self, watched: list[int], follows: list[int]) -> None:
        self.row: dict[str, Any] = {
            "properties": {"userId": "somebody new"},
            "watched": [checkerboard.contents(6)[content] for content in watched] + ["keaks/younger than the model"],
            "follows": [checkerboard.users(6)[user] for user in follows],
            "followers": [],
        }

    def read(self, name, **params):  # type: ignore[override]
        return [self.row]


@pytest.mark.parametrize(
    ("model", "watched", "follows", "proposed"),
    [
        (ItemKnn(), [3], [], [1]),  # which u3 and u4 watched as well
        (ItemKnn(), [5], [], []),  # which nobody watched: every content has the same score
        (FriendsItems(), [], [2], [3]),
        (FriendsItems(), [3], [2], []),  # which they have seen, and there is nothing else
        (FriendsItems(), [], [0], []),  # who watched nothing
        (UserKnn(), [3], [2], []),  # which would have to be fitted anew
    ],
)
def test_newcomers_are_proposed_what_the_model_can_tell_and_nothing_else(model, watched, follows, proposed):
    request = Request("r", "somebody new", 3, None, frozenset(), False, Deadline(1_000))
    said = sources.best_for_newcomer(model.fit(newcomers()), Around(watched, follows), request, 1_000)
    found = [candidate.content_id for candidate in said]
    assert found[:1] == [checkerboard.contents(6)[content] for content in proposed]


def test_in_the_file_who_watched_nothing_gets_what_most_people_watched(tmp_path):
    write_all(ItemKnn().fit(newcomers()), tmp_path / "recs.jsonl", 3)
    first = json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[0])
    assert first["items"] == [checkerboard.contents()[k] for k in (3, 1, 2)]


def test_bare_ids_keep_their_own_slashes(tmp_path):
    ids = ["keaks/AC/DC", "keaks/https://example.org/a", "beats/keaks/1"]
    nodes = {"User": pl.DataFrame({"userId": ["a", "b"]}), "Content": pl.DataFrame({"contentId": ids})}
    watched = pl.DataFrame({"source": [0, 0, 0], "target": [0, 1, 2]}, schema={"source": pl.Int32, "target": pl.Int32})
    follows = pl.DataFrame({"source": [1], "target": [0]}, schema={"source": pl.Int32, "target": pl.Int32})
    model = Popularity().fit(Snapshot.build(nodes, {"WATCHED": watched, "FOLLOWS": follows}))
    write_all(model, tmp_path / "recs.jsonl", 3, bare=True)
    last = json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[1])
    assert sorted(last["items"]) == ["AC/DC", "https://example.org/a", "keaks/1"]


def test_the_file_holds_back_what_the_feed_would(tmp_path):
    snapshot = network(
        watched=[(0, 0), (1, 1)],
        made=[(0, 1), (1, 2), (2, 3), (3, 4), (5, 4)],
        hid=[(0, 5), (4, 0)],
        blocked=[(0, 2), (3, 0)],
    )
    write_all(ItemKnn().fit(snapshot), tmp_path / "recs.jsonl", 6)
    for line in map(json.loads, (tmp_path / "recs.jsonl").read_text().splitlines()):
        request = Request("r", line["user"], 6, None, frozenset(), False, Deadline(1_000))
        facts = SnapshotReader(snapshot).facts(request, checkerboard.contents(6), 0)
        assert set(line["items"]) == {i for i, known in facts.items() if filters.allowed(request, known)}
    assert len(set(line["items"])) == 6 - 1  # the last user made one of them
    users, keaks = checkerboard.users(6), checkerboard.contents(6)
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    happened = [
        ("block", users[2], users[5]),
        ("block", "nobody", users[5]),
        ("hide", users[5], keaks[0]),
        ("hide", users[5], keaks[1]),
        ("unhide", users[5], keaks[1]),
        ("watch", users[5], keaks[2]),
    ]
    outbox.accept([Entry("", str(n), *one, at=n) for n, one in enumerate(happened)], received=0)
    write_all(ItemKnn().fit(snapshot), tmp_path / "recs.jsonl", 6, recent=Recent(outbox))
    last = json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[5])
    assert set(line["items"]) - set(last["items"]) == {keaks[0], keaks[2], keaks[3]}


@pytest.mark.parametrize("heard", [False, True])
def test_lists_of_numbers_hold_back_the_same(tmp_path, heard):
    size, later = 5, Recent(Outbox(tmp_path / "outbox.sqlite3"))
    pairs = {
        "WATCHED": [(0, 0), (1, 1), (2, 2), (1, 0)],
        "HID": [(0, 1), (0, 2)],
        "MADE": [(1, 3)],
        "BLOCKED": [(2, 1)],
    }
    model = PlayCf().fit(
        Snapshot.build(
            {
                "User": pl.DataFrame({"userId": [str(n) for n in range(size)]}),
                "Content": pl.DataFrame({"contentId": [f"tracks/{n}" for n in range(size)], "kind": ["track"] * size}),
            },
            {
                type_: pl.DataFrame(edges, schema={"source": pl.Int32, "target": pl.Int32}, orient="row")
                for type_, edges in pairs.items()
            },
        )
    )
    later.outbox.accept(
        [Entry("", "1", "hide", "3", "tracks/0", at=1), Entry("", "2", "watch", "4", "tracks/2", at=2)], received=0
    )
    write_tracks(model, tmp_path / "lists.jsonl", size, heard=heard, recent=later)
    lists = [set(json.loads(line)["tracks"]) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    everything = set(range(size))
    assert lists == [
        everything - {1, 2} - (set() if heard else {0}),
        everything - {3} - (set() if heard else {0, 1}),
        everything - {3} - (set() if heard else {2}),
        everything - {0},
        everything - (set() if heard else {2}),
    ]


def test_neighbourhoods_and_people_leave_out_what_is_gone():
    ends: dict[str, Any] = {
        "sourceLabel": "User",
        "sourceName": None,
        "targetLabel": "Keak",
        "targetName": None,
        "properties": {},
    }

    class Told:
        def neighbourhood(self, *_: Any) -> list[dict[str, Any]]:
            return [
                {"source": "users/u1", "target": f"keaks/{n}", "type": "WATCHED", "step": 1, **ends} for n in range(3)
            ]

        def same_taste(self, *_: Any, followed: bool) -> list[dict[str, Any]]:
            return [
                {"userId": "u2", "score": 2.0, "count": 2, "evidence": ["keaks/1", "keaks/2"], "followed": followed}
            ]

    reader: Any = Told()
    drawn = lookups.neighbourhood(reader, "u1", 1, 10, {"keaks/1"})
    assert [node.id for node in drawn.nodes] == ["users/u1", "keaks/0", "keaks/2"]
    assert [link.target for link in drawn.links] == ["keaks/0", "keaks/2"]
    (alike,) = lookups.similar_people(reader, "u1", 5, {"keaks/1"})
    assert (alike.shared, alike.shared_count) == (("keaks/2",), 2)
