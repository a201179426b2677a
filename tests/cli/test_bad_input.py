"""Whatever is wrong with the input: a message that says what and what to do, a code, nothing half-done."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path

import pytest

from graph.database.driver import Graph
from graph.errors import GraphError, InputError, ModelMismatch, NotFound, SettingsError, SnapshotError
from graph.settings import Settings
from tests import checkerboard
from tests.cli.conftest import Outcome, Run

pytestmark = pytest.mark.usefixtures("graph")


def assert_clear(outcome: Outcome, code: int, *said: str) -> None:
    """It failed with ``code``, said all of ``said`` and one thing to do, and showed no traceback."""
    assert outcome.code == code, outcome.printed
    for words in said:
        assert words in outcome.printed
    assert "Traceback" not in outcome.printed
    assert len(outcome.err.strip().splitlines()) >= 2, "what is wrong, and what to do"


def small_folder(folder: Path) -> Path:
    """Three users, two keaks, one follow and one audience, all good."""
    folder.mkdir()
    (folder / "users.jsonl").write_text("".join(json.dumps({"userId": f"u{n}"}) + "\n" for n in range(3)))
    (folder / "keaks.jsonl").write_text("".join(json.dumps({"keakId": f"k{n}"}) + "\n" for n in range(2)))
    (folder / "followers.csv").write_text("users/u0,users/u1,2024-01-01T00:00:00.0000000Z\n")
    (folder / "audiences.csv").write_text("users/u0,keaks/k0,2024-01-01T00:00:00.0000000Z,0.5,true,false,false\n")
    return folder


def relationships(graph: Graph) -> int:
    counts = graph.read("export/counts")[0]["counts"]
    return int(counts["FOLLOWS"] + counts["WATCHED"])


def test_a_folder_with_nothing_usable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert_clear(run("import", tmp_path), InputError.exit_code, str(tmp_path), "followers.csv")


def test_options_that_a_kind_does_not_read_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"message": "next", "timestamp": 1, "user": 1, "track": 1, "time": 0.5}\n')
    for command in ("import", "describe"):
        refused = run(command, tmp_path, "--kind", "play-logs", "--encoding", "latin-1")
        assert_clear(refused, SettingsError.exit_code, "--encoding cannot be given")


def test_a_wait_without_end_is_refused_before_anything_is_trained(run: Run) -> None:
    assert_clear(run("train", "--follow", "--every", "inf"), SettingsError.exit_code, "--every is inf")


@pytest.mark.parametrize("columns", ["user=1,item=2,content=3", "user=1,item=2,friend=2,follower=1,followed=3"])
def test_two_keys_of_columns_that_mean_the_same_are_refused(run: Run, tmp_path: Path, columns: str) -> None:
    (tmp_path / "pairs.csv").write_text("1,10,7\n2,11,8\n")
    refused = run("import", "--pairs", tmp_path / "pairs.csv", "--columns", columns, "--dry-run")
    assert_clear(refused, SettingsError.exit_code, "mean the same")
    both = "user=1,item=2,time=3,follower=1,friend=2,since=3"
    assert run("import", "--pairs", tmp_path / "pairs.csv", "--columns", both, "--dry-run").code == 0, "of two files"


def test_only_a_column_that_is_not_needed_is_left_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("user,item,date\n1,10,01/02/2020\n2,11,31/12/2020\n")
    for key in ("user", "item", "content"):
        refused = run("import", "--pairs", tmp_path / "pairs.csv", "--columns", f"{key}=-", "--dry-run")
        assert_clear(refused, SettingsError.exit_code, f"leaves out {key}, which is needed")
    assert run("import", "--pairs", tmp_path / "pairs.csv", "--columns", "time=-", "--dry-run").code == 0


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert_clear(run("import", tmp_path / "nowhere"), InputError.exit_code, "nowhere")


def test_a_truncated_file_loads_nothing(run: Run, tmp_path: Path, graph: Graph) -> None:
    before = relationships(graph)
    folder = small_folder(tmp_path / "files")
    whole = gzip.compress("".join(f"users/u{n},users/u{n + 1}\n" for n in range(9_999)).encode())
    (folder / "followers.csv").unlink()
    (folder / "followers.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert_clear(run("import", folder), InputError.exit_code, "followers.csv.gz")
    assert relationships(graph) == before


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("followers.csv", "keaks/u0,users/u1,"),  # a wrong prefix
        ("followers.csv", "users/u2,users/u2,"),  # oneself
        ("followers.csv", "users/u0,users/nobody,"),  # dangling
        ("audiences.csv", "users/u0,keaks/k1,2024-01-01T00:00:00.0000000Z,-0.5,false,false,false"),  # below nothing
        ("audiences.csv", "users/nobody,keaks/k1,2024-01-01T00:00:00.0000000Z,0.5,false,false,false"),  # dangling
        ("audiences.csv", "users/u0,songs/k1,2024-01-01T00:00:00.0000000Z,0.5,false,false,false"),  # a wrong prefix
    ],
)
def test_a_bad_row_is_kept_aside_with_its_place_and_reason(run: Run, tmp_path: Path, file: str, row: str) -> None:
    folder = small_folder(tmp_path / "files")
    with (folder / file).open("a") as lines:
        lines.write(row + "\n")
    outcome = run("import", folder)
    assert outcome.code == 0, outcome.printed
    kept = [
        json.loads(line)
        for path in (tmp_path / "home" / "quarantine").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert [(entry["file"], entry["line"]) for entry in kept] == [(file, 2)]
    assert kept[0]["reason"]
    assert "quarantine" in outcome.printed


def test_a_duplicate_counts_once(run: Run, tmp_path: Path, graph: Graph) -> None:
    folder = small_folder(tmp_path / "files")
    assert run("import", folder).code == 0
    before = relationships(graph)
    for file in ("followers.csv", "audiences.csv"):
        (folder / file).write_text((folder / file).read_text() * 2)
    assert run("import", folder).code == 0
    assert relationships(graph) == before


def test_a_wrong_password(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", "not-this-one")
    assert_clear(run("import", small_folder(tmp_path / "files")), GraphError.exit_code, "password")


def test_a_server_that_is_down(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    assert_clear(run("import", small_folder(tmp_path / "files")), GraphError.exit_code, "127.0.0.1:1")
    assert_clear(run("export"), GraphError.exit_code, "127.0.0.1:1")
    assert not (tmp_path / "home" / "snapshot").exists()


def test_no_server_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO4J_URI")
    assert_clear(run("export"), GraphError.exit_code, "entourage up")


def test_no_snapshot(run: Run) -> None:
    assert_clear(run("train", "--model", "popularity"), SnapshotError.exit_code, "entourage export")
    assert_clear(run("evaluate", "--models", "popularity"), SnapshotError.exit_code, "entourage export")


def test_a_snapshot_cut_short(run: Run, environment: Settings) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    victim = environment.snapshot_path / "edges" / "WATCHED.parquet"
    victim.write_bytes(victim.read_bytes()[:-9])
    assert_clear(run("train", "--model", "popularity"), SnapshotError.exit_code, "WATCHED.parquet", "entourage export")


def test_a_model_of_another_graph(run: Run, environment: Settings, tmp_path: Path) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    assert run("train", "--model", "item-knn").code == 0
    checkerboard.snapshot(12).save(environment.snapshot_path)
    out = tmp_path / "recs.jsonl"
    outcome = run("recommend", "--all", "--model", "item-knn", "--out", out)
    assert_clear(outcome, ModelMismatch.exit_code, "entourage train")
    assert not out.exists()


def test_a_model_nobody_trained(run: Run, environment: Settings) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    outcome = run("recommend", "--all", "--model", "ease", "--out", environment.home / "recs.jsonl")
    assert_clear(outcome, 6, "entourage train --model ease")


def test_a_model_that_does_not_exist(run: Run, environment: Settings) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    assert_clear(run("train", "--model", "oracle"), SettingsError.exit_code, "oracle", "item-knn")


def test_an_unknown_user(run: Run, environment: Settings) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    assert_clear(run("recommend", "--user", "nobody-at-all"), NotFound.exit_code, "nobody-at-all")


def test_a_port_that_is_taken(run: Run, environment: Settings) -> None:
    checkerboard.snapshot().save(environment.snapshot_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_clear(run("serve", "--port", port), SettingsError.exit_code, str(port), "--port")


def test_settings_that_cannot_be_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTOURAGE_ENGAGEMENT__PROGRESS", "0.9")
    assert_clear(run("status"), SettingsError.exit_code, "engagement", "add up")


def test_a_recommender_of_the_feed_that_nobody_knows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTOURAGE_FEED__RECOMMENDERS", '{"pipeline": 0.7, "eaze": 0.3}')
    assert_clear(run("serve"), SettingsError.exit_code, "'eaze'", "ease")
