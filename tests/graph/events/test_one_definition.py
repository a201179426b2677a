"""Files, events in any order, files again and a mix of all make the graph that the definition says."""

from __future__ import annotations

import itertools
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graph import events
from graph.database.driver import Graph
from graph.load import watch
from graph.load.live import import_folder
from graph.settings import Settings
from tests.graph.events import facts as told
from tests.graph.events.facts import Act, Fact, Follow, Row

_NUMBERS = itertools.count()
Worlds = list[list[Fact]]


@pytest.fixture(scope="module", autouse=True)
def _queries() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        told.teach(patch)
        yield


class Way:
    """One way into the graph for several small worlds, which share no person and no content with any other."""

    def __init__(self, graph: Graph, settings: Settings, worlds: Worlds, dice: random.Random) -> None:
        self.graph, self.settings, self.worlds, self.dice = graph, settings, worlds, dice
        self.mine = [f"w{next(_NUMBERS)}-" for _ in worlds]
        self.load(lambda _: False)

    def load(self, wanted: Callable[[Fact], bool]) -> None:
        """Import the wanted facts as files, the rows in any order."""
        with tempfile.TemporaryDirectory() as path:
            for mine, facts in zip(self.mine, self.worlds, strict=True):
                some = [fact for fact in facts if wanted(fact)]
                told.append(Path(path), mine, self.dice.sample(some, len(some)))
            import_folder(self.graph, Path(path), self.settings)

    def happen(self, wanted: Callable[[Fact], bool]) -> None:
        """Send the wanted facts as events, in any order, in batches of any size."""
        sent = [
            event
            for mine, facts in zip(self.mine, self.worlds, strict=True)
            for number, fact in enumerate(facts)
            if wanted(fact)
            for event in told.events(mine, fact, number)
        ]
        self.dice.shuffle(sent)
        while sent:
            size = self.dice.randint(1, len(sent))
            assert "unknown" not in events.apply(self.graph, sent[:size])
            sent = sent[size:]

    def check(self) -> None:
        for mine, facts in zip(self.mine, self.worlds, strict=True):
            told.check(self.graph, mine, facts)


def everything(_: Fact) -> bool:
    return True


def happened(fact: Fact) -> bool:
    return isinstance(fact, Act)


def timeless(fact: Fact) -> bool:
    return fact.hours is None


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds=st.lists(told.FACTS, min_size=4, max_size=8), seed=st.integers(0, 2**32))
@example(
    worlds=[
        [Follow("a", "b", 1), Act("unfollow", "a", "b", 3), Follow("a", "b", 2)],
        [Act("block", "a", "b", 1), Follow("a", "b", 3), Act("unblock", "a", "b", 2)],
        [Act("block", "b", "a", 2), Follow("a", "b", 1), Act("unblock", "b", "a", 3)],
        [Act("like", "a", "keaks/x", 2), Act("unlike", "a", "keaks/x", 3), Row("a", "keaks/x", None, liked=True)],
        [Row("a", "keaks/x", hour) for hour in (3, 1, 2, 3, None)],
        [
            Act("like", "a", "keaks/x", 2),
            Act("like", "b", "keaks/x", 4),
            Row("b", "keaks/x", 3),
            Row("b", "keaks/x", None),
        ],
    ],
    seed=1,
)
def test_every_path_makes_the_same_graph(graph: Graph, session_settings: Settings, worlds: Worlds, seed: int) -> None:
    dice = random.Random(seed)

    files_first = Way(graph, session_settings, worlds, dice)
    files_first.load(everything)
    files_first.happen(happened)
    files_first.check()

    events_first = Way(graph, session_settings, worlds, dice)
    events_first.happen(everything)
    events_first.load(timeless)
    events_first.check()

    mixed = Way(graph, session_settings, worlds, dice)
    mixed.load(lambda _: dice.random() < 0.5)
    mixed.happen(everything)
    mixed.load(everything)
    mixed.check()
    mixed.load(everything)
    mixed.happen(everything)
    mixed.check()


def test_fifty_watches_of_one_person_do_not_beat_ten_people(graph: Graph, session_settings: Settings) -> None:
    one: list[Fact] = [Row("a", "keaks/x", hour) for hour in range(50)]
    paths = [Way(graph, session_settings, [one], random.Random(0)) for _ in range(2)]
    paths[0].load(everything)
    paths[1].happen(everything)
    for path in paths:
        path.check()
        (mine,) = path.mine
        now = told.at(49)
        crowd = [
            events.Event.model_validate(
                {"event_id": f"{mine}{n}", "kind": "watch", "user_id": f"{mine}{n}", "at": now,
                 "content_id": told.content(mine, "beats/y")}
            )
            for n in range(10)
        ]  # fmt: skip
        events.apply(graph, crowd)
        kept = told.found(graph, mine)["kept"]
        assert kept["keaks/x"][0] == 1
        assert kept["beats/y"][1] > kept["keaks/x"][1]


def test_of_very_many_watches_the_newest_are_counted(graph: Graph, session_settings: Settings) -> None:
    many = watch.MAX_TIMES + 5
    path = Way(graph, session_settings, [[Row("a", "keaks/x", hour) for hour in range(many)]], random.Random(0))
    path.happen(lambda fact: fact.hours is not None and fact.hours >= many - 3)
    for _ in range(2):
        path.load(everything)
        said = told.found(graph, path.mine[0])["held"]["a", "WATCHED", "keaks/x"]
        assert (said["watchCount"], len(said["times"])) == (watch.MAX_TIMES, watch.MAX_TIMES)
        assert (said["firstAt"], said["times"][0], said["lastAt"]) == (told.ms(0), told.ms(5), told.ms(many - 1))
        path.happen(lambda fact: fact.hours == 2)


def test_an_import_beside_events_loses_none_of_them(graph: Graph) -> None:
    """The same pairs from both sides at once: every watch counts, and what was taken back stays so."""
    mine, hours = f"w{next(_NUMBERS)}-", 12
    contents = [told.content(mine, f"keaks/{n}") for n in range(6)]
    graph.write("load/users", deadline_ms=0, rows=[{"id": mine, "properties": {}}])
    graph.write("load/keaks", deadline_ms=0, rows=[{"id": content, "properties": {}} for content in contents])
    rows = [[mine, [[content, 0.5, True, None, None, 1, told.ms(0), told.ms(0)] for content in contents]]]
    graph.write("load/watched", deadline_ms=0, rows=rows, most=watch.MAX_TIMES)

    def sent(kind: str, hour: int) -> list[events.Event]:
        known = {"kind": kind, "user_id": mine, "at": told.at(hour)}
        ids = [f"{mine}{kind}{hour}-{n}" for n in range(len(contents))]
        return [
            events.Event.model_validate({"event_id": id_, "content_id": content, **known})
            for id_, content in zip(ids, contents, strict=True)
        ]

    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            graph.write("load/watched", deadline_ms=0, rows=rows, most=watch.MAX_TIMES)

    with ThreadPoolExecutor(2) as pool:
        imports = [pool.submit(again) for _ in range(2)]
        for hour in range(1, hours):
            events.apply(graph, [*sent("watch", hour), *(sent("unlike", hour) if hour == 1 else [])])
        over.set()
        for done in imports:
            done.result()
    held = told.found(graph, mine)["held"]
    assert {pair["watchCount"] for pair in held.values() if "watchCount" in pair} == {hours}
    assert {pair["liked"] for pair in held.values() if "liked" in pair} == {False}
