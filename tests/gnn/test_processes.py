"""Two processes find what one does, and only the first of them writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from gnn.config import GnnConfig
from gnn.recommender import GraphNetwork
from tests import checkerboard

_RUN = """
import sys
from pathlib import Path
from gnn import processes
from gnn.config import GnnConfig
from gnn.recommender import GraphNetwork
from tests import checkerboard
config = GnnConfig(dim=16, heads=2, layers=2, steps_per_epoch=2)
with processes.joined():
    model = GraphNetwork(config).fit(checkerboard.snapshot(), epochs=8, checkpoint=Path(sys.argv[1]) / "c")
model.save(Path(sys.argv[1]) / f"model-{processes.rank()}")
"""


def test_two_processes_train_the_same_network_as_one(tmp_path):
    (tmp_path / "run.py").write_text(_RUN)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(
        [*command, str(tmp_path / "run.py"), str(tmp_path)],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    alone = GraphNetwork(GnnConfig(dim=16, heads=2, layers=2, steps_per_epoch=2)).fit(checkerboard.snapshot(), epochs=8)
    users = np.arange(checkerboard.SIZE)
    first, second = (
        GraphNetwork.load(tmp_path / f"model-{rank}", checkerboard.snapshot()).scores(users) for rank in (0, 1)
    )
    np.testing.assert_array_equal(first, second)
    # Products may be rounded to bfloat16, each process's share for itself.
    np.testing.assert_allclose(first, alone.scores(users), atol=0.03)
