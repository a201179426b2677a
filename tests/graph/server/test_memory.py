from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import LocalServerError
from graph.server.memory import SMALL, advise


def test_a_laptop_and_a_large_graph_get_what_they_need():
    laptop = advise(machine=16_000, available=10_000)
    assert (laptop.heap_mb, laptop.page_cache_mb) == (2_000, 512)
    assert advise(machine=64_000, available=60_000, store=4_500).page_cache_mb == 6_000


@given(st.integers(1_000, 500_000), st.floats(0.02, 1.0), st.integers(0, 200_000))
def test_advice_fits_into_what_is_free_or_is_refused(machine: int, share: float, store: int):
    available = int(machine * share)
    if available < SMALL.total_mb:
        with pytest.raises(LocalServerError, match="are free"):
            advise(machine, available, store)
        return
    memory = advise(machine, available, store)
    assert memory.total_mb <= available
    assert memory.heap_mb >= SMALL.heap_mb
    assert memory.page_cache_mb >= SMALL.page_cache_mb
