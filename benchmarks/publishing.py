"""How long it takes until what is published, taken down or written by others shows in a feed: parts of
``make bench-service``."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote

import numpy as np

from graph import clock, events
from graph.catalogue import write as catalogue
from graph.catalogue.changes import Change
from graph.database.driver import Graph
from graph.events import Entry
from graph.snapshot import Snapshot

__all__ = ["by_others", "sentence"]

_PATIENCE_S: Final = 5.0
_MOST_S: Final = 900.0
_IN_A_ROW: Final = 10
"""Answers from memory one after another, so that every worker is likely among them."""
_PAUSE_S: Final = 0.01
_FEED: Final = 100
"""Larger than a page: a new keak by somebody one follows stands behind some 60 of the model's best."""


@dataclass(frozen=True)
class _Seen:
    """Milliseconds until one keak was in the feed of a follower of its maker, and until it was gone again."""

    there: float | None
    gone: float | None


def sentence(url: str, snapshot: Snapshot, name: str, times: int = 20, seed: int = 0) -> str:
    """Publish ``times`` keaks, each by somebody whom a random person follows, look until they are in that person's
    feed of 100, and take them down again. They stay in the graph as taken down, under ids that begin with ``name``."""
    draw = random.Random(seed)
    follows, ids = snapshot.follows, snapshot.users.ids
    edges = [draw.randrange(len(follows)) for _ in range(times)]
    seen = [
        _once(url, f"{name}-{number}", ids[int(follows.source[edge])], ids[int(follows.target[edge])])
        for number, edge in enumerate(edges)
    ]
    return (
        f"a keak that was just published, until it is in a follower's feed of {_FEED}: {_told(seen, 'there')}; "
        f"taken down, until it is gone: {_told([one for one in seen if one.there is not None], 'gone')}"
    )


def by_others(url: str, graph: Graph, snapshot: Snapshot, users: list[str], times: int = 5, seed: int = 0) -> str:
    """Write behind the service's back, as a program of one's own would, and look until feeds show it: ``times`` random
    people hide the first content of their feeds, and as many follow somebody who has just published a keak, which is
    then taken down. Then look until feeds come from memory again.

    What was hidden and followed is taken back at the end; the keaks stay in the graph, taken down.
    """
    draw, run = random.Random(seed), f"by-others-{time.time_ns()}"
    hidden, published, done = list[_Seen](), list[_Seen](), list[Entry]()
    try:
        while len(hidden) < times:
            person = draw.choice(users)
            items = _send(url, f"/v1/users/{quote(person, safe='')}/recommendations?n=1", "GET")["items"]
            if items:
                done.append(Entry(run, f"hide-{len(hidden)}", "hide", person, items[0]["content_id"], clock.now()))
                began = time.perf_counter()
                events.apply(graph, done[-1:])
                hidden.append(_Seen(None, _until(url, done[-1].target, person, began, wanted=False)))
        for number in range(times):
            person, maker = _strangers(draw, snapshot, users)
            done.append(Entry(run, f"follow-{number}", "follow", person, maker, clock.now()))
            published.append(_written(url, graph, f"keaks/{run}-{number}", done[-1]))
    finally:
        back = [one._replace(event_id=f"{one.event_id}-back", kind=f"un{one.kind}", at=clock.now()) for one in done]
        events.apply(graph, back)
    began = time.perf_counter()
    while not all(_from_memory(url, users[0]) for _ in range(_IN_A_ROW)) and time.perf_counter() - began < _MOST_S:
        time.sleep(_PATIENCE_S / 5)
    spent = time.perf_counter() - began
    memory = f"after {spent:.0f} s" if spent < _MOST_S else f"not within {_MOST_S:.0f} s"
    return (
        f"what others write, until a feed shows it: hidden {_told(hidden, 'gone')}; a new keak of somebody newly "
        f"followed, in a feed of {_FEED} {_told(published, 'there')}; taken down "
        f"{_told([one for one in published if one.there is not None], 'gone')}; "
        f"feeds come from memory again {memory}"
    )


def _strangers(draw: random.Random, snapshot: Snapshot, users: list[str]) -> tuple[str, str]:
    """A random person, and another whom that person does not follow."""
    while True:
        person, other = draw.choice(users), draw.randrange(snapshot.users.count)
        me = int(snapshot.users.nids([person])[0])
        if other != me and other not in snapshot.follows.target[slice(*snapshot.follows.indptr[me : me + 2])]:
            return person, str(snapshot.users.ids[other])


def _written(url: str, graph: Graph, content: str, follow: Entry) -> _Seen:
    """Have somebody follow the maker of a new content, and take it down once it was seen."""
    person, body = follow.user_id, {"title": "By hand", "makers": [follow.target], "created_at": clock.now()}
    began = time.perf_counter()
    catalogue.write(graph, [Change(content, body, taken_down=False)], now=clock.now())
    events.apply(graph, [follow])
    there = _until(url, content, person, began, wanted=True)
    began = time.perf_counter()
    catalogue.write(graph, [Change(content, {}, taken_down=True)], now=clock.now())
    return _Seen(there, _until(url, content, person, began, wanted=False))


def _from_memory(url: str, person: str) -> bool:
    """Whether a feed has waited for its turn, which those by Cypher do not, and others' writes do not make it late."""
    try:
        with urllib.request.urlopen(f"{url}/v1/users/{quote(person, safe='')}/recommendations") as answer:
            return "wait;" in answer.headers["Server-Timing"] and "graph" not in json.load(answer)["late"]
    except HTTPError:  # more is asked than can be done before the deadline
        return False


def _once(url: str, name: str, person: str, maker: str) -> _Seen:
    path = f"/v1/contents/{quote(f'keaks/{name}', safe='')}"
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    began = time.perf_counter()
    _send(
        url, path, "PUT", {"title": "A keak of the benchmark", "makers": [maker], "created_at": now, "duration": 15.0}
    )
    there = _until(url, f"keaks/{name}", person, began, wanted=True)
    began = time.perf_counter()
    _send(url, path, "DELETE")
    return _Seen(there, _until(url, f"keaks/{name}", person, began, wanted=False))


def _until(url: str, content: str, person: str, began: float, *, wanted: bool) -> float | None:
    """Milliseconds from ``began`` until the content is in the person's feed, or not; None after `_PATIENCE_S`."""
    path = f"/v1/users/{quote(person, safe='')}/recommendations?n={_FEED}"
    while True:
        feed = _send(url, path, "GET")
        if wanted == any(item["content_id"] == content for item in feed["items"]):
            return 1_000 * (time.perf_counter() - began)
        if time.perf_counter() - began > _PATIENCE_S:
            return None
        time.sleep(_PAUSE_S)


def _told(seen: list[_Seen], what: str) -> str:
    values = [value for one in seen if (value := getattr(one, what)) is not None]
    if not values:
        return f"in none of {len(seen)}"
    return f"{len(values)} of {len(seen)}, median {np.median(values):.0f} ms, longest {max(values):.0f} ms"


def _send(url: str, path: str, method: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"{url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
