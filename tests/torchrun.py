"""A script run by two processes that train together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def in_two_processes(script: str, folder: Path) -> None:
    """Run ``script`` in both, with ``folder`` as its argument, and see it end well."""
    (folder / "run.py").write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(folder / "run.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
