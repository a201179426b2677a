"""Facts about people, drawn by hypothesis: as files, as events, and what they mean by a naive loop."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

import cypher
from graph.database.driver import Graph
from graph.events import Event
from graph.load import watch

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = 3_600_000
PEOPLE = ("a", "b", "c")
CONTENTS = ("keaks/x", "beats/y")
FLAGS = {"liked": "like", "commented": "comment", "shared": "share"}
UNDOES = {"liked": "unlike", "commented": "delete_comment", "shared": "unshare"}

DUMP = """
MATCH (one)-[held:WATCHED|FOLLOWS|BLOCKED|HID]->(other)
WHERE coalesce(one.userId, '') STARTS WITH $mine
RETURN one.userId AS one, type(held) AS type, coalesce(other.userId, other.contentId) AS other, properties(held) AS said
"""
CONTENT = """
MATCH (content:Content)
WHERE content.contentId CONTAINS $mine
RETURN content.contentId AS id, content.audience AS audience, content.trend AS trend
"""


@dataclass(frozen=True)
class Row:
    """A row of audiences.csv; as events, a watch and one event for each flag that is true."""

    user: str
    content: str
    hours: int | None
    progress: float | None = None
    liked: bool | None = None
    commented: bool | None = None
    shared: bool | None = None


@dataclass(frozen=True)
class Follow:
    """A row of followers.csv, or a follow event."""

    user: str
    target: str
    hours: int | None


@dataclass(frozen=True)
class Act:
    """What only an event can say."""

    kind: str
    user: str
    about: str
    hours: int


Fact = Row | Follow | Act

_HOURS = st.integers(1, 12)
_FLAG = st.sampled_from([None, None, True])


def _pair(first: str) -> st.SearchStrategy[str]:
    return st.sampled_from([other for other in PEOPLE if other != first])


_ROWS: st.SearchStrategy[Fact] = st.builds(
    Row, st.sampled_from(PEOPLE), st.sampled_from(CONTENTS), _HOURS | st.none(), st.sampled_from([None, 0.1, 0.78]),
    _FLAG, _FLAG, _FLAG,
)  # fmt: skip
_TWO = st.sampled_from(PEOPLE).flatmap(lambda one: st.tuples(st.just(one), _pair(one)))
_FOLLOWS: st.SearchStrategy[Fact] = st.builds(
    lambda two, hours: Follow(two[0], two[1], hours), _TWO, _HOURS | st.none()
)
_ABOUT_PEOPLE: st.SearchStrategy[Fact] = st.builds(
    lambda kind, two, hours: Act(kind, two[0], two[1], hours),
    st.sampled_from(["unfollow", "block", "unblock"]),
    _TWO,
    _HOURS,
)
_ABOUT_CONTENTS: st.SearchStrategy[Fact] = st.builds(
    Act,
    st.sampled_from(["hide", "unhide", *UNDOES.values(), "like"]),
    st.sampled_from(PEOPLE),
    st.sampled_from(CONTENTS),
    _HOURS,
)
FACTS: st.SearchStrategy[list[Fact]] = st.lists(_ROWS | _FOLLOWS | _ABOUT_PEOPLE | _ABOUT_CONTENTS, max_size=14)


def at(hours: int) -> datetime:
    return BEGIN + timedelta(hours=hours)


def ms(hours: int) -> int:
    return int(BEGIN.timestamp() * 1000) + hours * HOUR


def content(mine: str, name: str) -> str:
    kind, bare = name.split("/")
    return f"{kind}/{mine}{bare}"


def events(mine: str, fact: Fact, number: int) -> list[Event]:
    """The events that say a fact; none where they cannot, as it has no time or says that something is false."""

    def event(kind: str, user: str, hours: int, **about: Any) -> Event:
        id_ = f"{mine}{number}{kind}"
        raw = {"event_id": id_, "kind": kind, "user_id": mine + user, "at": at(hours), **about}
        return Event.model_validate(raw)

    if fact.hours is None:
        return []
    if isinstance(fact, Row):
        assert fact.hours is not None
        id_ = content(mine, fact.content)
        said = [event("watch", fact.user, fact.hours, content_id=id_, progress=fact.progress)]
        return said + [
            event(kind, fact.user, fact.hours, content_id=id_) for flag, kind in FLAGS.items() if getattr(fact, flag)
        ]
    if isinstance(fact, Follow):
        assert fact.hours is not None
        return [event("follow", fact.user, fact.hours, target_id=mine + fact.target)]
    about = {"target_id": mine + fact.about} if fact.about in PEOPLE else {"content_id": content(mine, fact.about)}
    return [event(fact.kind, fact.user, fact.hours, **about)]


def append(path: Path, mine: str, facts: Sequence[Fact]) -> None:
    """Add the rows among the facts to a Keakr folder, with everybody and everything in it."""
    for name, key, ids in (("users", "userId", PEOPLE), ("keaks", "keakId", "x"), ("beats", "beatId", "y")):
        with (path / f"{name}.jsonl").open("a") as file:
            file.writelines(f'{{"{key}": "{mine}{id_}"}}\n' for id_ in ids)
    with (path / "audiences.csv").open("a") as audiences, (path / "followers.csv").open("a") as followers:
        watches, follows = csv.writer(audiences), csv.writer(followers)
        if not audiences.tell():
            watches.writerow(["userId", "contentId", "timestamp", "progress", "liked", "commented", "shared"])
            follows.writerow(["follower", "followed", "timestamp"])
        for fact in facts:
            time = "" if fact.hours is None else at(fact.hours).isoformat()
            if isinstance(fact, Follow):
                follows.writerow([f"users/{mine}{fact.user}", f"users/{mine}{fact.target}", time])
            elif isinstance(fact, Row):
                flags = ["" if (flag := getattr(fact, name)) is None else flag for name in FLAGS]
                progress = "" if fact.progress is None else fact.progress
                watches.writerow([f"users/{mine}{fact.user}", content(mine, fact.content), time, progress, *flags])


def meaning(facts: Sequence[Fact]) -> dict[str, Any]:
    """What the facts mean, read in the order of their times; at the same time what takes back comes last."""
    undoing = {*UNDOES.values(), "unfollow", "unhide"}

    def when(fact: Fact) -> tuple[int, int]:
        kind = fact.kind if isinstance(fact, Act) else ""
        rank = {"block": 1, "unblock": 2}.get(kind, 1 if kind in undoing else 0)
        return -1 if fact.hours is None else fact.hours, rank

    held: dict[tuple[str, str, str], dict[str, Any]] = {}
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    undone: set[tuple[str, str, str]] = set()
    for fact in sorted(facts, key=when):
        time = None if fact.hours is None else ms(fact.hours)
        if isinstance(fact, Row) or (isinstance(fact, Act) and fact.kind == "like"):
            thing = fact.content if isinstance(fact, Row) else fact.about
            pair = pairs.setdefault((fact.user, thing), {"times": set(), "watched": False})
            if isinstance(fact, Row):
                pair["watched"] = True
                pair["times"] |= {time} - {None}
                known = [p for p in (pair.get("progress"), fact.progress) if p is not None]
                pair["progress"] = max(known, default=None)
            for flag in FLAGS:
                if fact.kind == FLAGS[flag] if isinstance(fact, Act) else getattr(fact, flag):
                    pair[flag], pair[f"{flag}At"] = True, time or 0
        elif isinstance(fact, Follow):
            standing = [(a, "BLOCKED", b) for a, b in ((fact.user, fact.target), (fact.target, fact.user))]
            if not any(block in held for block in standing):
                held[fact.user, "FOLLOWS", fact.target] = {"since": time}
        elif fact.kind == "unfollow":
            held.pop((fact.user, "FOLLOWS", fact.about), None)
        elif fact.kind == "block":
            held[fact.user, "BLOCKED", fact.about] = {"at": time}
            held.pop((fact.user, "FOLLOWS", fact.about), None)
            held.pop((fact.about, "FOLLOWS", fact.user), None)
        elif fact.kind == "unblock":
            held.pop((fact.user, "BLOCKED", fact.about), None)
        elif fact.kind == "hide":
            held[fact.user, "HID", fact.about] = {"at": time}
        elif fact.kind == "unhide":
            held.pop((fact.user, "HID", fact.about), None)
        else:
            flag = next(name for name, kind in UNDOES.items() if kind == fact.kind)
            undone.add((fact.user, fact.about, flag))
            pair = pairs.get((fact.user, fact.about), {})
            if f"{flag}At" in pair:
                pair[flag], pair[f"{flag}At"] = False, time
    for (user, thing), pair in pairs.items():
        times = sorted(pair.pop("times"))
        pair["watchCount"] = len(times) or int(pair.pop("watched"))
        pair.pop("watched", None)
        if times:
            pair |= {"firstAt": times[0], "lastAt": times[-1]} | ({"times": times} if len(times) > 2 else {})
        held[user, "WATCHED", thing] = {key: value for key, value in pair.items() if value is not None}
    kept = {}
    for thing in CONTENTS:
        there = [said for (_, type_, other), said in held.items() if (type_, other) == ("WATCHED", thing)]
        last = [said.get("lastAt") for said in there if said["watchCount"]]
        timed = [time for time in last if time is not None]
        trend = (
            math.log(sum(math.exp((t - max(timed)) * watch.RATE) for t in timed)) + max(timed) * watch.RATE
            if timed
            else None
        )
        kept[thing] = (len(last), trend)
    clean = {key: {k: v for k, v in said.items() if v is not None} for key, said in held.items()}
    return {"held": clean, "kept": kept}


def found(graph: Graph, mine: str) -> dict[str, Any]:
    """What the graph holds of these facts, spelled as `meaning` does; the two queries stand in for product queries."""

    def short(id_: str) -> str:
        return id_.replace(mine, "")

    held = {(short(r["one"]), r["type"], short(r["other"])): r["said"] for r in graph.read("test/dump", mine=mine)}
    kept = {short(r["id"]): (r["audience"] or 0, r["trend"]) for r in graph.read("test/content", mine=mine)}
    return {"held": held, "kept": kept}


def check(graph: Graph, mine: str, facts: Sequence[Fact]) -> None:
    """Compare what the graph holds of one world with what its facts mean."""
    of_graph, expected = found(graph, mine), meaning(facts)
    assert of_graph["held"] == expected["held"]
    for content_id, (audience, trend) in expected["kept"].items():
        assert of_graph["kept"][content_id][0] == audience
        wanted = None if trend is None else pytest.approx(trend, abs=1e-9, rel=0)
        assert of_graph["kept"][content_id][1] == wanted


def teach(monkeypatch: Any) -> None:
    """Let ``graph.read`` know the queries of this file."""
    real = cypher.load
    own = {"test/dump": DUMP, "test/content": CONTENT}
    monkeypatch.setattr(cypher, "load", lambda name: own[name] if name in own else real(name))
