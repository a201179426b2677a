"""Two processes train the pipeline's network together, and the first one alone does the rest."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ranking.pipeline import Pipeline
from tests import checkerboard
from tests.torchrun import in_two_processes

_RUN = """
import json, sys
from pathlib import Path
import numpy as np
from gnn import processes
from gnn.recommender import GraphNetwork
from ranking import pipeline
from recommenders.core.options import Effort, FitOptions
from tests import checkerboard
folder, rank, told = Path(sys.argv[1]), processes.rank(), Path(sys.argv[1]).name
pipeline._with_newcomers = lambda needed, names: [name for name in names if told != "no say" or name != "gat"]
GraphNetwork.space = {"temperature": (0.2, 0.3), "popularity": (0.25, 0.5)}
trained, fit = [], GraphNetwork.fit
def watched(self, *given, **told):
    fit(self, *given, **told)
    trained.append([self.config.temperature, self.best_epochs, np.abs(self.artifact.embeddings.users).sum().item()])
    return self
GraphNetwork.fit = watched
with processes.joined():
    options = FitOptions(share=0.1, checkpoint=folder / "checkpoint")
    model = pipeline.Pipeline().fit(checkerboard.snapshot(), options)
if rank == 0:
    model.save(folder / "model")
(folder / f"trained-{rank}.json").write_text(json.dumps(trained))
"""


@pytest.mark.parametrize("say", ["a say", "no say"])
def test_both_train_the_same_networks_and_the_first_one_makes_the_pipeline(say, tmp_path):
    folder = tmp_path / say
    folder.mkdir()
    in_two_processes(_RUN, folder)
    first, other = (json.loads((folder / f"trained-{rank}.json").read_text()) for rank in (0, 1))
    on_everything = 1 if say == "a say" else 0
    assert 3 <= len(first) - on_everything <= 6  # trials and full width, on the validation part
    np.testing.assert_allclose(first, other)
    model = Pipeline.load(folder / "model", checkerboard.snapshot())
    if say == "a say":
        everyone = np.arange(checkerboard.SIZE)
        assert model.recommend(everyone, 1)[0][:, 0].tolist() == everyone.tolist()
