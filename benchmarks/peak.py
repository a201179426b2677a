"""The peak of a process's memory."""

from __future__ import annotations

from pathlib import Path

__all__ = ["peak_gib"]


def peak_gib() -> float:
    """Peak memory of this process so far, in GiB. Not ru_maxrss, which a child process inherits from its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20
