"""The page is spread as a naive loop would spread it: beats, genres, what is alike, new makers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.settings import Composition, Less
from graph.snapshot.ages import DAY
from recommend import diversity, selector
from recommend.diversity import Alike, Lessened, Traits

TRAITS = st.builds(
    Traits,
    beats=st.sampled_from([(), ("b1",), ("b2",)]),
    genres=st.sets(st.sampled_from("xyz"), max_size=2).map(tuple),
    hashtags=st.sampled_from([(), ("fun",)]),
    makers=st.sampled_from([(), ("m1",), ("m2",)]),
    watchers=st.sampled_from([None, 3, 500]),
)
CANDIDATES = st.lists(st.tuples(st.sampled_from([0.9, 0.7, 0.5, 0.2]), TRAITS), min_size=1, max_size=12).map(
    lambda drawn: sorted(drawn, key=lambda one: -one[0])
)


def page(drawn: list[tuple[float, Traits]], n: int, how: Composition) -> list[int]:
    spread = diversity.spread(how, n, lambda place: drawn[place][1], str, None)
    return selector.places([score for score, _ in drawn], lambda place: (), n, how, spread)


def jaccard(one: Traits, other: Traits) -> float:
    both = one.all | other.all
    return len(one.all & other.all) / len(both) if both else 0.0


def naive(drawn: list[tuple[float, Traits]], n: int, how: Composition) -> list[int]:
    """Every time the best of all that are left and not full, worked out anew."""
    chosen: list[int] = []
    most = {"beats": max(1, int(n * how.most_of_beat)), "genres": max(1, int(n * how.most_of_genre))}
    while len(chosen) < n:
        counts = Counter((sort, one) for at in chosen for sort in most for one in getattr(drawn[at][1], sort))
        left = []
        for place, (score, own) in enumerate(drawn):
            full = any(counts[sort, one] >= most[sort] for sort in most for one in getattr(own, sort))
            near = max((jaccard(own, drawn[at][1]) for at in chosen), default=0.0)
            if place not in chosen and not full:
                left.append((-(how.mmr * score - (1.0 - how.mmr) * near), place))
        if not left:
            break
        chosen.append(min(left)[1])
    return chosen


@given(
    CANDIDATES,
    st.integers(1, 6),
    st.sampled_from([1.0, 0.7, 0.0]),
    st.sampled_from([(0.3, 1.0), (1.0, 0.5), (0.5, 0.3)]),
)
def test_a_page_is_that_of_a_naive_loop(drawn, n, mmr, caps):
    how = Composition(mmr=mmr, most_of_beat=caps[0], most_of_genre=caps[1])
    found, expected = page(drawn, n, how), naive(drawn, n, how)
    assert len(found) == len(set(found)) == min(n, len(drawn))
    assert set(expected) <= set(found)
    if len(expected) == len(found):
        assert found == expected


@given(CANDIDATES, st.integers(1, 6))
def test_places_are_kept_for_new_makers_as_far_as_there_are_any(drawn, n):
    plain, kept = page(drawn, n, Composition()), page(drawn, n, Composition(new_makers=0.4))

    def new(places: list[int]) -> list[int]:
        return [place for place in places if drawn[place][1].watchers == 3]

    wanted = max(1, int(n * 0.4))
    assert len(new(kept)) == max(len(new(plain)), min(wanted, len(new([*range(len(drawn))])), len(kept)))
    assert len(kept) == len(set(kept)) == len(plain)
    assert [one for one in kept if one in plain] == [one for one in plain if one in kept], "the others keep their order"
    if len(new(plain)) >= wanted:
        assert kept == plain


def test_where_a_model_has_vectors_they_say_what_is_alike():
    vectors = {"a": np.array([2.0, 0.0]), "b": np.array([1.0, 1.0]), "c": np.array([-1.0, 0.0]), "d": np.zeros(2)}
    alike = Alike(vectors.get)
    same = Traits(genres=("x",)), Traits(genres=("x",))
    assert alike("a", "b", lambda: same) == pytest.approx(0.5**0.5)
    assert alike("a", "c", lambda: same) == 0.0, "opposite is not less than unlike"
    assert alike("a", "d", lambda: same) == alike("d", "unknown", lambda: same) == 1.0


def test_nothing_is_looked_at_where_nothing_is_asked_for():
    assert diversity.spread(Composition(), 9, lambda _: 1 / 0, lambda _: 1 / 0, None) is None  # type: ignore[arg-type,return-value]


def test_what_one_wants_less_of_takes_half_as_much_after_the_half_life():
    said = Traits(beats=("b1",), genres=("x", "y"), makers=("m1",))
    less = Lessened(Less(beat=0.5, genre=0.2, half_life_days=10.0), [("keaks/1", 5, said)], 5)
    assert less.share("keaks/2", Traits(genres=("y", "x"))) == pytest.approx(0.8), "a sort counts once"
    assert less.share("keaks/2", Traits(beats=("b1",), genres=("z",))) == pytest.approx(0.5)
    assert less.share("keaks/2", Traits(hashtags=("fun",))) == 1.0
    assert less.share("keaks/1", said) < 0.25, "it has every sort in common with itself"
    later = Lessened(Less(beat=0.5, half_life_days=10.0), [("keaks/1", 5, said)], int(5 + 10 * DAY))
    assert later.share("keaks/2", Traits(beats=("b1",))) == pytest.approx(0.75)
