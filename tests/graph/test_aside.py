"""What is written aside."""

from __future__ import annotations

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
