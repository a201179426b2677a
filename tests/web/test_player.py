"""The player's contract over HTTP, its sessions over several workers, and its log."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flask.testing import FlaskClient

from cli.serve import _say_what_there_is
from evaluation import play_data
from graph import schema
from graph.files.play_logs import read_play_logs
from graph.settings import Player as PlayerSettings
from graph.settings import Settings
from recommend.player import FOLDER, Player
from recommend.player_sessions import PAST, PlayerSessions
from recommenders.arms import ARMS, arm_of_user, policy
from recommenders.session import SessionModel
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder
from tests.recommend.test_listening import tracks
from tests.web.fake import FakeFeeds
from web.app import create_app

CATALOGUE = [*TRACKS, *({"artist": f"Artist {n // 4}", "title": f"Song {n}", "track": n} for n in range(3, 40))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SessionModel:
    logs = folder(tmp_path_factory.mktemp("player") / "logs", CATALOGUE, a=ONE, b=TWO)
    return SessionModel().fit(play_data.read(logs))


@pytest.fixture
def player(model: SessionModel, tmp_path: Path) -> Player:
    return Player(model, PlayerSettings(), tmp_path)


@pytest.fixture
def listener(alone: Settings, feeds: FakeFeeds, player: Player) -> FlaskClient:
    app = create_app(alone, feeds)
    app.extensions["entourage.serving"].player = player
    return app.test_client()


def lines(home: Path) -> list[dict[str, Any]]:
    logs = sorted((home / FOLDER / "logs").glob("*.jsonl"))
    return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


def test_a_session_has_no_track_twice_and_ends_at_last(listener: FlaskClient) -> None:
    for _ in range(2):
        track, heard = 5, [5]
        for _ in range(20):
            answer: Any = listener.post("/next/123", json={"track": track, "time": 0.5}).json
            assert set(answer) == {"user", "track"}
            assert answer["user"] == 123
            track = answer["track"]
            heard.append(track)
        assert len(set(heard)) == len(heard)
        assert listener.post("/last/123", json={"track": track, "time": 0.1}).json == {"user": 123}


def test_a_track_and_the_first_page(listener: FlaskClient, client: FlaskClient) -> None:
    assert listener.get("/track/1").json == {"artist": "Nina", "title": "Two", "track": 1}
    assert listener.get("/track/999").status_code == 404
    assert listener.get("/track/abc").status_code == 404
    assert listener.get("/").is_json
    assert listener.get("/", headers={"Accept": "*/*"}).is_json
    assert listener.get("/", headers={"Accept": "application/json, text/plain, */*"}).is_json
    assert "<html" in listener.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}).text
    assert "<html" in client.get("/").text  # without a player there is only the page


@pytest.mark.parametrize("number", [999, 2**53 + 1, 10**30, -1, "abc", "1.5"])
def test_what_is_no_track_is_404_and_says_why(listener: FlaskClient, number: object) -> None:
    answer: Any = listener.get(f"/track/{number}")
    assert answer.status_code == 404
    whole = isinstance(number, int) and number >= 0
    assert ("Import the catalogue that has it" if whole else "whole numbers from 0 on") in answer.json["detail"]


@pytest.mark.parametrize(
    ("user", "status", "told"), [(-1, 404, "from 0 on"), ("abc", 404, "from 0 on"), (10**30, 422, "less than")]
)
def test_what_is_no_user_is_told(listener: FlaskClient, user: object, status: int, told: str) -> None:
    for call in ("next", "last"):
        answer: Any = listener.post(f"/{call}/{user}", json={"track": 1, "time": 1.0})
        assert answer.status_code == status
        assert told in answer.json["detail"]
    assert "It takes POST" in listener.get("/next/1").json["detail"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"track": 1}, "time"),
        ({"track": 1, "time": 1.5}, "time"),
        ({"track": 999, "time": 1.0}, "track"),
        ({"track": 10**30, "time": 1.0}, "track"),
        ({"track": "one", "time": 1.0}, "track"),
        ([1], "body"),
    ],
)
def test_a_bad_body_is_told_and_changes_nothing(
    listener: FlaskClient, player: Player, body: Any, field: str, tmp_path: Path
) -> None:
    for path in ("/next/1", "/last/1"):
        answer: Any = listener.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == field
    assert lines(tmp_path) == []


def test_serve_says_that_the_model_of_the_player_is_of_another_graph(
    alone: Settings, model: SessionModel, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save(alone.model_path("session"))
    for snapshot, told in ((model.snapshot, False), (tracks(), True)):
        snapshot.save(alone.snapshot_path)
        _say_what_there_is(alone)
        assert ("entourage train --model session" in capsys.readouterr().out) == told


def test_without_a_model_for_the_player_it_says_what_to_do(client: FlaskClient) -> None:
    answer = client.post("/next/1", json={"track": 1, "time": 1.0})
    assert answer.status_code == 503
    assert "entourage train --model session" in answer.json["detail"]  # type: ignore[index]


def test_no_rate_limit_holds_there(alone: Settings, feeds: FakeFeeds, player: Player) -> None:
    service = alone.service.model_copy(update={"rate_limit": "2 per minute"})
    app = create_app(alone.model_copy(update={"service": service}), feeds)
    app.extensions["entourage.serving"].player = player
    client = app.test_client()
    assert {client.post("/next/1", json={"track": 1, "time": 1.0}).status_code for _ in range(10)} == {200}


def test_its_log_is_imported_with_arms_and_propensities(player: Player, tmp_path: Path) -> None:
    first = player.next(7, 0, 1.0)
    second = player.next(7, first, 0.25)
    player.last(7, second, 0.0)
    written = lines(tmp_path)
    assert [line["message"] for line in written] == ["next", "next", "last"]
    assert [line["recommendation"] for line in written] == [first, second, None]
    assert all(line["experiments"] == {"PLAYER": "session"} and line["latency"] >= 0 for line in written)
    folder(tmp_path / FOLDER / "logs", CATALOGUE)
    tables, report = read_play_logs(tmp_path / FOLDER / "logs", tmp_path / "home")
    assert report.quarantine is None
    played = tables.edges[schema.PLAYED].sort("place")
    assert played["arm"].to_list() == [None, "PLAYER:session", "PLAYER:session"]
    assert played["propensity"].to_list()[1:] == pytest.approx([line["propensity"] for line in written[:2]])
    assert tables.nodes[schema.SESSION].filter(pl.col("endedAt").is_not_null()).height == 1


def test_all_workers_see_one_session(model: SessionModel, tmp_path: Path) -> None:
    workers = [Player(model, PlayerSettings(arm="random"), tmp_path) for _ in range(2)]
    heard = [0]
    for turn in range(39):  # each in turn; only together do they know what was played
        heard.append(workers[turn % 2].next(1, heard[-1], 1.0))
    assert sorted(heard) == list(range(40))


def test_calls_at_once_lose_no_play(tmp_path: Path) -> None:
    sessions = PlayerSessions(tmp_path / "player" / "sessions.sqlite")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: sessions.play(1, n, 1.0, n), range(64)))
    _, session, ended = sessions.play(1, 64, 1.0, 64)
    assert sorted(session.tracks) == list(range(65))
    assert ended == []


def test_the_last_sessions_of_a_user_are_kept_newest_first(tmp_path: Path) -> None:
    sessions = PlayerSessions(tmp_path / "sessions.sqlite")
    for at in range(PAST + 2):
        sessions.play(1, at, 0.5, at, last=True)
    _, _, ended = sessions.play(1, 99, 0.5, 99)
    assert [one.tracks[0] for one in ended] == list(range(PAST + 1, 1, -1))


def test_sessions_of_the_same_millisecond_stay_apart_in_the_order_of_the_calls(tmp_path: Path) -> None:
    sessions = PlayerSessions(tmp_path / "sessions.sqlite")
    times = [sessions.play(1, track, 0.5, 1_000, last=track % 2 == 1).at for track in range(6)]
    assert times == sorted(set(times))  # so their lines in the log have this order, too
    _, _, ended = sessions.play(1, 99, 0.5, 900)  # the clock was set back
    assert [one.tracks for one in ended] == [(4, 5), (2, 3), (0, 1)]


def test_the_end_of_a_session_happens_completely_or_not_at_all(player: Player) -> None:
    player.next(1, 5, 1.0)

    def denied(action: int, table: str | None, *_: Any) -> int:
        return sqlite3.SQLITE_DENY if (action, table) == (sqlite3.SQLITE_DELETE, "open") else sqlite3.SQLITE_OK

    player.sessions._database.set_authorizer(denied)
    with pytest.raises(sqlite3.DatabaseError):
        player.last(1, 6, 0.5)
    player.sessions._database.set_authorizer(None)
    player.last(1, 6, 0.5)  # the caller tries again
    _, session, ended = player.sessions.play(1, 7, 1.0, 0)
    assert (session.tracks, [one.tracks for one in ended]) == ((7,), [(5, 6)])


def test_two_ends_at_once_are_two_sessions(tmp_path: Path) -> None:
    workers = [PlayerSessions(tmp_path / "sessions.sqlite") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for user in range(100):
            workers[0].play(user, 0, 1.0, user)
            list(pool.map(lambda worker, user=user: worker.play(user, 1, 0.5, user, last=True), workers))
            _, session, ended = workers[0].play(user, 2, 1.0, user)
            assert (session.tracks, [one.tracks for one in ended]) == ((2,), [(1,), (0, 1)])


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_can_be_forced_for_all(model: SessionModel, tmp_path: Path, arm: Any) -> None:
    forced = Player(model, PlayerSettings(arms={"random": 1.0}, arm=arm), tmp_path)
    track = forced.next(1, 5, 1.0)
    assert lines(tmp_path)[0]["experiments"] == {"PLAYER": arm}
    assert 0.0 < lines(tmp_path)[0]["propensity"] <= 1.0
    if arm == "sticky-artist":
        assert track in (4, 6, 7)  # by the artist of 5


def test_arms_get_their_shares_and_a_user_keeps_one() -> None:
    shares = {"random": 1.0, "session": 3.0}
    drawn = [arm_of_user(user, shares, "salt") for user in range(4_000)]
    assert drawn == [arm_of_user(user, shares, "salt") for user in range(4_000)]
    assert 900 < drawn.count("random") < 1_100
    other = [arm_of_user(user, shares, "pepper") for user in range(4_000)]
    assert sum(a != b for a, b in zip(drawn, other, strict=True)) > 1_000


def test_a_session_that_has_had_every_track_is_told_and_its_play_logged(
    player: Player, listener: FlaskClient, tmp_path: Path
) -> None:
    for track in range(40):
        player.sessions.play(3, track, 1.0, track)
    answer: Any = listener.post("/next/3", json={"track": 5, "time": 0.5})
    assert answer.status_code == 404
    assert "End it with POST /last" in answer.json["detail"]
    assert listener.post("/last/3", json={"track": 6, "time": 1.0}).status_code == 200
    assert listener.post("/next/3", json={"track": 7, "time": 1.0}).status_code == 200
    told = [(one["message"], one["track"], one["time"], one["recommendation"] is None) for one in lines(tmp_path)]
    assert told == [("next", 5, 0.5, True), ("last", 6, 1.0, True), ("next", 7, 1.0, False)]
    folder(tmp_path / FOLDER / "logs", CATALOGUE)
    tables, report = read_play_logs(tmp_path / FOLDER / "logs", tmp_path / "home")
    assert report.quarantine is None
    assert tables.edges[schema.PLAYED].select("place", "arm").rows() == [(0, None), (1, None), (0, None)]


def test_an_open_session_of_an_imported_log_is_no_earlier_session(
    model: SessionModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = Player(model, PlayerSettings(), tmp_path)
    earlier.last(7, 3, 0.5)
    first = earlier.next(7, 0, 1.0)
    second = earlier.next(7, first, 0.25)
    logs = folder(tmp_path / FOLDER / "logs", CATALOGUE)
    player = Player(SessionModel().fit(play_data.read(logs)), PlayerSettings(), tmp_path)
    assert [len(one.tracks) for one in player.model.past[0]] == [2, 1]  # what the model learned: the open one, too
    given: list[tuple[int, list[int]]] = []

    def seen(arm: Any, model: Any, session: Any, past: Any, tracks: Any) -> Any:
        given.append((len(session.tracks), [len(one.tracks) for one in past]))
        return policy(arm, model, session, past, tracks)

    monkeypatch.setattr("recommend.player.policy", seen)
    player.next(7, second, 0.5)
    assert given == [(3, [1])]
