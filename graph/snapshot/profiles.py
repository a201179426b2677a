"""Profiles: the properties of users and contents as numbers by name, without ids and relationships."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from graph import schema
from graph.snapshot import hindsight
from graph.snapshot.ages import DAY, newest_watch
from graph.snapshot.format import NO_TIME, Nodes, Snapshot

__all__ = ["profile", "profiles"]

_BUCKETS: Final = 16
"""Hash buckets of a text property."""
_MARKS: Final = (schema.PRIVATE, schema.SAID_PRIVATE, schema.TAKEN_DOWN)
"""Properties that say who and what may be shown, and are no features."""
_TEXTS: Final = frozenset({"kind", "contentType", "licenceType"})
_TIMES: Final = frozenset((*schema.USER_TIMES, *schema.KEAK_TIMES, *schema.BEAT_TIMES))


def profiles(snapshot: Snapshot) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """For users and contents, by label: name → values (nodes,) of every property that varies, in the columns' order.

    Flags and numbers are float32, NaN if unknown. Times become ages in days at the newest watch (0 if later), or at the
    newest time of the property if watches have no times. A short text, or a list of texts, becomes a bool for each of
    16 hash buckets. Properties of `graph.snapshot.hindsight` are left out, because they include the labels.
    """
    now = newest_watch(snapshot)
    return {label: _of(snapshot.nodes[label], now) for label in (schema.USER, schema.CONTENT)}


def profile(label: str, properties: Mapping[str, Any], now: int | None) -> dict[str, float]:
    """The profile of one node with these ``properties`` in the graph, with the names of `profiles`.

    Unknown values and properties that `profiles` does not use are left out. Ages are measured at ``now`` (ms); without
    it they are unknown.
    """
    found: dict[str, float] = {}
    for name, value in properties.items():
        if value is None or name in _MARKS or name in hindsight.PROPERTIES[label]:
            continue
        if name in _TEXTS:
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    found[f"{name} {_bucket(text)}"] = 1.0
        elif not isinstance(value, (int, float)) or not math.isfinite(value):
            continue
        elif name not in _TIMES:
            found[name] = float(value)
        elif now is not None:
            found[name] = max(now - value, 0) / DAY
    return found


def _of(nodes: Nodes, now: int | None) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in nodes.frame.schema.items():
        if name in (nodes.key, *_MARKS) or name in hindsight.PROPERTIES[nodes.label]:
            continue
        series = nodes.frame[name]
        if name in _TEXTS and dtype in (pl.String, pl.List(pl.String)):
            if series.n_unique() > 1:
                found |= {f"{name} {bucket}": there for bucket, there in _hashed(series).items()}
            continue
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            continue
        values = series.cast(pl.Float64).fill_nan(None).to_numpy().astype(np.float64)
        if name in _TIMES:
            values[values <= float(NO_TIME)] = np.nan
        known = values[np.isfinite(values)]
        if not len(known) or (len(known) == len(values) and known.min() == known.max()):
            continue
        if name in _TIMES:
            values = np.maximum((known.max() if now is None else now) - values, 0.0) / DAY
        found[name] = values.astype(np.float32)
    return found


def _hashed(series: pl.Series) -> dict[int, npt.NDArray[np.bool_]]:
    found: dict[int, npt.NDArray[np.bool_]] = {}
    for row, value in enumerate(series.to_list()):
        for text in value if isinstance(value, list) else [value]:
            if text is not None:
                bucket = _bucket(text)
                if bucket not in found:
                    found[bucket] = np.zeros(len(series), dtype=bool)
                found[bucket][row] = True
    return dict(sorted(found.items()))


def _bucket(text: str) -> int:
    return zlib.crc32(text.encode()) % _BUCKETS
