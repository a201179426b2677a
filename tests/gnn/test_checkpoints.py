"""What a checkpoint of the network says of the time cap, and which checkpoint belongs to a training."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch

from gnn import fitting
from gnn.config import GnnConfig
from recommenders.core.holdout import Holdout
from recommenders.core.options import FitOptions
from tests import checkerboard
from tests.networks import trained

SMALL = GnnConfig(dim=16, heads=2, layers=2)
EVERYONE = np.arange(checkerboard.SIZE)


def test_a_training_that_goes_on_from_one_that_its_cap_ended_says_so(tmp_path):
    trained(SMALL, checkerboard.snapshot(), epochs=3, checkpoint=tmp_path / "c", budget_s=1e-6)
    again = trained(SMALL, checkerboard.snapshot(), epochs=3, checkpoint=tmp_path / "c")
    assert again.best_epochs == 3
    assert again.artifact.manifest.capped


def test_a_cap_reached_after_the_last_checkpoint_is_saved_too(tmp_path, monkeypatch):
    """Every epoch is saved before the cap is looked at."""
    monkeypatch.setattr(fitting, "_CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(fitting, "_CHECKPOINT_SHARE", np.inf)
    trained(SMALL, checkerboard.snapshot(), epochs=3, checkpoint=tmp_path / "c", budget_s=1e-6)
    assert torch.load(tmp_path / "c" / "training.pt", weights_only=True)["capped"]


def test_a_checkpoint_of_another_held_out_engagement_is_not_taken_over():
    whole = checkerboard.snapshot()

    def fingerprint(engagement: float) -> str:
        held_out = sp.csr_array(np.diag(np.full(checkerboard.SIZE, engagement, dtype=np.float32)))
        part = Holdout("validation", whole, held_out, EVERYONE)
        return fitting._Run(SMALL, whole, part, 1, FitOptions(), None)._fingerprint

    assert fingerprint(0.5) == fingerprint(0.5) != fingerprint(1.0)
