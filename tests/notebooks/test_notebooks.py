"""Every notebook runs from top to bottom on a small generated network, and what is committed shows no machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from generator.network import generate
from generator.sizes import Sizes
from graph.database.driver import Graph
from graph.load.live import import_folder
from graph.settings import Settings
from graph.snapshot.export import export
from notebooks import run

SIZES = Sizes(users=150, keaks=120, beats=30, follows=1_200, audiences=3_000)
MACHINE = re.compile(r"(/home/|/root|/Users/|/tmp/|/var/|[A-Z]:\\\\Users|https?://(?:\d+\.){3}\d+)")


def test_all_of_them_run(
    graph: Graph, session_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path / "files", SIZES, 1, futures=0)
    import_folder(graph, tmp_path / "files", session_settings)
    export(graph, session_settings.snapshot_path, session_settings)
    assert session_settings.neo4j_uri
    assert session_settings.neo4j_password
    monkeypatch.setenv("ENTOURAGE_HOME", str(session_settings.home))
    monkeypatch.setenv("NEO4J_URI", session_settings.neo4j_uri)
    monkeypatch.setenv("NEO4J_USER", session_settings.neo4j_user)
    monkeypatch.setenv("NEO4J_PASSWORD", session_settings.neo4j_password.get_secret_value())
    monkeypatch.setenv("NEO4J_DATABASE", session_settings.neo4j_database)
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    shown = {file.stem: said(notebook) for file, notebook in run.run(run.paths()).items()}
    assert "people" in shown["1-first-steps"]
    assert "image/png" in shown["1-first-steps"]
    assert "DiGraph with" in shown["2-networkx"]
    assert "image/png" in shown["2-networkx"]
    assert graph.read("explore/bridges_between_communities")
    assert str(SIZES.users) in shown["3-py2neo"]
    assert "engagement" in shown["4-polars"]
    assert f"({SIZES.keaks + SIZES.beats}, 16)" in shown["5-embeddings"]
    assert re.search(r"1\.00  \w+ \w+\n +\w+", shown["6-a-model-in-ten-lines"])


def said(notebook: Any) -> str:
    """All that its cells show, pictures as their type."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    data = [
        f"{kind} {'' if kind.startswith('image') else text}"
        for o in outputs
        for kind, text in o.get("data", {}).items()
    ]
    return "\n".join([*data, *(output.get("text", "") for output in outputs)])


@pytest.mark.parametrize("file", run.paths(), ids=lambda file: file.stem)
def test_what_is_committed_is_clean(file: Path) -> None:
    text = file.read_text("utf-8")
    assert not MACHINE.search(text)
    assert len(text) < 100_000
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is None and not cell.metadata for cell in code)
    kinds = {(output.output_type, output.get("name")) for cell in code for output in cell.outputs}
    assert kinds
    assert not any(kind == "error" or name == "stderr" for kind, name in kinds)
