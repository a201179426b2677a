from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.evaluate import Suite, evaluate
from cli.suite_playlists import Lists
from evaluation.splits import How
from graph.errors import InputError, SettingsError, SnapshotError
from tests import checkerboard


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluate") / "snapshot"
    checkerboard.snapshot().save(path)
    return path


def run(folder: Path, out: Path, **changes: object) -> None:
    arguments = {"models": "popularity,friends-items,item-knn", "split": How.RANDOM, "fraction": 0.3, "k": "5,10"}
    evaluate(**{**arguments, "snapshot": folder, "out": out, **changes})  # type: ignore[arg-type]


def test_it_prints_a_table_and_writes_the_report(folder, tmp_path, capsys):
    run(folder, tmp_path / "out", seeds=2)
    printed = capsys.readouterr().out
    assert "friends-items" in printed
    assert "Next:" in printed
    board = json.loads((tmp_path / "out/leaderboard.json").read_text())
    assert board["splits"] == 2
    assert {row["model"] for row in board["rows"]} == {"popularity", "friends-items", "item-knn"}
    assert board["rows"][-1]["model"] == "popularity"


@pytest.mark.parametrize("how", [How.RANDOM, How.COLD_USERS])
def test_splits_that_begin_at_another_seed_are_those_that_come_later(folder, tmp_path, how):
    """Fits, ties and rankings kept included."""
    kept = tmp_path / "kept"
    run(folder, tmp_path / "out", split=how, models="als", seeds=2, resume=kept)
    made = sorted(file.name for file in kept.iterdir())
    run(folder, tmp_path / "out", split=how, models="als", first_seed=1, resume=kept)
    assert sorted(file.name for file in kept.iterdir()) == made
    run(folder, tmp_path / "out", split=how, models="als", first_seed=2, resume=kept)
    assert len(list(kept.iterdir())) == len(made) + 1


def test_the_report_tells_the_command_that_makes_it_again(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["entourage", "demo"])
    run(folder, tmp_path / "out", models="popularity", split=How.COLD_USERS, keep_counts=True)
    told = (tmp_path / "out/leaderboard.md").read_text()
    expected = (
        "$ entourage evaluate --models popularity --split cold-users --fraction 0.3 --k 5,10 --keep-counts --snapshot"
    )
    assert f"{expected} {folder}" in told
    assert "demo" not in told


def test_whose_fit_reached_its_budget_is_told_in_its_row_and_below_the_table(folder, tmp_path, capsys):
    run(folder, tmp_path / "out", models="popularity,item-knn", budget=1e-9)
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.split()[:1] == ["item-knn"])
    below = printed.splitlines()[printed.splitlines().index(row) + 1 :]
    assert [line.split()[:2] for line in below[:2]] == [["--budget"], ["reached"]]
    assert "item-knn, popularity: --budget reached. Work was left out" in " ".join(printed.split())
    told = (tmp_path / "out/leaderboard.md").read_text()
    assert "| item-knn, --budget reached |" in told
    assert "| popularity, --budget reached |" in told
    assert "item-knn, popularity: --budget reached. Work was left out" in told
    run(folder, tmp_path / "whole", models="popularity,item-knn")
    assert "--budget reached" not in capsys.readouterr().out + (tmp_path / "whole/leaderboard.md").read_text()


@pytest.mark.parametrize("how", [How.COLD_USERS, How.COLD_CONTENTS])
def test_cold_starts_have_a_table_too(folder, tmp_path, how):
    run(folder, tmp_path / "out", split=how, fraction=0.2)
    board = json.loads((tmp_path / "out/leaderboard.json").read_text())
    assert board["split"].startswith(how.value.replace("-", " "))
    if how is How.COLD_USERS:
        assert board["rows"][0]["model"] == "friends-items"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"models": "pagerank"}, SettingsError, "pagerank"),
        ({"models": ""}, SettingsError, "--models"),
        ({"models": "ease,ease"}, SettingsError, "twice"),
        ({"k": "0"}, SettingsError, "--k"),
        ({"k": "ten"}, SettingsError, "--k"),
        ({"fraction": 1.2}, SettingsError, "between 0 and 1"),
        ({"split": How.TIME}, InputError, "no times"),
        ({"snapshot": Path("nowhere")}, SnapshotError, "nowhere"),
        ({"settings_file": Path("nowhere.json")}, SettingsError, "nowhere.json"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(folder, tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        run(folder, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_a_suite_refuses_what_it_does_not_read(tmp_path):
    """They were passed over in silence, and stood in the report's command as if they had counted."""
    for suite, given, message in (
        (Suite.KEAKR, {"models": "ease", "k": "5"}, "does not read --models, --k"),
        (Suite.ARTISTS, {"snapshot": tmp_path, "budget": 1.0}, "does not read --budget, --snapshot"),
        (Suite.BOTIFY, {"sequences": Lists.PLAYS}, "does not read --sequences"),
        (Suite.PLAYLISTS, {"data": tmp_path, "snapshot": tmp_path}, "both say what is compared"),
    ):
        with pytest.raises(SettingsError, match=message):
            evaluate(suite=suite, **given)
    with pytest.raises(InputError, match="from a snapshot"):
        evaluate(suite=Suite.PLAYLISTS, sequences=Lists.WATCHES, data=tmp_path)
