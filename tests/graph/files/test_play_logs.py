"""A player's logs: what is read, merged, put aside, and which choice led to which play."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from graph import schema
from graph.errors import InputError
from graph.files.kinds import Kind, recognise
from graph.files.play_logs import read_play_logs
from graph.files.tables import Known

TRACKS = [
    {"artist": "Nina", "title": "One", "track": 0},
    {"artist": "Nina", "title": "Two", "track": 1, "genre": "Jazz", "pop": 12},
    {"artist": "Otis", "title": "Three", "track": 2, "genre": ["Soul", "Jazz"]},
]


def line(user: int, at: int, track: int, share: float, then: int | None, **more: Any) -> dict[str, Any]:
    message = "last" if then is None else "next"
    told = {"message": message, "timestamp": at, "user": user, "track": track, "time": share, "latency": 0.001}
    return told | {"recommendation": then, "experiments": {"STICKY": "T1"}} | more


ONE = [line(7, 100, 0, 1.0, 1, propensity=0.5), line(7, 300, 2, 0.25, None), line(8, 50, 2, 1.0, 2)]
TWO = [line(7, 200, 1, 0.5, 2, propensity=0.125), line(7, 900, 1, 1.0, 0), line(7, 950, 0, 0.75, None)]


def folder(path: Path, tracks: list[dict[str, Any]] | None = None, **logs: list[Any]) -> Path:
    path.mkdir(exist_ok=True)
    if tracks is not None:
        with gzip.open(path / "tracks.jsonl.gz", "wt") as out:
            out.writelines(json.dumps(track) + "\n" for track in tracks)
    for name, lines in logs.items():
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
        (path / f"{name}.jsonl").write_text(text + "\n")
    return path


def test_one_users_lines_are_merged_by_time_and_a_session_ends_at_last(tmp_path: Path) -> None:
    tables, report = read_play_logs(folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO), tmp_path / "home")
    assert tables.ids[schema.SESSION].to_list() == ["7/100", "7/900", "8/50"]
    sessions = tables.nodes[schema.SESSION].select("sessionId", "arm", "startedAt", "endedAt").rows()
    assert sessions == [
        ("7/100", "STICKY:T1", 100, 300),
        ("7/900", "STICKY:T1", 900, 950),
        ("8/50", "STICKY:T1", 50, None),
    ]
    played = tables.edges[schema.PLAYED].with_columns(
        session=tables.ids[schema.SESSION].gather(tables.edges[schema.PLAYED]["source"]),
        track=tables.ids[schema.CONTENT].gather(tables.edges[schema.PLAYED]["target"]),
    )
    first = played.filter(pl.col("session") == "7/100").select("track", "place", "share", "arm", "propensity").rows()
    assert first == [
        ("tracks/0", 0, 1.0, None, None),  # nobody chose the first
        ("tracks/1", 1, 0.5, "STICKY:T1", 0.5),
        ("tracks/2", 2, 0.25, "STICKY:T1", 0.125),
    ]
    assert report.relationships[schema.PLAYED] == 6


@pytest.mark.parametrize(
    ("last", "what"),
    [
        (line(1, 30, 9, 1.0, None), "dangling"),
        (line(1, 30, 2, 1.5, None), "quarantined"),
        (line(1, 30, 2, 1.0, None, experiments=["half \ud800"]), "quarantined"),
    ],
)
def test_a_session_ends_at_a_last_that_is_not_loaded(tmp_path: Path, last: dict[str, Any], what: str) -> None:
    lines = [line(1, 10, 0, 1.0, 1), line(1, 20, 1, 0.5, 9), last, line(1, 40, 2, 1.0, 0), line(1, 50, 0, 0.5, None)]
    tables, report = read_play_logs(folder(tmp_path / "logs", TRACKS, a=lines), tmp_path / "home")
    assert getattr(report.files[1], what) == 1
    assert tables.nodes[schema.SESSION].select("sessionId", "startedAt", "endedAt").rows() == [
        ("1/10", 10, 30),
        ("1/40", 40, 50),
    ]
    assert tables.edges[schema.PLAYED].select("source", "place", "at").rows() == [
        *((0, 0, 10), (0, 1, 20)),
        *((1, 0, 40), (1, 1, 50)),
    ]


def test_a_play_keeps_its_place_and_its_arm_behind_one_that_is_not_loaded(tmp_path: Path) -> None:
    lines = [
        line(1, 5, 9, 1.0, 0, propensity=0.5),
        line(1, 10, 0, 1.0, 9),
        line(1, 20, 9, 0.5, 1, propensity=0.25),
        line(1, 30, 1, 0.5, None),
    ]
    tables, _ = read_play_logs(folder(tmp_path / "logs", TRACKS, a=lines), tmp_path / "home")
    played = tables.edges[schema.PLAYED].select("place", "at", "arm", "propensity").rows()
    assert played == [(1, 10, "STICKY:T1", 0.5), (3, 30, "STICKY:T1", 0.25)]
    assert tables.nodes[schema.SESSION]["sessionId"].to_list() == ["1/5"]  # as with a catalogue that has the track 9


def test_values_that_are_left_out_of_loaded_lines_are_counted(tmp_path: Path) -> None:
    tracks = [{**TRACKS[0], "pop": "x", "genre": {"a": 1}}, {**TRACKS[1], "artist": ["Nina"], "title": " "}]
    lines = [line(1, 1, 0, 1.0, 1, latency="x"), line(1, 2, 1, 0.5, 0, latency=float("nan")), line(1, 3, 0, 0.5, None)]
    _, report = read_play_logs(folder(tmp_path / "logs", tracks, a=lines), tmp_path / "home")
    assert [(file.loaded, file.quarantined, file.noted) for file in report.files] == [(2, 0, 3), (3, 0, 2)]
    assert report.quarantine
    kept = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    assert [(row["line"], row["reason"], row["loaded"]) for row in kept if row["file"] == "a.jsonl"] == [
        (1, "latency is no number: loaded without it", True),
        (2, "latency is no number: loaded without it", True),
    ]


def test_watched_keeps_the_folded_pair(tmp_path: Path) -> None:
    tables, _ = read_play_logs(folder(tmp_path / "logs", TRACKS, a=ONE, b=TWO), tmp_path / "home")
    watched = tables.edges[schema.WATCHED]
    user, track = tables.ids[schema.USER].to_list().index("7"), tables.ids[schema.CONTENT].to_list().index("tracks/0")
    (row,) = watched.filter((pl.col("source") == user) & (pl.col("target") == track)).to_dicts()
    assert (row["progress"], row["watchCount"], row["firstAt"], row["lastAt"]) == (1.0, 2, 100, 950)


def test_artists_and_genres_become_nodes(tmp_path: Path) -> None:
    tables, _ = read_play_logs(folder(tmp_path / "logs", TRACKS, a=ONE), tmp_path / "home")
    assert tables.nodes[schema.ARTIST]["name"].to_list() == ["Nina", "Otis"]
    assert tables.edges[schema.PERFORMED_BY].select("source", "target").rows() == [(0, 0), (1, 0), (2, 1)]
    assert tables.nodes[schema.GENRE]["name"].to_list() == ["Jazz", "Soul"]
    assert tables.nodes[schema.CONTENT]["pop"].to_list() == [None, 12.0, None]


def test_a_play_that_another_choice_led_to_has_no_propensity(tmp_path: Path) -> None:
    lines = [line(1, 1, 0, 1.0, 1, propensity=0.5), line(1, 2, 2, 0.5, None)]  # 1 was chosen, 2 was played
    tables, _ = read_play_logs(folder(tmp_path / "logs", TRACKS, a=lines), tmp_path / "home")
    assert tables.edges[schema.PLAYED]["propensity"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "Expecting"),
        ("[1]", "no JSON object"),
        (line(1, 1, 0, 1.5, 1), "no share"),
        (line(1, 1, 0, True, 1), "no share"),
        (line(1, 1, 9, 1.0, 1), "no such track"),
        (line(1, -1, 0, 1.0, 1), "timestamp"),
        ({**line(1, 1, 0, 1.0, 1), "user": "x"}, "user"),
        ({**line(1, 1, 0, 1.0, 1), "message": "pause"}, "message"),
        ({**line(1, 1, 0, 1.0, 1), "experiments": [1]}, "experiments"),
        (line(1, 1, 0, 1.0, 1, propensity=0), "propensity"),
        (line(1, 1, 0, 1.0, 1, propensity=1.5), "propensity"),
        (line(1, 1, 0, 1.0, 1, propensity=10**400), "propensity"),
        (line(1, 1, 0, 1.0, 1, propensity=1e-50), "propensity"),
        (line(1, 1, 0, 1.0, 1, propensity=True), "propensity"),
        (line(1, 1, 0, 1.0, 1, propensity=float("nan")), "propensity"),
        (line(1, 2**62, 0, 1.0, 1), "milliseconds"),
        ({**line(1, 1, 0, 1.0, 1), "experiments": {"half \ud800": "T1"}}, "surrogates"),
    ],
)
def test_a_bad_line_is_kept_aside_with_its_reason(tmp_path: Path, bad: Any, reason: str) -> None:
    _, report = read_play_logs(folder(tmp_path / "logs", TRACKS, a=[*ONE, bad]), tmp_path / "home")
    assert report.quarantine
    (kept,) = [json.loads(row) for row in report.quarantine.read_text().splitlines()]
    assert (kept["file"], kept["line"]) == ("a.jsonl", 4)
    assert reason in kept["reason"]
    assert next(f for f in report.files if f.file == "a.jsonl").loaded == 3


def test_a_log_that_begins_with_broken_lines_is_read_all_the_same(tmp_path: Path) -> None:
    logs = folder(tmp_path / "logs", TRACKS, a=ONE, b=['{"message": "ne', "", *TWO])
    tables, report = read_play_logs(logs, tmp_path / "home")
    assert tables.edges[schema.PLAYED].height == len(ONE) + len(TWO)
    assert [(file.file, file.loaded, file.quarantined) for file in report.files[1:]] == [
        ("a.jsonl", 3, 0),
        ("b.jsonl", 3, 1),
    ]


@pytest.mark.parametrize("first", [{"started": "today"}, {"user": 7, "track": 0}, [1], "{"])
def test_a_log_whose_first_line_is_no_play_is_read_and_the_line_counted(tmp_path: Path, first: Any) -> None:
    logs = folder(tmp_path / "logs", TRACKS, b=[first, *TWO])
    assert recognise(logs) is Kind.PLAY_LOGS
    _, report = read_play_logs(logs, tmp_path / "home")
    assert [(file.file, file.loaded, file.quarantined) for file in report.files[1:]] == [("b.jsonl", 3, 1)]


def test_a_log_of_whose_lines_none_is_whole_stops_the_import(tmp_path: Path) -> None:
    without: list[Any] = [{name: value for name, value in one.items() if name != "time"} for one in TWO]
    broken: list[Any] = ['{"message": "ne']
    for number, lines in enumerate((without, broken)):
        logs = folder(tmp_path / f"logs {number}", TRACKS, a=ONE, b=lines)
        _, report = read_play_logs(logs, tmp_path / "home")
        with pytest.raises(InputError, match=rf"{len(lines)} of {len(lines)} rows of b\.jsonl"):
            report.check()
    assert recognise(folder(tmp_path / "alone", TRACKS, b=without)) is Kind.PLAY_LOGS


def test_a_file_of_other_objects_is_told_as_not_read(tmp_path: Path) -> None:
    logs = folder(tmp_path / "logs", TRACKS, a=ONE, people=[{"user": 7, "name": "Ada"}])
    _, report = read_play_logs(logs, tmp_path / "home")
    assert report.ignored == ["people.jsonl"]


def test_a_log_that_cannot_be_unpacked_is_refused_beside_others(tmp_path: Path) -> None:
    logs = folder(tmp_path / "logs", TRACKS, a=ONE)
    (logs / "b.jsonl.gz").write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(InputError, match=r"b\.jsonl\.gz"):
        read_play_logs(logs, tmp_path / "home")


def test_a_catalogue_with_odd_values_keeps_what_can_be_kept(tmp_path: Path) -> None:
    tracks: list[dict[str, Any]] = [
        {"artist": 311, "title": 1999, "track": 0, "pop": float("nan"), "genre": [None, "Rock", {"a": 1}]},
        {"artist": "half \ud800", "title": "Two", "track": 1},
        {"artist": "Nina", "title": "Again", "track": 0},
    ]
    tables, report = read_play_logs(folder(tmp_path / "logs", tracks, a=ONE[:1]), tmp_path / "home")
    assert tables.nodes[schema.CONTENT].select("title", "pop").rows() == [("1999", None)]
    assert tables.nodes[schema.ARTIST]["name"].to_list() == ["311"]
    assert tables.nodes[schema.GENRE]["name"].to_list() == ["Rock"]
    assert (report.files[0].read, report.files[0].loaded, report.files[0].quarantined) == (3, 1, 2)


def test_two_sessions_that_begin_at_the_same_time_stay_two(tmp_path: Path) -> None:
    lines = [line(1, 5, 0, 1.0, None), line(1, 5, 1, 1.0, 2), line(1, 9, 2, 0.5, None)]
    tables, _ = read_play_logs(folder(tmp_path / "logs", TRACKS, a=lines), tmp_path / "home")
    assert tables.nodes[schema.SESSION]["sessionId"].to_list() == ["1/5", "1/5/2"]
    assert tables.edges[schema.PLAYED].select("source", "place").rows() == [(0, 0), (1, 0), (1, 1)]


def test_a_line_that_stands_twice_counts_once(tmp_path: Path) -> None:
    tables, report = read_play_logs(folder(tmp_path / "logs", TRACKS, a=ONE, b=ONE), tmp_path / "home")
    assert tables.edges[schema.PLAYED].height == len(ONE)
    assert [(file.loaded, file.merged) for file in report.files[1:]] == [(3, 0), (0, 3)]


def test_the_preview_names_the_fields_of_every_file(tmp_path: Path) -> None:
    tracks = [{**track, "mood": 3} for track in TRACKS]
    logs = {"a": ONE, "b": ONE[:1], "c": [{**ONE[0], "device": "phone"}]}
    _, report = read_play_logs(folder(tmp_path / "logs", tracks, **logs), tmp_path / "home")
    told = {file.file: {column.title: column.ours for column in file.columns} for file in report.files}
    assert told["tracks.jsonl.gz"]["mood"] is None
    assert told["tracks.jsonl.gz"]["track"] == "track"
    assert told["a.jsonl"]["time"] == "time"
    assert told["b.jsonl"] == told["a.jsonl"]
    assert (told["c.jsonl"]["device"], told["c.jsonl"]["user"]) == (None, "user")
    assert len(report.files[0].preview[0]) == len(report.files[0].columns)


def test_without_a_catalogue_the_logs_say_which_tracks_there_are(tmp_path: Path) -> None:
    tables, _ = read_play_logs(folder(tmp_path / "logs", a=ONE), tmp_path / "home")
    assert tables.nodes[schema.CONTENT]["contentId"].to_list() == ["tracks/0", "tracks/2"]


def test_logs_lie_in_folders_too_and_the_kind_is_told_by_the_files(tmp_path: Path) -> None:
    root = folder(tmp_path / "logs", TRACKS)
    (root / "1").mkdir()
    (root / "1" / "data.json").write_text("\n".join(map(json.dumps, ONE)))
    (root / "1" / "more.csv").write_text("user,track\n")
    assert recognise(root) is Kind.PLAY_LOGS
    tables, report = read_play_logs(root, tmp_path / "home")
    assert tables.edges[schema.PLAYED].height == len(ONE)
    assert report.ignored == ["1/more.csv"]
    (tmp_path / "keakr").mkdir()
    (tmp_path / "keakr" / "users.jsonl").write_text('{"userId": "1"}\n')
    assert recognise(tmp_path / "keakr") is Kind.KEAKR
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        recognise(tmp_path / "empty")
    with pytest.raises(InputError, match="no play logs"):
        read_play_logs(tmp_path / "keakr", tmp_path / "home")


def test_a_folder_with_a_catalogue_alone_is_told_what_is_missing(tmp_path: Path) -> None:
    logs = folder(tmp_path / "logs", TRACKS)
    with pytest.raises(InputError, match=r"tracks\.jsonl\.gz, and no play logs") as told:
        recognise(logs)
    assert told.value.do is not None
    assert "--kind play-logs" in told.value.do
    tables, _ = read_play_logs(logs, tmp_path / "home")
    assert tables.nodes[schema.CONTENT].height == len(TRACKS)


@pytest.mark.parametrize("tracks", [TRACKS, []])
@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("b.jsonl.gz", b"", "is empty"),
        ("b.jsonl", b"\n\n", "is empty"),
        ("b.jsonl.gz", gzip.compress(json.dumps(ONE[0]).encode() * 9, mtime=0)[:40], "cannot be read to its end"),
        ("b.json.zst", b"no zstd", "cannot be read to its end"),
        ("b.jsonl", b'{"message": "ne', "no line that is a JSON object"),
        ("tracks.json.gz", b"\x1f\x8b no gzip", "cannot be read to its end"),
    ],
)
def test_the_broken_file_of_a_folder_without_a_whole_log_is_named(
    tmp_path: Path, tracks: list[dict[str, Any]], name: str, data: bytes, why: str
) -> None:
    logs = folder(tmp_path / "logs", tracks or None)
    (logs / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{re.escape(name)} .*{why}") as told:
        recognise(logs)
    assert told.value.do is not None


def test_the_published_logs(shared_data: Path, tmp_path: Path) -> None:
    tables, report = read_play_logs(shared_data / "botify", tmp_path)
    assert report.quarantine is None
    assert {label: nodes.height for label, nodes in tables.nodes.items() if nodes.height} == {
        schema.USER: 6_301,
        schema.CONTENT: 50_000,
        schema.ARTIST: 11_464,
        schema.SESSION: 10_001,
    }
    assert tables.edges[schema.PLAYED].height == 73_189


def test_plays_of_tracks_that_the_graph_has_and_the_catalogue_lacks_keep_their_track(tmp_path: Path) -> None:
    """They were loaded as plays of another track."""
    lines = [line(7, 100, 5, 1.0, 3), line(7, 200, 3, 0.5, 0), line(7, 300, 0, 0.25, None)]
    known = Known(contents=pl.Series(["keaks/1", "tracks/0001", "tracks/3", "tracks/5", "tracks/²"]))
    made = folder(tmp_path / "logs", [TRACKS[0]], a=lines)
    tables, report = read_play_logs(made, tmp_path / "home", known)
    played = tables.edges[schema.PLAYED].sort("at")["target"]
    assert tables.ids[schema.CONTENT].gather(played).to_list() == [
        "tracks/5",
        "tracks/3",
        f"tracks/{TRACKS[0]['track']}",
    ]
    watched = tables.ids[schema.CONTENT].gather(tables.edges[schema.WATCHED]["target"])
    assert sorted(watched) == sorted(tables.ids[schema.CONTENT])
    assert tables.nodes[schema.CONTENT].height == 1, "what the graph has is not written again"
    assert sum(file.dangling for file in report.files) == 0


def test_under_an_empty_catalogue_no_track_is_known(tmp_path: Path) -> None:
    made = folder(tmp_path / "logs", [], a=[line(7, 100, 5, 1.0, 3), line(7, 200, 3, 0.5, None)])
    tables, report = read_play_logs(made, tmp_path / "home")
    assert tables.edges[schema.PLAYED].height == 0
    assert sum(file.dangling for file in report.files) == 2
