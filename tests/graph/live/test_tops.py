"""The lists of the most watched contents against a sort of everything, while numbers change and contents come."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from graph import schema
from graph.live import tops
from graph.live.ids import Ids
from graph.live.tops import NAMES, TRACK, Tops
from graph.snapshot import Snapshot

KEPT = 8


def naive(values: np.ndarray, members: np.ndarray, ids: Ids) -> list[int]:
    return sorted(members.tolist(), key=lambda content: (-float(values[content]), ids.name(content)))


@pytest.mark.parametrize("most", [1, 3, 50])
def test_lists_are_those_of_a_sort_whatever_changes(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(tops, "KEPT", KEPT)
    rng = np.random.default_rng(most)
    names = [f"tracks/{number:03}" for number in range(40)]
    contents = pl.DataFrame({"contentId": names, "kind": ["track"] * len(names)})
    ids = Ids(Snapshot.build({"User": pl.DataFrame({"userId": ["u"]}), "Content": contents}, {}).contents)
    kinds = np.zeros(len(ids.rank), dtype=np.uint8)
    kinds[: len(names)] = TRACK
    values = {name: rng.integers(0, most, len(ids.rank)) for name in NAMES}  # most are equal where `most` is small
    held = Tops(values, kinds, ids)
    assert all(len(held.most(name, "track")) == KEPT for name in NAMES), "however many are equal"
    for step in range(200):
        if step % 20 == 0:
            content = ids.add(f"tracks/{rng.integers(0, 40):03}-{step}")
            kinds[content] = TRACK
            held.added(content)
        else:
            content = int(rng.integers(0, len(ids)))
            values["audience"][content] = rng.integers(0, most + 1)
            held.changed(content)
        members = np.flatnonzero(kinds)
        for kind in (None, "track"):
            ordered = naive(values["audience"], members, ids)
            listed = held.most("audience", kind).tolist()
            assert listed == ordered[: len(listed)]
            assert len(listed) >= KEPT // 2
            assert held.most("audience", kind, whole=True).tolist() == ordered
    assert schema.KINDS[TRACK - 1] == "track"
    assert not len(held.most("audience", "keak"))
