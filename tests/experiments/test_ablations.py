from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from evaluation.contenders import Contender
from evaluation.splits import How
from experiments import ablations
from gnn.features import edge_ages, edge_features
from graph import schema
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from tests import checkerboard


@pytest.fixture
def described() -> Snapshot:
    """The checkerboard with two properties of contents."""
    plain = checkerboard.snapshot()
    frame = plain.contents.frame.with_columns(pl.lit(1.0).alias("duration"), pl.lit("song").alias("contentType"))
    watched = pl.DataFrame({"source": plain.watched.source, "target": plain.watched.target})
    return Snapshot.build({"User": plain.users.frame, "Content": frame}, {"WATCHED": watched})


def test_edges_that_are_left_out_are_gone_and_the_others_stay():
    whole = checkerboard.snapshot()
    view = ablations.without_edges(schema.FOLLOWS)(whole)
    assert len(view.follows) == 0
    assert len(view.watched) == len(whole.watched)
    assert view.manifest.graph_id == whole.manifest.graph_id


def test_features_that_are_left_out_are_gone_and_the_others_stay(described):
    view = ablations.without_features(ablations.FEATURES["texts"])(described)
    assert view.contents.frame.columns == ["contentId", "duration"]
    assert view.contents.ids.to_list() == described.contents.ids.to_list()


def test_properties_of_edges_that_are_left_out_tell_nothing():
    pairs = checkerboard.watched_pairs()
    source, target = zip(*pairs, strict=True)
    told = {"engagement": [index / len(pairs) for index in range(len(pairs))], "lastAt": list(range(1, len(pairs) + 1))}
    watched = pl.DataFrame({"source": source, "target": target, **told})
    nodes = {label: node.frame for label, node in checkerboard.snapshot().nodes.items()}
    whole = Snapshot.build(nodes, {"WATCHED": watched})
    labels = [contender.label for contender in ablations.contenders("features", whole)]
    assert labels[-2:] == ["without engagement", "without lastAt"]
    assert edge_features(whole, edge_ages(whole))["WATCHED"].shape[1] == 2
    for name in ("engagement", "lastAt"):
        view = ablations.without_property(name)(whole)
        assert edge_features(view, edge_ages(view))["WATCHED"].shape == (len(pairs), 1)
        assert view.manifest.graph_id == whole.manifest.graph_id
    assert ablations.without_property("engagement")(whole).mode == "implicit"


def test_each_part_names_what_the_snapshot_can_lose(described):
    labels = {
        part: [contender.label for contender in ablations.contenders(part, described)]
        for part in ("edges", "features", "convolutions", "losses", "recipe", "pipeline")
    }
    assert all(found[0] == ablations.COMPLETE for found in labels.values())
    assert labels["edges"] == [ablations.COMPLETE]
    assert labels["features"] == [ablations.COMPLETE, "without counts", "without texts", "without any"]
    assert {"gcn", "sage", "light"} < set(labels["convolutions"])


def test_an_unknown_part_is_refused():
    with pytest.raises(SettingsError, match="recipe"):
        ablations.contenders("seasoning", checkerboard.snapshot())


def test_the_command_compares_with_the_complete_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def friends(part: str, whole: Snapshot) -> list[Contender]:
        """The same part of a model that trains in no time."""
        view = ablations.without_edges(schema.FOLLOWS)
        return [
            ablations.registered(ablations.COMPLETE, "friends-items"),
            ablations.registered("without FOLLOWS", "friends-items", view),
        ]

    monkeypatch.setattr(ablations, "contenders", friends)
    checkerboard.snapshot().save(tmp_path / "snapshot")
    ablations.main(tmp_path / "snapshot", tmp_path / "out", "edges", How.RANDOM, fraction=0.3, seeds=1, users=0)
    board = json.loads((tmp_path / "out/edges/leaderboard.json").read_text())
    assert [d["reference"] for d in board["differences"]] == [ablations.COMPLETE]
    assert [row["model"] for row in board["rows"]] == [ablations.COMPLETE, "without FOLLOWS"]
    assert board["differences"][0]["low"] > 0
