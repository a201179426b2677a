from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from evaluation import leaderboard, report, splits
from evaluation.contenders import Contender, named
from evaluation.leaderboard import Leaderboard
from gnn.recommender import LightSoftmax
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from recommenders.core.effort import Cap
from recommenders.core.options import FitOptions
from tests import checkerboard
from tests.evaluation.scored import Counted, Scored


def clique() -> Contender:
    """Knows the checkerboard: contents of one's own parity first."""
    return Contender("clique", lambda train, options: Scored(lambda u, c: (u + c) % 2 == 0).fit(train))


def opposite() -> Contender:
    return Contender("opposite", lambda train, options: Scored(lambda u, c: (u + c) % 2 == 1).fit(train))


def counted() -> Contender:
    return Contender("counted", lambda train, options: Counted().fit(train))


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    made = [splits.random(checkerboard.snapshot(), 0.3, seed) for seed in range(3)]
    return leaderboard.evaluate([opposite(), counted(), clique()], made, ks=(3, 5))


def test_the_better_model_comes_first_and_the_difference_is_found_real(board):
    assert [row.model for row in board.rows] == ["clique", "counted", "opposite"]
    assert board.rows[-1].metrics["NDCG@3"].mean == 0
    against = {difference.other: difference for difference in board.differences}
    assert set(against) == {"counted", "opposite"}
    assert against["opposite"].low > 0
    assert against["opposite"].p_value < 0.01


def test_a_named_reference_is_compared_instead_of_the_best():
    split = splits.random(checkerboard.snapshot(), 0.3)
    found = leaderboard.evaluate([clique(), counted(), opposite()], [split], ks=(3,), reference="counted")
    assert [(d.reference, d.other) for d in found.differences] == [("counted", "clique"), ("counted", "opposite")]
    assert found.differences[0].difference < 0 < found.differences[1].difference


def test_means_lie_inside_their_intervals_and_spread_is_over_splits(board):
    for row in board.rows:
        for name, estimate in row.metrics.items():
            assert estimate.sd is not None
            if estimate.low is not None:
                assert estimate.low - 1e-9 <= estimate.mean <= estimate.high + 1e-9, name


def test_the_mean_is_the_mean_over_splits_of_the_mean_over_users(board):
    made = [splits.random(checkerboard.snapshot(), 0.3, seed) for seed in range(3)]
    alone = [leaderboard.evaluate([clique()], [one], ks=(3,)).rows[0].metrics["Recall@3"] for one in made]
    # alone, every split is number 0, so ties fall otherwise; the checkerboard's clique has many
    assert board.rows[0].metrics["Recall@3"].mean == pytest.approx(np.mean([one.mean for one in alone]), abs=0.1)
    assert all(one.sd is None for one in alone)


def test_graded_metrics_appear_only_where_engagement_varies(board):
    assert not any(name.startswith("NDCG graded") for name in board.rows[0].metrics)


def test_groups_have_a_value_for_every_model(board):
    assert {row.breakdown for row in board.groups} == {
        "Watches in training",
        "People followed",
        "Popularity of what was held out",
    }
    assert all(set(row.values) == {"clique", "counted", "opposite"} for row in board.groups)


def test_a_list_of_one_has_no_diversity_and_breaks_nothing():
    split = splits.random(checkerboard.snapshot(), 0.3)
    found = leaderboard.evaluate([clique()], [split], ks=(1,)).rows[0].metrics
    assert "Diversity@1" not in found
    assert found["Precision@1"].mean > 0


def test_the_report_is_written_whole_and_reads_back(board, tmp_path):
    report.write(board, tmp_path / "report", "entourage evaluate --k 3,5")
    assert {file.name for file in (tmp_path / "report").iterdir()} == {
        "leaderboard.json",
        "leaderboard.md",
        "leaderboard.png",
    }
    assert Leaderboard.model_validate(json.loads((tmp_path / "report/leaderboard.json").read_text())) == board
    text = (tmp_path / "report/leaderboard.md").read_text()
    assert "$ entourage evaluate --k 3,5" in text
    assert "## At 3" in text
    assert "| clique − opposite |" in text
    assert (tmp_path / "report/leaderboard.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_fits_the_terminal(board, width):
    console = Console(width=width)
    with console.capture() as captured:
        console.print(report.table(board, width))
    rows = [line.split() for line in captured.get().splitlines() if line.strip()]
    best = next(row for row in rows if row[0] == "clique")
    assert f"{100 * board.rows[0].metrics['Precision@3'].mean:.2f}" in best
    assert best[-1].replace(",", "").isdigit()  # the last column, the memory, is not cut


def test_contenders_are_found_by_name_and_an_unknown_one_is_refused():
    assert [contender.label for contender in named(["popularity", "item-knn"])] == ["popularity", "item-knn"]
    with pytest.raises(SettingsError, match="Known ones: popularity"):
        named(["pagerank"])


def test_a_model_that_searches_first_keeps_what_was_found():
    split = splits.random(checkerboard.snapshot(), 0.3)
    plain, searched = named(["item-knn"])[0], named(["item-knn"], searched=True)[0]
    rows = [leaderboard.evaluate([one], [split], ks=(5,)).rows[0] for one in (plain, searched)]
    assert set(rows[0].settings[0]) == set(rows[1].settings[0])
    given = named(["item-knn"], {"item-knn": {"neighbours": 3}}, searched=True)
    assert leaderboard.evaluate(given, [split], ks=(5,)).rows[0].settings[0]["neighbours"] == 3


def test_a_network_searches_on_the_training_part_alone(monkeypatch):
    split = splits.random(checkerboard.snapshot(), 0.3)
    fits: list[tuple[int, bool, int | None]] = []
    fit = LightSoftmax.fit

    def noted(self: LightSoftmax, snapshot: Snapshot, options: FitOptions | None = None) -> LightSoftmax:
        assert options is not None
        assert options.seed == 3
        fits.append((len(snapshot.watched), options.validation is not None, self.config.epochs))
        return fit(self, snapshot, options)

    monkeypatch.setattr(LightSoftmax, "fit", noted)
    monkeypatch.setattr(LightSoftmax, "space", {"temperature": (0.2, 0.3)})
    as_it_comes, searched = (named(["light-softmax"], searched=search)[0] for search in (False, True))
    as_it_comes.fit(split.train, FitOptions(seed=3))
    assert fits == [(len(split.train.watched), False, None)]
    fits.clear()
    found = searched.fit(split.train, FitOptions(seed=3))
    assert isinstance(found, LightSoftmax)
    assert [validated for _, validated, _ in fits] == [True, True, True, False]  # two trials, full width, everything
    assert all(watches < len(split.train.watched) for watches, validated, _ in fits if validated)
    assert fits[-1][0] == len(split.train.watched)
    assert fits[-1][2] is not None


def test_a_cap_that_ended_a_fit_early_is_told_of_that_model_alone():
    split = splits.random(checkerboard.snapshot(), 0.3)
    both = named(["popularity", "item-knn"], searched=True)
    patient = leaderboard.evaluate([both[0], counted()], [split], ks=(3,), options=FitOptions(cap=Cap(60.0)))
    assert not any(row.capped for row in patient.rows)
    hurried = leaderboard.evaluate([both[1], counted()], [split], ks=(3,), options=FitOptions(cap=Cap(1e-9)))
    assert {row.model: row.capped for row in hurried.rows} == {"item-knn": True, "counted": False}


def test_a_model_whose_lists_are_all_empty_has_dashes_where_others_have_figures(tmp_path):
    silent = replace(counted(), label="silent", rank=lambda model, split, k, **_: np.full((len(split.users), k), -1))
    split = splits.random(checkerboard.snapshot(), 0.3)
    found = leaderboard.evaluate([silent, clique()], [split], ks=(3,))
    assert "Novelty@3" not in found.rows[1].metrics
    for rows in (found.rows, found.rows[::-1]):  # whichever is first
        turned = found.model_copy(update={"rows": rows})
        report.write(turned, tmp_path)
        lines = (tmp_path / "leaderboard.md").read_text().splitlines()
        cells = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ") for line in reversed(lines)}
        place = cells["model"].index("Novelty")
        assert cells["silent"][place] == "–"
        assert float(cells["clique"][place]) > 0
