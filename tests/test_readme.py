"""What the documents show is what happens: their Python blocks run, and their console blocks where they say so.

A ```` ```python ```` block runs unless the line above it is ``<!-- not run: why -->``; the blocks of a document share
their names, like one session. A ```` ```console ```` block runs when the line above it is ``<!-- run -->``: each line
after ``$ `` must succeed, and every other line must be in its output, blanks aside.

All run in an empty folder whose ``.entourage/snapshot`` is the checkerboard (users u000 …, contents keaks/k000 …), with
no database.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graph import home
from graph.settings import Settings
from tests import checkerboard

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_BLOCK = re.compile(r"^(?P<above>[^\n]*)\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    language: str
    above: str
    text: str
    line: int
    """Of its first line in the document."""


def blocks(text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(found["language"], found["above"].strip(), found["text"], line)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ENTOURAGE_", "NEO4J_"))]:
        monkeypatch.delenv(name)
    settings = Settings(home=tmp_path / ".entourage")
    home.begin(settings)
    checkerboard.snapshot().save(settings.snapshot_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_document_runs(document: Path, workplace: Path) -> None:
    names: dict[str, object] = {"__name__": "document"}
    for block in blocks(document.read_text()):
        if block.language == "python" and not block.above.startswith("<!-- not run:"):
            padded = "\n" * (block.line - 1) + block.text  # so that a traceback names the document's own line
            exec(compile(padded, str(document), "exec"), names)
        elif block.language == "console" and block.above == "<!-- run -->":
            run_console(block, f"{document.name}:{block.line}")


def run_console(block: Block, where: str) -> None:
    output = ""
    for line in block.text.splitlines():
        if line.startswith("$ "):
            done = subprocess.run(line[2:], shell=True, capture_output=True, text=True, timeout=1_200)
            assert done.returncode == 0, f"{where}: {line}\n{done.stdout}{done.stderr}"
            output = " ".join(done.stdout.split())
        elif line.strip() not in ("", "…"):
            assert " ".join(line.split()) in output, f"{where}: {line!r} is not in the output:\n{output}"


def test_blocks_are_found_with_their_line_and_what_stands_above() -> None:
    text = "# Title\n\n```python\nx = 1\n```\n\n<!-- run -->\n```console\n$ true\n```\n"
    assert list(blocks(text)) == [
        Block("python", "", "x = 1\n", 4),
        Block("console", "<!-- run -->", "$ true\n", 9),
    ]


def test_a_console_block_must_succeed_and_print_what_it_shows() -> None:
    run_console(Block("console", "", "$ echo one   two\none two\n", 1), "here")
    with pytest.raises(AssertionError, match="not in the output"):
        run_console(Block("console", "", "$ echo one\ntwo\n", 1), "here")
    with pytest.raises(AssertionError, match="false"):
        run_console(Block("console", "", "$ false\n", 1), "here")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not missing


def test_the_example_of_settings_shows_every_one_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ENTOURAGE_", "NEO4J_"))]:
        monkeypatch.delenv(name)
    text = (ROOT / "docs" / "entourage.toml").read_text()
    shown = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE))
    assert shown.keys() >= Settings.model_fields.keys() - {"neo4j_password"}
    assert shown["engagement"] == Settings().engagement.model_dump()
    assert shown["service"] == Settings().service.model_dump(mode="json")
    examples: dict[str, object] = {"weights": {}, "recommenders": {}}  # by default the sources' own, and one model
    assert shown["feed"] | examples == Settings().feed.model_dump(), "tests/recommend/test_stages.py looks at weights"
    assert shown["query_deadline_ms"] == Settings().query_deadline_ms
