"""Two processes find what one does, and only the first of them writes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from gnn import processes, trainer
from gnn.config import GnnConfig
from gnn.fitting import make_trainer
from gnn.recommender import GraphNetwork
from tests import checkerboard
from tests.networks import trained
from tests.torchrun import in_two_processes

EVERYONE = np.arange(checkerboard.SIZE)

_RUN = """
import sys
from pathlib import Path
from gnn import fitting, processes, trainer
from gnn.config import GnnConfig
from tests import checkerboard
from tests.networks import trained
folder = Path(sys.argv[1])
kept = []
fitting._CHECKPOINT_EVERY_S, fitting._CHECKPOINT_SHARE = 0.0, float("inf")
save = fitting.torch.save
fitting.torch.save = lambda *state: (kept.append(1), save(*state))
directions = trainer.leading_directions
trainer.leading_directions = lambda *given: directions(*given) if processes.rank() == 0 else 1 / 0
with processes.joined():
    for neighbours, init in ((0, "random"), (3, "spectral")):
        config = GnnConfig(dim=16, heads=2, layers=2, steps_per_pass=2, neighbours=neighbours, init=init)
        model = trained(config, checkerboard.snapshot(timed=True), epochs=8, checkpoint=folder / "c")
        model.save(folder / f"model-{neighbours}-{processes.rank()}")
(folder / f"kept-{processes.rank()}").write_text(str(len(kept)))
"""


def test_two_processes_train_the_same_network_as_one(tmp_path):
    in_two_processes(_RUN, tmp_path)

    def scores(neighbours: int, rank: int) -> npt.NDArray[np.float32]:
        path = tmp_path / f"model-{neighbours}-{rank}"
        return GraphNetwork.load(path, checkerboard.snapshot()).scores(EVERYONE)

    for neighbours in (0, 3):
        np.testing.assert_array_equal(scores(neighbours, 0), scores(neighbours, 1))
    config = GnnConfig(dim=16, heads=2, layers=2, steps_per_pass=2, init="random")
    alone = trained(config, checkerboard.snapshot(timed=True), epochs=8)
    # Products may be rounded to bfloat16, each process's share for itself.
    np.testing.assert_allclose(scores(0, 0), alone.scores(EVERYONE), atol=0.03)
    assert [int((tmp_path / f"kept-{rank}").read_text()) for rank in (0, 1)] == [16, 0]


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_finds_its_part_of_the_gradient(rank, monkeypatch):
    """The mean of what two processes find is what one finds; AdamW alone would hide a wrong scale."""

    def gradients() -> list[Tensor]:
        run = make_trainer(
            GnnConfig(dim=16, heads=2, layers=1, edge_dropout=0.0, steps_per_pass=1), checkerboard.snapshot()
        )
        run.precision = torch.float32
        run.step(EVERYONE)
        return [p.grad for p in run.parameters if p.grad is not None]

    whole = gradients()
    monkeypatch.setattr(trainer, "DistributedDataParallel", lambda network, **_: network)
    monkeypatch.setattr(processes, "added_up", lambda value: 2.0 * value)  # all watch as much and have as many friends
    monkeypatch.setattr(processes, "count", lambda: 2)
    parts = []
    for number in (rank, 1 - rank):
        monkeypatch.setattr(processes, "rank", lambda number=number: number)
        parts.append(gradients())
    for one, two, both in zip(*parts, whole, strict=True):
        np.testing.assert_allclose((one + two) / 2, both, atol=1e-5)
