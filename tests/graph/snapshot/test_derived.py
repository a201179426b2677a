"""Arrays that processes share."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from graph.errors import UnknownUser
from graph.snapshot import Nodes, derived, load
from graph.snapshot.ages import watch_span
from ranking.candidates import Context
from recommenders.core.interactions import directed_social, lately, symmetric_social
from tests import checkerboard


def never():
    raise AssertionError("worked out again")


@pytest.fixture
def shared(tmp_path):
    checkerboard.snapshot().save(tmp_path / "snapshot")
    snapshot = load(tmp_path / "snapshot")
    derived.share(snapshot, tmp_path / "derived")
    return snapshot


def test_what_one_wrote_the_next_maps(shared):
    made = derived.derived(shared, "numbers", lambda: {"data": np.arange(5)})
    again = derived.derived(shared, "numbers", never)
    assert made["data"].tolist() == again["data"].tolist() == [0, 1, 2, 3, 4]
    assert isinstance(again["data"].base, np.memmap)


def _work_out(path: str, results) -> None:
    snapshot = load(Path(path) / "snapshot")
    derived.share(snapshot, Path(path) / "derived")
    made = []

    def make():
        made.append(1)
        return {"data": np.arange(200_000)}

    found = derived.derived(snapshot, "numbers", make)["data"]
    results.put((len(made), int(found.sum())))


def test_of_processes_that_start_at_once_one_works_it_out(shared, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_work_out, args=(str(tmp_path), results)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [results.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    assert sum(made for made, _ in found) == 1
    assert {total for _, total in found} == {199_999 * 100_000}


def test_without_a_folder_and_where_it_cannot_be_written_each_has_its_own(shared, tmp_path):
    assert derived.derived(checkerboard.snapshot(), "numbers", lambda: {"data": np.arange(2)})["data"].tolist() == [
        0,
        1,
    ]
    shared.beside = tmp_path / "snapshot" / "manifest.json" / "below a file"
    with pytest.warns(UserWarning, match="not shared"):
        assert derived.derived(shared, "numbers", lambda: {"data": np.arange(2)})["data"].tolist() == [0, 1]


def test_names_and_their_order_and_arrays_of_nothing_are_kept(shared):
    made: dict[str, Any] = {"watches, half after 7 days": np.ones(2), "a/b\\c": np.zeros(0), "..": np.array([True])}
    derived.derived(shared, "odd", lambda: made)
    found = derived.derived(shared, "odd", never)
    assert list(found) == list(made)
    assert all(found[name].tolist() == made[name].tolist() for name in made)
    assert found[".."].dtype == bool


def test_spans_and_features_are_the_same_from_either(shared, tmp_path):
    plain = checkerboard.snapshot()
    for snapshot in (shared, shared, plain):
        assert watch_span(snapshot) == watch_span(plain)
    before, again = Context.of(plain), Context.of(shared)
    assert list(again.fashion) == list(before.fashion)
    for one, other in ((before.user_profiles, again.user_profiles), (before.content_profiles, again.content_profiles)):
        assert list(one) == list(other)
        for name, values in one.items():
            np.testing.assert_array_equal(other[name], values)
    np.testing.assert_array_equal(again.ones.toarray(), before.ones.toarray())


def test_a_damaged_array_is_worked_out_again(shared):
    derived.derived(shared, "numbers", lambda: {"data": np.arange(1_000)})
    (file,) = (shared.beside / "numbers").iterdir()
    file.write_bytes(file.read_bytes()[:200])
    with pytest.warns(UserWarning, match="not shared"):
        assert len(derived.derived(shared, "numbers", lambda: {"data": np.arange(1_000)})["data"]) == 1_000


def test_arrays_of_another_snapshot_go_and_stay_mapped(shared, tmp_path):
    before, old = derived.derived(shared, "numbers", lambda: {"data": np.arange(5)})["data"], shared.beside
    checkerboard.snapshot(30).save(tmp_path / "snapshot")
    newer = load(tmp_path / "snapshot")
    assert newer is not shared
    derived.share(newer, tmp_path / "derived")
    assert not old.exists()
    assert list((tmp_path / "derived").iterdir()) == [newer.beside]
    assert before.tolist() == [0, 1, 2, 3, 4]
    assert derived.derived(shared, "numbers", lambda: {"data": np.arange(3)})["data"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("again", [False, True])
def test_matrices_are_the_same_with_and_without(shared, tmp_path, again):
    plain = checkerboard.snapshot()
    if again:
        for matrix in (directed_social, symmetric_social):
            matrix(shared)
    for matrix in (directed_social, symmetric_social):
        np.testing.assert_array_equal(matrix(shared).toarray(), matrix(plain).toarray())
        assert matrix(plain).nnz > 0
    for least in (0.0, 0.5):
        np.testing.assert_array_equal(lately(shared, 7.0, least).toarray(), lately(plain, 7.0, least).toarray())


def test_a_snapshot_in_use_is_opened_once(shared, tmp_path):
    assert load(tmp_path / "snapshot") is shared


def test_many_ids_are_found_by_halving_as_they_are_by_a_map(monkeypatch):
    ids = ["a", "b", "b/2", "ä", "🎵"]
    for keys in (ids, ids[::-1]):
        nodes = Nodes("User", pl.DataFrame({"userId": keys}), len(keys))
        mapped = [nodes.nid(key) for key in [*ids, "", "c", "z🎵"]]
        monkeypatch.setattr("graph.snapshot.arrays._MANY", 0)
        halved = Nodes("User", pl.DataFrame({"userId": keys}), len(keys))
        assert [halved.nid(key) for key in [*ids, "", "c", "z🎵"]] == mapped
        assert (halved._nid_of is None) == (keys == ids)
        assert "b" in halved
        assert 3 not in halved
        with pytest.raises(UnknownUser, match="'c'"):
            halved.nids(["a", "c"])
        monkeypatch.undo()
