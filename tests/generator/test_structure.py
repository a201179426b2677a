"""What there is to learn: homophily, closed triangles, heavy tails, and watching that follows taste and friends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import networkx
import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from generator import observed, truth
from generator.network import Generated, generate
from generator.observed import Network
from generator.report import write_report
from generator.sizes import Sizes
from generator.truth import Truth
from graph import schema


@pytest.fixture(scope="module")
def network(small: Generated) -> Network:
    return observed.generated(small.folder)


@pytest.fixture(scope="module")
def true(small: Generated) -> Truth:
    return truth.load(small.folder)


@pytest.fixture(scope="module")
def views(small: Generated, true: Truth) -> pl.DataFrame:
    """Audiences with the row of each user and content in the truth, and the time in ms."""
    users = true.users.select(userId="users/" + pl.col("userId")).with_row_index("user")
    contents = true.contents.select("contentId").with_row_index("content")
    at = pl.col("timestamp").str.slice(0, 23).str.to_datetime().dt.timestamp("ms").alias("at")
    table = pl.read_csv(small.folder / "audiences.csv").with_columns(at)
    return table.join(users, on="userId").join(contents, on="contentId")


def tastes(true: Truth) -> tuple[np.ndarray, np.ndarray]:
    return true.users["vector"].to_numpy(), true.contents["vector"].to_numpy()


def follow_rows(small: Generated, true: Truth) -> tuple[np.ndarray, np.ndarray]:
    rows = true.users.select(userId="users/" + pl.col("userId")).with_row_index("row")
    follows = pl.read_csv(small.folder / "followers.csv", has_header=False, new_columns=list(schema.FOLLOWER_COLUMNS))
    follows = follows.join(rows, left_on="follower", right_on="userId")
    follows = follows.join(rows, left_on="followed", right_on="userId", suffix="Followed")
    return follows["row"].to_numpy(), follows["rowFollowed"].to_numpy()


def test_people_follow_their_like(small: Generated, true: Truth):
    follower, followed = follow_rows(small, true)
    ours, _ = tastes(true)
    anew = np.random.default_rng(0).permutation(followed)
    near = np.einsum("nd,nd->n", ours[follower], ours[followed]).mean()
    far = np.einsum("nd,nd->n", ours[follower], ours[anew]).mean()
    assert near > far + 0.1
    community = true.users["community"].to_numpy()
    assert (community[follower] == community[followed]).mean() > 1.5 * (community[follower] == community[anew]).mean()


def test_connected_people_watch_alike(network: Network):
    near, far = network.likeness()
    assert near > 1.3 * far  # so small a network, with few contents, mixes more than a large one


def test_triangles_close(network: Network):
    _, shares = network.clustering()
    assert shares.mean() > 5 * network.clustering_by_chance


def test_clustering_is_that_of_networkx(network: Network):
    degrees, shares = network.clustering(sample=10**9)
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_edges_from(zip(network.follower.tolist(), network.followed.tolist(), strict=True))
    everyone = [person for person in graph if 1 < graph.degree(person) <= 300]
    expected = np.array([networkx.clustering(graph, person) for person in everyone], dtype=np.float64)
    assert shares[degrees <= 300].mean() == pytest.approx(expected.mean())


def test_tails_are_heavy(network: Network):
    for counts in (network.followers, network.following, network.activity):
        assert counts.max() > 8 * counts.mean()
        top = np.sort(counts)[::-1][: len(counts) // 100].sum() / counts.sum()
        assert 0.06 < top < 0.6
    assert np.median(network.followers) < 0.5 * network.followers.mean()


def test_no_content_is_watched_by_all(network: Network):
    top = np.sort(network.popularity)[::-1][: len(network.popularity) // 100].sum() / network.popularity.sum()
    assert 0.02 < top < 0.3


def test_people_watch_what_they_like_and_engagement_follows(views: pl.DataFrame, true: Truth):
    ours, its = tastes(true)
    user, content = views["user"].to_numpy(), views["content"].to_numpy()
    affinity = np.einsum("nd,nd->n", ours[user], its[content])
    any_two = np.einsum("nd,nd->n", ours[user], its[np.random.default_rng(0).permutation(content)])
    assert affinity.mean() > any_two.mean() + 0.15
    assert np.corrcoef(affinity, views["progress"].to_numpy())[0, 1] > 0.3
    high = affinity > np.median(affinity)
    for mark in ("liked", "commented", "shared"):
        assert views[mark].to_numpy()[high].mean() > 1.3 * views[mark].to_numpy()[~high].mean()


def test_expected_engagement_is_what_happens_on_average(views: pl.DataFrame, true: Truth):
    ours, its = tastes(true)
    user, content = views["user"].to_numpy(), views["content"].to_numpy()
    affinity = np.einsum("nd,nd->n", ours[user], its[content])
    quality, generosity = true.contents["quality"].to_numpy()[content], true.users["generosity"].to_numpy()[user]
    expected = truth.engagement(affinity, quality, generosity)
    weights = {"progress": 0.55, "commented": 0.15, "shared": 0.20, "liked": 0.10}
    shares = views.with_columns(pl.col("progress") / 100)
    happened = sum(weight * shares[column].cast(pl.Float64).to_numpy() for column, weight in weights.items())
    assert expected.mean() == pytest.approx(np.mean(happened), abs=0.01)
    assert np.corrcoef(expected, happened)[0, 1] > 0.4


def test_visits_come_in_sessions_over_two_years(views: pl.DataFrame):
    first, last = (datetime.fromtimestamp(views["at"].sort()[place] / 1000, UTC) for place in (0, -1))
    assert 700 < (last - first).days < 735
    gaps = views.sort("user", "at").select(pl.col("at").diff().over("user")).drop_nulls().to_series() / 60_000
    assert (gaps < 10).mean() > 0.5  # type: ignore[operator]
    assert (gaps > 60 * 24).mean() > 0.05  # type: ignore[operator]


def test_what_followed_people_watched_is_watched_next(small: Generated, views: pl.DataFrame, true: Truth):
    """Among contents of equal popularity, those that followed people watched in the month before win."""
    follower, followed = follow_rows(small, true)
    shape = len(true.users), len(true.contents)
    cut = int(views["at"].quantile(0.8) or 0)
    month = views.filter(pl.col("at").is_between(cut - 30 * 86_400_000, cut))
    after = views.filter(pl.col("at") > cut)

    def matrix(rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> sp.csr_array:
        found = sp.csr_array(sp.coo_array((np.ones(len(rows), np.float32), (rows, columns)), shape=size))
        found.data[:] = 1
        return found

    recent = matrix(month["user"].to_numpy(), month["content"].to_numpy(), shape)
    later = matrix(after["user"].to_numpy(), after["content"].to_numpy(), shape)
    circles = matrix(follower, followed, (shape[0], shape[0]))
    strangers = matrix(follower, np.random.default_rng(0).permutation(followed), (shape[0], shape[0]))
    through_friends = (circles @ recent).multiply(later).sum()
    through_strangers = (strangers @ recent).multiply(later).sum()
    assert through_friends > 1.5 * through_strangers


def test_the_ceiling_is_above_popularity_and_below_certainty(views: pl.DataFrame, true: Truth):
    shape = len(true.users), len(true.contents)
    cut = true.facts["cutoff"]

    def matrix(table: pl.DataFrame) -> sp.csr_array:
        pairs = table.select("user", "content").unique()
        places = pairs["user"].to_numpy(), pairs["content"].to_numpy()
        return sp.csr_array(sp.coo_array((np.ones(len(pairs), np.float32), places), shape=shape))

    seen = matrix(views.filter(pl.col("at") < cut))
    later = views.filter(pl.col("at") >= cut).join(
        views.filter(pl.col("at") < cut).select("user", "content"), on=["user", "content"], how="anti"
    )
    held_out = matrix(later)
    users, contents = true.users["userId"], true.contents["contentId"]
    best, judged = truth.ceiling(true, users, contents, seen, held_out, k=10)
    popular = np.asarray(seen.sum(axis=0)).ravel()
    flat = pl.DataFrame(
        {
            "userId": users.gather(np.repeat(judged, shape[1])),
            "contentId": pl.concat([contents] * len(judged)),
            "odds": np.tile(popular, len(judged)),
            "engagement": 0.0,
        }
    )
    popularity = Truth(true.facts, true.users, true.contents, flat)
    floor, same = truth.ceiling(popularity, users, contents, seen, held_out, k=10)
    assert np.array_equal(judged, same)
    assert 2 * floor < best < 0.9


def test_the_ceiling_of_known_answers():
    users, contents = pl.Series(["a", "b", "c"]), pl.Series(["keaks/1", "keaks/2", "keaks/3", "keaks/4"])
    told = pl.DataFrame(
        {
            "userId": ["a", "a", "a", "b", "b"],
            "contentId": ["keaks/1", "keaks/2", "keaks/3", "keaks/4", "keaks/1"],
            "odds": [0.9, 0.5, 0.1, 0.7, 0.2],
            "engagement": [0.5] * 5,
        }
    )
    true = Truth({}, pl.DataFrame(), pl.DataFrame(), told)
    seen = sp.csr_array(np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32))
    held_out = sp.csr_array(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float32))
    value, judged = truth.ceiling(true, users, contents, seen, held_out, k=2)
    assert judged.tolist() == [0, 1]  # nothing is told of the third
    assert value == pytest.approx((1.0 + 1.0 / np.log2(3)) / 2)


def test_preference_is_in_the_order_asked_for(true: Truth):
    users, contents = true.users["userId"][:5].reverse(), true.contents["contentId"][3:9]
    some = true.preference(users, contents)
    assert some.shape == (5, 6)
    assert ((some > 0) & (some < 1)).all()
    one = true.preference(users[2:3], contents[4:5])
    assert one[0, 0] == pytest.approx(some[2, 4])


def test_report_stands_alone_and_beside_real_networks(
    small: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ENTOURAGE_DATA", str(tmp_path / "nothing"))
    text = write_report(small.folder).read_text()
    assert "clustering (by chance)" in text
    assert "Last.fm" not in text
    assert (small.folder / "report.png").stat().st_size > 20_000


@pytest.mark.parametrize("audiences", [300, 5])
def test_report_of_a_network_in_which_nobody_has_two_contacts(audiences: int, tmp_path: Path):
    few = generate(tmp_path / "few", Sizes(users=60, keaks=30, beats=8, follows=1, audiences=audiences), 1, futures=0)
    lines = write_report(few.folder, tmp_path).read_text().splitlines()
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1].strip(" |") for line in lines if " | " in line}
    assert cells["clustering (by chance)"] == "–"
    assert (cells["likeness of connected people (of any two)"] == "–") == (audiences == 5)


def test_report_beside_real_networks(small: Generated, shared_data: Path):
    text = write_report(small.folder, shared_data).read_text()
    assert "| people | 1,500 | 1,892 | 47,538 |" in text
