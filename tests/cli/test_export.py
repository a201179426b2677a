"""``entourage export``: whose part of the graph, in which format."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from graph import snapshot
from graph.database.driver import Graph
from graph.settings import Settings
from recommenders.popularity import Popularity
from tests import checkerboard, checkerboard_graph
from tests.cli.conftest import Run

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module", autouse=True)
def board(graph: Graph) -> None:
    checkerboard_graph.load(graph)


def people(path: Path) -> list[str]:
    return pl.read_csv(path / "ids" / "User.csv")["id"].to_list()


def test_the_whole_graph_in_another_format(run: Run, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("export", "--to", "csv", "--out", out)
    assert done.code == 0, done.printed
    assert people(out) == checkerboard.users()
    watched = pl.read_csv(out / "edges" / "WATCHED.csv")
    pairs = [(checkerboard.users()[u], checkerboard.contents()[k]) for u, k in checkerboard.watched_pairs()]
    assert sorted(watched.select("source", "target").iter_rows()) == sorted(pairs)
    assert watched["lastAt"].min() == checkerboard_graph.watched_at(0)
    assert snapshot.load(settings.snapshot_path).manifest.edges["WATCHED"] == len(pairs)  # made on the way


def test_whose_part_it_is(run: Run, settings: Settings, tmp_path: Path) -> None:
    snapshot_of = checkerboard.snapshot()
    snapshot_of.save(settings.snapshot_path)
    (tmp_path / "some.txt").write_text("\ufeffu001\n\nu004\nu001\n", "utf-8")  # as Windows' editor writes it
    query = "MATCH (user:User)-[:MADE]->(:Beat) RETURN user.userId AS userId"
    (tmp_path / "makers.cypher").write_text(f"// Who makes beats.\n{query}\n")
    for where, expected in (
        ("u003, u001", ["u001", "u003"]),
        (",".join(["u003", "u001"] * 50), ["u001", "u003"]),  # too long for a file's name
        (tmp_path / "some.txt", ["u001", "u004"]),
        (query, ["u000", "u001"]),
        (tmp_path / "makers.cypher", ["u000", "u001"]),
    ):
        done = run("export", "--to", "parquet", "--where", where, "--out", tmp_path / "out")
        assert done.code == 0, done.printed
        assert people(tmp_path / "out") == expected
    assert "MATCH" not in json.loads((tmp_path / "out" / "manifest.json").read_text())["selection"]
    assert run("export", "--where", "u001,u003,u005", "--sample", 2, "--out", tmp_path / "small").code == 0
    assert len(snapshot.load(tmp_path / "small").users) == 2
    assert len(snapshot.load(settings.snapshot_path).users) == checkerboard.SIZE


def test_what_cannot_be_exported_says_so_and_writes_nothing(run: Run, settings: Settings, tmp_path: Path) -> None:
    checkerboard.snapshot().save(settings.snapshot_path)
    out = tmp_path / "out"
    (tmp_path / "utf16.txt").write_text("u001", "utf-16")
    model = tmp_path / "model"  # it has a manifest too
    Popularity().fit(checkerboard.snapshot()).save(model)
    for code, said, arguments in (
        (3, "not UTF-8", ["--where", tmp_path / "utf16.txt", "--out", out]),
        (2, "--out FOLDER", ["--to", "csv"]),
        (2, "--out FOLDER", ["--sample", 3, "--out", settings.snapshot_path]),
        (2, "not possible", ["--sample", 21, "--out", out]),
        (3, "There is no file missing.txt", ["--where", "missing.txt", "--out", out]),
        (3, "cannot be read or written", ["--sample", 3, "--out", tmp_path / "utf16.txt" / "out"]),
        (7, "'nobody'", ["--where", "u001,nobody", "--out", out]),
        (3, "names nobody", ["--where", "MATCH (user:User {userId: 'x'}) RETURN user.userId", "--out", out]),
        (3, "no user id", ["--where", "MATCH (user:User) RETURN user", "--out", out]),
        (4, "refused by Neo4j", ["--where", "MATCH (user:User) RETRN return user", "--out", out]),
        (4, "refused by Neo4j", ["--where", "CREATE (user:User {userId: 'y'}) RETURN user.userId", "--out", out]),
        (2, "is no export", ["--to", "csv", "--out", tmp_path]),
        (2, "is no export", ["--to", "csv", "--out", model]),
    ):
        done = run("export", *arguments)
        assert (done.code, said in done.printed) == (code, True), done.printed
        assert not out.exists()
