"""Makes torch give the same bytes for the same seed on one machine, whatever else runs there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gnn import sweeps

__all__ = ["reproducible"]


@contextmanager
def reproducible(threads: int, device: torch.device) -> Iterator[int]:
    """Run the block with a fixed number of threads and deterministic operations; gives the number of threads.

    ``threads`` 0 means `gnn.sweeps.threads`. Sums depend on the number of threads, so models trained with different
    numbers differ in their last digits. On a GPU nothing is made deterministic: some operations of messages have no
    deterministic version there.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    with sweeps.limited(threads) as count:
        torch.set_num_threads(count)
        if device.type == "cpu":
            torch.use_deterministic_algorithms(True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        try:
            yield count
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
