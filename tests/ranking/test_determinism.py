"""The same seed gives the same pipeline, byte for byte, whatever the clock and the hashing of strings do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conformance import TIMINGS
from tests.killed import told_to_the_end

_RUN = """
import itertools, sys, time
from pathlib import Path
import numpy as np
factor = float(sys.argv[2])
if factor != 1.0:  # and every look takes a while
    looks = itertools.count()
    clocks = {name: getattr(time, name) for name in ("monotonic", "perf_counter", "time")}
    for name, clock in clocks.items():
        setattr(time, name, lambda clock=clock: factor * clock() + 0.5 * next(looks))
from gnn.recommender import GraphNetwork
from ranking.pipeline import Pipeline
from recommenders.core.effort import Effort
from recommenders.core.options import FitOptions
from tests.conformance import odd
GraphNetwork.space = {"temperature": (0.2, 0.3)}  # the others would take minutes
rng = np.random.default_rng(0)
size = 60
liked = np.add.outer(np.arange(size), np.arange(size)) % 3 == 0
watched = [tuple(map(int, pair)) for pair in np.argwhere(rng.random((size, size)) < np.where(liked, 0.3, 0.02))]
follows = [tuple(map(int, pair)) for pair in np.argwhere(rng.random((size, size)) < 0.05) if pair[0] != pair[1]]
Pipeline().fit(odd(watched, follows, size), FitOptions(effort=Effort.QUICK, share=0.1, seed=3)).save(Path(sys.argv[1]))
"""


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a pipeline but for those that tell seconds."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in TIMINGS]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    told_to_the_end(_RUN, tmp_path / "usual", 1.0)
    subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "again"), "100.0"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "2"},
        check=True,
    )
    usual, again = files_of(tmp_path / "usual"), files_of(tmp_path / "again")
    assert again.keys() == usual.keys()
    assert [name for name in usual if again[name] != usual[name]] == []
    assert "second_stage.json" in usual
