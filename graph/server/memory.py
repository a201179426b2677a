"""How much memory the local Neo4j gets, from what the machine has and how large the store is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from graph.errors import LocalServerError

__all__ = ["SMALL", "Memory", "advise", "available_mb", "machine_mb"]

#: What the virtual machine takes beside heap and page cache: code, threads, network buffers.
OVERHEAD_MB: Final = 350
_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Memory:
    """Neo4j's two pools, in MiB."""

    heap_mb: int
    page_cache_mb: int

    @property
    def total_mb(self) -> int:
        """Both pools and the overhead."""
        return self.heap_mb + self.page_cache_mb + OVERHEAD_MB


#: The least that serves small graphs well; what tests use.
SMALL: Final = Memory(heap_mb=512, page_cache_mb=128)


def advise(machine: int, available: int, store: int = 0) -> Memory:
    """Heap and page cache for a machine with ``machine`` MiB, ``available`` of them free, and a store of ``store`` MiB.

    Heap: an eighth of the machine, 512 MiB to 8 GiB. Page cache: the store and a third to grow, at most a third of
    the machine. Both shrink towards ``SMALL`` when less is free. Raises LocalServerError when not even ``SMALL`` fits.
    """
    if available < SMALL.total_mb:
        raise LocalServerError(
            f"Neo4j needs {SMALL.total_mb} MiB of memory at least, and {available} MiB are free.",
            do="Close other programs, or point NEO4J_URI at a Neo4j on another machine.",
        )
    heap = min(max(machine // 8, SMALL.heap_mb), 8192)
    page_cache = max(min(max(store * 4 // 3, 512), machine // 3), SMALL.page_cache_mb)
    wished = heap - SMALL.heap_mb + page_cache - SMALL.page_cache_mb
    share = min(1.0, (available - SMALL.total_mb) / wished) if wished else 1.0
    return Memory(
        SMALL.heap_mb + int(share * (heap - SMALL.heap_mb)),
        SMALL.page_cache_mb + int(share * (page_cache - SMALL.page_cache_mb)),
    )


def machine_mb() -> int:
    """The memory this process may use, in MiB: the machine's, or the container's limit where that is lower."""
    return min(psutil.virtual_memory().total, _container_limit()) // 2**20


def available_mb() -> int:
    """The memory that is free for a new program, in MiB, without swapping."""
    return min(psutil.virtual_memory().available // 2**20, machine_mb())


def _container_limit() -> int:
    for file in _CGROUP_LIMITS:
        if file.is_file() and (text := file.read_text().strip()).isdigit():
            return int(text)
    return 2**63
