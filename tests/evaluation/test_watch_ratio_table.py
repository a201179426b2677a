"""The table of the suite of watch ratios: its rows in one process and in two, and the command that prints it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from cli import suite_watch_ratio
from evaluation import ratio_networks as networks
from evaluation import watch_ratio_suite
from evaluation.watch_ratio_suite import MODELS, open_data, run
from graph.errors import EntourageError
from recommenders.ratio_network import Rows


def test_plain_predictors_als_and_item_knn_stand_in_every_table(folder: Path) -> None:
    names = ["mean", "median", "als", "item-knn", "network, without features"]
    board = run(open_data(folder), names=names, progress=lambda share, what: None)
    assert {row.model for row in board.ablation} == {*names}
    assert {row.model for row in board.rows} == {*names[:4]}
    assert suite_watch_ratio.markdown(board, "x").count("| item-knn |") == 2


def test_at_one_place_the_text_says_that_two_figures_are_one(folder: Path) -> None:
    data = open_data(folder)
    text = [suite_watch_ratio.markdown(watch_ratio_suite.Board(one, 0), "x") for one in (data, _of_few(data))]
    assert ["same figure" in one for one in text] == [data.most == 1, True]


def _of_few(data: watch_ratio_suite.Data) -> watch_ratio_suite.Data:
    """The same, judged by three rows of one user."""
    rows = Rows(np.zeros(3, dtype=np.int64), np.arange(3), np.ones(3, dtype=np.float32))
    return replace(data, test=replace(data.test, rows=rows))


def test_two_processes_fit_the_same_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, names = open_data(folder), ["mean", "als", "network, features of own rows", "network, WLR"]
    here = run(data, names=names, progress=lambda share, what: None)
    monkeypatch.setattr(watch_ratio_suite, "_MANY", 0)
    told: list[float] = []
    apart = run(data, names=names, progress=lambda share, what: told.append(share))
    assert [(row.model, row.values) for row in apart.rows] == [(row.model, row.values) for row in here.rows]
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_process_that_is_killed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_ratio_suite, "_MANY", 0)
    ended = threading.Event()

    def kill() -> None:
        while not ended.is_set():
            with suppress(psutil.Error):
                for child in psutil.Process().children():
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
                        return
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        with pytest.raises(EntourageError, match="was killed"):
            run(open_data(folder), names=["mean", "median"], progress=lambda share, what: None)
    finally:
        ended.set()
        thread.join()


def test_the_command_prints_and_writes_every_row(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    suite_watch_ratio.watch_ratio(folder, 0, tmp_path, "entourage evaluate --suite watch-ratio")
    shown, written = capsys.readouterr().out, (tmp_path / "leaderboard.md").read_text()
    for name in {**MODELS, **networks.ABLATION}:
        assert name in written, "as a row, or as left out"
    assert "Published by the notebook on KuaiRec" in shown
    assert ".0479" in shown
