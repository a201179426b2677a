"""The suite botify: sessions split in time, predicted shares, and the commands that read play logs."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.evaluate import Suite, evaluate
from cli.main import app
from evaluation import play_data, play_suite
from evaluation.play_suite import run, until
from graph import snapshot as snapshots
from graph.errors import EntourageError, InputError, SettingsError
from graph.home import begin
from graph.settings import load_settings
from recommenders.play_cf import PlayCf
from recommenders.plays import plays_of
from tests.graph.files.test_play_logs import ONE, TRACKS, TWO, folder

ARTISTS, SONGS, USERS = 8, 6, 40


def listening(path: Path, newest: int = 8) -> Path:
    """Users who love two artists each and hear nothing of the others; tracks come at random, most of them theirs.

    A session has eight plays, one of the last quarter ``newest``.
    """
    rng = np.random.default_rng(0)
    tracks: list[dict[str, Any]] = [
        {"artist": f"Artist {n // SONGS}", "title": f"Song {n}", "track": n, "genre": "Soul", "pop": n + 0.25}
        for n in range(ARTISTS * SONGS)
    ]
    lines: list[dict[str, Any]] = []
    for session in range(6 * USERS):
        user = session % USERS
        loved = {user % ARTISTS, (user + 3) % ARTISTS}
        at, track, chance = 1_000_000 * session, SONGS * (user % ARTISTS), 0.0
        left = set(range(ARTISTS * SONGS))
        plays = 8 if session < 4.5 * USERS else newest
        for place in range(plays):
            left -= {track}
            share = 1.0 if place == 0 else float(0.9 * (track // SONGS in loved))
            own = [other for other in sorted(left) if other // SONGS in loved]
            wants = bool(own) and rng.random() < 0.75
            following = int(rng.choice(own if wants else sorted(left)))
            chance = 0.25 / len(left) + (0.75 / len(own) if following in own else 0.0)
            last = place == plays - 1
            lines.append(
                {"message": "last" if last else "next", "timestamp": at + place, "user": user, "track": track}
                | {"time": share, "latency": 0.001, "recommendation": None if last else following}
                | {"experiments": {"TASTE": "C" if user % 2 else "T1"}}
                | ({} if last else {"propensity": chance})
            )
            track = following
    return folder(path / "logs", tracks, a=lines)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listening(tmp_path_factory.mktemp("suite"))


def test_what_was_played_later_is_unknown_before(logs: Path) -> None:
    whole = play_data.read(logs)
    cutoff = int(np.median(plays_of(whole).began))
    before = until(whole, cutoff)
    kept = plays_of(before)
    assert 0 < len(kept) < len(plays_of(whole))
    assert kept.at.max() < cutoff + 10
    assert int(before.watched.columns["lastAt"].max()) == int(kept.at.max())
    assert len(before.watched) == len(np.unique(kept.user * whole.contents.count + kept.track))


def test_models_that_know_tastes_predict_shares_better_than_the_mean(logs: Path) -> None:
    board = run(play_data.read(logs), models=("user mean", "play-cf", "item-knn", "session"))
    assert not board.left_out
    errors = {row.model: row.error.mean() for row in board.rows}
    ranks = {row.model: row.ndcg.mean() for row in board.rows}
    assert errors["play-cf"] < errors["user mean"]
    assert errors["session"] < errors["user mean"]
    assert max(ranks, key=lambda name: ranks[name]) != "user mean"
    assert "neighbours" in board.told
    assert set(board.off_policy) == {"random", "sticky-artist", "item-item", "session"}


def test_whose_fit_reached_its_budget_is_told_in_its_row_and_below_the_table(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(play_suite, "run", partial(run, models=("user mean", "gat")))
    evaluate(suite=Suite.BOTIFY, data=logs, out=tmp_path, budget=1e-9)
    printed = " ".join(capsys.readouterr().out.split())
    assert "gat: --budget reached. Work was left out" in printed
    told = (tmp_path / "leaderboard.md").read_text()
    assert "| gat, --budget reached |" in told
    assert "| user mean |" in told
    assert "\n\ngat: --budget reached. Work was left out" in told


@pytest.mark.parametrize(("plays", "dashes"), [(2, 2), (1, 4)])
def test_what_short_sessions_cannot_judge_is_a_dash(
    plays: int, dashes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two plays the second alone is ranked, of one none."""
    monkeypatch.setattr(play_suite, "run", partial(run, models=("user mean",)))
    evaluate(suite=Suite.BOTIFY, data=listening(tmp_path, plays), out=tmp_path)
    for told in ((tmp_path / "leaderboard.md").read_text(), capsys.readouterr().out):
        assert next(line for line in told.splitlines() if "user mean" in line).split().count("–") == dashes


def test_a_folder_without_plays_says_what_it_lacks(tmp_path: Path) -> None:
    alone = folder(tmp_path / "alone", TRACKS)
    for read in (play_data.read, play_data.lines):
        with pytest.raises(InputError, match=r"a catalogue, tracks\.jsonl.*, and no play logs") as told:
            read(alone)
        assert "Put logs beside it" in told.value.do
    (alone / "week.jsonl").touch()
    for read in (play_data.read, play_data.lines):
        with pytest.raises(InputError, match=r"week\.jsonl in .* is a play"):
            read(alone)


def test_too_few_sessions_are_counted(tmp_path: Path) -> None:
    few = play_data.read(folder(tmp_path / "few", TRACKS, a=ONE, b=TWO))
    with pytest.raises(EntourageError, match=r"sessions of \d different times.*20 are needed"):
        run(few)


def called(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_the_commands(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NEO4J_URI", "bolt://nowhere:1")
    settings = load_settings()
    begin(settings)
    play_data.read(logs).save(settings.snapshot_path)
    compared = called("ab", logs)
    assert compared.exit_code == 0
    assert "TASTE" in compared.stdout
    assert "T1 does not differ from C in tracks a session" in compared.stdout
    assert "left out" not in compared.stdout
    torn = tmp_path / "torn"
    torn.mkdir()
    whole = next(logs.glob("a.jsonl*")).read_text()
    (torn / "a.jsonl").write_text('{"message": "ne\n{"user": 1}\n' + whole)
    assert f"2 of {len(whole.splitlines()) + 2:,} lines were left out" in called("ab", torn).stdout
    seen = called("history", "3", "--n", 5)
    assert seen.exit_code == 0
    assert "Artis" in seen.stdout
    assert "Soul" in seen.stdout
    assert ".25" in seen.stdout
    assert "neighbours a user" in seen.stdout
    PlayCf().fit(snapshots.load(settings.snapshot_path)).save(settings.model_path("play-cf"))
    lists = tmp_path / "lists.jsonl"
    words = ["--model", "play-cf", "--ids", "numbers", "--heard", "--k", 30, "--out", lists]
    written = called("recommend", "--all", *words)
    assert written.exit_code == 0
    rows = [json.loads(line) for line in lists.read_text().splitlines()]
    assert len(rows) == USERS
    assert all(type(row["user"]) is int and len(set(row["tracks"])) == 30 for row in rows)
    for more, told in ((["--kind", "keak"], "--ids numbers writes tracks"), (["--ids", "bare"], "--heard goes with")):
        with pytest.raises(SettingsError, match=told):
            called("recommend", "--all", *words, *more)
