"""Every small input of tests/graph/files/cases through the command line into a real Neo4j."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graph import snapshot
from graph.database.driver import Graph
from graph.settings import Settings
from tests.cli.conftest import Run
from tests.conftest import empty

CASES = Path(__file__).parents[1] / "graph" / "files" / "cases"


@pytest.fixture(autouse=True)
def _clean(graph: Graph) -> Iterator[None]:
    yield
    empty(graph)


@pytest.fixture
def exported(run: Run, environment: Settings, graph: Graph) -> Any:
    """The snapshot of what the graph holds now."""

    def export() -> snapshot.Snapshot:
        assert run("export").code == 0
        return snapshot.load(environment.snapshot_path)

    return export


def watches(loaded: snapshot.Snapshot) -> dict[tuple[str, str], dict[str, Any]]:
    """(user, content) → the properties of the watch."""
    watched, users, contents = loaded.watched, loaded.users.ids, loaded.contents.ids
    names = list(watched.columns)
    return {
        (users[int(u)], contents[int(k)]): {name: watched.columns[name][row] for name in names}
        for row, (u, k) in enumerate(zip(watched.source, watched.target, strict=True))
    }


def test_the_networks_own_files(run: Run, exported: Any) -> None:
    outcome = run("import", CASES / "keakr")
    assert outcome.code == 0, outcome.printed
    assert "progress is read as percent" in outcome.printed
    assert "averageViewProgress is read as percent" in outcome.printed
    assert "quarantine" not in outcome.printed.replace("quarantined", "")
    loaded = exported()
    found = watches(loaded)
    one, two, three = (f"900000010{n}" for n in (1, 2, 3))
    expected = {
        (one, "keaks/90000000000000000201"): (0.0, 0.45),
        (two, "keaks/9000000202"): (0.78, 0.429),
        (three, "keaks/90000000000000000201"): (1.0, 0.65),
        (three, "beats/9000000301"): (0.01, 0.0055),
    }
    assert {pair: (w["progress"], w["engagement"]) for pair, w in found.items()} == {
        pair: pytest.approx(values) for pair, values in expected.items()
    }
    users = loaded.users.frame
    assert users.filter(users["prizeMoneyWinner"])["userId"].to_list() == [two]
    row = users.row(0, named=True)
    assert (row["battleCreatedCount"], row["battleRespondedCount"], row["prizeMoneyParticipationCount"]) == (1, 2, 1)
    assert (row["sessionCount"], row["PlaylistCount"], row["isSinger"]) == (2, None, False)
    contents = {row["contentId"]: row for row in loaded.contents.frame.to_dicts()}
    assert contents["keaks/9000000202"]["link"] == "https://example.org/keak/two"
    assert contents["keaks/90000000000000000201"]["averageViewProgress"] == pytest.approx(0.078)
    assert contents["beats/9000000301"]["licenceType"] == ["free"]
    assert loaded.nodes["Genre"].frame["name"].to_list() == ["Trap"]
    assert loaded.nodes["Mood"].frame["name"].to_list() == ["Dark"]


def test_the_scale_is_kept_for_imports_that_cannot_tell(run: Run, exported: Any, tmp_path: Path) -> None:
    assert run("import", CASES / "keakr").code == 0
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "audiences.csv").write_text("users/9000000101,keaks/9000000202,,1,,,\n")
    outcome = run("import", tmp_path / "more")
    assert "only 0 and 1, so the scale of earlier imports" in outcome.printed
    assert watches(exported())["9000000101", "keaks/9000000202"]["progress"] == pytest.approx(0.01)


def test_a_scale_that_nobody_can_tell_loads_nothing(run: Run, graph: Graph, tmp_path: Path) -> None:
    rows = "".join(f"users/1,keaks/{n},,{n / 2},,,\n" for n in range(1_000))
    (tmp_path / "audiences.csv").write_text(rows)
    outcome = run("import", tmp_path)
    assert outcome.code == 3
    assert "--progress" in outcome.printed
    assert not graph.read("load/known_users")
    assert run("import", tmp_path, "--progress", "percent").code == 0
    assert graph.read("export/counts")[0]["counts"]["WATCHED"] == 201


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


#: Case → (pairs of user and content that are watched, rows in quarantine).
PAIRS: dict[str, tuple[set[tuple[str, str]], int]] = {
    "01_space_in_names.csv": (
        {("1", "The Rolling Stones"), ("1", "Pink Floyd"), ("2", "Pink Floyd"), ("2", "The Clash")}, 0,
    ),
    "02_header_with_spaces.csv": ({("1", "10"), ("1", "11"), ("2", "10")}, 0),
    "03_double_colon.dat": ({("1", "1193"), ("1", "661"), ("2", "1193")}, 0),
    "04_unknown_header_text_ids.csv": ({("ann", "s1"), ("bob", "s2")}, 0),
    "05_comment_line.tsv": ({("1", "10"), ("2", "11")}, 0),
    "06_quoted_separator.csv": ({("1", "10"), ("3", "12")}, 1),
    "07_quoted_newline.csv": ({("1", "10"), ("2", "11")}, 0),
    "08_quoted_quote.csv": ({("1", '12" mix'), ("2", '12" mix')}, 0),
    "09_utf16.csv": ({("1", "10"), ("2", "11")}, 0),
    "10_utf8_mark.csv": ({("1", "10"), ("2", "11")}, 0),
    "12_cr_only.csv": ({("1", "10"), ("2", "11")}, 0),
    "13_refused_rows.csv": ({("1", "10")}, 2),
    "14_called_nan.csv": ({("1", "nan"), ("2", "None"), ("3", "null"), ("4", "NA")}, 0),
    "15_nine_digit_seconds.tsv": ({("196", "242"), ("186", "302")}, 0),
    "16_micro_and_nano.csv": ({("1", "10"), ("2", "11"), ("3", "12"), ("4", "13")}, 0),
    "17_time_forms.csv": ({(str(n + 1), str(n + 10)) for n in range(5)}, 0),
    "18_slashes_and_urls.csv": (
        {
            ("1", "AC/DC"), ("2", "at://did:plc:abc/app.feed.post/3k"), ("3", "https://example.org/a?b=1&c=%20d"),
            ("4", "Mötley, Crüe"), ("5", "🎵"),
        },
        0,
    ),
    "19_nfc_nfd.csv": ({("1", "Été"), ("2", "Été")}, 0),
    "20_float_ids.csv": ({("1", "10"), ("1", "11"), ("2", "10")}, 1),
    "22_quoted_tabs.tsv": ({("1", "10"), ("2", "11")}, 0),
    "23_quotes_after_no_item.tsv": ({("2", "11"), ("3", "12")}, 1),
}  # fmt: skip
TIMES = {
    "03_double_colon.dat": {ms("2000-12-31T22:12:40"), ms("2000-12-31T22:35:09"), 978_298_413_000},
    "15_nine_digit_seconds.tsv": {881_250_949_000, 891_717_742_000},
    "16_micro_and_nano.csv": {ms("2020-01-01")},
    "17_time_forms.csv": {ms("2020-01-01"), snapshot.NO_TIME},
}


@pytest.mark.parametrize("case", sorted(PAIRS))
def test_pairs(run: Run, exported: Any, environment: Settings, graph: Graph, case: str) -> None:
    dry = run("import", "--pairs", CASES / "pairs" / case, "--dry-run")
    assert dry.code == 0, dry.printed
    assert not graph.read("load/known_users"), "a dry run writes nothing"
    assert not environment.home.exists() or not list(environment.home.rglob("*.jsonl"))
    outcome = run("import", "--pairs", CASES / "pairs" / case)
    assert outcome.code == 0, outcome.printed
    expected, refused = PAIRS[case]
    found = watches(exported())
    assert set(found) == {(user, f"keaks/{content}") for user, content in expected}
    assert {row["id"] for row in graph.read("load/known_users")} == {user for user, _ in expected}
    assert {row["id"] for row in graph.read("load/known_contents")} == {f"keaks/{content}" for _, content in expected}
    kept = [line for path in environment.home.rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert len(kept) == refused
    if case in TIMES:
        assert {int(watch["lastAt"]) for watch in found.values()} == TIMES[case]


@pytest.mark.parametrize("uri", ["", "bolt://127.0.0.1:1"])
def test_a_dry_run_needs_no_neo4j(run: Run, environment: Settings, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("NEO4J_URI", uri)
    for source in (["--pairs", CASES / "pairs" / "13_refused_rows.csv"], [CASES / "keakr"]):
        dry = run("import", *source, "--dry-run")
        assert dry.code == 0, dry.printed
        assert "goes on as if the graph were empty" in dry.printed
        assert "taken for" in dry.printed
        assert "What became of the rows" in dry.printed
        assert run("import", *source).code == 4, "without --dry-run it is an error"
    assert run("import", "--pairs", CASES / "pairs" / "11_latin1.csv", "--dry-run").code not in (0, 4)
    assert not list(environment.home.rglob("*.jsonl"))


def test_files_with_the_same_columns_share_one_table_of_the_preview(run: Run, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        play = {"message": "next", "timestamp": 100, "user": 7, "track": 1, "time": 0.5, "recommendation": 2}
        (tmp_path / name).write_text(json.dumps(play) + "\n" + json.dumps(play | {"message": "last"}) + "\n")
    dry = run("import", tmp_path, "--dry-run")
    assert dry.code == 0, dry.printed
    assert dry.printed.count("taken for") == 1
    assert "b.jsonl: the same columns as above." in dry.printed


def test_unknown_times_are_counted_and_no_trend(run: Run, graph: Graph) -> None:
    outcome = run("import", "--pairs", CASES / "pairs" / "17_time_forms.csv")
    assert "unknown" in outcome.printed, "a narrow table breaks 'unknown times'"
    row = next(line for line in outcome.out.splitlines() if line.startswith("│ 17_time_forms.csv"))
    assert [cell.strip() for cell in row.strip("│").split("│")][1:] == ["5", "5", "0", "0", "0", "2"]
    trending = graph.read("candidates/trending", label="Content", scanned=10, limit=10)
    assert {row["contentId"] for row in trending} == {"keaks/10", "keaks/11", "keaks/12"}


def test_latin_1_is_named_or_refused(run: Run, exported: Any, graph: Graph) -> None:
    file = CASES / "pairs" / "11_latin1.csv"
    refused = run("import", "--pairs", file)
    assert refused.code == 3
    assert "--encoding" in refused.printed
    assert not graph.read("load/known_users")
    assert run("import", "--pairs", file, "--encoding", "latin-1").code == 0
    assert {content for _, content in watches(exported())} == {
        "keaks/Beyoncé", "keaks/Beyoncè", "keaks/Björk", "keaks/Bjørk",
    }  # fmt: skip


def test_a_file_without_rows_is_said_so(run: Run, graph: Graph) -> None:
    outcome = run("import", "--pairs", CASES / "pairs" / "21_no_rows.csv")
    assert outcome.code == 0, outcome.printed
    assert "holds no rows" in outcome.printed
    assert not graph.read("load/known_users")


def test_values_of_mongodb(run: Run, graph: Graph) -> None:
    outcome = run("import", CASES / "folder-mongo")
    assert outcome.code == 0, outcome.printed
    first, second = "60f6000000000000000001ae", "60f6000000000000000001af"
    assert {row["id"] for row in graph.read("load/known_users")} == {first, second}
    assert graph.read("export/counts")[0]["counts"]["FOLLOWS"] == 1
    known = graph.read("lookup/user", userId=first)[0]["properties"]
    assert (known["createdAt"], known["viewCount"]) == (ms("2020-01-01"), 7)
    assert graph.read("lookup/user", userId=second)[0]["properties"]["createdAt"] == ms("2020-01-01")


def test_arrays_and_spelled_flags(run: Run, exported: Any) -> None:
    assert run("import", CASES / "folder-array").code == 0
    loaded = exported()
    assert loaded.users.ids.to_list() == ["1", "2"]
    assert loaded.contents.ids.to_list() == ["keaks/10", "keaks/11"]
    found = watches(loaded)
    assert (found["1", "keaks/10"]["progress"], found["1", "keaks/10"]["engagement"]) == (0, pytest.approx(0.45))
    second = found["2", "keaks/11"]
    assert (second["liked"], second["commented"], second["shared"]) == (False, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("ann,rock\nbob,jazz\n", "--header or --no-header", id="a header or none"),
        pytest.param("1;2,5\n3;4,5\n1;4,5\n", "--separator", id="two separators fit"),
        pytest.param("alone\nlonely\n", "--separator", id="no separator fits"),
        pytest.param("rating,who,what\n1,2,3\n", "--columns", id="a header of unknown names"),
        pytest.param("user,item\n" + "1,\n" * 30 + "2,3\n", "30 of 31 rows", id="nearly all refused"),
        pytest.param("user,item,liked\n1,2,maybe\n", "1 of 1 rows", id="no row loads"),
        pytest.param('{"user": 1, "item": 2}\n{"user": \n', "", id="JSON lines, one broken"),
    ],
)
def test_a_guess_loads_nothing(run: Run, graph: Graph, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    outcome = run("import", "--pairs", tmp_path / "pairs.csv")
    if said:
        assert outcome.code == 3, outcome.printed
        assert said in outcome.printed
        assert not graph.read("load/known_users")
        assert not graph.read("load/known_contents")
    else:
        assert outcome.code == 0, outcome.printed
        assert [row["id"] for row in graph.read("load/known_users")] == ["1"]


def test_the_layout_may_be_said(run: Run, exported: Any, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("rating;what;who\n5;AC/DC;ann\n4;Björk;bob\n", encoding="cp1252")
    said = ("--separator", ";", "--columns", "user=who,item=2", "--header", "--encoding", "cp1252")
    outcome = run("import", "--pairs", tmp_path / "pairs.txt", *said)
    assert outcome.code == 0, outcome.printed
    assert set(watches(exported())) == {("ann", "keaks/AC/DC"), ("bob", "keaks/Björk")}


def test_names_of_files_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "a[" / "b]"  # looks like rich's markup
    folder.mkdir(parents=True)
    (folder / "users.jsonl").write_text('{"userId": "1", "[/b]": "[/c]"}\n')
    (folder / os.fsdecode(b"no text \xff")).write_text("x")
    outcome = run("import", folder)
    assert outcome.code == 0, outcome.printed
    assert "a[/b]" in outcome.printed
    pairs = tmp_path / os.fsdecode(b"pairs\xff[red].csv")
    pairs.write_text("user,item\n1,2\n,3\n")
    outcome = run("import", "--pairs", pairs)
    assert outcome.code == 0, outcome.printed
    assert "[red].csv" in outcome.printed


@pytest.mark.parametrize("arguments", [("--pairs", "a" * 5_000), ("a" * 5_000,)], ids=["pairs", "folder"])
def test_a_name_that_no_file_can_have_is_an_error_of_the_user(run: Run, arguments: tuple[str, ...]) -> None:
    outcome = run("import", *arguments)
    assert outcome.code == 3, outcome.printed
    assert "cannot be read" in outcome.printed
