from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from graph.snapshot import Snapshot
from recommenders.content_similarity import ContentSimilarity, attributes
from tests.conformance import RecommenderConformance


class TestContentSimilarity(RecommenderConformance):
    make = ContentSimilarity
    personal = False  # the checkerboard says nothing about what its contents are


def pairs(*found: tuple[int, int]) -> pl.DataFrame:
    types = {"source": pl.Int32, "target": pl.Int32}
    return pl.DataFrame([{"source": a, "target": b} for a, b in found], schema=types)


@pytest.fixture
def described() -> Snapshot:
    """Contents 0–2 rap, 3–5 folk; 2 and 5 are new; content 4 is a beat that 5 uses; user 2 only says: folk."""
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": ["rapper", "folkie", "newcomer", "stranger"]}),
            "Content": pl.DataFrame({"contentId": [f"keaks/k{n}" for n in range(6)]}),
            "Genre": pl.DataFrame({"genreId": ["rap", "folk"]}),
        },
        {
            "WATCHED": pairs((0, 0), (0, 1), (1, 3), (1, 4)),
            "HAS_GENRE": pairs((0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)),
            "USES": pairs((5, 4)),
            "LISTENS_TO": pairs((2, 1)),
        },
    )


def test_a_content_nobody_watched_goes_to_whom_it_suits(described):
    ids, _ = ContentSimilarity().fit(described).recommend(np.array([0, 1]), 1)
    assert ids[:, 0].tolist() == [2, 5]


def test_a_newcomer_who_states_a_genre_gets_it(described):
    ids, scores = ContentSimilarity().fit(described).recommend(2, 3)
    assert set(ids.tolist()) == {3, 4, 5}
    assert (scores > 0).all()
    assert (ContentSimilarity().fit(described).scores(np.array([3])) == 0).all()


def test_a_keak_is_most_like_the_beat_it_uses(described):
    ids, _ = ContentSimilarity().fit(described).similar_items(5, 1)
    assert ids.tolist() == [4]


def test_every_described_content_has_a_vector_of_length_one(described):
    vectors = attributes(described).toarray()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-6)
