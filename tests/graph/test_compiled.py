from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from graph.compiled import digest


def kept(cache: Path) -> str:
    """Where a new process keeps what numba compiles."""
    told = "import recommenders.core.top_k, numba; print(numba.config.CACHE_DIR)"
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["ENTOURAGE_CACHE"] = str(cache)
    done = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_compiled_loops_of_this_code_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    unused, used = tmp_path / "compiled" / "old", tmp_path / "compiled" / "lately"
    for folder, days in ((unused, 31), (used, 29)):
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - days * 86_400,) * 2)
    assert kept(tmp_path) == str(tmp_path / "compiled" / digest(Path(__file__).parents[2]))
    assert [one.exists() for one in (unused, used)] == [False, True]


def test_without_a_folder_to_write_numba_keeps_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert kept(tmp_path / "file") == ""


def test_any_changed_file_of_ours_asks_for_a_new_folder(tmp_path: Path) -> None:
    (tmp_path / "graph" / "live").mkdir(parents=True)
    file = tmp_path / "graph" / "live" / "rows.py"
    file.write_text("a = 1")
    before = digest(tmp_path)
    assert digest(tmp_path) == before
    file.write_text("a = 12")
    assert digest(tmp_path) != before
