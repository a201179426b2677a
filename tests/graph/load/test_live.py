"""Files into a live graph and out again as a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph import snapshot
from graph.database.driver import Graph
from graph.errors import GraphError, InputError
from graph.load import live as importer
from graph.load.live import import_folder, import_pairs
from graph.settings import Settings
from graph.snapshot import NO_TIME
from graph.snapshot.export import export
from tests import checkerboard
from tests.conftest import empty
from tests.graph.keakr import AUDIENCES, folder, of, only


@pytest.fixture(autouse=True)
def _clean(graph: Graph) -> Iterator[None]:
    yield
    empty(graph)


def everything(graph: Graph, settings: Settings, path: Path) -> dict[str, Any]:
    """All that a snapshot of the graph holds."""
    manifest = export(graph, path, settings)
    loaded = snapshot.load(path)
    return {
        "id": manifest.graph_id,
        **{label: nodes.frame.to_dicts() for label, nodes in loaded.nodes.items()},
        **{
            type_: [edges.source.tolist(), edges.target.tolist(), *(list(c) for c in edges.columns.values())]
            for type_, edges in loaded.edges.items()
        },
    }


def test_files_arrive_in_the_snapshot(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    report = import_folder(graph, folder(tmp_path / "in"), settings)
    assert report.nodes == {"User": 3, "Content": 3, "Genre": 1, "Mood": 1, "Hashtag": 2}
    manifest = export(graph, tmp_path / "snapshot", settings)
    snapshot.verify(tmp_path / "snapshot")
    loaded = snapshot.load(tmp_path / "snapshot")
    assert {type_: count for type_, count in manifest.edges.items() if count} == report.relationships
    assert loaded.mode == "engagement"
    assert loaded.users.ids.to_list() == ["1", "2", "3"]
    assert loaded.contents.ids.to_list() == ["beats/20", "keaks/10", "keaks/11"]
    assert loaded.kinds.tolist() == ["beat", "keak", "keak"]
    assert loaded.users.frame["likeCount"].to_list() == [3, None, None]
    watched = loaded.watched
    assert list(zip(watched.source.tolist(), watched.target.tolist(), strict=True)) == [(0, 1), (1, 0)]
    # 0.55 · progress + 0.15 · commented + 0.20 · shared + 0.10 · liked
    assert watched.columns["engagement"].tolist() == pytest.approx([0.55 * 0.5 + 0.15 + 0.10, 0.55 + 0.20])
    assert watched.columns["watchCount"].tolist() == [2, 1]
    assert manifest.cutoff == watched.columns["lastAt"].max() == 1_622_714_400_000
    assert loaded.follows.columns["since"].tolist() == [1_622_505_600_000, 1_622_592_000_000]


def test_importing_twice_changes_nothing(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    import_folder(graph, folder(tmp_path / "in"), settings)
    once = everything(graph, settings, tmp_path / "once")
    import_folder(graph, tmp_path / "in", settings)
    assert everything(graph, settings, tmp_path / "twice") == once


def test_newer_files_fold_into_what_is_there(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    import_folder(graph, folder(tmp_path / "in"), settings)
    rows = (
        "users/1,keaks/10,2021-07-01T00:00:00Z,0.75,,,\n"  # further and later than before
        "users/3,keaks/11,2021-07-02T00:00:00Z,,,,\n"  # new, between nodes that only the graph knows
        "users/4,keaks/11,,,,,\n"  # nobody
    )
    report = import_folder(
        graph, only(tmp_path / "more", audiences=rows, users='{"userId": "1", "likeCount": 9}'), settings
    )
    assert of(report, "audiences.csv").dangling == 1
    after = everything(graph, settings, tmp_path / "after")
    assert [user["likeCount"] for user in after["User"]] == [9, None, None]
    assert after["User"][0]["createdAt"], "what the newer file does not tell stays"
    loaded = snapshot.load(tmp_path / "after")
    assert loaded.watched.columns["progress"].tolist()[:2] == pytest.approx([0.75, 1.0])
    assert loaded.watched.columns["liked"].tolist() == [True, False, False]
    assert loaded.watched.columns["watchCount"].tolist() == [3, 1, 1]
    assert len(loaded.watched) == 3


def test_an_interrupted_import_is_finished_by_the_next(
    graph: Graph, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_folder(graph, folder(tmp_path / "in"), settings)
    whole = everything(graph, settings, tmp_path / "whole")
    empty(graph)
    real, calls = graph.write, 0

    def failing(name: str, /, **params: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise GraphError("The server went away.")
        return real(name, **params)

    with monkeypatch.context() as patch:
        patch.setattr(graph, "write", failing)
        with pytest.raises(GraphError):
            import_folder(graph, tmp_path / "in", settings)
    import_folder(graph, tmp_path / "in", settings)
    assert everything(graph, settings, tmp_path / "again") == whole


def test_an_unreadable_file_loads_nothing(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    folder(tmp_path / "in", audiences="")
    (tmp_path / "in" / "audiences.csv.gz").write_bytes(b"cut short")
    with pytest.raises(InputError):
        import_folder(graph, tmp_path / "in", settings)
    assert not graph.read("load/known_users")


def test_pairs_make_an_implicit_graph(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    pairs = "".join(f"{u},{k}\n" for u, k in checkerboard.watched_pairs())
    friends = "".join(f"{u},{v}\n" for u, v in checkerboard.follow_pairs())
    (tmp_path / "pairs.csv").write_text("user,item\n" + pairs)
    (tmp_path / "friends.csv").write_text(friends)
    import_pairs(graph, tmp_path / "pairs.csv", tmp_path / "friends.csv", settings)
    manifest = export(graph, tmp_path / "snapshot", settings)
    loaded = snapshot.load(tmp_path / "snapshot")
    assert manifest.mode == "implicit"
    assert manifest.cutoff is None
    assert set(loaded.watched.columns["engagement"]) == {1.0}
    assert set(loaded.watched.columns["lastAt"]) == {NO_TIME}
    found = {
        (int(loaded.users.ids[u]), int(loaded.contents.ids[k].removeprefix("keaks/")))
        for u, k in zip(loaded.watched.source.tolist(), loaded.watched.target.tolist(), strict=True)
    }
    assert found == set(checkerboard.watched_pairs())


def test_many_rows_go_in_parallel_and_all_arrive(
    graph: Graph, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_EDGE_BATCH", 50)
    follows = {(u, (u * 7 + d) % 40) for u in range(40) for d in range(1, 12)}
    watches = {(u, (u * 3 + d) % 30) for u in range(40) for d in range(9)}
    only(
        tmp_path / "in",
        followers="".join(f"{u},{v}\n" for u, v in follows if u != v),
        audiences="".join(f"{u},keaks/{k}\n" for u, k in watches),
    )
    report = import_folder(graph, tmp_path / "in", settings)
    expected = {"FOLLOWS": sum(u != v for u, v in follows), "WATCHED": len(watches)}
    assert report.relationships == expected
    counts = graph.read("export/counts")[0]["counts"]
    assert {type_: counts[type_] for type_ in expected} == expected


def test_audience_and_trend_are_kept(graph: Graph, settings: Settings, tmp_path: Path) -> None:
    later = "users/3,keaks/11,2021-06-09T00:00:00Z,,,,\nusers/1,keaks/11,,,,,\n"
    import_folder(graph, folder(tmp_path / "in", audiences=AUDIENCES + later), settings)
    popular = graph.read("candidates/popular", userId="", seen=[], exclude=[], wanted={}, label="Content", limit=10)
    assert popular[0] == {"contentId": "keaks/11", "score": 1.0, "count": 2, "evidence": []}
    trending = graph.read("candidates/trending", label="Content", limit=10)
    assert [row["contentId"] for row in trending] == ["keaks/11", "keaks/10", "beats/20"]
    assert trending[2]["score"] == pytest.approx(0.5 ** (6.5833 / 3), rel=1e-3), "half as much after three days"
