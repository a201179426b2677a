"""Places of a feed that are drawn at random, with the propensity of what stands there, to learn from logs.

Without any, a model is only ever judged by what it chose itself.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from graph import aside
from recommend.feed import Feed

__all__ = ["HOUR_MS", "LOG", "drawn", "key", "log"]

HOUR_MS: Final = 3_600_000
LOG: Final = "explored.jsonl"
"""The file in the home."""


def key(user_id: str, model_version: str | None, now_ms: int) -> str:
    """What decides the draw: within an hour a person gets the same one from every worker; empty for nobody."""
    return f"{user_id}\n{model_version}\n{now_ms // HOUR_MS}" if user_id else ""


def drawn(taken: Sequence[int], candidates: int, share: float, key: str) -> list[tuple[int, float | None]]:
    """What stands at each place of a feed, and its propensity.

    ``taken`` are the numbers of the best among ``candidates``, in order. At each place, with probability ``share``, one
    of the candidates that are not in the feed stands in, each as likely as the others. The propensity is None where
    nothing is drawn: with a ``share`` of 0 or without a ``key``.
    """
    if not share or not key:
        return [(place, None) for place in taken]
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
    random = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(candidates), taken).tolist()
    found: list[tuple[int, float | None]] = []
    for place in taken:
        explores, which = random.random() < share, random.random()
        if explores and others:
            count = len(others)
            found.append((others.pop(int(which * count)), share / count))
        else:
            found.append((place, 1.0 - share if others else 1.0))
    return found


def log(home: Path, feed: Feed, model_version: str | None) -> None:
    """Append a line with the items of a feed and their propensities; ``model_version`` is what decided the draw."""
    home.mkdir(parents=True, exist_ok=True)
    line = {
        "at": int(1_000 * time.time()),
        "request_id": feed.request_id,
        "user_id": feed.user_id,
        "model_version": model_version,
        "items": [{"content_id": item.content_id, "propensity": item.propensity} for item in feed.items],
    }
    aside.append_line(home / LOG, json.dumps(line))
