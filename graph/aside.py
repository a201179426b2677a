"""Write so that nobody sees half of it: under a temporary name, then renamed, or a line at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["alone", "append_line", "file", "files", "folder", "folder_of"]

_ABANDONED_S: Final = 60.0
"""How old a temporary folder has to be at least: a younger one may not be locked yet."""


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """A temporary folder next to ``path``: renamed to ``path`` when the block succeeds, deleted when it fails.

    Those that killed processes have left there are deleted too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _delete_abandoned(path)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    held = os.open(fresh, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives have no locks of folders: nothing is deleted there
            fcntl.flock(held, fcntl.LOCK_EX)  # says that somebody writes here
        yield fresh
        fresh.chmod(0o755)
        old = fresh.with_name(fresh.name + "-old")
        if path.exists():
            path.rename(old)
        fresh.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        os.close(held)
        shutil.rmtree(fresh, ignore_errors=True)


def _delete_abandoned(path: Path) -> None:
    """Delete the temporary folders of ``path`` that nobody writes any more."""
    ours = re.compile(rf"\.{re.escape(path.name)}-\w{{8}}(-old)?")
    for other in path.parent.iterdir():
        if not ours.fullmatch(other.name) or (other.name.endswith("-old") and not path.exists()):
            continue  # what was killed between two renames left the old one whole
        with suppress(OSError):  # held by its writer, or gone
            if time.time() - other.stat().st_mtime < _ABANDONED_S:
                continue
            held = os.open(other, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                os.close(held)


def folder_of(parent: Path, about: str) -> Path:
    """The folder of ``parent`` that belongs to ``about``, made if there is none; those of anything else are deleted.

    What processes have mapped of them stays so. Raises OSError.
    """
    own = parent / hashlib.sha256(about.encode()).hexdigest()[:16]
    own.mkdir(parents=True, exist_ok=True)
    for other in parent.iterdir():
        if other != own:
            gone = parent / f".gone-{uuid.uuid4().hex}"  # renamed first, so that nobody finds a half-deleted folder
            with suppress(FileNotFoundError):  # another process was quicker
                other.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
    return own


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether no other process is in here, by a lock on the file at ``path``. Raises OSError."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def files(folder: Path) -> Iterator[Path]:
    """A temporary folder: when the block succeeds its files go into ``folder``, where other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fresh-", dir=folder) as fresh:
        yield Path(fresh)
        for path in sorted(Path(fresh).iterdir()):
            path.replace(folder / path.name)


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A temporary file name next to ``path``, with the same suffix; renamed to ``path`` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as holder:
        fresh = Path(holder) / path.name
        yield fresh
        fresh.replace(path)


def append_line(path: Path, text: str) -> None:
    """Append a line by a single write, because processes and threads share the file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, (text + "\n").encode())
    finally:
        os.close(file)
