"""KuaiRand's rows become the files that the import reads."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from experiments import kuairand

HEADER = "user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tlong_view\tplay_time_ms\tduration_ms\tlabel"
ROWS = ["7\t12\t1649581149287\t1\t0\t1\t5000\t20000\t0", "8\t12\t1649581149288\t0\t1\t1\t46000\t20000\t1"]
PICTURES = ["8\t13\t1649581149289\t0\t0\t0\t9000\t0\t1", "7\t13\t1649581149290\t0\t0\t1\t9000\t0\t0"]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    packed = tmp_path / "interactions.tsv.gz"
    packed.write_bytes(gzip.compress("\n".join([HEADER, *ROWS, *PICTURES]).encode()))
    monkeypatch.setattr("sys.argv", ["kuairand", str(packed), str(tmp_path / "files")])
    kuairand.main()
    return tmp_path / "files"


def test_every_row_is_a_watch_whose_progress_is_the_share_played(folder):
    with (folder / "audiences.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["userId"], row["contentId"]) for row in rows] == [("7", "12"), ("8", "12"), ("8", "13"), ("7", "13")]
    assert [float(row["progress"]) for row in rows] == [0.25, 1.0, 0.0, 1.0]
    assert [row["liked"] + row["commented"] + row["shared"] for row in rows] == ["010", "101", "100", "000"]
    assert rows[0]["timestamp"] == "1649581149287"


def test_every_video_is_a_keak_with_its_length_in_seconds(folder):
    keaks = [json.loads(line) for line in (folder / "keaks.jsonl").read_text().splitlines()]
    assert keaks == [{"keakId": "12", "duration": 20.0}, {"keakId": "13", "duration": None}]
