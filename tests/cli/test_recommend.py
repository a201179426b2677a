"""``entourage recommend`` on the checkerboard: one table, or one line for everyone."""

import json

import polars as pl
import pytest

from cli import recommend as command
from graph.events import Entry, Outbox
from graph.snapshot import Snapshot
from recommenders.knn import ItemKnn
from recommenders.popularity import Popularity
from tests import checkerboard, checkerboard_graph

USERS = checkerboard.users()
KEAKS = checkerboard.contents()


@pytest.fixture
def trained(environment):
    """A home with a snapshot and a trained item-knn."""
    snapshot = checkerboard.snapshot()
    snapshot.save(environment.snapshot_path)
    ItemKnn().fit(snapshot).save(environment.model_path("item-knn"))
    return environment


def test_one_user_gets_a_table_with_reasons(run, trained, graph, monkeypatch):
    monkeypatch.setattr(command, "_PATIENCE_MS", 120_000)
    checkerboard_graph.load(graph)
    done = run("recommend", "--user", USERS[7], "--model", "item-knn", "--k", "3", "--kind", "keak")
    assert done.code == 0
    assert KEAKS[7] in done.printed
    assert "people you follow liked it" in done.printed
    assert "rung: model" in done.printed


def test_an_id_nobody_knows_is_an_error_unless_one_asks_for_the_strangers_view(run, trained, graph):
    checkerboard_graph.load(graph)
    refused = run("recommend", "--user", "nobody")
    assert refused.code == 7
    assert "No user has the id 'nobody'" in refused.printed
    done = run("recommend", "--user", "nobody", "--k", "3", "--allow-unknown")
    assert done.code == 0
    assert "This is what a newcomer would see" in done.printed
    assert "No model called pipeline is trained" in done.printed


def test_without_neo4j_the_snapshot_answers(run, trained, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    done = run("recommend", "--user", f"users/{USERS[4]}", "--model", "item-knn")
    assert done.code == 0
    assert KEAKS[4] in done.printed
    assert "Degraded" in done.printed


def test_several_recommenders_make_the_table_that_the_service_would_serve(run, trained, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ENTOURAGE_FEED", '{"recommenders": {"item-knn": 2.0, "popularity": 1.0, "als": 1.0}}')
    Popularity().fit(checkerboard.snapshot()).save(trained.model_path("popularity"))
    done = run("recommend", "--user", USERS[4])
    assert done.code == 0, done.printed
    assert "No model called als is trained" in done.printed
    assert "by item-knn + popularity, rung: model" in done.printed
    assert "Left out because of an error: model/als." in done.printed
    assert "model/item-knn" in done.printed
    alone = run("recommend", "--user", USERS[4], "--model", "item-knn")
    assert "by item-knn, rung: model" in alone.printed
    assert "model/" not in alone.printed


@pytest.mark.parametrize(("option", "first"), [([], KEAKS), (["--ids", "bare"], [k.split("/")[1] for k in KEAKS])])
def test_everyone_gets_a_line(run, trained, tmp_path, option, first):
    out = tmp_path / "recs.jsonl"
    done = run("recommend", "--all", "--k", "2", "--kind", "keak", "--out", str(out), "--model", "item-knn", *option)
    assert done.code == 0, done.printed
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["user"], line["items"][0]) for line in lines] == list(zip(USERS, first, strict=True))
    assert "Wrote 20 lines" in done.printed


def test_the_list_beside_what_was_played_leaves_out_what_the_user_hid(run, trained):
    before = run("history", USERS[4], "--model", "item-knn")
    assert before.code == 0, before.printed
    assert KEAKS[4] in before.printed
    Outbox.of(trained).accept([Entry("", "h1", "hide", USERS[4], KEAKS[4], at=1)], received=0)
    hidden = run("history", USERS[4], "--model", "item-knn")
    assert hidden.code == 0, hidden.printed
    assert KEAKS[4] not in hidden.printed
    assert KEAKS[6] in before.printed
    assert KEAKS[6] in hidden.printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "No user is given"),
        (["--all"], "--out recs.jsonl"),
        (["--all", "--user", "1", "--out", "x"], "No user is given"),
        (["--all", "--out", "recs.jsonl"], "entourage train --model pipeline"),
        (["--all", "--out", "recs.jsonl", "--model", "magic"], "No recommender is called 'magic'"),
        (["--all", "--out", "recs.jsonl", "--model", "ease"], "one that is trained: item-knn"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(run, trained, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    done = run("recommend", *arguments)
    assert done.code != 0
    assert says in done.printed
    assert not (tmp_path / "recs.jsonl").exists()


def test_ids_that_look_like_markup_are_shown_as_they_are(run, environment, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    odd(kinds=["keak"] * 3).save(environment.snapshot_path)
    done = run("recommend", "--user", "[/u0]", "--k", "3")
    assert done.code == 0, done.printed
    assert "For [/u0]" in done.printed
    assert "keaks/[/2]" in done.printed
    stranger = run("recommend", "--user", "[/nobody]", "--allow-unknown")
    assert stranger.code == 0, stranger.printed
    assert "[/nobody]" in stranger.printed


def test_ids_with_colons_are_no_emoji(run, trained, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")
    unknown = run("recommend", "--user", "users/urn:id:7")
    assert unknown.code != 0
    assert "urn:id:7" in unknown.printed
    stranger = run("recommend", "--user", "urn:id:7", "--allow-unknown")
    assert "For urn:id:7" in stranger.printed


def test_bare_ids_of_keaks_and_beats_need_a_kind(run, environment, tmp_path):
    snapshot = odd(kinds=["keak", "keak", "beat"])
    snapshot.save(environment.snapshot_path)
    ItemKnn().fit(snapshot).save(environment.model_path("item-knn"))
    command = ["recommend", "--all", "--ids", "bare", "--out", str(tmp_path / "recs.jsonl"), "--model", "item-knn"]
    refused = run(*command)
    assert refused.code == 2
    assert "--kind keak" in refused.printed
    assert run(*command, "--kind", "keak").code == 0


def odd(kinds: list[str]) -> Snapshot:
    """Two users with ids like markup; the first watched all contents but the last."""
    return Snapshot.build(
        {
            "User": pl.DataFrame({"userId": ["[/u0]", "[bold]"]}),
            "Content": pl.DataFrame({"contentId": [f"{kind}s/[/{n}]" for n, kind in enumerate(kinds)], "kind": kinds}),
        },
        {
            "WATCHED": pl.DataFrame(
                {"source": [0, 0, 1, 1], "target": [0, 1, 1, 2]}, schema={"source": pl.Int32, "target": pl.Int32}
            )
        },
    )
