"""Write under a temporary name, then rename: half-written output never has its final name."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["file", "folder"]


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """A temporary folder next to ``path``: renamed to ``path`` when the block succeeds, deleted when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield fresh
        fresh.chmod(0o755)
        old = fresh.with_name(fresh.name + "-old")
        if path.exists():
            path.rename(old)
        fresh.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A temporary file name next to ``path``, with the same suffix; renamed to ``path`` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as holder:
        fresh = Path(holder) / path.name
        yield fresh
        fresh.replace(path)
