"""Several processes that train one network together: torchrun starts them, gloo carries their gradients.

All hold the whole graph and draw the same random numbers; each compares its share of a step's users, and the sum of
their gradients is what one process alone would have found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

__all__ = ["added_up", "agreed", "count", "joined", "rank", "shared"]

_PATIENCE: Final = timedelta(hours=12)
"""How long the others wait while the first process does by itself what cannot be shared."""
_patient: Any = None
"""The group in which they do; in the usual one a process that died is missed after half an hour."""


def count() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is; the first, 0, speaks and writes."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def joined() -> Iterator[None]:
    """Meet the others, where there are any, and part from them at the end."""
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
    """The first process's value, for whatever clocks decide; ``patiently`` where it may take hours to come to it."""
    group = _patient if patiently else None
    return _exchanged(value, lambda distributed, told: distributed.broadcast(told, 0, group=group))


def added_up(value: float) -> float:
    """The sum of all processes' values."""
    return _exchanged(value, lambda distributed, told: distributed.all_reduce(told))


def shared(tensor: Any) -> None:
    """Overwrite ``tensor`` with the first process's."""
    if count() > 1:
        from torch import distributed

        distributed.broadcast(tensor.data, 0)


def _exchanged(value: float, how: Callable[[Any, Any], Any]) -> float:
    if count() == 1:
        return value
    import torch
    from torch import distributed

    told = torch.tensor(value, dtype=torch.float64)
    how(distributed, told)
    return float(told)
