from __future__ import annotations

import json

from evaluation import splits
from experiments.learning_curve import curve, thinned, write
from tests import checkerboard


def test_shares_are_nested_and_judged_by_the_same_part(tmp_path):
    split = splits.random(checkerboard.snapshot(), 0.3)
    parts = [thinned(split, share) for share in (0.3, 0.6, 1.0)]
    pairs = [set(zip(p.train.watched.source.tolist(), p.train.watched.target.tolist(), strict=True)) for p in parts]
    assert pairs[0] < pairs[1] < pairs[2]
    assert len(pairs[2]) == len(split.train.watched)
    assert all(part.held_out is split.held_out for part in parts)
    assert parts[0].masked is not None
    left_out = set(zip(*(axis.tolist() for axis in parts[0].masked.nonzero()), strict=True))
    assert left_out == pairs[2] - pairs[0]

    found = curve(["popularity", "item-knn"], split, [0.2, 1.0], k=5)
    assert found["item-knn"][1][1] > found["item-knn"][0][1]
    write(found, tmp_path / "curve", 5)
    assert json.loads((tmp_path / "curve/learning_curve.json").read_text())["popularity"][1][0] == len(pairs[2])
    assert (tmp_path / "curve/learning_curve.png").stat().st_size > 1000
