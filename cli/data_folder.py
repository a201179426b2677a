"""Where the public data lie that the suites of ``entourage evaluate`` read."""

from __future__ import annotations

import os
from pathlib import Path

from graph.errors import InputError

__all__ = ["data_folder"]


def data_folder() -> Path:
    """The folder of all data: ENTOURAGE_DATA, else beside the checkout. Raises InputError when it is not there."""
    place = os.environ.get("ENTOURAGE_DATA") or Path(__file__).parents[2] / "shared" / "data"
    if not Path(place).is_dir():
        raise InputError(f"There is no data at {place}.", do="Name its folder with --data or ENTOURAGE_DATA.")
    return Path(place)
