"""Every small input of tests/graph/files/cases through the command line into a real Neo4j."""

from __future__ import annotations

from collections.abc import Iterator
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
    empty(graph)
    graph.apply_schema()
    yield
    empty(graph)
    graph.apply_schema()


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
