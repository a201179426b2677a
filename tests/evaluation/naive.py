"""Every metric again, one user and one place at a time, straight from its definition."""

from __future__ import annotations

import math
from itertools import combinations

Worth = dict[int, float]


def hit_rate(ranked: list[int], worth: Worth, k: int) -> float:
    return 1.0 if any(c in worth for c in ranked[:k]) else 0.0


def precision(ranked: list[int], worth: Worth, k: int) -> float:
    return sum(1 for c in ranked[:k] if c in worth) / k


def recall(ranked: list[int], worth: Worth, k: int) -> float:
    return sum(1 for c in ranked[:k] if c in worth) / len(worth)


def ndcg(ranked: list[int], worth: Worth, k: int) -> float:
    dcg = 0.0
    for place, content in enumerate(ranked[:k], start=1):
        if content in worth:
            dcg += 1 / math.log2(place + 1)
    ideal = 0.0
    for place in range(1, min(k, len(worth)) + 1):
        ideal += 1 / math.log2(place + 1)
    return dcg / ideal


def graded_ndcg(ranked: list[int], worth: Worth, k: int) -> float:
    dcg = sum(worth.get(c, 0.0) / math.log2(place + 1) for place, c in enumerate(ranked[:k], start=1))
    best = sorted(worth.values(), reverse=True)[:k]
    return dcg / sum(gain / math.log2(place + 1) for place, gain in enumerate(best, start=1))


def average_precision(ranked: list[int], worth: Worth, k: int) -> float:
    total = 0.0
    for place, content in enumerate(ranked[:k], start=1):
        if content in worth:
            total += precision(ranked, worth, place)
    return total / min(k, len(worth))


def reciprocal_rank(ranked: list[int], worth: Worth, k: int) -> float:
    for place, content in enumerate(ranked[:k], start=1):
        if content in worth:
            return 1 / place
    return 0.0


def gini(counts: list[int]) -> float:
    """Mean absolute difference between all pairs, over twice the mean."""
    n, total = len(counts), sum(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * total) if total else 0.0


def diversity(ranked: list[int], vectors: list[list[float]]) -> float:
    def cosine(a: list[float], b: list[float]) -> float:
        size = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
        return sum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0.0

    pairs = list(combinations(ranked, 2))
    return 1 - sum(cosine(vectors[a], vectors[b]) for a, b in pairs) / len(pairs) if pairs else math.nan
