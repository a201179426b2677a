"""`entourage generate` as a user types it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code."""
    monkeypatch.setattr(sys, "argv", ["entourage", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_writes_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    sizes = ("--users", "200", "--keaks", "90", "--beats", "20", "--follows", "900", "--audiences", "2000")
    assert run(monkeypatch, "generate", str(tmp_path / "network"), *sizes, "--futures", "0", "--format", "gz") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "200 users" in said
    assert "entourage import" in said
    assert (tmp_path / "network" / "audiences.csv.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scale", "5"), "outside 0.001 to 3"),
        (("--format", "zip"), "no format 'zip'"),
        (("--users", "100", "--follows", "5000"), "too many"),
    ],
)
def test_says_what_cannot_be(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    assert run(monkeypatch, "generate", str(tmp_path / "network"), *arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "network").exists()
