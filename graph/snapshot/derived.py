"""Arrays that are worked out of a snapshot, shared by the processes that serve it."""

from __future__ import annotations

import fcntl
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from graph import aside
from graph.snapshot.format import Snapshot

__all__ = ["Arrays", "derived", "share"]

Arrays = Mapping[str, npt.NDArray[Any]]

_VERSION: Final = 3
"""Raised when what is worked out changes, or how it is written."""


def share(snapshot: Snapshot, parent: Path) -> None:
    """Have `derived` keep the snapshot's arrays in a folder of ``parent``; folders of other snapshots are deleted.

    Arrays that are mapped already stay so. Raises OSError.
    """
    snapshot.beside = aside.folder_of(parent, f"{_VERSION} {snapshot.manifest.model_dump_json()}")


def derived(snapshot: Snapshot, name: str, make: Callable[[], Arrays]) -> Arrays:
    """What ``make`` gives for this snapshot, not to be written to.

    After `share` the first process writes it under ``name``, which tells all that it depends on besides the snapshot,
    and all processes map the same pages, also after a restart. If it cannot be written, each has its own.
    """
    if snapshot.beside is None:
        return make()
    folder = snapshot.beside / name
    try:
        snapshot.beside.mkdir(parents=True, exist_ok=True)
        with (snapshot.beside / f"{name}.lock").open("a") as lock:  # of its own, as ``make`` may need another array
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                with aside.folder(folder) as fresh:
                    for place, (part, array) in enumerate(make().items()):
                        np.save(fresh / f"{place:06d}-{quote(part, safe='')}.npy", array)
            return {unquote(file.stem.split("-", 1)[1]): _mapped(file) for file in sorted(folder.iterdir())}
    except (OSError, ValueError, EOFError) as error:
        warnings.warn(f"{name} is not shared with other processes: {error}", stacklevel=2)
        return make()


def _mapped(file: Path) -> npt.NDArray[Any]:
    """Copy on write, though nothing writes: compiled loops would be compiled once more for arrays that cannot be."""
    try:
        return np.asarray(np.load(file, mmap_mode="c"))
    except ValueError:  # an empty one cannot be mapped; a damaged one cannot be read either
        return np.asarray(np.load(file))
