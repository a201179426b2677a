"""What is written aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graph import aside


def test_files_go_into_a_folder_whose_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "table.md").write_text("old")
    with aside.files(tmp_path) as fresh:
        (fresh / "table.md").write_text("new")
        assert (tmp_path / "table.md").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"mine.txt": "kept", "table.md": "new"}
    with pytest.raises(FileNotFoundError), aside.files(tmp_path) as fresh:
        (fresh / "table.md").rename(fresh / "nowhere" / "table.md")
    assert (tmp_path / "table.md").read_text() == "new"


def test_what_a_killed_process_left_is_deleted_by_the_next_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left, young, other = (tmp_path / name for name in (".out-abcdefgh", ".out-abcdefgi", ".out-2-abcdefgh"))
    for folder in (left, young, other):
        folder.mkdir()
        (folder / "half").touch()
    with aside.folder(tmp_path / "out") as first:
        for folder in (left, other, first):
            os.utime(folder, (0, 0))
        with aside.folder(tmp_path / "out") as second:
            assert first.is_dir()
            (second / "whole").touch()
    assert not left.exists()
    assert young.is_dir(), "its writer may be about to lock it"
    assert other.is_dir(), "that of another folder"
