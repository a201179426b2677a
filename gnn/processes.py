"""Several processes that train one network: torchrun starts them, torch.distributed (gloo) adds up their gradients.

Each process holds the whole graph, draws the same random numbers and computes the loss of its share of a step's users.
The sum of their gradients is the gradient that one process alone would compute.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

__all__ = ["added_up", "agreed", "count", "joined", "rank", "shared"]

_PATIENCE: Final = timedelta(hours=12)
"""Time that the other processes wait while the first one works alone."""
_patient: Any = None
"""Process group with this timeout; the default group's is half an hour."""


def count() -> int:
    """Number of processes that torchrun started; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this process; process 0 alone shows progress and writes files."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def joined() -> Iterator[None]:
    """Connect the processes for the length of the block, if there are several."""
    if count() == 1:
        yield
        return
    from torch import distributed

    global _patient
    distributed.init_process_group("gloo")
    _patient = distributed.new_group(backend="gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        _patient = None
        distributed.destroy_process_group()


def agreed(value: float, *, patiently: bool = False) -> float:
    """The first process's ``value``, for decisions by the clock; ``patiently`` if it may take hours to get there."""
    group = _patient if patiently else None
    return _exchanged(value, lambda distributed, told: distributed.broadcast(told, 0, group=group))


def added_up(value: float) -> float:
    """The sum of all processes' values."""
    return _exchanged(value, lambda distributed, told: distributed.all_reduce(told))


def shared(tensor: Any) -> None:
    """Overwrite ``tensor`` with the first process's tensor."""
    if count() > 1:
        from torch import distributed

        distributed.broadcast(tensor.data, 0)


def _exchanged(value: float, how: Callable[[Any, Any], Any]) -> float:
    """``value`` after the operation ``how`` on torch.distributed; unchanged in a single process."""
    if count() == 1:
        return value
    import torch
    from torch import distributed

    told = torch.tensor(value, dtype=torch.float64)
    how(distributed, told)
    return float(told)
