"""A picture of the vectors of tracks: the two directions along which they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from graph import aside
from recommenders.core.nearest import unit
from recommenders.core.top_k import Floats, Ints, Mask

__all__ = ["draw", "flat"]

_MOST: Final = 20_000
"""Tracks that are drawn; of more, a random sample, the same each time."""


def flat(vectors: Floats) -> Floats:
    """The first two principal components of unit vectors, shape (n, 2)."""
    centred = unit(vectors)
    centred = centred - centred.mean(axis=0)
    directions = np.linalg.svd(centred.T @ centred)[0]
    return np.asarray(centred @ directions[:, :2], dtype=np.float32)


def draw(vectors: Floats, known: Mask, walk: Ints, names: Sequence[str], file: Path) -> None:
    """Draw the known tracks as dots and a walk among them as a line, as a PNG, written aside first.

    ``vectors`` has shape (contents, dim), ``known`` (contents,); ``names`` belong to the contents in ``walk``.
    """
    from matplotlib.figure import Figure

    shown = np.flatnonzero(known)
    if len(shown) > _MOST:
        shown = np.random.default_rng(0).choice(shown, _MOST, replace=False)
    shown = np.union1d(shown, walk)
    places = flat(vectors[shown])
    line = places[np.searchsorted(shown, walk)]
    figure = Figure(figsize=(9, 9), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.scatter(places[:, 0], places[:, 1], s=2, color="#bbbbbb", linewidths=0)
    axes.plot(line[:, 0], line[:, 1], color="#5b3df5", linewidth=1, marker="o", markersize=4)
    for place, name in zip(line, names, strict=True):
        axes.annotate(name.replace("$", r"\$"), (float(place[0]), float(place[1])), fontsize=7)
    axes.set_axis_off()
    axes.set_title(f"{len(shown):,} tracks by their two main directions, and a walk of {len(walk):,}")
    with aside.file(file) as fresh:
        figure.savefig(fresh, format="png")
