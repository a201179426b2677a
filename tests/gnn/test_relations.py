from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.relations import both_directions, sample_neighbours, sampled


@settings(max_examples=40, deadline=None)
@given(
    edges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 9)), max_size=30),
    count=st.integers(1, 6),
    seed=st.integers(0, 9),
    timed=st.booleans(),
)
def test_draws_are_what_a_naive_loop_allows(edges, count, seed, timed):
    edges = sorted(edges)
    indptr = np.searchsorted([s for s, _, _ in edges], np.arange(7)).astype(np.int64)
    relation = both_directions(indptr, np.array([t for _, t, _ in edges], dtype=np.int32), 5)[1]
    times = np.array([w for _, _, w in edges] if timed else [], dtype=np.int64)
    nodes = np.array([0, 3, 3, 5])
    before = np.array([9, 4, 0, 7])
    draws = np.random.default_rng(seed).random((4, count))
    places, sources, numbers = sample_neighbours(relation.indptr, relation.source, times, nodes, before, count, draws)
    for place, node in enumerate(nodes):
        allowed = [e for e, (s, _, w) in enumerate(edges) if s == node and (not timed or w <= before[place])]
        drawn = numbers[places == place].tolist()
        assert len(drawn) == len(set(drawn)) == min(count, len(allowed))
        assert set(drawn) <= set(allowed)
        assert [edges[e][1] for e in drawn] == sources[places == place].tolist()


def test_every_edge_is_as_likely_as_the_next():
    relation = both_directions(np.array([0, 10]), np.arange(10, dtype=np.int32), 10)[1]
    nodes, before = np.zeros(2_000, dtype=np.int64), np.zeros(2_000, dtype=np.int64)
    draws = np.random.default_rng(0).random((2_000, 3))
    none = np.empty(0, dtype=np.int64)
    _, sources, _ = sample_neighbours(relation.indptr, relation.source, none, nodes, before, 3, draws)
    assert np.abs(np.bincount(sources, minlength=10) / 600 - 1).max() < 0.15


@settings(max_examples=40, deadline=None)
@given(
    edges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=30, unique=True),
    count=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_a_sample_of_a_relation_is_a_part_of_it(edges, count, seed):
    edges = sorted(edges)
    indptr = np.searchsorted([s for s, _ in edges], np.arange(7)).astype(np.int64)
    number = np.arange(len(edges), dtype=np.float32)[:, None]
    for whole in both_directions(indptr, np.array([t for _, t in edges], dtype=np.int32), 5, number):
        part = sampled(whole, count, np.random.default_rng(seed))
        assert whole.features is not None
        assert part.features is not None
        features = {(s, t): f for s, t, f in zip(whole.source, whole.target, whole.features[:, 0], strict=True)}
        found = list(zip(part.source.tolist(), part.target.tolist(), strict=True))
        assert len(set(found)) == len(found)
        assert [features[edge] for edge in found] == part.features[:, 0].tolist()
        assert np.diff(part.indptr).tolist() == np.minimum(np.diff(whole.indptr), count).tolist()
        assert part.degrees.tolist() == whole.degrees.tolist()
        assert part.received.tolist() == np.diff(whole.indptr).tolist()
        thinner = sampled(whole, count, np.random.default_rng(seed), dropout=0.5)
        assert set(zip(thinner.source.tolist(), thinner.target.tolist(), strict=True)) <= set(found)
        source = np.repeat(np.arange(part.sources), np.diff(part.out_indptr))
        assert [found[e] for e in part.out_edge] == list(zip(source.tolist(), part.out_target.tolist(), strict=True))
