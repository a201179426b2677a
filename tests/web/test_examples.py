"""The users who are shown to try."""

from __future__ import annotations

import polars as pl

from graph.snapshot import Snapshot
from web.examples import example_users


def test_private_people_are_no_examples() -> None:
    users = pl.DataFrame({"userId": [str(n) for n in range(8)], "isPrivate": [n % 2 == 0 for n in range(8)]})
    contents = pl.DataFrame({"contentId": ["keaks/1"]})
    assert set(example_users(Snapshot.build({"User": users, "Content": contents}, {}))) <= set("1357")
