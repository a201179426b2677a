"""A real SIGKILL for a program that tells of its progress line by line."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["killed_at", "told_to_the_end"]

_ROOT = Path(__file__).parents[1]


def killed_at(line: str, command: Sequence[str]) -> list[str]:
    """The lines that ``command`` printed until one started with ``line``, at which it is killed.

    The program has to wait when it has said so: it gets ``line`` as its last argument.
    """
    before: list[str] = []
    with subprocess.Popen([*command, line], cwd=_ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for said in running.stdout:
            before.append(said.rstrip("\n"))
            if said.startswith(line):
                running.send_signal(signal.SIGKILL)
                break
    assert before, "It said nothing at all."
    assert before[-1].startswith(line), before
    return before


def told_to_the_end(command: Sequence[str]) -> list[str]:
    """What the same ``command`` says when nobody kills it."""
    done = subprocess.run([*command, "never"], cwd=_ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
