"""The model that `train --model session` makes: the graph network is among the sources of vectors."""

from __future__ import annotations

from typing import get_args

from ranking import registry
from ranking.player import PlayerModel
from recommenders.arms import policy
from recommenders.core.effort import Effort
from recommenders.core.options import FitOptions
from recommenders.interest import Heard
from recommenders.session import Vectors
from tests.recommenders.test_session import hidden


def test_the_graph_network_can_give_the_vectors() -> None:
    snapshot, group = hidden()
    model = registry.make("session", vectors_by="gat").fit(snapshot, FitOptions(effort=Effort.QUICK, share=0.2))
    assert isinstance(model, PlayerModel)
    assert set(model.choice.evidence) == {"gat"}
    chosen = policy("session", model, Heard((0,), (1.0,)), ())
    assert chosen.chances[group[chosen.tracks] == group[0]].sum() > 0.9
    assert set(model._sources()) == set(get_args(Vectors)) - {"auto"}
