"""The frame of the command line: help, versions, misspellings."""

import importlib
import subprocess
import sys

import pytest

from cli.main import COMMANDS
from graph import errors
from tests.cli.conftest import Run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert "Usage: entourage" in outcome.printed
    module, function = COMMANDS[command][0].split(":")
    assert getattr(importlib.import_module(module), function).__doc__


def test_help_lists_every_command_without_importing_any() -> None:
    code = (
        "import sys; sys.argv = ['entourage', '--help']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'polars', 'numba', 'neo4j'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert f" {command} " in done.stdout


def test_a_misspelt_command_names_the_nearest(run: Run) -> None:
    outcome = run("exprot")
    assert outcome.code == 2
    assert "'export'" in outcome.printed


def test_the_error_tree_is_whole() -> None:
    public = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.EntourageError)
    }
    assert public == set(errors.__all__)
    for name in public:
        assert name in str(errors.__doc__)


def test_a_bug_is_reported_without_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("cli.server.status", broken)
    outcome = run("status")
    assert outcome.code == 70
    assert "ZeroDivisionError: by nothing" in outcome.printed
    assert "--debug" in outcome.printed
    assert "Traceback" not in outcome.printed
    assert "Traceback" in run("status", "--debug").printed
