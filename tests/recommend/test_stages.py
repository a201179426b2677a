"""Scorer, selector and batch, each by itself."""

import json

import numpy as np
import pytest

from baselines.knn import ItemKnn
from recommend import scorer, selector
from recommend.batch import write_all
from recommend.filters import Facts
from recommend.sources import Candidate, Source
from tests import checkerboard

STRONG, WEAK = Source("strong", "graph", 3.0), Source("weak", "graph", 1.0)


def candidates(*ids: str) -> list[Candidate]:
    return [Candidate(content_id, 1.0) for content_id in ids]


def test_the_stronger_source_leads_and_agreement_counts():
    scored = scorer.score([(STRONG, candidates("a", "b")), (WEAK, candidates("c", "b"))])
    assert [one.content_id for one in scored] == ["b", "a", "c"]
    assert scored[0].score == 1.0
    assert [source.name for source, _ in scored[0].said] == ["strong", "weak"]
    assert scorer.score([]) == []


def test_ties_go_by_id():
    scored = scorer.score([(WEAK, candidates("b")), (WEAK, candidates("a"))])
    assert [one.content_id for one in scored] == ["a", "b"]


@pytest.mark.parametrize(("n", "by_one"), [(4, 2), (20, 4)])
def test_no_maker_fills_the_feed_while_others_are_left(n, by_one):
    ids = [f"keaks/{i:02d}" for i in range(50)]
    facts = {i: Facts(i, "keak", made_by=("star",) if at < 30 else (f"maker {at}",)) for at, i in enumerate(ids)}
    chosen = selector.select(scorer.score([(STRONG, candidates(*ids))]), facts, n)
    assert len(chosen) == n
    assert sum(facts[one.content_id].made_by == ("star",) for one in chosen) == by_one
    assert chosen[0].content_id == ids[0]


def test_a_lone_maker_may_fill_it():
    ids = [f"keaks/{i}" for i in range(8)]
    facts = {i: Facts(i, "keak", made_by=("star",)) for i in ids}
    chosen = selector.select(scorer.score([(STRONG, candidates(*ids))]), facts, 5)
    assert [one.content_id for one in chosen] == ids[:5]


@pytest.mark.parametrize("bare", [False, True])
def test_everyone_gets_a_line_with_the_withheld_keak_first(tmp_path, bare):
    model = ItemKnn().fit(checkerboard.snapshot())
    path = tmp_path / "recs.jsonl"
    told: list[int] = []
    assert write_all(model, path, 3, bare=bare, progress=told.append) == sum(told) == checkerboard.SIZE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["user"] for line in lines] == checkerboard.users()
    first = [line["items"][0] for line in lines]
    assert first == [content.split("/")[1] if bare else content for content in checkerboard.contents()]
    seen = {(checkerboard.users()[u], checkerboard.contents()[k]) for u, k in checkerboard.watched_pairs()}
    if not bare:
        assert not any((line["user"], item) in seen for line in lines for item in line["items"])


def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    model = ItemKnn().fit(checkerboard.snapshot())
    path = tmp_path / "recs.jsonl"
    path.write_text("old")
    monkeypatch.setattr(model, "recommend", lambda *_, **__: np.zeros(0)[1])
    with pytest.raises(IndexError):
        write_all(model, path, 3)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
