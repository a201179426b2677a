"""Which settings a search tries, in which order, how many, and which of them it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse as sp

from gnn.recommender import GatNetwork
from graph.snapshot import Snapshot
from ranking.first_stage import _LATE
from recommenders.core.config import CORE
from recommenders.core.effort import Cap, Effort
from recommenders.core.holdout import Holdout, users_of, validation
from recommenders.core.ndcg import mean_ndcg
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.search import Searched, score, search
from recommenders.ease import Ease
from recommenders.knn import UserKnn
from recommenders.popularity import Popularity
from tests import checkerboard
from tests.conformance import odd
from tests.evaluation.scored import Scored, network

Settings = dict[str, Any]
PART = validation(checkerboard.snapshot())


class Fake(Recommender):
    """Costs what a test says, and is as good as ``quality`` says its settings are."""

    name: ClassVar[str] = "fake"
    space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    defaults: ClassVar[Settings] = {"number": 2.0, "word": "a", "width": 9}
    quality: ClassVar[Callable[[Settings], float]] = staticmethod(lambda settings: 0.0)
    each: ClassVar[float] = 1.0
    """What a fit costs."""
    skipped: ClassVar[frozenset[str]] = frozenset()
    fitted: ClassVar[list[Settings]]
    given: ClassVar[list[FitOptions]]

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    @property
    def settings(self) -> Settings:
        return self._settings

    def resolved(self, snapshot: Snapshot) -> Settings:
        return {**self.defaults, **self._settings}

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Fake:
        self._snapshot = snapshot
        self.fitted.append(self.resolved(snapshot))
        self.given.append(options or FitOptions())
        return self

    def cost(self, snapshot: Snapshot, changed: frozenset[str] | None = None) -> float:
        return self.each

    def unsearched(self) -> frozenset[str]:
        return self.skipped

    def scores(self, users: Any) -> Any:
        raise NotImplementedError

    def similar_items(self, items: Any, k: int) -> Any:
        raise NotImplementedError

    def save(self, path: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Fake:
        raise NotImplementedError


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    """A class of its own for every test; what ranks anything is judged in other tests."""
    monkeypatch.setattr(
        "recommenders.core.search.score", lambda model, part, k: type(model).quality(model.resolved(part.train))
    )
    return type("One", (Fake,), {"fitted": [], "given": []})


def one_each() -> Holdout:
    """Content 19, which nobody watched, is held out for everybody."""
    train = odd([(user, user) for user in range(6)], [(0, 1)], 20)
    held_out = sp.csr_array((np.ones(6, dtype=np.float32), (range(6), [19] * 6)), shape=(20, 20))
    return Holdout("one each", train, held_out, users_of(held_out))


def run(kind: type[Fake], space: Mapping[str, Sequence[Any]], work: float = 200.0, **told: Any) -> Searched:
    """Search with so much ``work``."""
    part = one_each()
    options = told.pop("options", FitOptions())
    options = options.but(share=work / FitOptions().work(part.train) * options.share)
    return search(kind, part, options, space=space, **told)


def tried(kind: type[Fake], name: str) -> list[Any]:
    return [settings[name] for settings in kind.fitted]


@pytest.mark.parametrize(
    ("quality", "expected", "best"),
    [
        ({2.0: 0.1, 3.0: 0.2, 4.0: 0.3, 5.0: 0.4}, [2.0, 3.0, 4.0, 5.0], 5.0),  # up to the end
        ({2.0: 0.1, 3.0: 0.3, 4.0: 0.2, 5.0: 0.9}, [2.0, 3.0, 4.0], 3.0),  # no further than the first that is worse
        ({2.0: 0.2, 3.0: 0.2, 1.0: 0.3, 0.0: 0.1, 4.0: 0.9}, [2.0, 3.0, 1.0, 0.0], 1.0),  # else down
        ({2.0: 0.3, 3.0: 0.2, 1.0: 0.3, 0.0: 0.9, 5.0: 0.9}, [2.0, 3.0, 1.0], 2.0),  # equal is not better
    ],
)
def test_numbers_are_climbed_until_one_is_no_better(fake, quality, expected, best):
    fake.quality = staticmethod(lambda settings: quality[settings["number"]])
    found = run(fake, {"number": (2.0, 3.0, 5.0, 4.0, 1.0, 0.0)})
    assert tried(fake, "number") == expected
    assert found.settings.get("number", 2.0) == best
    assert found.score == max(trial.score for trial in found.trials)


def test_the_direction_that_the_list_begins_with_is_climbed_first(fake):
    fake.quality = staticmethod(lambda settings: -abs(settings["number"] - 1.0))
    run(fake, {"number": (2.0, 1.0, 3.0, 4.0, 0.0)})
    assert tried(fake, "number") == [2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("start", "best", "expected"),
    [(90.0, 0.0, [90.0, 30.0, 365.0, 0.0]), (0.0, 30.0, [0.0, 365.0, 90.0, 30.0]), (0.0, 0.0, [0.0, 365.0])],
)
def test_a_half_life_of_0_is_never_and_so_the_longest(fake, start, best, expected):
    def days(settings: Mapping[str, float]) -> float:
        return settings["half_life"] or 1000.0

    fake.defaults = {"half_life": start}
    fake.quality = staticmethod(lambda settings: -abs(days(settings) - days({"half_life": best})))
    found = run(fake, {"half_life": (90.0, 30.0, 365.0, 0.0)})
    assert tried(fake, "half_life") == expected
    assert found.settings.get("half_life", start) == best


def test_of_other_values_all_are_tried(fake):
    fake.quality = staticmethod(lambda settings: {"a": 0.2, "b": 0.1, "c": 0.3, "d": 0.0}[settings["word"]])
    found = run(fake, {"word": ("a", "b", "c", "d")})
    assert tried(fake, "word") == ["a", "b", "c", "d"]
    assert found.settings == {"word": "c"}


def test_another_round_follows_every_round_that_found_something_and_nothing_is_tried_twice(fake):
    """Words only help once the number is 3, and a number of 4 only with word b."""
    quality = {(2.0, "a"): 0.1, (3.0, "a"): 0.2, (3.0, "b"): 0.3, (4.0, "b"): 0.4}
    fake.quality = staticmethod(lambda settings: quality.get((settings["number"], settings["word"]), 0.0))
    found = run(fake, {"number": (2.0, 3.0, 4.0), "word": ("a", "b")})
    assert found.settings == {"number": 4.0, "word": "b"}
    pairs = [(settings["number"], settings["word"]) for settings in fake.fitted]
    assert pairs == [(2.0, "a"), (3.0, "a"), (4.0, "a"), (3.0, "b"), (2.0, "b"), (4.0, "b")]


def test_the_number_of_trials_follows_from_cost_whatever_the_clock_says(fake, monkeypatch):
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    space = {"number": tuple(map(float, range(2, 90)))}
    fake.each = 5.0
    assert len(run(fake, space, work=103.0).trials) == 20  # judging costs too
    fake.each = 50.0
    fake.fitted.clear()
    monkeypatch.setattr("time.monotonic", iter(np.arange(0.0, 1e9, 1e4)).__next__)  # hours between any two looks
    assert len(run(fake, space, work=103.0).trials) == len(fake.fitted) == 2


def test_the_start_is_fitted_where_there_is_work_for_nothing(fake):
    found = run(fake, {"number": (2.0, 3.0)}, work=1e-6)
    assert len(found.trials) == 1
    assert found.settings == {}


def test_no_more_are_tried_than_most(fake):
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    assert len(run(fake, {"number": tuple(map(float, range(2, 90)))}, most=4).trials) == 4


def test_efforts_scale_the_trials(fake):
    fake.quality = staticmethod(lambda settings: settings["number"] / 1000.0)
    counts = []
    for effort in Effort:
        fake.fitted.clear()
        found = search(
            fake, one_each(), FitOptions(effort=effort, share=0.1), space={"number": tuple(map(float, range(2, 900)))}
        )
        counts.append(len(found.trials))
    quick, normal, thorough = counts
    assert (quick, normal) == (3, 29)
    assert thorough > 100


def test_a_cap_ends_a_search_early_and_says_so(fake):
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    space = {"number": tuple(map(float, range(2, 9)))}
    patient, hurried = Cap(60.0), Cap(1e-9)
    whole = run(fake, space, options=FitOptions(cap=patient))
    ended = run(fake, space, options=FitOptions(cap=hurried))
    assert (len(whole.trials), patient.hit) == (7, False)
    assert (len(ended.trials), hurried.hit) == (1, True)


def test_a_cap_is_not_hit_where_it_is_the_work_that_is_used_up(fake):
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    cap = Cap(60.0)
    assert len(run(fake, {"number": (2.0, 3.0, 4.0)}, work=2.5, options=FitOptions(cap=cap)).trials) == 2
    assert not cap.hit


@pytest.mark.parametrize(
    ("wide", "kept"), [(0.05, {"width": 3, "number": 3.0}), (0.5, {"number": 3.0}), (0.3, {"number": 3.0})]
)
def test_trials_are_narrow_and_the_best_is_fitted_wide_once_and_kept_unless_it_is_worse(fake, wide, kept):
    fake.trial_settings = {"width": 3}
    narrow = {2.0: 0.1, 3.0: 0.3, 4.0: 0.2}
    fake.quality = staticmethod(lambda settings: narrow[settings["number"]] if settings["width"] == 3 else wide)
    found = run(fake, {"number": (2.0, 3.0, 4.0)})
    assert [(settings["width"], settings["number"]) for settings in fake.fitted] == [(3, 2), (3, 3), (3, 4), (9, 3)]
    assert found.settings == kept


def test_work_for_the_wide_fit_is_kept_back_and_it_gets_all_that_is_left(fake):
    fake.trial_settings = {"width": 3}
    fake.each = 10.0
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    run(fake, {"number": tuple(map(float, range(2, 90)))}, work=45.0)
    assert tried(fake, "width") == [3, 3, 3, 9]
    train = one_each().train
    assert sum(options.work(train) for options in fake.given) == pytest.approx(45.0, rel=1e-3)
    assert fake.given[-1].work(train) > 14.0


def test_without_work_for_trials_the_start_is_fitted_as_it_is_with_all_of_it(fake):
    fake.trial_settings = {"width": 3}
    fake.each = 10.0
    run(fake, {"number": (2.0, 3.0)}, work=15.0)
    assert tried(fake, "width") == [9]
    assert fake.given[0].work(one_each().train) == pytest.approx(15.0)


def test_settings_that_are_given_are_neither_narrowed_nor_lost(fake):
    fake.trial_settings = {"width": 3}
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0)
    found = run(fake, {"number": (2.0, 3.0)}, start={"width": 5})
    assert set(tried(fake, "width")) == {5}
    assert found.settings == {"width": 5, "number": 3.0}


def test_what_a_model_leaves_alone_is_not_searched(fake):
    fake.skipped = frozenset({"number"})
    run(fake, {"number": (2.0, 3.0), "word": ("a", "b")})
    assert tried(fake, "number") == [2.0, 2.0]


def test_every_trial_is_given_the_part_and_a_checkpoint_folder_of_its_own(fake, tmp_path):
    run(fake, {"word": ("a", "b", "c")}, options=FitOptions(checkpoint=tmp_path, seed=7))
    assert {options.seed for options in fake.given} == {7}
    assert all(options.validation is not None for options in fake.given)
    assert len({options.checkpoint for options in fake.given}) == len(fake.fitted) == 3


def test_late_settings_learn_nothing_anew(monkeypatch):
    learned = []
    learn = Ease._learn

    def counted(self, snapshot, options):
        learned.append(self.settings)
        return learn(self, snapshot, options)

    monkeypatch.setattr(Ease, "_learn", counted)
    found = search(Ease, PART, FitOptions(), space=_LATE)
    assert len(learned) == 1 < len(found.trials)
    best = Ease(**{**Ease().settings, **found.settings}).fit(PART.train)
    np.testing.assert_allclose(found.model.scores(np.arange(20)), best.scores(np.arange(20)), rtol=1e-5)


def test_a_model_cut_short_says_so_with_another_late_setting_too(tmp_path):
    cap = Cap(1e-9)
    assert not cap.allows()
    short, whole = (Ease().fit(PART.train, FitOptions(cap=one)) for one in (cap, Cap()))
    for name, model, capped in (("short", short, True), ("whole", whole, False)):
        model.with_settings(discount=0.3).save(tmp_path / name)
        assert json.loads((tmp_path / name / "manifest.json").read_text())["capped"] is capped


def test_a_half_life_is_found_where_only_it_knows_what_is_watched_next():
    watches = [(user, 0, 1) for user in range(8)] + [(user, 1, 1000 * 86_400_000) for user in range(4)]
    train = network(watches, users=10, contents=10)
    held_out = sp.csr_array((np.ones(2), ([8, 9], [1, 1])), shape=(10, 10))
    part = Holdout("next", train, held_out, users_of(held_out))
    found = search(Popularity, part, FitOptions())
    assert found.settings["half_life"] > 0
    assert found.score == pytest.approx(1.0)
    assert found.model.recommend(8, 1)[0].tolist() == [1]
    untimed = odd([(user, 0) for user in range(8)], [], 10)
    assert len(search(Popularity, Holdout("next", untimed, held_out, users_of(held_out)), FitOptions()).trials) == 1


def test_nothing_is_tried_of_friends_where_nobody_has_any():
    held_out = sp.csr_array(np.eye(8, dtype=np.float32))
    space = {"friends": (0.0, 0.3, 1.0)}

    def trials(follows: list[tuple[int, int]]) -> int:
        train = odd(checkerboard.watched_pairs(8), follows)
        return len(
            search(UserKnn, Holdout("all", train, held_out, users_of(held_out)), FitOptions(), space=space).trials
        )

    assert trials([]) == 1
    assert trials([(0, 2)]) >= 2


@pytest.mark.parametrize(("taught", "searched"), [(False, True), (True, False)])
def test_fewer_layers_are_tried_only_by_networks_that_place_no_new_contents(monkeypatch, taught, searched):
    model = GatNetwork()
    monkeypatch.setattr(GatNetwork, "places_contents", taught)
    model._snapshot = checkerboard.snapshot()
    assert ("layers" not in model.unsearched()) == searched


def test_settings_are_judged_by_graded_ndcg_on_what_may_be_recommended():
    part = validation(network([(u, c, 10 * c + u) for u in range(10) for c in range(10)]))
    model = Scored(lambda users, contents: (users + contents) % 7).fit(part.train)
    ids, _ = model.recommend(part.users, 3)
    assert score(model, part, 3) == pytest.approx(mean_ndcg(ids, part.held_out[part.users], 3, graded=True))
    assert len(part.users) < CORE.search_users


@pytest.mark.parametrize(("most", "widths"), [(1, [9]), (2, [3, 9]), (4, [3, 3, 3, 9])])
def test_the_last_trial_of_most_is_wide(fake, most, widths):
    fake.trial_settings = {"width": 3}
    fake.quality = staticmethod(lambda settings: settings["number"] / 100.0 + settings["width"])
    found = run(fake, {"number": tuple(map(float, range(2, 90)))}, most=most)
    assert tried(fake, "width") == widths
    assert "width" not in found.settings
