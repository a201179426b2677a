"""Where numba keeps what it compiles: one folder for each state of our own code.

numba compiles a function anew when its own file changed, but not when a function that it calls stands in another file,
and that one changed. After an update in place, old machine code then read arrays of another shape, and a worker ended
with SIGSEGV.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import Final

__all__ = ["digest", "keep_compiled", "usual_cache"]

_PACKAGES: Final = ("generator", "gnn", "graph", "ranking", "recommend", "recommenders")
_UNUSED_S: Final = 30 * 86_400.0


def keep_compiled() -> None:
    """Set ``NUMBA_CACHE_DIR``, which numba reads when it is first loaded; one that is set already stays.

    The folder lies where the jars lie (`Settings.cache`). Where it cannot be written, numba keeps its files beside the
    code, as without the variable. Folders that nothing has used for 30 days are deleted.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    try:
        cache = Path(os.environ.get("ENTOURAGE_CACHE") or usual_cache()).expanduser().absolute() / "compiled"
        own = cache / digest(Path(__file__).parents[1])
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)
        for other in cache.iterdir():
            if time.time() - other.stat().st_mtime > _UNUSED_S:
                shutil.rmtree(other, ignore_errors=True)
    except (OSError, RuntimeError):  # a home that is not there or cannot be written
        return
    os.environ["NUMBA_CACHE_DIR"] = str(own)


def usual_cache() -> Path:
    """The folder for what can be made again, unless `Settings.cache` names another; may begin with ``~``."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "entourage"


def digest(root: Path) -> str:
    """A short hash of the names, sizes and times of our Python files below ``root``."""
    found = hashlib.blake2b(digest_size=8)
    for package in _PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            about = file.stat()
            found.update(f"{file} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()
