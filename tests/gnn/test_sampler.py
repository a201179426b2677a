from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.relations import both_directions, sample_neighbours, sampled
from gnn.topology import Link, Topology
from tests import checkerboard

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


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


@pytest.fixture(scope="module")
def hetero():
    import torch
    from torch_geometric.data import HeteroData

    topology = Topology(checkerboard.snapshot())
    data = HeteroData()
    for label, count in topology.counts.items():
        data[label].x = torch.arange(count)[:, None].float()
    for link in topology.links:
        relation = topology.whole[link.name]
        pairs = torch.from_numpy(np.stack([relation.source, relation.target])).long()
        data[link.source, link.name, link.target].edge_index = pairs
    return topology, data


def test_node_loader_gives_edges_of_the_graph(hetero):
    from torch_geometric.loader import NodeLoader

    from gnn.sampler import NeighbourSampler

    topology, data = hetero
    sampler = NeighbourSampler(topology.links, topology.whole, fanout=[3, 2])
    seen = 0
    for batch in NodeLoader(data, sampler, input_nodes="User", batch_size=8):
        seen += batch["User"].batch_size
        for link in topology.links:
            source, target = batch[link.source, link.name, link.target].edge_index
            ends = zip(batch[link.source].x[source, 0].tolist(), batch[link.target].x[target, 0].tolist(), strict=True)
            relation = topology.whole[link.name]
            real = set(zip(relation.source.tolist(), relation.target.tolist(), strict=True))
            assert {(int(a), int(b)) for a, b in ends} <= real
    assert seen == checkerboard.SIZE


def test_link_loader_gives_pairs_with_labels(hetero):
    import torch
    from torch_geometric.loader import LinkLoader
    from torch_geometric.sampler import NegativeSampling

    from gnn.sampler import NeighbourSampler

    topology, data = hetero
    sampler = NeighbourSampler(topology.links, topology.whole, fanout=[2])
    type_ = ("User", "WATCHED", "Content")
    watched = set(checkerboard.watched_pairs())
    pairs = torch.tensor(sorted(watched)).T
    loader = LinkLoader(
        data, sampler, edge_label_index=(type_, pairs), batch_size=50, neg_sampling=NegativeSampling("binary", 1.0)
    )
    positives = 0
    for batch in loader:
        users, contents = batch[type_].edge_label_index
        labels = batch[type_].edge_label
        for user, content, label in zip(
            batch["User"].x[users, 0].tolist(), batch["Content"].x[contents, 0].tolist(), labels.tolist(), strict=True
        ):
            if label > 0:
                positives += 1
                assert (int(user), int(content)) in watched
    assert positives == len(watched)


def test_no_edge_from_after_the_seeds_time_at_any_hop():
    import torch
    from torch_geometric.sampler import NodeSamplerInput

    from gnn.sampler import NeighbourSampler

    towards, back = both_directions(np.array([0, 2, 4]), np.array([0, 1, 0, 1], dtype=np.int32), 2)
    links = (Link("WATCHED", "User", "Content"), Link("rev_WATCHED", "Content", "User"))
    times = {"rev_WATCHED": np.array([1, 5, 2, 9])}
    times["WATCHED"] = times["rev_WATCHED"][back.out_edge]
    sampler = NeighbourSampler(links, {"WATCHED": towards, "rev_WATCHED": back}, [5, 5], times)
    out = sampler.sample_from_nodes(
        NodeSamplerInput(torch.arange(2), torch.tensor([0, 1]), torch.tensor([4, 6]), "User")
    )
    drawn = {name: times[name][edges.numpy()] for (_, name, _), edges in out.edge.items()}
    assert sorted(drawn["rev_WATCHED"].tolist()) == [1, 2]
    assert sorted(drawn["WATCHED"].tolist()) == [1, 1, 2, 2]  # one tree a seed
