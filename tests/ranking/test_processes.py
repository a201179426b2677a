"""Two processes train the pipeline's network together, and the first one alone does the rest."""

from __future__ import annotations

import json

import numpy as np

from ranking.pipeline import Pipeline
from tests import checkerboard
from tests.killed import two_together

_RUN = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from gnn import processes
from gnn.recommender import GraphNetwork
from ranking import pipeline
from recommenders.core.effort import Effort
from recommenders.core.options import FitOptions
from tests import checkerboard
torch.set_num_threads(1)  # as torchrun has it
home, rank = Path(sys.argv[1]), processes.rank()
GraphNetwork.space = {"temperature": (0.2, 0.3), "popularity": (0.25, 0.5)}
trained, fit = [], GraphNetwork.fit
def watched(self, *given, **told):
    fit(self, *given, **told)
    trained.append([self.config.temperature, self.best_epochs, np.abs(self.artifact.embeddings.users).sum().item()])
    return self
GraphNetwork.fit = watched
with processes.joined():
    for say in ("a say", "no say"):
        pipeline._with_newcomers = lambda needed, names: [name for name in names if say == "a say" or name != "gat"]
        options = FitOptions(share=0.1, checkpoint=home / say / "checkpoint")
        model = pipeline.Pipeline().fit(checkerboard.snapshot(), options)
        if rank == 0:
            model.save(home / say / "model")
        (home / say / f"trained-{rank}.json").write_text(json.dumps(trained))
        trained.clear()
"""


def test_both_train_the_same_networks_and_the_first_one_makes_the_pipeline(tmp_path):
    """Whether the network has a say in the pipeline or not."""
    for say in ("a say", "no say"):
        (tmp_path / say).mkdir()
    two_together(_RUN, tmp_path)
    for say, on_everything in (("a say", 1), ("no say", 0)):
        first, other = (json.loads((tmp_path / say / f"trained-{rank}.json").read_text()) for rank in (0, 1))
        assert 3 <= len(first) - on_everything <= 6, say  # trials and full width, on the validation part
        np.testing.assert_allclose(first, other)
        model = Pipeline.load(tmp_path / say / "model", checkerboard.snapshot())
        if on_everything:
            everyone = np.arange(checkerboard.SIZE)
            assert model.recommend(everyone, 1)[0][:, 0].tolist() == everyone.tolist()
