"""What can be learned from a generated network: simple rankings and the ceiling, on the watches after its cut-off.

    python -m experiments.learnable FOLDER

FOLDER is what `entourage generate` wrote, of about the demonstration's size: all matrices are dense.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from generator import observed, truth
from graph import schema
from recommenders.core.ndcg import mean_ndcg

Array = npt.NDArray[Any]
MONTH_MS = 30 * 86_400_000


def standard(scores: Array) -> Array:
    scaled: Array = (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + 1e-9)
    return scaled


def pairs(table: pl.DataFrame, shape: tuple[int, int]) -> sp.csr_array:
    columns = table.to_numpy()
    matrix = sp.csr_array(
        sp.coo_array((np.ones(len(columns), np.float32), (columns[:, 0], columns[:, 1])), shape=shape)
    )
    matrix.data[:] = 1.0
    return matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", type=int, default=20)
    arguments = parser.parse_args()
    folder, k = arguments.folder, arguments.k
    true = truth.load(folder)
    cut = true.facts["cutoff"]
    people = true.users.select(userId=schema.USER_PREFIX + pl.col("userId")).with_row_index("user")
    contents = true.contents.select("contentId").with_row_index("content")
    n, m = len(people), len(contents)
    at = pl.col("timestamp").str.slice(0, 23).str.to_datetime().dt.timestamp("ms").alias("at")
    views = observed.scan(folder, "audiences.csv").with_columns(at).collect()
    views = views.join(people, on="userId").join(contents, on="contentId")
    past = pairs(views.filter(pl.col("at") < cut).select("user", "content"), (n, m))
    lately = pairs(views.filter(pl.col("at").is_between(cut - MONTH_MS, cut, "left")).select("user", "content"), (n, m))
    after = pairs(views.filter(pl.col("at") >= cut).select("user", "content"), (n, m))
    held_out = sp.csr_array(after - after.multiply(past))
    held_out.eliminate_zeros()
    ceiling, judged = truth.ceiling(true, true.users["userId"], true.contents["contentId"], past, held_out, k)
    judged = judged[np.diff(past.indptr)[judged] > 0]

    follows = observed.scan(folder, "followers.csv").with_columns(at).filter(pl.col("at") < cut).collect()
    follows = follows.join(people, left_on="follower", right_on="userId")
    follows = follows.join(people, left_on="followed", right_on="userId", suffix="Followed")
    circle = sp.csr_array(pairs(follows.select("user", "userFollowed"), (n, n))[judged])
    # A simple attention: followed people count by the similarity of their past watches.
    left, values, _ = sp.linalg.svds(past.astype(np.float64), k=min(32, m - 2), rng=np.random.default_rng(0))
    place = left * values
    place /= np.linalg.norm(place, axis=1, keepdims=True) + 1e-9
    follower, followed = sp.coo_array(circle).coords
    weight = np.exp(3.0 * (place[judged][follower] * place[followed]).sum(axis=1))
    alike = sp.csr_array(sp.coo_array((weight, (follower, followed)), shape=circle.shape))

    mine, together = past[judged].toarray(), (past.T @ past).toarray().astype(np.float64)
    length = np.sqrt(np.diag(together)) + 1e-9
    cosine = together / np.outer(length, length) / (1.0 + 10.0 / (together + 1e-9))
    np.fill_diagonal(cosine, 0.0)
    inverse = np.linalg.inv(together + 300.0 * np.eye(m))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    popular, recent = past.sum(axis=0), lately.sum(axis=0)
    ease = mine @ weights
    friends = (circle @ past).toarray() + 1e-4 * popular
    rankings = {
        "popularity": np.tile(popular, (len(judged), 1)),
        "popularity of the last 30 days": np.tile(recent + 1e-6 * popular, (len(judged), 1)),
        "friends' items": friends,
        "friends' items of the last 30 days": (circle @ lately).toarray() + 1e-2 * friends,
        "item-KNN": mine @ cosine,
        "EASE (300)": ease,
        "EASE + popularity of the last 30 days": standard(ease) + 0.3 * standard(np.tile(recent, (len(judged), 1))),
        "EASE + friends": standard(ease) + 0.2 * standard(friends),
        "EASE + friends of the last 30 days": standard(ease) + 0.4 * standard((circle @ lately).toarray()),
        "EASE + like-minded friends of the last 30 days": standard(ease) + 0.4 * standard((alike @ lately).toarray()),
        "true taste alone": true.preference(true.users["userId"].gather(judged), true.contents["contentId"]),
    }
    for name, scores in rankings.items():
        # Not `top_k`: popularity that breaks ties is smaller than a float32 tells apart.
        best = np.argsort(-np.where(mine > 0, -np.inf, scores), axis=1, kind="stable")[:, :k]
        print(f"{name:50s} NDCG@{k} {mean_ndcg(best, sp.csr_array(held_out[judged]), k):.4f}")
    print(f"{'the ceiling':50s} NDCG@{k} {ceiling:.4f}   ({len(judged):,} users judged)")


if __name__ == "__main__":
    main()
