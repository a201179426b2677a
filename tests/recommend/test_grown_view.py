"""A view that was told of contents and people answers as one that was made of them; nothing here needs a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given
from hypothesis import settings as drawn_settings
from hypothesis import strategies as st

from graph import schema
from graph.live import Pair, View
from graph.live.facts import ContentNow, Fact, PersonNow
from graph.settings import Engagement
from graph.snapshot import NO_TIME, Snapshot
from recommend.live_reader import LiveReader
from tests.recommend.drawn_graph import CONTENTS, DAY, GENRES, HASHTAGS, USERS, Drawn, graphs, snapshot
from tests.recommend.test_live import NARROWED, SOURCES, TIGHT, asked

TITLED = {"keaks/k1": "Blue Rain", "beats/b0": "Odd"}
NAMED = {"u1": "Bo Ray", "u2": "Cy"}
#: Contents, genres and hashtags that come later: the ids lie between those that are there.
LATE = st.frozensets(st.sampled_from([*CONTENTS, *GENRES, *HASHTAGS]), min_size=1, max_size=7)


def whole_of(drawn: Drawn, down: frozenset[str]) -> Snapshot:
    """As arrays, with names, moods, links and what is taken down."""
    plain = snapshot(drawn)
    nodes = {label: one.frame for label, one in plain.nodes.items()}
    nodes["Content"] = nodes["Content"].with_columns(
        pl.Series("takenDown", [content in down for content in CONTENTS]),
        pl.Series("title", [TITLED.get(content) for content in CONTENTS], dtype=pl.String),
        pl.Series("link", [f"https://{content}" for content in CONTENTS]),
    )
    nodes["User"] = nodes["User"].with_columns(pl.Series("name", [NAMED.get(user) for user in USERS], dtype=pl.String))
    nodes["Mood"] = pl.DataFrame({"moodId": ["sad"], "name": ["Sad"]})
    edges = {type_: _frame(one) for type_, one in plain.edges.items()}
    sad = [place for place, content in enumerate(CONTENTS) if place % 3 == 0]
    edges["HAS_MOOD"] = pl.DataFrame({"source": sad, "target": [0] * len(sad)})
    return Snapshot.build(nodes, edges)


def _frame(edges: Any) -> pl.DataFrame:
    return pl.DataFrame({"source": edges.source, "target": edges.target, **edges.columns})


def without(whole: Snapshot, late: frozenset[str]) -> Snapshot:
    """The same before the late nodes came, and before anybody had a name or was marked private."""
    nodes, place_of = {}, {}
    for label, one in whole.nodes.items():
        stays = ~one.ids.is_in(list(late))
        nodes[label] = one.frame.filter(stays)
        place_of[label] = np.where(stays, stays.cast(pl.Int64).cum_sum() - 1, -1)
    nodes["User"] = nodes["User"].select("userId")
    edges = {}
    for type_, those in whole.edges.items():
        ends = schema.RELATIONSHIPS[type_]
        frame = _frame(those).with_columns(
            source=pl.Series(place_of[ends.source][those.source]), target=pl.Series(place_of[ends.target][those.target])
        )
        edges[type_] = frame.filter((pl.col("source") >= 0) & (pl.col("target") >= 0))
    return Snapshot.build(nodes, edges)


def facts_of(whole: Snapshot, view: View, late: frozenset[str]) -> list[Fact]:
    """What the ledger would tell: whatever is late or is joined to it, and all people. ``view`` is of the whole."""
    ids = {label: one.ids.to_list() for label, one in whole.nodes.items()}

    def ends(type_: str, node: int, *, back: bool = False) -> list[str]:
        edges = whole.edges[type_]
        label = schema.RELATIONSHIPS[type_].source if back else schema.RELATIONSHIPS[type_].target
        return [ids[label][end] for end in (edges.incoming if back else edges.outgoing).of(node)]

    facts: list[Fact] = []
    for user, key in enumerate(USERS):
        listens, creates = ([(one, one) for one in ends(type_, user)] for type_ in ("LISTENS_TO", "CREATES_IN"))
        private = bool(view.private[user])
        facts.append(PersonNow(key, NAMED.get(key), private, listens, creates))
    for number, key in enumerate(CONTENTS):
        genres, tags = ends("HAS_GENRE", number), ends("TAGGED", number)
        at, trend = int(view.created[number]), float(view.trend[number])
        now = ContentNow(
            id=key,
            kind=key.split("s/")[0],
            takenDown=bool(view.taken_down[number]),
            title=TITLED.get(key),
            link=f"https://{key}",
            created=None if at == NO_TIME else at,
            audience=int(view.audience[number]),
            trend=trend if np.isfinite(trend) else None,
            makers=ends("MADE", number, back=True),
            uses=ends("USES", number),
            hashtags=tags,
            genres=[(one, one) for one in genres],
            moods=[(one, "Sad") for one in ends("HAS_MOOD", number)],
        )
        if not late.isdisjoint((key, *genres, *tags, *now.uses)):
            facts.append(now)
    watched, hid = whole.watched, whole.edges["HID"]
    for user, me in enumerate(USERS):
        mine, hidden = watched.outgoing.of(user).tolist(), hid.outgoing.of(user).tolist()
        for content in {*mine, *hidden}:
            if CONTENTS[content] not in late:
                continue
            told: dict[str, Any] = {}
            if content in mine:
                row = int(watched.indptr[user]) + mine.index(content)
                flags = {name: bool(watched.columns[name][row]) or None for name in ("liked", "shared", "commented")}
                at = int(watched.columns["lastAt"][row])
                told = {"holds": True, "at": None if at == NO_TIME else at, "watched": bool(watched.seen[row]), **flags}
            trend = float(view.trend[content])
            told |= {"audience": int(view.audience[content]), "trend": trend if np.isfinite(trend) else None}
            facts.append(Pair(me, CONTENTS[content], people=False, hid=content in hidden, **told))
    return facts


@given(graphs(), LATE, st.frozensets(st.sampled_from(CONTENTS), max_size=3))
@drawn_settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
def test_a_view_that_grew_answers_as_one_that_was_made_of_the_whole(
    drawn: Drawn, late: frozenset[str], down: frozenset[str]
) -> None:
    whole = whole_of(drawn, down)
    view = View(whole, Engagement())
    grown = View(without(whole, late), Engagement())
    ours, theirs = LiveReader(grown), LiveReader(view)
    facts = facts_of(whole, view, late)
    for told in (facts[: len(facts) // 2], facts[len(facts) // 2 :], facts):  # twice, as ledgers may tell
        grown.apply(told)
    for me in (*USERS[:3], "nobody"):
        for kind in (None, "beat", "track"):
            request = asked(me, kind, drawn.now)
            for source in (*SOURCES, *TIGHT):
                found, wanted = ours.candidates(source, request), theirs.candidates(source, request)
                assert [one.content_id for one in found] == [one.content_id for one in wanted], (me, kind, source)
                assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=1e-9)
        for narrowed in NARROWED:
            since = narrowed.since and drawn.now - 3 * DAY
            request = replace(asked(me, None, drawn.now), wanted=replace(narrowed, since=since))
            assert ours.facts(request, CONTENTS) == theirs.facts(request, CONTENTS), narrowed
        request = asked(me, None, drawn.now)
        assert ours.facts(request, CONTENTS) == theirs.facts(request, CONTENTS)
        assert ours.why(request, CONTENTS) == theirs.why(request, CONTENTS)
        assert ours.names(USERS, CONTENTS) == theirs.names(USERS, CONTENTS)
