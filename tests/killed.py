"""Programs in processes of their own, among them one that a real SIGKILL ends.

They are forked from a process that holds nothing but the imports, which take longer than the programs do.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from multiprocessing.connection import Connection

__all__ = ["killed_at", "told_to_the_end", "two_together"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["ranking.pipeline", "ranking.registry", "gnn.fitting", "lightgbm", "optuna"])


def killed_at(line: str, script: str, *arguments: object) -> list[str]:
    """The lines that ``script`` printed until one started with ``line``, at which it is killed.

    The script has to wait when it has said so: it gets ``line`` as its last argument.
    """
    before, killed = _told(line, script, arguments)
    assert before, "It said nothing at all."
    assert before[-1].startswith(line), before
    assert killed
    return before


def told_to_the_end(script: str, *arguments: object) -> list[str]:
    """What the same ``script`` says when nobody kills it."""
    said, killed = _told("never", script, arguments)
    assert not killed
    return said


def _told(line: str, script: str, arguments: tuple[object, ...]) -> tuple[list[str], bool]:
    """What the script says, and whether it was killed as it said ``line``."""
    told, out = _FORKS.Pipe(duplex=False)
    running = _FORKS.Process(target=_run, args=(script, [*map(str, arguments), line], {}, out))
    running.start()
    out.close()
    before: list[str] = []
    killed = False
    with told, os.fdopen(os.dup(told.fileno())) as lines:
        for said in lines:
            before.append(said.rstrip("\n"))
            if said.startswith(line):
                running.kill()
                killed = True
                break
    running.join()
    assert killed or running.exitcode == 0, before
    running.close()
    return before, killed


def two_together(script: str, *arguments: object) -> None:
    """Run ``script`` in two processes that know each other as those of torchrun do, and see them end well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    both = [
        _FORKS.Process(target=_run, args=(script, [*map(str, arguments)], {**meeting, "RANK": str(rank)}))
        for rank in (0, 1)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]


def _run(script: str, arguments: list[str], environment: dict[str, str], out: Connection | None = None) -> None:
    if out is not None:
        os.dup2(out.fileno(), sys.stdout.fileno())
    multiprocessing.set_start_method("fork", force=True)  # so that a lock of its own is gone with it
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
    sys.stdout.flush()
