from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 users and 40 videos of two tastes: who shares a video's taste watches it one and a half times, others .2."""
    random = np.random.default_rng(0)
    lines = ["user_id\tvideo_id\ttime_ms\tis_comment\tis_forward\tplay_time_ms\tduration_ms\tis_like"]
    for at in range(1500):
        user, video = int(random.integers(30)), int(random.integers(40))
        length = 1000 * (5 + video) if video else 0
        played = int((1.5 if user % 2 == video % 2 else 0.2) * length * random.uniform(0.9, 1.1))
        lines.append(f"{user}\t{video}\t{1_600_000_000_000 + at}\t0\t0\t{played}\t{length}\t{int(played > length)}")
    path = tmp_path_factory.mktemp("kuairand")
    (path / "log.tsv").write_text("\n".join(lines) + "\n")
    return path
