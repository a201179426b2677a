"""A player's logs in a graph, and from there in the snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph import schema, snapshot
from graph.database.driver import Graph
from graph.load import watch
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from tests.conftest import empty
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder, line


def test_every_play_arrives_in_the_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    logs = folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO)
    for _ in range(2):  # the second time changes nothing
        report = import_folder(graph, logs, settings)
        export(graph, tmp_path / "snapshot", settings)
        found = snapshot.load(tmp_path / "snapshot")
        assert found.manifest.edges[schema.PLAYED] == report.relationships[schema.PLAYED] == 6
    played = found.edges[schema.PLAYED]
    sessions, tracks = found.nodes[schema.SESSION], found.contents
    told = [
        (sessions.ids[int(s)], tracks.ids[int(t)], int(place), round(float(share), 3))
        for s, t, place, share in zip(
            played.source, played.target, played.columns["place"], played.columns["share"], strict=True
        )
    ]
    assert sorted(told) == [
        ("7/100", "tracks/0", 0, 1.0),
        ("7/100", "tracks/1", 1, 0.5),
        ("7/100", "tracks/2", 2, 0.25),
        ("7/900", "tracks/0", 1, 0.75),
        ("7/900", "tracks/1", 0, 1.0),
        ("8/50", "tracks/2", 0, 1.0),
    ]
    assert set(np.asarray(played.columns["arm"]).tolist()) == {None, "STICKY:T1"}
    assert sorted(x for x in played.columns["propensity"].tolist() if x == x) == [0.125, 0.5]
    assert found.kinds.tolist() == ["track"] * 3
    assert sessions.frame["endedAt"].to_list() == [300, 950, None]
    assert [found.nodes[schema.ARTIST].ids[int(a)] for a in found.edges[schema.PERFORMED_BY].target] == [
        "Nina",
        "Nina",
        "Otis",
    ]
    assert found.edges[schema.OPENED].target.tolist() == [0, 1, 2]
    assert found.contents.frame["title"].to_list() == ["One", "Two", "Three"]


def held(graph: Graph) -> list[tuple[Any, ...]]:
    """Every session with its plays."""
    return graph.ask(
        "MATCH (user:User)-[:OPENED]->(s:Session) "
        "OPTIONAL MATCH (s)-[p:PLAYED]->(track) "
        "RETURN user.userId, s.sessionId, s.startedAt, s.endedAt, "
        "p.place, track.contentId, p.share, p.at, p.arm, p.propensity ORDER BY s.sessionId, p.place, track.contentId"
    )


def imported(graph: Graph, settings: Settings, path: Path, **logs: list[Any]) -> list[str]:
    """What the import of a folder with these logs tells beside its table."""
    path.mkdir()
    return import_folder(graph, folder(path / "logs", TRACKS, **logs), settings).notes


def test_a_line_that_is_mended_takes_its_place(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    lines: list[Any] = [line(1, 1, 0, 1.0, 1), line(1, 2, 1, 0.5, 2, propensity=0.5), line(1, 3, 2, 0.25, None)]
    empty(graph)
    imported(graph, settings, tmp_path / "whole", a=lines)
    whole = held(graph)
    assert [row[4:6] for row in whole] == [(0, "tracks/0"), (1, "tracks/1"), (2, "tracks/2")]
    empty(graph)
    imported(graph, settings, tmp_path / "broken", a=[lines[0], '{"message": "ne', lines[2]])
    assert [row[4:6] for row in held(graph)] == [(0, "tracks/0"), (1, "tracks/2")]
    assert imported(graph, settings, tmp_path / "mended", a=lines) == []
    assert held(graph) == whole


def test_sessions_that_a_broken_line_made_one_become_two(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    lines: list[Any] = [
        line(1, 1, 0, 1.0, 1),
        line(1, 2, 1, 0.5, None),
        line(1, 3, 2, 1.0, 0),
        line(1, 4, 0, 0.0, None),
    ]
    empty(graph)
    imported(graph, settings, tmp_path / "broken", a=[lines[0], '{"message": "la', *lines[2:]])
    assert [row[1] for row in held(graph)] == ["1/1"] * 3
    assert imported(graph, settings, tmp_path / "mended", a=lines) == []
    assert [(row[1], row[3], row[7]) for row in held(graph)] == [
        *(("1/1", 2, 1), ("1/1", 2, 2)),
        *(("1/3", 4, 3), ("1/3", 4, 4)),
    ]


def test_two_files_one_after_the_other_are_told_and_both_together_mend_them(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    session = [line(1, at, at % 3, 0.5, (at + 1) % 3, propensity=0.5) for at in range(1, 6)]
    session = [*session, line(1, 6, 0, 0.5, None), line(1, 7, 1, 1.0, 2), line(1, 8, 2, 1.0, None)]
    session += [line(1, 9, 0, 1.0, None), line(2, 1, 0, 1.0, None)]
    for name, first, second, overlapping, again in (
        ("in turn", session[::2], session[1::2], 2, (1, 2)),  # the two files of a week; `last` is in the second alone
        ("cut", session[:3], session[3:], 1, (1, 1)),  # a log from before midnight and one from after it
    ):
        empty(graph)
        imported(graph, settings, tmp_path / f"{name} whole", a=first, b=second)
        whole = held(graph)
        empty(graph)
        assert imported(graph, settings, tmp_path / f"{name} 1", a=first) == []
        (told,) = imported(graph, settings, tmp_path / f"{name} 2", b=second)
        assert told.startswith(f"{overlapping} sessions of these files overlap")
        assert held(graph) != whole
        assert imported(graph, settings, tmp_path / f"{name} both", a=first, b=second) == []
        assert held(graph) == whole
        for half, parts in zip((first, second), again, strict=True):  # a half takes nothing away and adds nothing
            (told,) = imported(graph, settings, tmp_path / f"{name} {half[0]['timestamp']} again", a=half)
            assert told.startswith(f"{parts} sessions of these files are parts of longer ones")
            assert held(graph) == whole


def test_plays_that_a_session_of_the_same_name_loses_are_counted_and_no_other_is(
    graph: Graph, settings: Settings, tmp_path: Path
) -> None:
    """Of three files two were imported, then another two: the session that begins in both is that of the later."""
    a, b = [line(1, 1, 0, 1.0, 1), line(1, 4, 2, 0.5, None)], [line(1, 2, 1, 0.5, 2)]
    d = [{**line(1, 3, 1, 0.5, None), "message": "last"}]
    empty(graph)
    imported(graph, settings, tmp_path / "whole", a=a, b=b, d=d)
    whole = held(graph)
    empty(graph)
    assert imported(graph, settings, tmp_path / "first", a=a, b=b) == []
    (told,) = imported(graph, settings, tmp_path / "second", a=a, d=d)
    assert told.startswith("1 play of")
    assert [(row[1], row[7]) for row in held(graph)] == [("1/1", 1), ("1/1", 3), ("1/4", 4)]
    assert imported(graph, settings, tmp_path / "all", a=a, b=b, d=d) == []
    assert held(graph) == whole


def test_a_later_log_is_no_part_of_an_earlier_one(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    empty(graph)
    lines = [line(1, 1, 0, 1.0, 1), line(1, 2, 1, 0.5, 2), line(1, 11, 0, 1.0, 1), line(1, 12, 1, 0.5, None)]
    (lines[1]).update(message="last", recommendation=None)
    assert imported(graph, settings, tmp_path / "1", a=lines[:2]) == []
    assert imported(graph, settings, tmp_path / "2", a=lines[2:]) == []
    assert imported(graph, settings, tmp_path / "3", a=lines) == []
    assert {row[1] for row in held(graph)} == {"1/1", "1/11"}
    assert imported(graph, settings, tmp_path / "4", a=[*lines, line(1, 21, 2, 1.0, 0)]) == []  # still open
    assert imported(graph, settings, tmp_path / "5", a=[line(1, 22, 0, 0.5, None)])[0].startswith("1 sessions")
    assert imported(graph, settings, tmp_path / "6", a=[line(1, 31, 0, 0.5, None)]) == []  # told once


def test_a_corrected_catalogue_takes_the_place_of_the_old_one(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    def told(tracks: list[dict[str, Any]], name: str) -> list[tuple[Any, ...]]:
        import_folder(graph, folder(tmp_path / name, tracks, a=ONE, b=TWO), settings)
        return graph.ask(
            "MATCH (track:Track) RETURN track.contentId, track.title, "
            "COLLECT { MATCH (track)-[:PERFORMED_BY]->(by) RETURN by.name ORDER BY by.name }, "
            "COLLECT { MATCH (track)-[:HAS_GENRE]->(genre) RETURN genre.name ORDER BY genre.name } "
            "ORDER BY track.contentId"
        ) + graph.ask("MATCH (one:Artist|Genre) RETURN one.name ORDER BY one.name")

    mended = [
        {**TRACKS[0], "artist": "Otis"},
        {**TRACKS[1], "artist": "Ella", "genre": ["Swing"]},
        {**TRACKS[2], "artist": "Nina", "genre": ["Soul"], "title": "Drei"},
    ]
    empty(graph)
    fresh = told(mended, "fresh")
    assert [row[2:] for row in fresh[:3]] == [(["Otis"], []), (["Ella"], ["Swing"]), (["Nina"], ["Soul"])]
    empty(graph)
    before = told(TRACKS, "before")
    assert told(mended, "mended") == fresh
    assert told([{"track": one["track"], "title": one["title"]} for one in mended], "bare") == fresh
    assert told(TRACKS, "again") == before


def pairs(graph: Graph) -> list[tuple[Any, ...]]:
    """Every WATCHED, and what its track keeps of them."""
    return graph.ask(
        "MATCH (user:User)-[w:WATCHED]->(track) RETURN user.userId, track.contentId, w.progress, w.watchCount, "
        "w.firstAt, w.lastAt, w.times, w.liked, w.likedAt, track.audience, track.trend "
        "ORDER BY user.userId, track.contentId"
    ) + graph.ask("MATCH (track:Track) RETURN track.contentId, coalesce(track.audience, 0) ORDER BY track.contentId")


CORRECTED: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("track", [line(1, 1, 0, 1.0, 1), line(1, 2, 1, 0.5, 2)], [line(1, 1, 0, 1.0, 1), line(1, 2, 2, 0.5, 2)]),
    ("first track", [line(1, 1, 0, 1.0, 1), line(1, 2, 1, 0.5, 2)], [line(1, 1, 2, 1.0, 1), line(1, 2, 1, 0.5, 2)]),
    ("share", [line(1, 1, 0, 0.9, 1), line(1, 2, 1, 0.5, 2)], [line(1, 1, 0, 0.123456789, 1), line(1, 2, 1, 0.5, 2)]),
    (
        "one of four plays",
        [line(1, at, 0, at / 10, 0) for at in range(1, 5)],
        [*(line(1, at, 0, at / 10, 0) for at in range(1, 4)), line(1, 4, 1, 0.4, 0)],
    ),
    (
        "the first of three plays",
        [line(1, at, 0, 1 / at, 0) for at in range(1, 4)],
        [line(1, 1, 1, 1.0, 0), *(line(1, at, 0, 1 / at, 0) for at in range(2, 4))],
    ),
]


@pytest.mark.parametrize(("before", "after"), [one[1:] for one in CORRECTED], ids=[one[0] for one in CORRECTED])
def test_what_a_corrected_line_said_goes_from_the_pair(
    graph: Graph, settings: Settings, tmp_path: Path, before: list[Any], after: list[Any]
) -> None:
    other = [{**line(1, 100, 0, 0.05, None)}, line(2, 1, 0, 0.75, None)]  # a later session, and somebody else
    empty(graph)
    imported(graph, settings, tmp_path / "fresh", a=[*after, {**other[0], "timestamp": 50}, *other])
    fresh = held(graph), pairs(graph)
    empty(graph)
    imported(graph, settings, tmp_path / "before", a=[*before, {**other[0], "timestamp": 50}, *other])
    assert (held(graph), pairs(graph)) != fresh
    assert imported(graph, settings, tmp_path / "after", a=[*after, {**other[0], "timestamp": 50}]) == []
    assert (held(graph), pairs(graph)) == fresh


def test_what_did_not_come_from_plays_stays_of_a_pair(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    def watched(**events: tuple[int, int, float | None]) -> list[tuple[Any, ...]]:
        """The pairs of user 1 after a play of track 0 was corrected to track 1, with these events between."""
        empty(graph)
        imported(graph, settings, tmp_path / f"{events} 1", a=[line(1, 1, 0, 0.5, 1), line(1, 2, 2, 1.0, None)])
        rows = [
            {"place": n, "producer": "", "eventId": kind, "at": at, "userId": "1", "contentId": f"tracks/{track}"}
            | {"kind": kind, "progress": progress}
            for n, (kind, (track, at, progress)) in enumerate(events.items())
        ]
        options: dict[str, Any] = {"receivedAt": 0, "most": watch.MAX_TIMES, "rate": watch.RATE}
        graph.write("events/watch", rows=rows, **options)
        imported(graph, settings, tmp_path / f"{events} 2", a=[line(1, 1, 1, 0.5, 1), line(1, 2, 2, 1.0, None)])
        return [row[1:9] for row in pairs(graph) if row[0] == "1"]

    mended = [("tracks/1", 0.5, 1, 1, 1, None, None, None), ("tracks/2", 1.0, 1, 2, 2, None, None, None)]
    assert watched() == mended
    seen = ("tracks/0", 0.75, 1, 7, 7, None, None, None)
    assert watched(watch=(0, 7, 0.75)) == [seen, *mended]
    assert watched(watch=(0, 7, 0.25)) == [("tracks/0", 0.5, *seen[2:]), *mended]  # its own progress is not known
    liked = ("tracks/0", None, 0, None, None, None, True, 7)
    assert watched(like=(0, 7, None)) == [liked, *mended]
