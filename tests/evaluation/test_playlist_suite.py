from __future__ import annotations

import gzip
import json
import time

import numpy as np
import polars as pl
import pytest

from cli import suite_playlists
from cli.suite_playlists import markdown
from evaluation import playlist_suite
from evaluation.listening_data import heard
from graph.errors import InputError
from graph.home import begin
from graph.settings import Settings
from graph.snapshot import Snapshot
from recommenders.core.options import Progress
from recommenders.track2vec import PUBLISHED

QUICK = ("popularity", "co-occurrence", "track2vec, notebook", "track2vec, tuned, artists")


@pytest.fixture
def folder(tmp_path):
    """Sessions of two users in two files each: runs of tracks on a ring, each second play broken off."""
    random = np.random.default_rng(0)
    tracks = [{"track": 10 * n, "artist": f"artist {n // 4}", "title": f"title {n}"} for n in range(20)]
    (tmp_path / "tracks.jsonl").write_text("\n".join(json.dumps(track) for track in tracks))
    lines: list[list[str]] = [[], []]
    for at in range(120):
        start = int(random.integers(20))
        for step in range(6):
            line = {
                "message": "last" if step == 5 else "next",
                "timestamp": 1000 * at + 2 * step,
                "user": at % 2,
                "track": 10 * ((start + step) % 20),
                "time": 0.1 if step == 2 else 0.5,
                "latency": 0.1,
            }
            lines[step % 2].append(json.dumps(line))
    (tmp_path / "week.jsonl").write_text("\n".join(lines[0]))
    with gzip.open(tmp_path / "week-2.jsonl.gz", "wt") as file:
        file.write("\n".join(lines[1]))
    return tmp_path


def test_tracks_that_were_heard_in_the_order_of_time(folder):
    lists, titles = heard(folder)
    assert len(lists) == 120
    assert set(lists.lengths.tolist()) == {5}
    assert all(((np.diff(lists[row])) % 20).tolist() == [1, 2, 1, 1] for row in range(len(lists)))
    assert titles.ids[:2].to_list() == ["tracks/0", "tracks/10"]
    assert titles.artists[5] == "artist 1"


def test_a_folder_without_logs_is_refused(tmp_path):
    with pytest.raises(InputError, match="no play logs"):
        heard(tmp_path)


def test_logs_without_a_catalogue_are_told(folder):
    (folder / "tracks.jsonl").unlink()
    with pytest.raises(InputError, match="play logs and no catalogue"):
        heard(folder)


def test_a_damaged_log_is_refused(folder):
    file = folder / "week-2.jsonl.gz"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match=r"week-2\.jsonl\.gz cannot be read"):
        heard(folder)


def test_the_table_is_the_same_for_the_same_seed(folder):
    lists, titles = heard(folder)
    boards = [
        playlist_suite.run(lists, titles, models=QUICK, trials=2, progress=lambda share, what: None) for _ in range(2)
    ]
    first, again = ({row.model: row.values["NDCG@10"].tolist() for row in board.rows} for board in boards)
    assert first == again
    assert set(first) == set(QUICK)
    assert np.mean(first["co-occurrence"]) > np.mean(first["popularity"])
    shown = markdown(boards[0], "entourage evaluate --suite playlists")
    assert all(f"| {label} |" in shown for label in QUICK)
    alone = {row.model for row in boards[0].rows if row.completion is None}
    assert alone == {"track2vec, notebook"}  # as in the notebook


def test_the_network_is_fitted_once_where_lists_are_many(folder, monkeypatch):
    lists, titles = heard(folder)
    monkeypatch.setattr(playlist_suite, "_MANY", 100)
    board = playlist_suite.run(lists, titles, models=["popularity", "gat"], progress=lambda share, what: None)
    assert {row.model: row.completion is None for row in board.rows} == {"gat": True, "popularity": False}
    assert "gat was fitted once, in one epoch" in markdown(board, "entourage evaluate --suite playlists")


def test_epochs_end_where_the_table_would_not_be_there_within_half_an_hour(folder, monkeypatch):
    lists, titles = heard(folder)
    label = "track2vec, published"

    def epochs() -> int:
        board = playlist_suite.run(lists, titles, models=[label], progress=lambda share, what: None)
        return int(board.rows[0].settings["epochs"])

    assert epochs() == PUBLISHED["epochs"]
    monkeypatch.setattr(playlist_suite, "_FIT_S", playlist_suite._FIT_S / 10_000)
    assert 1 <= epochs() < PUBLISHED["epochs"]


@pytest.mark.parametrize("broken", ["popularity", "track2vec"])
def test_what_fails_in_one_lane_ends_the_other(broken, folder, monkeypatch):
    lists, titles = heard(folder)
    begun: list[str] = []

    def fails(label: str, fits: object, seed: int, trials: int, tell: Progress) -> str:
        begun.append(label)
        if label.startswith(broken):
            raise ZeroDivisionError
        for _ in range(6_000):  # a minute at most; it is told within the first
            tell(0.5, label)
            time.sleep(0.01)
        return "never told to stop"

    monkeypatch.setattr(playlist_suite, "_row", fails)
    models = ["popularity", "vsknn", "track2vec, notebook", "track2vec, tuned"]
    with pytest.raises(ZeroDivisionError):
        playlist_suite.run(lists, titles, models=models, progress=lambda share, what: None)
    assert set(begun) <= {"popularity", "track2vec, notebook"}


def test_playlists_as_published_are_recognised(tmp_path, monkeypatch, capsys):
    random = np.random.default_rng(0)
    lists = [
        [f"{kind}_{(start + step) % 20}" for step in range(5) for kind in ("track", "artist")]
        for start in random.integers(0, 20, 60)
    ]
    array = np.empty(len(lists), dtype=object)
    array[:] = lists
    np.save(tmp_path / "playlists.npy", array, allow_pickle=True)
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(playlist_suite, "MODELS", QUICK[:2])
    suite_playlists.playlists(tmp_path, None, None, 0, None, "entourage evaluate --suite playlists")
    assert "60 lists (playlists) with 300 items" in capsys.readouterr().out


def test_the_command_prints_the_table(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(playlist_suite, "MODELS", QUICK[:2])
    suite_playlists.playlists(folder, None, None, 0, None, "entourage evaluate --suite playlists")
    shown = capsys.readouterr().out
    assert "co-occurrence" in shown
    assert "drawn with replacement" in shown
    assert (tmp_path / "home" / "evaluation" / "playlists-plays" / "leaderboard.md").is_file()


def test_watches_of_any_graph_are_lists_in_the_order_of_time(tmp_path, monkeypatch, capsys):
    source, step = np.repeat(np.arange(60, dtype=np.int32), 5), np.tile(np.arange(5), 60)
    watched = {"source": source, "target": ((source + step) % 20).astype(np.int32), "lastAt": step + 1}
    nodes = {
        "User": pl.DataFrame({"userId": [str(n) for n in range(60)]}),
        "Content": pl.DataFrame({"contentId": [f"keaks/{n}" for n in range(20)]}),
    }
    begin(Settings(home=tmp_path / "home"))
    Snapshot.build(nodes, {"WATCHED": pl.DataFrame(watched)}).save(tmp_path / "home" / "snapshot")
    monkeypatch.setenv("ENTOURAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(playlist_suite, "MODELS", QUICK[:2])
    suite_playlists.playlists(None, suite_playlists.Lists.WATCHES, None, 0, None, "entourage evaluate")
    assert "60 lists (watches) with 300 items" in capsys.readouterr().out
