from __future__ import annotations

import pytest

from generator.network import Generated, generate
from generator.sizes import Sizes

SMALL = Sizes(users=1_500, keaks=700, beats=150, follows=15_000, audiences=45_000)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A generated network that several tests look at and none changes."""
    return generate(tmp_path_factory.mktemp("generated") / "small", SMALL, 11, futures=4)
