"""Base of the baselines: settings as dataclass fields, learned arrays, and how both are saved."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self, get_type_hints

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pydantic import Field, TypeAdapter, ValidationError

from graph import aside
from graph.errors import SettingsError
from graph.snapshot import Snapshot
from graph.snapshot.ages import timed
from recommenders.core.artifact import FORMAT, environment, reading
from recommenders.core.config import CORE
from recommenders.core.costs import COSTS
from recommenders.core.interactions import interactions
from recommenders.core.nearest import nearest
from recommenders.core.options import FitOptions
from recommenders.core.recommender import Recommender
from recommenders.core.top_k import Floats, Ints

__all__ = ["Baseline", "Count", "KnowsFriends", "Learned", "Positive", "Share"]

Learned = npt.NDArray[Any] | sp.csr_array
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

_PARTS: Final = ("data", "indices", "indptr")
"""Arrays of a sparse matrix by rows; each is a file."""
_MAPPED_VALUES: Final = 4_000_000
"""Arrays with more values are read by memory map when a model is loaded."""


@dataclass
class Baseline(Recommender):
    """Base of the baselines: a dataclass whose fields are the settings; a subclass writes ``_learn`` and ``scores``.

    Settings in ``space`` are searched on a validation part; their defaults are used only where nothing is searched.
    Where the field does not say what a default was chosen on, it was chosen by hand.
    """

    _capped = False
    """Whether a time cap was reached (`Cap.hit`) when it was learned."""

    @abstractmethod
    def _learn(self, snapshot: Snapshot, options: FitOptions) -> dict[str, Learned]:
        """The arrays that ``scores`` needs besides those of the snapshot."""

    @classmethod
    def make(cls, **settings: Any) -> Self:
        hints = get_type_hints(cls, include_extras=True)
        for name, value in settings.items():
            if name not in cls.__dataclass_fields__:
                known = ", ".join(sorted(cls.__dataclass_fields__)) or "none"
                raise SettingsError(f"{cls.name} has no setting {name!r}.", do=f"It knows: {known}.")
            try:
                TypeAdapter(hints[name]).validate_python(value, strict=True)
            except ValidationError as error:
                raise SettingsError(
                    f"{cls.name} cannot have {name} = {value!r}: {error.errors()[0]['msg']}.",
                    do=f"It usually has {cls.__dataclass_fields__[name].default!r}.",
                ) from error
        return cls(**settings)

    def fit(self, snapshot: Snapshot, options: FitOptions | None = None) -> Self:
        options = options or FitOptions()
        self._attach(snapshot)
        self.learned = self._learn(snapshot, options)
        self._capped = options.cap.at_end()
        return self

    def with_settings(self, options: FitOptions | None = None, **changes: Any) -> Self:
        """See `Recommender.with_settings`; the learned arrays are shared if all changed settings are `late`."""
        changed = self.make(**{**self.settings, **changes})
        if not set(changes) <= self.late:
            return changed.fit(self.snapshot, options)
        changed._attach(self.snapshot)
        changed.learned, changed._capped = self.learned, self._capped
        return changed

    def cost(self, snapshot: Snapshot, changed: frozenset[str] | None = None) -> float:
        return 0.0 if changed is not None and changed <= self.late else self._cost(snapshot)

    def _cost(self, snapshot: Snapshot) -> float:
        """Seconds to fit with the present settings on the reference machine."""
        return COSTS.watch * len(snapshot.watched)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as arguments of ``make``."""
        return asdict(self)

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        """`settings` with every None replaced by its value for this snapshot."""
        return self.settings

    @property
    def _computed_with(self) -> dict[str, Any]:
        """Further entries of the manifest: how the learned arrays were computed."""
        return {}

    @cached_property
    def watched(self) -> sp.csr_array:
        """`interactions` of the snapshot, shape (users, contents)."""
        return interactions(self.snapshot)

    @cached_property
    def _watchers(self) -> sp.csr_array:
        return sp.csr_array(self.watched.T)

    def similar_items(self, items: Ints | int, k: int) -> tuple[Ints, Floats]:
        """The contents of highest cosine between their watchers; some models override this."""
        return nearest(self._watchers, items, k)

    def save(self, path: Path) -> None:
        with aside.folder(path) as folder:
            sparse = sorted(name for name, array in self.learned.items() if not isinstance(array, np.ndarray))
            for name, array in self.learned.items():
                if isinstance(array, np.ndarray):
                    np.save(folder / f"{name}.npy", array)
                else:
                    for part in _PARTS:
                        np.save(folder / f"{name}.{part}.npy", getattr(array, part))
            manifest = {
                "model": self.name,
                "format": FORMAT,
                "graph_id": self.snapshot.manifest.graph_id,
                "settings": self.settings,
                "capped": self._capped,
                **self._computed_with,
                "core": CORE.model_dump(mode="json"),
                "environment": environment(),
                "dense": sorted(set(self.learned) - set(sparse)),
                "sparse": {name: self._sparse(name).shape for name in sparse},
            }
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Self:
        with reading(path, cls.name, snapshot.manifest.graph_id) as manifest:
            model = cls(**manifest["settings"])
            model._capped = bool(manifest.get("capped"))
            learned: dict[str, Learned] = {name: _read(path / f"{name}.npy") for name in manifest["dense"]}
            learned |= {name: _read_sparse(path, name, shape) for name, shape in manifest["sparse"].items()}
        model._attach(snapshot)
        model.learned = learned
        return model

    def _attach(self, snapshot: Snapshot) -> None:
        for name in [name for name in self.__dict__ if isinstance(getattr(type(self), name, None), cached_property)]:
            del self.__dict__[name]  # it was computed from another snapshot
        self._snapshot = snapshot

    def _dense(self, name: str) -> npt.NDArray[Any]:
        array = self.learned[name]
        assert isinstance(array, np.ndarray)
        return array

    def _sparse(self, name: str) -> sp.csr_array:
        array = self.learned[name]
        assert not isinstance(array, np.ndarray)
        return array


@dataclass
class KnowsFriends(Baseline):
    """Base of the models that learn from `recommenders.core.interactions.with_friends`."""

    friends: Share | None = None
    """Weight of a friend, compared with a watch of engagement 1; 0 leaves follows out.

    None is 1 without times; with times, or above `CoreConfig.many_follows`, it is 0. Chosen on Last.fm, yelp-social,
    the demonstration and a tenth of Keakr's size (experiments/friends-in-linear-models.md): with times, recent watches
    of friends say more than friendship does, and `recommenders.friends` has those.
    """

    need_follows: ClassVar[frozenset[str]] = frozenset({"friends"})

    def resolved(self, snapshot: Snapshot) -> dict[str, Any]:
        settings = super().resolved(snapshot)
        if self.friends is None:
            settings["friends"] = 0.0 if timed(snapshot) or len(snapshot.follows) > CORE.many_follows else 1.0
        return settings

    @property
    def _weight_of_friends(self) -> float:
        return float(self.resolved(self.snapshot)["friends"])


def _read(file: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(file, mmap_mode="r")
    return array if array.size > _MAPPED_VALUES else np.array(array)


def _read_sparse(path: Path, name: str, shape: Sequence[int]) -> sp.csr_array:
    data, indices, indptr = (_read(path / f"{name}.{part}.npy") for part in _PARTS)
    return sp.csr_array((data, indices, indptr), shape=(shape[0], shape[1]))
