"""Two processes train the pipeline's network together, and the first one alone does the rest."""

from __future__ import annotations

import json

import numpy as np

from ranking.hybrid import Hybrid
from tests import checkerboard
from tests.torchrun import in_two_processes

_RUN = """
import json, sys
from pathlib import Path
import numpy as np
from gnn import processes
from gnn.recommender import GraphNetwork
from ranking import hybrid
from tests import checkerboard
folder, rank = Path(sys.argv[1]), processes.rank()
hybrid._with_cold = lambda needed, names: list(names)
trained, fit = [], GraphNetwork.fit
def watched(self, *given, **told):
    fit(self, *given, **told)
    trained.append([self.config.temperature, self.best_epochs, np.abs(self.artifact.embeddings.users).sum().item()])
    return self
GraphNetwork.fit = watched
with processes.joined():
    model = hybrid.Hybrid(budget_min=0.1).fit(checkerboard.snapshot(), checkpoint=folder / "checkpoint")
if rank == 0:
    model.save(folder / "model")
(folder / f"trained-{rank}.json").write_text(json.dumps(trained))
"""


def test_both_train_the_same_networks_and_the_first_one_makes_the_pipeline(tmp_path):
    in_two_processes(_RUN, tmp_path)
    first, other = (json.loads((tmp_path / f"trained-{rank}.json").read_text()) for rank in (0, 1))
    assert len(first) == 2  # on the validation part, then on everything
    np.testing.assert_allclose(first, other)
    everyone = np.arange(checkerboard.SIZE)
    ids, _ = Hybrid.load(tmp_path / "model", checkerboard.snapshot()).recommend(everyone, 1)
    assert ids[:, 0].tolist() == everyone.tolist()
