"""The same seed gives the same pipeline, byte for byte, whatever the clock and the hashing of strings do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import TIMINGS

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
from recommenders.core.options import Effort, FitOptions
from tests.conformance import odd
GraphNetwork.space = {"temperature": (0.2, 0.3)}  # the others would take minutes
rng = np.random.default_rng(0)
size = 60
liked = np.add.outer(np.arange(size), np.arange(size)) % 3 == 0
watched = [tuple(map(int, pair)) for pair in np.argwhere(rng.random((size, size)) < np.where(liked, 0.3, 0.02))]
follows = [tuple(map(int, pair)) for pair in np.argwhere(rng.random((size, size)) < 0.05) if pair[0] != pair[1]]
Pipeline().fit(odd(watched, follows, size), FitOptions(effort=Effort.QUICK, share=0.1, seed=3)).save(Path(sys.argv[1]))
"""


def trained(folder: Path, *, clock: float, hashing: int) -> dict[str, bytes]:
    """All files of a pipeline that another process trained, but for those that tell seconds."""
    subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), str(clock)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": str(hashing)},
        check=True,
    )
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in TIMINGS]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Trained by a clock that runs as it does."""
    return trained(tmp_path_factory.mktemp("usual") / "model", clock=1.0, hashing=1)


@pytest.mark.parametrize(("clock", "hashing"), [(100.0, 1), (1.0, 2)], ids=["a faster clock", "another hashing"])
def test_the_same_seed_gives_the_same_bytes(usual, tmp_path, clock, hashing):
    again = trained(tmp_path / "model", clock=clock, hashing=hashing)
    assert again.keys() == usual.keys()
    assert [name for name in usual if again[name] != usual[name]] == []
    assert "second_stage.json" in usual
